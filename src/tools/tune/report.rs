//! Report of the result, as text and as JSON.

use super::figures::{Figure, Figures};
use super::measure::Failed;
use super::recommend::{Candidate, Lag, TOLERANCE, choose};
use super::variant::Variant;
use crate::tools::text;
use serde::Serialize;
use std::fmt::Write as _;

/// Noise from which on it hides more than the tolerance, and the report says so.
const LOUD: f64 = 0.15;
/// Use of its CPUs below which a bridge waited for others.
const WAITING: f64 = 80.0;

/// Result of one variant.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub(super) variant: Variant,
    /// None if a session failed.
    pub(super) figures: Option<Figures>,
    /// Distances to the best; empty if a session failed.
    pub(super) lags: Vec<Lag>,
    pub(super) failures: Vec<Failed>,
}

impl Row {
    /// Makes the row of `variant`, with figures unless a session failed.
    pub(super) fn new(variant: Variant, figures: Option<Figures>, failures: Vec<Failed>) -> Self {
        Self {
            variant,
            figures: figures.filter(|_| failures.is_empty()),
            lags: Vec::new(),
            failures,
        }
    }
}

/// Recommendation of the report.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Recommended {
    #[serde(flatten)]
    pub(super) variant: Variant,
    /// Command line to paste.
    pub(super) command: String,
    /// True if its number of shards is near the best in every throughput.
    pub(super) near_the_best: bool,
}

/// All results.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) cpus: usize,
    /// Description of the load.
    pub(super) load: String,
    pub(super) rounds: usize,
    pub(super) tolerance: f64,
    pub(super) settings: Vec<Row>,
    /// None if sessions failed under every variant.
    pub(super) recommended: Option<Recommended>,
    pub(super) notes: Vec<String>,
}

const HEADINGS: [&str; 8] = [
    "SHARDS",
    "PLACEMENT",
    "SESSIONS/S",
    "KEY P50",
    "KEY P99",
    "MIB/S",
    "CPU/SESSION",
    "BUSY",
];

impl Report {
    /// Makes the report, with a recommendation.
    pub(super) fn new(cpus: usize, load: String, rounds: usize, mut rows: Vec<Row>) -> Self {
        let candidates = rows.iter().filter_map(|row| {
            let (variant, figures) = (row.variant, row.figures.as_ref()?);
            Some(Candidate { variant, figures })
        });
        let choice = choose(&candidates.collect::<Vec<_>>());
        let measured = rows.iter_mut().filter(|row| row.figures.is_some());
        let lags = choice.iter().flat_map(|choice| &choice.lags);
        for (row, lags) in measured.zip(lags) {
            row.lags = lags.to_vec();
        }
        Self {
            cpus,
            load,
            rounds,
            tolerance: TOLERANCE,
            notes: notes(&rows, rounds),
            recommended: choice.map(|choice| Recommended {
                variant: choice.variant,
                command: choice.variant.flags(),
                near_the_best: choice.near,
            }),
            settings: rows,
        }
    }

    /// Returns the number of variants with failed sessions.
    pub(super) fn failed(&self) -> usize {
        let failed = self.settings.iter();
        failed.filter(|row| !row.failures.is_empty()).count()
    }

    /// Returns the report as text: a table, the comparison, and the line to paste.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{} CPUs; {} rounds of {}.\n\n",
            self.cpus, self.rounds, self.load
        );
        let mut rows = vec![HEADINGS.map(str::to_owned)];
        rows.extend(self.settings.iter().map(line));
        text.push_str(&text::table(&rows));
        text.push('\n');
        for row in &self.settings {
            failures(row, &mut text);
        }
        for note in &self.notes {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{note}");
        }
        let Some(recommended) = &self.recommended else {
            return text;
        };
        for row in &self.settings {
            if row.variant.shards < recommended.variant.shards {
                against(row, &mut text);
            }
        }
        let reason = if recommended.near_the_best {
            "The fewest shards within 5 % of the best:"
        } else {
            "No number of shards is within 5 % of the best in both sessions/s and MiB/s. The closest:"
        };
        let _ = writeln!(text, "{reason}\n\n  {}", recommended.command);
        text
    }
}

fn notes(rows: &[Row], rounds: usize) -> Vec<String> {
    let figures = || rows.iter().filter_map(|row| row.figures.as_ref());
    let mut notes = vec![
        "The generator and the SSH server behind the bridge ran on the same CPUs and competed with it."
            .to_owned(),
    ];
    if cfg!(debug_assertions) {
        notes.push("This is a debug build: measure with a release build.".to_owned());
    }
    let busy = figures().flat_map(|of| [&of.connect_busy_percent, &of.bulk_busy_percent]);
    let busiest = busy.map(|figure| figure.median).fold(0.0, f64::max);
    if figures().next().is_some() && busiest < WAITING {
        notes.push(format!(
            "No bridge used more than {busiest:.0} % of its CPUs: generator, server or machine were the limit."
        ));
    }
    let noise = figures().flat_map(|of| [of.sessions_per_s.noise, of.mib_per_s.noise]);
    let noise = noise.fold(0.0, f64::max);
    if rounds < 3 {
        notes.push("With fewer than 3 rounds nothing is known of the noise.".to_owned());
    } else if noise > LOUD {
        notes.push(format!(
            "The rounds differ by up to {:.0} %: use more --rounds or a quieter machine to separate closer results.",
            noise * 100.0
        ));
    }
    notes
}

/// Returns the reason why a variant with fewer shards is not recommended.
fn against(row: &Row, text: &mut String) {
    let far = row.lags.iter().filter(|lag| lag.behind > TOLERANCE);
    let below = |lag: &Lag| format!("{:.0} % below the best in {}", lag.behind * 100.0, lag.of);
    let far: Vec<String> = far.map(below).collect();
    if !far.is_empty() {
        let _ = writeln!(text, "{}: {}.", row.variant, far.join(", "));
    }
}

fn failures(row: &Row, text: &mut String) {
    for failed in &row.failures {
        let Failed {
            load,
            round,
            count,
            kind,
            first,
        } = failed;
        // Text of a server is escaped for the terminal.
        let first: String = first.escape_debug().take(200).collect();
        let _ = writeln!(
            text,
            "FAILED {}: {count} x {kind} under {load} in round {round} ({first})",
            row.variant
        );
    }
}

fn line(row: &Row) -> [String; HEADINGS.len()] {
    let Variant { shards, placement } = row.variant;
    let (shards, placement) = (shards.to_string(), placement.as_str());
    let Some(figures) = &row.figures else {
        return [&shards, placement, "FAILED", "-", "-", "-", "-", "-"].map(str::to_owned);
    };
    let noisy = |figure: &Figure, digits: usize, unit: &str| {
        let noise = figure.noise * 100.0;
        format!("{:.digits$}{unit} ±{noise:.0} %", figure.median)
    };
    [
        shards,
        placement.to_owned(),
        noisy(&figures.sessions_per_s, 0, ""),
        format!("{:.2} ms", figures.key_p50_ms.median),
        format!("{:.2} ms", figures.key_p99_ms.median),
        noisy(&figures.mib_per_s, 0, ""),
        noisy(&figures.cpu_ms_per_session_s, 2, " ms/s"),
        format!(
            "{:.0}, {:.0} %",
            figures.connect_busy_percent.median, figures.bulk_busy_percent.median
        ),
    ]
}
