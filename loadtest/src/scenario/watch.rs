//! Rows of the report, one per second of a run, and the progress line.

use super::Run;
use crate::meter::{self, Sample};
use crate::report::Row;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::watch;

const SECOND: Duration = Duration::from_secs(1);
/// Seconds between two samples of the bridge's memory, which stop the process for a moment.
const MEMORY_INTERVAL: usize = 5;

/// Counters at the last row.
struct Last {
    at: Instant,
    output: u64,
    failures: u64,
    cpu: Option<Duration>,
}

/// Collects rows until told to stop.
pub(super) async fn watch(run: Arc<Run>, mut stop: watch::Receiver<bool>) -> Vec<Row> {
    let shows = run.plan.progress && std::io::stderr().is_terminal();
    let mut rows = Vec::new();
    let mut last = Last {
        at: run.recorder.start,
        output: 0,
        failures: 0,
        cpu: None,
    };
    loop {
        let next = tokio::time::sleep_until((last.at + SECOND).into());
        let stopped = tokio::select! {
            () = next => false,
            _ = stop.wait_for(|stop| *stop) => true,
        };
        let row = row(&run, &mut last, rows.len() % MEMORY_INTERVAL == 0).await;
        if shows {
            show(&run, &row);
        }
        rows.push(row);
        if stopped {
            if shows {
                let _ = writeln!(std::io::stderr());
            }
            return rows;
        }
    }
}

async fn row(run: &Run, last: &mut Last, memory: bool) -> Row {
    let meter = run.meter.clone();
    let sample = tokio::task::spawn_blocking(move || meter?.sample(memory).ok()).await;
    let sample: Option<Sample> = sample.ok().flatten();
    let now = Instant::now();
    let time = now
        .saturating_duration_since(last.at)
        .as_secs_f64()
        .max(1e-6);
    let times = run.recorder.take(|times| &mut times.every);
    let output = run.recorder.output.load(Relaxed);
    let failures = run.recorder.failure_count();
    let cpu = sample.map(|sample| sample.cpu());
    let used = cpu
        .zip(last.cpu)
        .map(|(now, before)| now.saturating_sub(before));
    let row = Row {
        second: now
            .saturating_duration_since(run.recorder.start)
            .as_secs_f64(),
        rate: times.len() as f64 / time,
        p50: times.value_at_quantile(0.5),
        p99: times.value_at_quantile(0.99),
        max: times.max(),
        output_mib_s: output.saturating_sub(last.output) as f64 / f64::from(1 << 20) / time,
        live: run.recorder.live.load(Relaxed),
        failures: failures.saturating_sub(last.failures),
        cpu_percent: used.map(|used| 100.0 * used.as_secs_f64() / time),
        pss_kib: sample.and_then(|sample| sample.pss_kib),
        threads: sample.map(|sample| sample.threads),
        files: sample.map(|sample| sample.files),
        socket_kib: meter::socket_memory().ok().map(|bytes| bytes / 1024),
    };
    *last = Last {
        at: now,
        output,
        failures,
        cpu,
    };
    row
}

fn show(run: &Run, row: &Row) {
    let mut line = format!(
        "{:5.0} s  {} live  {:.0}/s  p50 {:.2} ms  p99 {:.2} ms  {:.1} MiB/s",
        row.second,
        row.live,
        row.rate,
        row.p50 as f64 / 1e3,
        row.p99 as f64 / 1e3,
        row.output_mib_s
    );
    if let Some(cpu) = row.cpu_percent {
        line.push_str(&format!("  bridge {cpu:.0} %"));
    }
    let failures = run.recorder.failure_count();
    if failures > 0 {
        line.push_str(&format!("  {failures} FAILED"));
    }
    // Overwrites the last line. A closed terminal is no error.
    let _ = write!(std::io::stderr(), "\r{line:<100}");
}
