//! Metrics: the numbers as Prometheus reads them. Labels are shards, states,
//! stages and words of fixed tables; never an address or a user.

use super::AdminContext;
use super::exposition::{Format, to_prometheus};
use super::response::text_response;
use super::snapshot::{ShardNumbers, Snapshot};
use crate::http::Reply;
use crate::telemetry::HistogramCounts;
use hyper::header::ACCEPT;
use hyper::{HeaderMap, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;

/// `/metrics`, in the format the client asks for.
pub(super) fn answer(context: &AdminContext, headers: &HeaderMap) -> Reply {
    let accepts = headers.get_all(ACCEPT).iter();
    let accepts: Vec<&str> = accepts.filter_map(|value| value.to_str().ok()).collect();
    let format = Format::negotiate(&accepts.join(","));
    let mut registry = Registry::with_prefix("sshard");
    registry.register_collector(Box::new(Snapshot::read(context)));
    let mut text = String::new();
    // Writing to a String cannot fail, and nothing else in there does.
    let _ = encode(&mut text, &registry);
    let text = match format {
        Format::OpenMetrics => text,
        Format::Prometheus => to_prometheus(&text),
    };
    text_response(StatusCode::OK, format.content_type(), text)
}

type Encoded = Result<(), fmt::Error>;

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Encoded {
        self.encode_process(&mut encoder)?;
        self.encode_latencies(&mut encoder)?;
        self.encode_shards(&mut encoder)
    }
}

