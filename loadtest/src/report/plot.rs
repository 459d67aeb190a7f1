//! Plots as SVG: latency over time, and its distribution.

use super::Report;
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

const SIZE: (u32, u32) = (960, 480);

/// Writes `SCENARIO-latency.svg` and `SCENARIO-percentiles.svg` into `directory`. A plot without
/// points is left out.
///
/// # Errors
/// When a file cannot be written.
pub fn plots(report: &Report, directory: &Path) -> Result<(), Box<dyn Error>> {
    let path = |kind: &str| directory.join(format!("{}-{kind}.svg", report.scenario));
    if report.seconds.iter().any(|row| row.max > 0) {
        over_time(report, &path("latency"))?;
    }
    if !report.percentiles.is_empty() {
        distribution(report, &path("percentiles"))?;
    }
    Ok(())
}

fn ms(micros: u64) -> f64 {
    micros as f64 / 1e3
}

/// Name, colour and points of a curve.
type Curve = (&'static str, RGBColor, Vec<(f64, f64)>);

fn over_time(report: &Report, path: &Path) -> Result<(), Box<dyn Error>> {
    let rows: Vec<_> = report.seconds.iter().filter(|row| row.max > 0).collect();
    let points =
        |of: fn(&super::Row) -> u64| rows.iter().map(|row| (row.second, ms(of(row)))).collect();
    let curves: [Curve; 3] = [
        ("p50", BLUE, points(|row| row.p50)),
        ("p99", GREEN, points(|row| row.p99)),
        ("max", RED, points(|row| row.max)),
    ];
    let last = rows.iter().map(|row| row.second).fold(1.0, f64::max);
    draw(report, path, 0.0..last, "seconds", &curves, |second| {
        format!("{second:.0}")
    })
}

/// Draws the distribution; the horizontal axis counts nines: 1 is 90 %, 2 is 99 %.
fn distribution(report: &Report, path: &Path) -> Result<(), Box<dyn Error>> {
    let nines = |percent: f64| -((100.0 - percent) / 100.0).log10();
    let points: Vec<_> = report
        .percentiles
        .iter()
        .filter(|(percent, _)| *percent < 100.0)
        .map(|(percent, micros)| (nines(*percent).max(0.0), ms(*micros)))
        .collect();
    let last = points.iter().map(|(x, _)| *x).fold(1.0, f64::max);
    let label = |x: &f64| format!("{:.4}", 100.0 - 100.0 / 10_f64.powf(*x));
    draw(
        report,
        path,
        0.0..last,
        "percent",
        &[("latency", BLUE, points)],
        label,
    )
}

fn draw(
    report: &Report,
    path: &Path,
    x: std::ops::Range<f64>,
    x_name: &str,
    curves: &[Curve],
    x_label: impl Fn(&f64) -> String,
) -> Result<(), Box<dyn Error>> {
    let all = || {
        curves
            .iter()
            .flat_map(|(_, _, points)| points)
            .map(|(_, y)| *y)
    };
    let highest = all().fold(0.01, f64::max) * 1.2;
    let lowest = all().fold(highest, f64::min).max(0.001) / 1.2;
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let title = format!(
        "{}: latency of {} answers, {} sessions",
        report.scenario, report.answered, report.opened
    );
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(x, (lowest..highest).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(x_name)
        .y_desc("milliseconds")
        .x_label_formatter(&x_label)
        .y_label_formatter(&|y: &f64| format!("{y:.3}"))
        .draw()?;
    for (name, color, points) in curves {
        let color = *color;
        chart
            .draw_series(LineSeries::new(points.iter().copied(), &color))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}
