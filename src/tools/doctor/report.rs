//! The report, as text and as JSON.

use super::finding::{AtMost, Finding};
use crate::tools::text::{self, counted, plain};
use serde::Serialize;
use std::fmt::Write as _;

/// Results of all checks.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Number of sessions asked for.
    pub(super) sessions: u32,
    pub(super) fits: bool,
    pub(super) shards: usize,
    pub(super) at_most: Option<AtMost>,
    pub(super) checks: Vec<Finding>,
}

const HEADINGS: [&str; 4] = ["CHECK", "VERDICT", "AT MOST", "VALUE"];

impl Report {
    /// Returns the number of checks that fail.
    pub(super) fn failed_checks(&self) -> usize {
        self.checks
            .iter()
            .filter(|check| check.falls_short())
            .count()
    }

    /// Returns the report as text: a table, a sentence per change, and the conclusion.
    pub(super) fn text(&self) -> String {
        let mut rows = vec![HEADINGS.map(str::to_owned)];
        rows.extend(self.checks.iter().map(row));
        let mut text = text::table(&rows);
        let changes = self.checks.iter().filter(|check| !check.change.is_empty());
        for (index, check) in changes.enumerate() {
            let gap = if index == 0 { "\n" } else { "" };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{gap}{}: {}", check.name, plain(&check.change));
        }
        let _ = writeln!(text, "\n{}", self.sum());
        text
    }

    fn sum(&self) -> String {
        let sessions = counted(self.sessions.into(), "session");
        let shards = counted(self.shards as u64, "shard");
        let verdict = match (self.fits, self.sessions) {
            (true, 1) => "fits",
            (true, _) => "fit",
            (false, 1) => "does not fit",
            (false, _) => "do not fit",
        };
        let answer = format!("{sessions} on {shards} {verdict}.");
        match self.at_most {
            Some(AtMost { sessions, check }) => {
                let sessions = counted(sessions, "session");
                format!("{answer} The tightest limit is {check}: {sessions}.")
            }
            None => answer,
        }
    }
}

fn row(check: &Finding) -> [String; HEADINGS.len()] {
    let cap = check.cap.map_or_else(
        || "-".to_owned(),
        |cap| format!("{}{}", cap.count, cap.unit.suffix()),
    );
    [
        check.name.to_owned(),
        check.status.word().to_owned(),
        cap,
        plain(&check.value),
    ]
}
