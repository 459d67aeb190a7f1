//! `sshard-load`: load for a WebSocket-to-SSH bridge, and an SSH server to put behind it.

mod cli;

use clap::Parser;
use cli::{Cli, Common, SinkFlags};
use sshard_load::report::{self, Report};
use sshard_load::scenario;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let done = match Cli::parse().split() {
        Ok(flags) => load(&flags),
        Err(flags) => sink(&flags),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "sshard-load: {error}");
            ExitCode::from(2)
        }
    }
}

/// Serves until the process is killed.
fn sink(flags: &SinkFlags) -> Result<ExitCode, Box<dyn Error>> {
    let sink = sshard_load::sink::start(&flags.options)?;
    let known_hosts = sink.known_hosts()?;
    if let Some(path) = &flags.known_hosts {
        fs::write(path, format!("{known_hosts}\n"))?;
    }
    let mut out = std::io::stdout();
    writeln!(out, "known_hosts: {known_hosts}")?;
    // Last, because scripts wait for this line before they read the file.
    writeln!(out, "sink listening on {}", sink.address)?;
    out.flush()?;
    loop {
        std::thread::park();
    }
}

fn load(flags: &Common) -> Result<ExitCode, Box<dyn Error>> {
    let scenario = flags.plan.scenario;
    if flags.max_p99.is_some() && !scenario.measures_latency() {
        let name = scenario.name();
        return Err(format!("--max-p99: {name} measures no latency; leave the flag out").into());
    }
    let report = scenario::run(&flags.plan)?;
    write!(std::io::stdout(), "{}", report::table(&report))?;
    write_files(flags, &report)?;
    let mut passed = report.failures.is_empty();
    if report.opened == 0 {
        writeln!(std::io::stdout(), "FAILED no session was ready")?;
        passed = false;
    } else if let Some(problem) = flags.max_p99.and_then(|limit| exceeded(limit, &report)) {
        writeln!(std::io::stdout(), "FAILED {problem}")?;
        passed = false;
    }
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Returns why the p99 latency is not known to be within `limit`; None if it is.
fn exceeded(limit: Duration, report: &Report) -> Option<String> {
    let shown = humantime::format_duration(limit);
    let Some(latency) = report.latency else {
        return Some(format!(
            "no answer was measured, so there is no p99 to compare with {shown}; unless sessions \
             failed, raise --duration or --rate"
        ));
    };
    let p99 = latency.p99 as f64 / 1e3;
    (u128::from(latency.p99) > limit.as_micros())
        .then(|| format!("p99 of {p99:.3} ms is above {shown}"))
}

fn write_files(flags: &Common, report: &Report) -> Result<(), Box<dyn Error>> {
    if let Some(path) = &flags.json {
        let mut out = BufWriter::new(File::create(path)?);
        serde_json::to_writer_pretty(&mut out, report)?;
        writeln!(out)?;
        out.flush()?;
    }
    if let Some(path) = &flags.csv {
        let mut out = BufWriter::new(File::create(path)?);
        report::csv(report, &mut out)?;
        out.flush()?;
    }
    if let Some(directory) = &flags.svg {
        fs::create_dir_all(directory)?;
        report::plots(report, directory)?;
    }
    Ok(())
}
