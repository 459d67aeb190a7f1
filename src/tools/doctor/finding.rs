//! Result of one check.

use serde::Serialize;

/// Outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CheckStatus {
    /// The requested number of sessions fits.
    Ok,
    /// Fewer sessions fit.
    Caps,
    /// The bridge does not start.
    Fails,
    /// The system does not report it.
    Unknown,
}

impl CheckStatus {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Caps => "caps",
            Self::Fails => "fails",
            Self::Unknown => "unknown",
        }
    }
}

/// Unit of a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum CapUnit {
    /// Sessions of the whole bridge.
    #[serde(rename = "sessions")]
    Sessions,
    /// Sessions to one target address.
    #[serde(rename = "sessions to one target address")]
    OneTarget,
    /// Connections that wait at once to be accepted, all shards together.
    #[serde(rename = "connections arriving at once")]
    Arriving,
    /// Sessions whose users all type.
    #[serde(rename = "sessions with a user typing")]
    Typing,
}

impl CapUnit {
    /// Returns the text behind the number in the table.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Sessions => "",
            Self::OneTarget => " per target address",
            Self::Arriving => " arriving at once",
            Self::Typing => " typing",
        }
    }
}

/// Largest number on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Cap {
    pub(super) count: u64,
    #[serde(rename = "of")]
    pub(super) unit: CapUnit,
}

/// Result of a check, a line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// Stable name of the check, from the table in `checks`.
    pub(super) name: &'static str,
    /// State of the system.
    pub(super) value: String,
    #[serde(rename = "verdict")]
    pub(super) status: CheckStatus,
    /// Largest number that fits; None if the check counts nothing.
    pub(super) cap: Option<Cap>,
    /// Advice, in a sentence; empty where nothing is to be gained.
    pub(super) change: String,
}

impl Finding {
    /// Makes a finding without a cap and without advice.
    pub(super) fn ok(value: impl ToString) -> Self {
        Self {
            name: "",
            value: value.to_string(),
            status: CheckStatus::Ok,
            cap: None,
            change: String::new(),
        }
    }

    /// Makes the finding of a bridge that does not start; `change` says why and what to do.
    pub(super) fn fails(value: impl ToString, change: impl Into<String>) -> Self {
        Self {
            status: CheckStatus::Fails,
            change: change.into(),
            ..Self::ok(value)
        }
    }

    /// Makes the finding of a file that cannot be read.
    pub(super) fn unknown(file: &str) -> Self {
        Self {
            status: CheckStatus::Unknown,
            change: format!("{file} cannot be read, so it is unknown."),
            ..Self::ok("-")
        }
    }

    /// Adds a cap of `count` where `needed` are asked for; `change` is the advice if that is too
    /// few.
    pub(super) fn capped(
        self,
        count: u64,
        unit: CapUnit,
        needed: u64,
        change: impl FnOnce() -> String,
    ) -> Self {
        let enough = count >= needed;
        Self {
            cap: Some(Cap { count, unit }),
            status: if enough {
                self.status
            } else {
                CheckStatus::Caps
            },
            change: if enough { self.change } else { change() },
            ..self
        }
    }

    /// Adds advice to a finding that suffices.
    pub(super) fn advised(self, change: impl Into<String>) -> Self {
        let change = change.into();
        Self { change, ..self }
    }

    /// Returns whether fewer sessions fit than were asked for.
    pub(super) fn falls_short(&self) -> bool {
        matches!(self.status, CheckStatus::Caps | CheckStatus::Fails)
    }
}

/// Smallest cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct AtMost {
    pub(super) sessions: u64,
    pub(super) check: &'static str,
}

/// Returns the lowest cap of all sessions together.
pub(super) fn lowest(checks: &[Finding]) -> Option<AtMost> {
    let caps = checks.iter().filter_map(|check| {
        let cap = check.cap.filter(|cap| cap.unit == CapUnit::Sessions)?;
        Some(AtMost {
            sessions: cap.count,
            check: check.name,
        })
    });
    caps.min_by_key(|cap| cap.sessions)
}