impl Snapshot {
    fn encode_process(&self, encoder: &mut DescriptorEncoder) -> Encoded {
        encoder
            .encode_descriptor("build", "What runs.", None, MetricType::Info)?
            .encode_info(&[
                ("version", env!("CARGO_PKG_VERSION")),
                ("commit", env!("SSHARD_COMMIT")),
            ])?;
        let targets = u32::try_from(self.taken.targets_in_use).unwrap_or(u32::MAX);
        let gauges = [
            (
                "connections",
                "Connections that hold a place of limits.max_connections.",
                self.taken.connections,
            ),
            (
                "unauthenticated_connections",
                "Connections that hold a place of limits.max_unauthenticated.",
                self.taken.unauthenticated,
            ),
            ("targets_in_use", "Targets that have connections.", targets),
            (
                "max_connections",
                "limits.max_connections.",
                self.max_connections,
            ),
            (
                "max_connections_per_host",
                "limits.max_connections_per_host.",
                self.max_per_host,
            ),
            (
                "max_unauthenticated",
                "limits.max_unauthenticated.",
                self.max_unauthenticated,
            ),
            (
                "draining",
                "1 while the process takes no new sessions.",
                u32::from(self.draining),
            ),
        ];
        for (name, help, value) in gauges {
            encoder
                .encode_descriptor(name, help, None, MetricType::Gauge)?
                .encode_gauge(&value)?;
        }
        if let Some(expiry) = self.tls_expiry {
            let (name, help) = (
                "tls_certificate_expiry_timestamp_seconds",
                "When the first certificate of the served chain expires, since 1970.",
            );
            encoder
                .encode_descriptor(name, help, None, MetricType::Gauge)?
                .encode_gauge(&expiry)?;
        }
        let help = "Lines of the audit log that could not be written.";
        encoder
            .encode_descriptor("audit_lost_lines", help, None, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, u64>(&self.audit_lost_lines, None)?;
        let (applied, refused) = self.reloads;
        let help = "Reloads of the configuration, by what came of them.";
        let mut reloads = encoder.encode_descriptor("reloads", help, None, MetricType::Counter)?;
        for (outcome, count) in [("applied", applied), ("refused", refused)] {
            reloads
                .encode_family(&[("outcome", outcome)])?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn encode_latencies(&self, encoder: &mut DescriptorEncoder) -> Encoded {
        type Read = fn(&ShardNumbers) -> &HistogramCounts;
        let histograms: [(&str, &str, Read); 2] = [
            (
                "session_setup_seconds",
                "Time from auth to the shell, questions to the user not counted.",
                |shard| &shard.setup,
            ),
            (
                "session_echo_seconds",
                "Time from a little input to the next output, an estimate of the echo of typed text.",
                |shard| &shard.echo,
            ),
        ];
        for (name, help, read) in histograms {
            let total = self.total(read);
            let bounds = HistogramCounts::bounds().map(|bound| bound.as_secs_f64());
            let bounds = bounds.chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(total.cells).collect();
            encoder
                .encode_descriptor(name, help, None, MetricType::Histogram)?
                .encode_histogram::<NoLabelSet>(
                    total.sum.as_secs_f64(),
                    total.count(),
                    &buckets,
                    None,
                )?;
        }
        Ok(())
    }

    fn encode_shards(&self, encoder: &mut DescriptorEncoder) -> Encoded {
        self.encode_totals(encoder)?;
        self.counters(
            encoder,
            "http_responses",
            "Answers of the public port, by status; other is any without a series.",
            |shard, emit| {
                shard.responses.iter().try_for_each(|(status, count)| {
                    let code = match status {
                        0 => "other".to_owned(),
                        status => status.to_string(),
                    };
                    emit(&[("code", code.as_str())], *count)
                })
            },
        )?;
        self.counters(
            encoder,
            "sessions_ended",
            "Sessions that ended, by the stage they were in and the reason.",
            |shard, emit| {
                shard.endings.iter().try_for_each(|(stage, reason, count)| {
                    let labels = [("stage", stage.as_str()), ("reason", reason.as_str())];
                    emit(&labels, *count)
                })
            },
        )?;
        self.counters(
            encoder,
            "handshakes_failed",
            "Connections that ended before their HTTP request, by cause.",
            |shard, emit| {
                let mut causes = shard.failed_handshakes.iter();
                causes.try_for_each(|(cause, count)| emit(&[("cause", cause.as_str())], *count))
            },
        )?;
        let help = "Sessions there are, by state.";
        let mut states = encoder.encode_descriptor("sessions", help, None, MetricType::Gauge)?;
        for (number, shard) in self.numbered() {
            for (state, count) in &shard.states {
                let labels = [("shard", number.as_str()), ("state", state.as_str())];
                states.encode_family(&labels)?.encode_gauge(count)?;
            }
        }
        self.encode_gauges(encoder)?;
        let (name, help) = (
            "shard_heartbeat_age_seconds",
            "Time since the shard's loop last turned.",
        );
        let mut ages = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (number, shard) in self.numbered() {
            ages.encode_family(&[("shard", number.as_str())])?
                .encode_gauge(&shard.heartbeat_age.as_secs_f64())?;
        }
        Ok(())
    }

    /// Gauges of one number per shard.
    fn encode_gauges(&self, encoder: &mut DescriptorEncoder) -> Encoded {
        type Read = fn(&ShardNumbers) -> u64;
        let gauges: [(&str, &str, Read); 2] = [
            (
                "shard_connections",
                "Connections on the shard, sessions or not.",
                |shard| shard.connections as u64,
            ),
            (
                "handshakes",
                "Connections between accept and the end of the upgrade.",
                |shard| shard.handshakes,
            ),
        ];
        for (name, help, read) in gauges {
            let mut gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (number, shard) in self.numbered() {
                gauge
                    .encode_family(&[("shard", number.as_str())])?
                    .encode_gauge(&read(shard))?;
            }
        }
        Ok(())
    }

    /// Counters of one number per shard.
    fn encode_totals(&self, encoder: &mut DescriptorEncoder) -> Encoded {
        type Read = fn(&ShardNumbers) -> u64;
        let totals: [(&str, &str, Read); 4] = [
            (
                "connections_accepted",
                "Connections the shard accepted, whichever shard served them.",
                |shard| shard.accepted,
            ),
            ("sessions_started", "Sessions created.", |shard| {
                shard.sessions.total
            }),
            ("input_bytes", "Input of clients.", |shard| {
                shard.input_bytes
            }),
            ("output_bytes", "Output to clients.", |shard| {
                shard.output_bytes
            }),
        ];
        for (name, help, read) in totals {
            self.counters(encoder, name, help, |shard, emit| emit(&[], read(shard)))?;
        }
        let (name, help) = ("shard_cpu_seconds", "CPU time of the shard's thread.");
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (number, shard) in self.numbered() {
            family
                .encode_family(&[("shard", number.as_str())])?
                .encode_counter::<NoLabelSet, _, u64>(&shard.cpu.as_secs_f64(), None)?;
        }
        Ok(())
    }

    /// A family of counters, of which `each` emits those of one shard.
    fn counters(
        &self,
        encoder: &mut DescriptorEncoder,
        name: &str,
        help: &str,
        each: impl Fn(&ShardNumbers, &mut dyn FnMut(&[(&str, &str)], u64) -> Encoded) -> Encoded,
    ) -> Encoded {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (number, shard) in self.numbered() {
            each(shard, &mut |labels, count| {
                let shard = ("shard", number.as_str());
                let labels: Vec<_> = std::iter::once(shard)
                    .chain(labels.iter().copied())
                    .collect();
                family
                    .encode_family(&Labels(labels))?
                    .encode_counter::<NoLabelSet, _, u64>(&count, None)
            })?;
        }
        Ok(())
    }

    fn numbered(&self) -> impl Iterator<Item = (String, &ShardNumbers)> {
        let shards = self.shards.iter().enumerate();
        shards.map(|(number, shard)| (number.to_string(), shard))
    }
}

/// Labels whose number is known only here.
#[derive(Debug)]
struct Labels<'a>(Vec<(&'a str, &'a str)>);

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut prometheus_client::encoding::LabelSetEncoder) -> Encoded {
        self.0.as_slice().encode(encoder)
    }
}
