//! What to do, how much of it, and for how long: every run has an end.

use crate::client::{Dialect, Target};
use crate::schedule::{Arrival, Schedule};
use crate::sink::Mode;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// For what a run does beside its planned times: logins, grace, closes.
const MARGIN: Duration = Duration::from_secs(60);

/// What the sessions do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scenario {
    /// `sessions` connections at `rate` per second, held until all are ready. Latency is from the
    /// intended connection to `ready`.
    ConnectStorm,
    /// Connections at `rate` per second for `duration`, each closed `hold` after it was ready; at
    /// most `sessions` at a time.
    Churn {
        /// From ready to the close.
        hold: Duration,
    },
    /// `sessions` that do nothing for `duration` but answer pings; then one keystroke each.
    IdleHold,
    /// `sessions` that type `rate` bytes per second each; latency is that of the echo.
    Typing,
    /// As [`Scenario::Typing`], with a resize in front of every byte.
    Resize,
    /// `sessions` that take this many MiB each, as fast as they come.
    BulkOutput {
        /// MiB of each session.
        mib: u64,
    },
    /// `sessions` that paste `rate` times per second each; latency is until all of it has come
    /// back. At most `input_window` bytes are unacknowledged.
    Paste {
        /// Of one paste.
        bytes: usize,
    },
    /// `sessions` under a flood of output that read slowly for `duration`, then type Ctrl-C.
    SlowReader {
        /// Of one session; 0 does not read at all.
        bytes_per_second: u64,
    },
    /// `sessions` type for `duration`, first alone and then beside flooded ones.
    NoisyNeighbour {
        /// Sessions that take a flood.
        flooders: usize,
    },
}

impl Scenario {
    /// Its name, as on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ConnectStorm => "connect-storm",
            Self::Churn { .. } => "churn",
            Self::IdleHold => "idle-hold",
            Self::Typing => "typing",
            Self::Resize => "resize",
            Self::BulkOutput { .. } => "bulk-output",
            Self::Paste { .. } => "paste",
            Self::SlowReader { .. } => "slow-reader",
            Self::NoisyNeighbour { .. } => "noisy-neighbour",
        }
    }

    /// What the sink has to do for it.
    #[must_use]
    pub fn mode(self) -> Mode {
        match self {
            Self::BulkOutput { mib } => Mode::Bulk(mib),
            Self::SlowReader { .. } => Mode::Flood,
            _ => Mode::Echo,
        }
    }
}

/// One run.
#[derive(Clone)]
pub struct Plan {
    /// Where to; see [`Plan::user`] for its user.
    pub target: Target,
    /// The SSH user; None for the one whose session in the sink does what the scenario needs.
    pub user: Option<String>,
    /// What.
    pub scenario: Scenario,
    /// How many sessions.
    pub sessions: usize,
    /// What the scenario says, per second.
    pub rate: f64,
    /// Sessions that are opened per second before what is measured, where that is not the
    /// opening itself.
    pub open_rate: f64,
    /// How sends follow each other.
    pub arrival: Arrival,
    /// Not measured, before what is.
    pub warm_up: Duration,
    /// Measured.
    pub duration: Duration,
    /// Of the generator.
    pub threads: usize,
    /// Of everything that is by chance.
    pub seed: u64,
    /// The bridge's process, to see what it costs.
    pub pid: Option<u32>,
    /// A line on standard error, once a second.
    pub progress: bool,
}

impl Plan {
    /// A small run of `scenario` against the sink behind `target`.
    #[must_use]
    pub fn new(target: Target, scenario: Scenario) -> Self {
        Self {
            target,
            user: None,
            scenario,
            sessions: 10,
            rate: 10.0,
            open_rate: 200.0,
            arrival: Arrival::Poisson,
            warm_up: Duration::from_secs(1),
            duration: Duration::from_secs(10),
            threads: 1,
            seed: 1,
            pid: None,
            progress: false,
        }
    }

    /// The target of the scenario's own sessions.
    pub(super) fn target(&self) -> Target {
        let mode = self.scenario.mode();
        Target {
            user: self.user.clone().unwrap_or_else(|| mode.user()),
            bulk: matches!(mode, Mode::Bulk(_)),
            // Output of any kind shows that a session is up.
            echoes: true,
            ..self.target.clone()
        }
    }

    /// Times for session `index`.
    pub(super) fn times(&self, index: usize) -> Schedule {
        let seed = self.seed ^ (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Schedule::new(self.arrival, self.rate, seed)
    }

    pub(super) fn most_sessions(&self) -> usize {
        match self.scenario {
            Scenario::NoisyNeighbour { flooders } => self.sessions.saturating_add(flooders),
            _ => self.sessions,
        }
    }

    /// Sending, warm-up included.
    pub(super) fn length(&self) -> Duration {
        self.warm_up.saturating_add(self.duration)
    }

    /// A run that is not done by then is given up.
    pub(super) fn longest(&self) -> Duration {
        let rate = match self.scenario {
            Scenario::ConnectStorm => self.rate.min(self.open_rate),
            _ => self.open_rate,
        };
        let opening = self.most_sessions() as f64 / rate.max(0.001);
        let opening = Duration::try_from_secs_f64(opening).unwrap_or(MARGIN);
        // Twice: there may be two phases, and closing takes as long as opening.
        (self.length() + opening).saturating_mul(2) + self.target.deadline + MARGIN
    }

    /// Everything that decides the outcome, for the report. No password.
    pub(super) fn asked(&self) -> BTreeMap<String, Value> {
        let mut asked = BTreeMap::from([
            ("sessions", json!(self.sessions)),
            ("rate", json!(self.rate)),
            ("open_rate", json!(self.open_rate)),
            ("arrival", json!(self.arrival)),
            ("warm_up_s", json!(self.warm_up.as_secs_f64())),
            ("duration_s", json!(self.duration.as_secs_f64())),
            ("threads", json!(self.threads)),
            ("seed", json!(self.seed)),
            ("path", json!(self.target.path)),
            ("dialect", json!(self.target.dialect)),
        ]);
        if self.target.dialect == Dialect::V1 {
            asked.insert("flow_window", json!(self.target.flow_window));
        }
        match self.scenario {
            Scenario::Churn { hold } => asked.insert("hold_s", json!(hold.as_secs_f64())),
            Scenario::BulkOutput { mib } => asked.insert("mib", json!(mib)),
            Scenario::Paste { bytes } => asked.insert("bytes", json!(bytes)),
            Scenario::SlowReader { bytes_per_second } => {
                asked.insert("bytes_per_second", json!(bytes_per_second))
            }
            Scenario::NoisyNeighbour { flooders } => asked.insert("flooders", json!(flooders)),
            _ => None,
        };
        let owned = |(name, value): (&str, Value)| (name.to_owned(), value);
        asked.into_iter().map(owned).collect()
    }
}
