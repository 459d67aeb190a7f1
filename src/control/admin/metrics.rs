//! Metrics as Prometheus reads them, written from one [`Snapshot`]. Labels are shards, states,
//! stages and words of fixed tables; never an address or a user.

use super::AdminContext;
use super::exposition::Kind::{Counter, Gauge, Histogram, Info};
use super::exposition::{Exposition, Format};
use super::response::text_response;
use super::snapshot::{ShardNumbers, Snapshot};
use crate::http::Reply;
use hyper::header::ACCEPT;
use hyper::{HeaderMap, StatusCode};

/// `/metrics`, in the format the client asks for.
pub(super) fn answer(context: &AdminContext, headers: &HeaderMap) -> Reply {
    let accepts = headers.get_all(ACCEPT).iter();
    let accepts: Vec<&str> = accepts.filter_map(|value| value.to_str().ok()).collect();
    let format = Format::negotiate(&accepts.join(","));
    let snapshot = Snapshot::read(context);
    let mut out = Exposition::new(format);
    write_process(&mut out, &snapshot);
    write_latencies(&mut out, &snapshot);
    write_shards(&mut out, &snapshot);
    write_outcomes(&mut out, &snapshot);
    text_response(StatusCode::OK, format.content_type(), out.finish())
}

fn write_process(out: &mut Exposition, snapshot: &Snapshot) {
    let build = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("commit", env!("SSHARD_COMMIT")),
    ];
    out.family(Info, "build", "Version and commit of the program.")
        .sample(&build, 1);
    let (in_use, limits) = (&snapshot.in_use, &snapshot.config.limits);
    let mut gauge = |name, help, value| out.family(Gauge, name, help).sample(&[], value);
    let help = "Connections counted by limits.max_connections.";
    gauge("connections", help, u64::from(in_use.connections));
    let help = "Connections counted by limits.max_unauthenticated.";
    let unauthenticated = in_use.unauthenticated.into();
    gauge("unauthenticated_connections", help, unauthenticated);
    let help = "Targets with at least one connection.";
    gauge("targets_in_use", help, in_use.targets_in_use as u64);
    let help = "Value of limits.max_connections.";
    gauge("max_connections", help, limits.max_connections.into());
    let help = "Value of limits.max_connections_per_host.";
    let per_host = limits.max_connections_per_host.into();
    gauge("max_connections_per_host", help, per_host);
    let help = "Value of limits.max_unauthenticated.";
    let unauthenticated = limits.max_unauthenticated.into();
    gauge("max_unauthenticated", help, unauthenticated);
    let help = "1 while the process takes no new sessions.";
    gauge("draining", help, snapshot.drain_left.is_some().into());
    if let Some(expiry) = snapshot.tls_expiry {
        let help = "Earliest expiry of a certificate in the served chain, since 1970.";
        gauge("tls_certificate_expiry_timestamp_seconds", help, expiry);
    }
    let help = "Lines of the audit log that could not be written.";
    out.family(Counter, "audit_lost_lines", help)
        .sample(&[], snapshot.audit_lost_lines);
    let (applied, refused) = snapshot.reloads;
    let help = "Reloads of the configuration, by outcome.";
    let reloads = out.family(Counter, "reloads", help);
    reloads.sample(&[("outcome", "applied")], applied);
    reloads.sample(&[("outcome", "refused")], refused);
}

fn write_latencies(out: &mut Exposition, snapshot: &Snapshot) {
    let help = "Time from auth to the shell, questions to the user not counted.";
    out.family(Histogram, "session_setup_seconds", help)
        .histogram(&snapshot.total(|shard| &shard.setup));
    let help = "Time from a short input to the next output, an estimate of the echo of typed text.";
    out.family(Histogram, "session_echo_seconds", help)
        .histogram(&snapshot.total(|shard| &shard.echo));
}

/// Families of one number per shard.
fn write_shards(out: &mut Exposition, snapshot: &Snapshot) {
    type Read = fn(&ShardNumbers) -> f64;
    let mut each = |kind, name, help, read: Read| {
        let family = out.family(kind, name, help);
        for (shard, numbers) in numbered(snapshot) {
            family.sample(&[("shard", &shard)], read(numbers));
        }
    };
    let help = "Connections the shard accepted, whichever shard served them.";
    each(Counter, "connections_accepted", help, |s| s.accepted as f64);
    let help = "Sessions created.";
    let started: Read = |s| s.sessions.total as f64;
    each(Counter, "sessions_started", help, started);
    let help = "Input of clients, in bytes.";
    each(Counter, "input_bytes", help, |s| s.input_bytes as f64);
    let help = "Output to clients, in bytes.";
    each(Counter, "output_bytes", help, |s| s.output_bytes as f64);
    let help = "CPU time of the shard's thread.";
    each(Counter, "shard_cpu_seconds", help, |s| s.cpu.as_secs_f64());
    let help = "Connections on the shard, sessions or not.";
    each(Gauge, "shard_connections", help, |s| s.connections as f64);
    let help = "Connections between accept and the end of the upgrade.";
    each(Gauge, "handshakes", help, |s| s.handshakes as f64);
    let help = "Time since the shard's event loop last ran.";
    let age: Read = |s| s.heartbeat_age.as_secs_f64();
    each(Gauge, "shard_heartbeat_age_seconds", help, age);
}

/// Families of several numbers per shard.
fn write_outcomes(out: &mut Exposition, snapshot: &Snapshot) {
    let help = "Sessions, by state.";
    let family = out.family(Gauge, "sessions", help);
    for (shard, numbers) in numbered(snapshot) {
        for (state, count) in &numbers.states {
            family.sample(&[("shard", &shard), ("state", state.as_str())], count);
        }
    }
    let help = "Answers of the public port, by status; other is any without a series.";
    let family = out.family(Counter, "http_responses", help);
    for (shard, numbers) in numbered(snapshot) {
        for (status, count) in &numbers.responses {
            let code = match status {
                0 => "other".to_owned(),
                status => status.to_string(),
            };
            family.sample(&[("shard", &shard), ("code", &code)], count);
        }
    }
    let help = "Sessions that ended, by stage and reason.";
    let family = out.family(Counter, "sessions_ended", help);
    for (shard, numbers) in numbered(snapshot) {
        for (stage, reason, count) in &numbers.endings {
            let (stage, reason) = (stage.as_str(), reason.as_str());
            let labels = [("shard", &*shard), ("stage", stage), ("reason", reason)];
            family.sample(&labels, count);
        }
    }
    let help = "Connections that ended before their HTTP request, by cause.";
    let family = out.family(Counter, "handshakes_failed", help);
    for (shard, numbers) in numbered(snapshot) {
        for (cause, count) in &numbers.failed_handshakes {
            family.sample(&[("shard", &shard), ("cause", cause.as_str())], count);
        }
    }
}

fn numbered(snapshot: &Snapshot) -> impl Iterator<Item = (String, &ShardNumbers)> {
    let shards = snapshot.shards.iter().enumerate();
    shards.map(|(number, numbers)| (number.to_string(), numbers))
}
