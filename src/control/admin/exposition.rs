//! The two text formats of metrics, Prometheus text 0.0.4 and OpenMetrics 1.0: which one a client
//! asks for, and a writer of both. Knows no metric; does not escape. No library, since those of
//! OpenMetrics do not write the older format, which is what most clients read.

use crate::telemetry::HistogramCounts;
use std::fmt::{Display, Write as _};

/// Text format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Prometheus,
    OpenMetrics,
}

impl Format {
    /// Returns the format that the values of the Accept headers (RFC 9110 section 12.5.1) ask for:
    /// OpenMetrics only if it is named and its weight is not below that of text.
    pub(super) fn negotiate(accept: &str) -> Self {
        let ranges: Vec<(&str, u32)> = accept.split(',').filter_map(media_range).collect();
        let quality = |names: &[&str]| {
            let named = ranges.iter().filter(|(name, _)| names.contains(name));
            named.map(|(_, quality)| *quality).max()
        };
        let open = quality(&["application/openmetrics-text"]).unwrap_or(0);
        let text = quality(&["text/plain"]).unwrap_or(0);
        if open > 0 && open >= text {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The type of a media range and its weight in thousandths. `None` for a version that is not
/// written.
fn media_range(range: &str) -> Option<(&str, u32)> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?;
    let mut weight = 1000;
    for parameter in parts {
        match parameter.split_once('=') {
            Some(("q", value)) => weight = thousandths(value)?,
            Some(("version", version))
                if name == "application/openmetrics-text"
                    && !matches!(version, "1.0.0" | "0.0.1") =>
            {
                return None;
            }
            _ => {}
        }
    }
    Some((name, weight))
}

fn thousandths(weight: &str) -> Option<u32> {
    let weight: f32 = weight.parse().ok()?;
    // Between 0 and 1000, so the cast loses nothing but the fraction.
    (0.0..=1.0)
        .contains(&weight)
        .then_some((weight * 1000.0) as u32)
}

/// Type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    /// Labels with a value of 1.
    Info,
}

/// A text in the making, family by family.
pub(super) struct Exposition {
    format: Format,
    text: String,
    /// Name of the samples of the family that is being written.
    sample_name: String,
}

impl Exposition {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            text: String::new(),
            sample_name: String::new(),
        }
    }

    /// Begins the family `sshard_NAME`. The two formats differ in its name alone: a counter's
    /// samples end in `_total` and an info's in `_info`, and so does the family in Prometheus text,
    /// which has no type for an info.
    pub(super) fn family(&mut self, kind: Kind, name: &str, help: &str) -> &mut Self {
        let (suffix, type_name, text_type) = match kind {
            Kind::Counter => ("_total", "counter", "counter"),
            Kind::Gauge => ("", "gauge", "gauge"),
            Kind::Histogram => ("", "histogram", "histogram"),
            Kind::Info => ("_info", "info", "gauge"),
        };
        let sample_name = format!("sshard_{name}{suffix}");
        let (family, type_name) = match self.format {
            Format::Prometheus => (sample_name.clone(), text_type),
            Format::OpenMetrics => (format!("sshard_{name}"), type_name),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "# HELP {family} {help}");
        let _ = writeln!(self.text, "# TYPE {family} {type_name}");
        self.sample_name = sample_name;
        self
    }

    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    /// Adds a sample. Labels are words of fixed tables and numbers: nothing in them is escaped.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.sample_of("", labels, value);
    }

    /// Adds the samples of a histogram: one cumulative count per bound, sum and count.
    pub(super) fn histogram(&mut self, counts: &HistogramCounts) {
        let bounds = HistogramCounts::bounds().map(|bound| format!("{:?}", bound.as_secs_f64()));
        let mut count = 0;
        for (bound, in_bucket) in bounds.chain(["+Inf".to_owned()]).zip(counts.buckets) {
            count += in_bucket;
            self.sample_of("_bucket", &[("le", &bound)], count);
        }
        self.sample_of("_sum", &[], counts.sum.as_secs_f64());
        self.sample_of("_count", &[], count);
    }

    fn sample_of(&mut self, part: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels = labels
            .iter()
            .map(|(name, label)| format!("{name}=\"{label}\""));
        let mut labels = labels.collect::<Vec<_>>().join(",");
        if !labels.is_empty() {
            labels = format!("{{{labels}}}");
        }
        let _ = writeln!(self.text, "{}{part}{labels} {value}", self.sample_name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Histogram;
    use std::time::Duration;

    #[test]
    fn openmetrics_is_written_only_if_asked_for() {
        // As Prometheus 2.4x and 3 send.
        let old = "application/openmetrics-text;version=1.0.0;q=0.5,\
                   application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for open in [
            old,
            "application/openmetrics-text",
            "text/plain;q=0.5, application/openmetrics-text; q=0.5",
        ] {
            assert_eq!(Format::negotiate(open), Format::OpenMetrics, "{open}");
        }
        for text in [
            "",
            "*/*",
            "text/plain",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=0.3,text/plain",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=2",
            "application/openmetrics-text;q=nan",
        ] {
            assert_eq!(Format::negotiate(text), Format::Prometheus, "{text}");
        }
    }

    /// Families of every kind.
    fn written(format: Format) -> String {
        let mut exposition = Exposition::new(format);
        let family = exposition.family(Kind::Counter, "a", "Help of a.");
        family.sample(&[("x", "1"), ("y", "z")], 3);
        family.sample(&[("x", "2"), ("y", "z")], 4);
        exposition.family(Kind::Gauge, "b", "B.").sample(&[], 1.5);
        let family = exposition.family(Kind::Info, "c", "C.");
        family.sample(&[("v", "1")], 1);
        exposition.finish()
    }

    #[test]
    fn families_are_named_as_each_format_has_it() {
        for (format, counter, info, kind, end) in [
            (Format::Prometheus, "a_total", "c_info", "gauge", ""),
            (Format::OpenMetrics, "a", "c", "info", "# EOF\n"),
        ] {
            let expected = format!(
                "# HELP sshard_{counter} Help of a.\n# TYPE sshard_{counter} counter\n\
                 sshard_a_total{{x=\"1\",y=\"z\"}} 3\nsshard_a_total{{x=\"2\",y=\"z\"}} 4\n\
                 # HELP sshard_b B.\n# TYPE sshard_b gauge\nsshard_b 1.5\n\
                 # HELP sshard_{info} C.\n# TYPE sshard_{info} {kind}\n\
                 sshard_c_info{{v=\"1\"}} 1\n{end}"
            );
            assert_eq!(written(format), expected);
        }
    }

    #[test]
    fn a_histogram_is_cumulative() {
        let histogram = Histogram::default();
        for millis in [1, 30, 40_000] {
            histogram.record(Duration::from_millis(millis));
        }
        let mut exposition = Exposition::new(Format::Prometheus);
        let family = exposition.family(Kind::Histogram, "h", "H.");
        family.histogram(&histogram.read());
        let text = exposition.finish();
        for line in [
            "# TYPE sshard_h histogram",
            "sshard_h_bucket{le=\"0.0005\"} 0",
            "sshard_h_bucket{le=\"0.001\"} 1",
            "sshard_h_bucket{le=\"1.0\"} 2",
            "sshard_h_bucket{le=\"30.0\"} 2",
            "sshard_h_bucket{le=\"+Inf\"} 3",
            "sshard_h_sum 40.031",
            "sshard_h_count 3",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
