//! Report of a run. `--json` writes a [`Report`]; its fields are the schema. Times are in
//! microseconds unless their name says otherwise.

mod plot;
mod table;

pub use plot::plots;
pub use table::table;

use crate::meter::Sample;
use crate::record::{Failures, Summary};
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

/// Version of [`Report`]'s fields; it changes when a field is removed or changes its meaning.
pub const SCHEMA: u32 = 1;

/// Result of one run.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Report {
    /// Version of the fields, [`SCHEMA`].
    pub schema: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// Parameters, by the names of the flags.
    pub asked: BTreeMap<String, serde_json::Value>,
    /// Measured time, in seconds.
    pub measured_s: f64,
    /// Seconds from the first connection to the last close.
    pub whole_s: f64,
    /// Sessions that became ready.
    pub opened: u64,
    /// Most sessions at once.
    pub most_live: u64,
    /// Keystrokes, pastes or sessions started, warm-up included.
    pub sent: u64,
    /// Number of measured ones that were answered.
    pub answered: u64,
    /// `answered` per second.
    pub rate: f64,
    /// Bytes of output, warm-up included.
    pub output_bytes: u64,
    /// Failures by kind; empty without failures.
    pub failures: BTreeMap<String, Failures>,
    /// Time from the TCP connection to `ready`, of every session.
    pub set_up: Option<Summary>,
    /// Time from the intended send to the answer.
    pub latency: Option<Summary>,
    /// Time from the actual send to the answer.
    pub service: Option<Summary>,
    /// Time from the intended to the actual send. Where it is not small beside `latency`, the
    /// generator was measured.
    pub lateness: Option<Summary>,
    /// Times that only this scenario has.
    pub named: BTreeMap<String, Summary>,
    /// Other figures that only this scenario has.
    pub figures: BTreeMap<String, f64>,
    /// Points of the distribution of `latency`: percentile and time.
    pub percentiles: Vec<(f64, u64)>,
    /// Cost of the measured time for the bridge, with `--pid`.
    pub bridge: Option<Cost>,
    /// One row per second, warm-up included.
    pub seconds: Vec<Row>,
}

/// Resources that the bridge used in the measured time.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Cost {
    /// Processor time of all threads, milliseconds.
    pub cpu_ms: f64,
    /// Part of it in the kernel, at the resolution of a clock tick (10 ms).
    pub system_ms: f64,
    /// Processor time in percent of one core.
    pub cpu_percent: f64,
    /// Processor time per answer.
    pub cpu_us_per_answer: Option<f64>,
    /// Processor time per GiB of output, in seconds; None below a MiB of output.
    pub cpu_s_per_gib: Option<f64>,
    /// Voluntary context switches.
    pub voluntary_switches: u64,
    /// Involuntary context switches.
    pub involuntary_switches: u64,
    /// Proportional set size before the first session, KiB.
    pub pss_before_kib: Option<u64>,
    /// Proportional set size at the end of the measured time, KiB.
    pub pss_kib: Option<u64>,
    /// Growth of the proportional set size per live session, KiB.
    pub pss_per_session_kib: Option<f64>,
    /// Resident set size at the end of the measured time, KiB.
    pub rss_kib: Option<u64>,
    /// Threads at the end of the measured time.
    pub threads: usize,
    /// Open file descriptors at the end of the measured time.
    pub files: usize,
}

impl Cost {
    /// Cost between two samples `time` apart; `idle` was taken before the first session.
    #[must_use]
    pub fn between(
        idle: &Sample,
        from: &Sample,
        to: &Sample,
        time: Duration,
        (answered, output, live): (u64, u64, u64),
    ) -> Self {
        let cpu = to.cpu().saturating_sub(from.cpu());
        let each = |total: f64, count: f64| (count > 0.0).then(|| total / count);
        let grown = to
            .pss_kib
            .zip(idle.pss_kib)
            .map(|(to, idle)| to as f64 - idle as f64);
        Self {
            cpu_ms: cpu.as_secs_f64() * 1e3,
            system_ms: to.system.saturating_sub(from.system).as_secs_f64() * 1e3,
            cpu_percent: 100.0 * cpu.as_secs_f64() / time.as_secs_f64().max(f64::MIN_POSITIVE),
            cpu_us_per_answer: each(cpu.as_secs_f64() * 1e6, answered as f64),
            cpu_s_per_gib: (output >= 1 << 20)
                .then(|| cpu.as_secs_f64() / (output as f64 / f64::from(1 << 30))),
            voluntary_switches: to.switches.0.saturating_sub(from.switches.0),
            involuntary_switches: to.switches.1.saturating_sub(from.switches.1),
            pss_before_kib: idle.pss_kib,
            pss_kib: to.pss_kib,
            pss_per_session_kib: grown.and_then(|grown| each(grown, live as f64)),
            rss_kib: to.rss_kib,
            threads: to.threads,
            files: to.files,
        }
    }
}

/// One second of a run; also one row of the CSV.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Row {
    /// End of the second, in seconds after the start of the run.
    pub second: f64,
    /// Answers per second.
    pub rate: f64,
    /// 50th percentile of the latency; 0 without answers.
    pub p50: u64,
    /// 99th percentile.
    pub p99: u64,
    /// Largest latency.
    pub max: u64,
    /// Output, MiB per second.
    pub output_mib_s: f64,
    /// Live sessions.
    pub live: u64,
    /// Failures in that second.
    pub failures: u64,
    /// The bridge's processor time, percent of one core.
    pub cpu_percent: Option<f64>,
    /// The bridge's proportional set size, KiB; not in every row.
    pub pss_kib: Option<u64>,
    /// The bridge's threads.
    pub threads: Option<usize>,
    /// The bridge's descriptors.
    pub files: Option<usize>,
    /// Kernel memory of all TCP sockets of the machine, KiB.
    pub socket_kib: Option<u64>,
}

/// Writes the rows of `report` as CSV, with a header.
///
/// # Errors
/// Those of `out`.
pub fn csv(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "second,rate,p50_us,p99_us,max_us,output_mib_s,live,failures,cpu_percent,pss_kib,threads,files,socket_kib"
    )?;
    for row in &report.seconds {
        let cells = [
            format!("{:.3}", row.second),
            format!("{:.1}", row.rate),
            row.p50.to_string(),
            row.p99.to_string(),
            row.max.to_string(),
            format!("{:.3}", row.output_mib_s),
            row.live.to_string(),
            row.failures.to_string(),
            row.cpu_percent
                .map_or(String::new(), |cpu| format!("{cpu:.2}")),
            cell(row.pss_kib),
            cell(row.threads),
            cell(row.files),
            cell(row.socket_kib),
        ];
        writeln!(out, "{}", cells.join(","))?;
    }
    Ok(())
}

fn cell(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

/// Points of a distribution, denser towards the high percentiles.
#[must_use]
pub fn percentiles(times: &Histogram<u64>) -> Vec<(f64, u64)> {
    times
        .iter_quantiles(2)
        .map(|step| (step.quantile() * 100.0, step.value_iterated_to()))
        .collect()
}

#[cfg(test)]
mod tests;
