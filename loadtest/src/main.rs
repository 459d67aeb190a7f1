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
    let report = scenario::run(&flags.plan)?;
    write!(std::io::stdout(), "{}", report::table(&report))?;
    write_files(flags, &report)?;
    let mut passed = report.failures.is_empty();
    if report.opened == 0 {
        writeln!(std::io::stdout(), "FAILED no session was ready")?;
        passed = false;
    }
    if let (Some(limit), Some(latency)) = (flags.max_p99, report.latency)
        && u128::from(latency.p99) > limit.as_micros()
    {
        let p99 = latency.p99 as f64 / 1e3;
        let limit = humantime::format_duration(limit);
        writeln!(
            std::io::stdout(),
            "FAILED p99 of {p99:.3} ms is above {limit}"
        )?;
        passed = false;
    }
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
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
