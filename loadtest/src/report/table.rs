//! Table that is printed at the end of a run.

use super::Report;
use crate::record::Summary;
use std::fmt::Write;

/// Formats `report` for a terminal. Failures come last, where they are seen.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = head(report, &mut text);
    let _ = times(report, &mut text);
    let _ = cost(report, &mut text);
    let _ = failures(report, &mut text);
    text
}

fn head(report: &Report, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "{}: {} sessions opened (at most {} at a time), {} answers in {:.1} s = {:.1}/s",
        report.scenario,
        report.opened,
        report.most_live,
        report.answered,
        report.measured_s,
        report.rate
    )?;
    if report.output_bytes > 0 {
        let mib = report.output_bytes as f64 / f64::from(1 << 20);
        writeln!(out, "output: {mib:.1} MiB")?;
    }
    for (name, figure) in &report.figures {
        writeln!(out, "{name}: {figure:.2}")?;
    }
    Ok(())
}

fn times(report: &Report, out: &mut String) -> std::fmt::Result {
    let fixed = [
        ("set-up", report.set_up),
        ("latency", report.latency),
        ("service", report.service),
        ("generator late", report.lateness),
    ];
    let named = report.named.iter();
    let named = named.map(|(name, times)| (name.as_str(), Some(*times)));
    let rows: Vec<(&str, Summary)> = fixed
        .into_iter()
        .chain(named)
        .filter_map(|(name, times)| Some((name, times?)))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let titles = ["p50", "p90", "p99", "p99.9", "max", "mean"];
    write!(out, "\n{:<20}{:>10}", "ms", "count")?;
    for title in titles {
        write!(out, "{title:>11}")?;
    }
    writeln!(out)?;
    for (name, times) in rows {
        write!(out, "{name:<20}{:>10}", times.count)?;
        for micros in [times.p50, times.p90, times.p99, times.p999, times.max] {
            write!(out, "{:>11.3}", micros as f64 / 1e3)?;
        }
        writeln!(out, "{:>11.3}", times.mean / 1e3)?;
    }
    Ok(())
}

fn cost(report: &Report, out: &mut String) -> std::fmt::Result {
    let Some(cost) = &report.bridge else {
        return Ok(());
    };
    write!(
        out,
        "\nbridge: {:.0} ms of processor time ({:.1} % of a core, {:.0} ms in the kernel)",
        cost.cpu_ms, cost.cpu_percent, cost.system_ms
    )?;
    if let Some(each) = cost.cpu_us_per_answer {
        write!(out, ", {each:.1} us per answer")?;
    }
    if let Some(each) = cost.cpu_s_per_gib {
        write!(out, ", {each:.2} s per GiB")?;
    }
    writeln!(
        out,
        "\n        {} threads, {} descriptors, {} + {} context switches",
        cost.threads, cost.files, cost.voluntary_switches, cost.involuntary_switches
    )?;
    if let (Some(before), Some(after)) = (cost.pss_before_kib, cost.pss_kib) {
        write!(
            out,
            "        PSS {before} KiB before, {after} KiB at the end"
        )?;
        if let Some(each) = cost.pss_per_session_kib {
            write!(out, ": {each:.1} KiB per session")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn failures(report: &Report, out: &mut String) -> std::fmt::Result {
    for (kind, failures) in &report.failures {
        let first: String = failures.first.escape_debug().take(200).collect();
        writeln!(out, "FAILED {} x {kind} ({first})", failures.count)?;
    }
    Ok(())
}
