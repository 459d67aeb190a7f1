//! Parameters of a run: scenario, sessions, rates and times. Every run is bounded in time.

use crate::client::{Dialect, Target};
use crate::schedule::{Arrival, Schedule};
use crate::sink::Mode;
use clap::ArgAction;
use clap::builder::RangedU64ValueParser;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Time of a run beyond its planned times: logins, outstanding answers, closes.
const MARGIN: Duration = Duration::from_secs(60);

/// Behaviour of the sessions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Scenario {
    /// `sessions` connections at `rate` per second, held until all are ready. Latency is from the
    /// intended connection to `ready`.
    ConnectStorm,
    /// Connections at `rate` per second for `duration`, each closed `hold` after it was ready; at
    /// most `sessions` at a time.
    Churn {
        /// Time from ready to the close.
        hold: Duration,
    },
    /// `sessions` that only answer pings for `duration`; then one keystroke each.
    IdleHold,
    /// `sessions` that type `rate` bytes per second each; latency is that of the echo.
    #[default]
    Typing,
    /// [`Scenario::Typing`] with a resize before every byte.
    Resize,
    /// `sessions` that read this many MiB each, as fast as possible.
    BulkOutput {
        /// Output of each session, in MiB.
        mib: u64,
    },
    /// `sessions` that paste `rate` times per second each; latency counts until the whole paste is
    /// echoed. At most `input_window` bytes are unacknowledged.
    Paste {
        /// Size of one paste.
        bytes: usize,
    },
    /// `sessions` with endless output that read slowly for `duration`, then type Ctrl-C.
    SlowReader {
        /// Read rate of one session; 0 does not read at all.
        bytes_per_second: u64,
    },
    /// `sessions` that type for `duration`, first alone and then beside sessions with endless
    /// output.
    NoisyNeighbour {
        /// Sessions with endless output.
        flooders: usize,
    },
}

impl Scenario {
    /// Name on the command line.
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

    /// Returns whether the report of the scenario has a latency: that of sends and their answers.
    #[must_use]
    pub fn measures_latency(self) -> bool {
        !matches!(self, Self::SlowReader { .. })
    }

    /// Mode of the sink that the scenario needs.
    #[must_use]
    pub fn mode(self) -> Mode {
        match self {
            Self::BulkOutput { mib } => Mode::Bulk(mib),
            Self::SlowReader { .. } => Mode::Flood,
            _ => Mode::Echo,
        }
    }
}

/// Parameters of one run, also flags on the command line.
#[derive(Clone, clap::Args)]
pub struct Plan {
    /// Bridge and credentials of every session.
    #[command(flatten)]
    pub target: Target,
    /// Scenario to run: the subcommand.
    #[arg(skip)]
    pub scenario: Scenario,
    /// Number of sessions
    #[arg(long, default_value_t = 10, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub sessions: usize,
    /// Connections per second, or sends per second and session
    #[arg(long, default_value = "10", value_parser = rate)]
    pub rate: f64,
    /// Sessions opened per second before the measurement, where opening is not what is measured
    #[arg(long, default_value = "200", value_parser = rate)]
    pub open_rate: f64,
    /// Distribution of the gaps between sends
    #[arg(long, value_enum, default_value = "poisson")]
    pub arrival: Arrival,
    /// Time before the measurement
    #[arg(long, default_value = "1s", value_parser = humantime::parse_duration)]
    pub warm_up: Duration,
    /// Measured time
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration)]
    pub duration: Duration,
    /// Threads of the generator
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Seed of all random choices
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Process id of the bridge, to measure its CPU and memory
    #[arg(long)]
    pub pid: Option<u32>,
    /// Prints a line to standard error once a second.
    #[arg(long = "quiet", action = ArgAction::SetFalse, help = "Print no progress")]
    pub progress: bool,
}

fn rate(text: &str) -> Result<f64, &'static str> {
    let rate: f64 = text.parse().map_err(|_| "not a number")?;
    let valid = rate > 0.0 && rate <= 1e6;
    valid
        .then_some(rate)
        .ok_or("has to be above 0 and at most 1000000")
}

impl Plan {
    /// Small run of `scenario` against the sink behind `target`.
    #[must_use]
    pub fn new(target: Target, scenario: Scenario) -> Self {
        Self {
            target,
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

    /// Target of the scenario's own sessions.
    pub(super) fn target(&self) -> Target {
        let mode = self.scenario.mode();
        Target {
            user: self.target.user.clone().or_else(|| Some(mode.user())),
            bulk: matches!(mode, Mode::Bulk(_)),
            ..self.target.clone()
        }
    }

    /// Schedule of session `index`.
    pub(super) fn schedule(&self, index: usize) -> Schedule {
        let seed = self.seed ^ (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Schedule::new(self.arrival, self.rate, seed)
    }

    pub(super) fn most_sessions(&self) -> usize {
        match self.scenario {
            Scenario::NoisyNeighbour { flooders } => self.sessions.saturating_add(flooders),
            _ => self.sessions,
        }
    }

    /// Time of sending, warm-up included.
    pub(super) fn length(&self) -> Duration {
        self.warm_up.saturating_add(self.duration)
    }

    /// Time after which the run is abandoned.
    pub(super) fn timeout(&self) -> Duration {
        let rate = match self.scenario {
            Scenario::ConnectStorm => self.rate.min(self.open_rate),
            _ => self.open_rate,
        };
        let opening = self.most_sessions() as f64 / rate.max(0.001);
        let opening = Duration::try_from_secs_f64(opening).unwrap_or(MARGIN);
        // Doubled, because there may be two phases, and closing takes as long as opening.
        (self.length() + opening).saturating_mul(2) + self.target.deadline + MARGIN
    }

    /// Parameters that affect the result, for the report; no password.
    pub(super) fn parameters(&self) -> BTreeMap<String, Value> {
        let mut parameters = BTreeMap::from([
            ("sessions", json!(self.sessions)),
            ("rate", json!(self.rate)),
            ("open_rate", json!(self.open_rate)),
            ("arrival", json!(self.arrival)),
            ("warm_up_s", json!(self.warm_up.as_secs_f64())),
            ("duration_s", json!(self.duration.as_secs_f64())),
            ("threads", json!(self.threads)),
            ("seed", json!(self.seed)),
            ("path", json!(self.target.url.path)),
            ("dialect", json!(self.target.dialect)),
        ]);
        if self.target.dialect == Dialect::V1 {
            parameters.insert("flow_window", json!(self.target.flow_window));
        }
        match self.scenario {
            Scenario::Churn { hold } => parameters.insert("hold_s", json!(hold.as_secs_f64())),
            Scenario::BulkOutput { mib } => parameters.insert("mib", json!(mib)),
            Scenario::Paste { bytes } => parameters.insert("bytes", json!(bytes)),
            Scenario::SlowReader { bytes_per_second } => {
                parameters.insert("bytes_per_second", json!(bytes_per_second))
            }
            Scenario::NoisyNeighbour { flooders } => parameters.insert("flooders", json!(flooders)),
            _ => None,
        };
        let owned = |(name, value): (&str, Value)| (name.to_owned(), value);
        parameters.into_iter().map(owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn rates_are_positive() {
        for text in ["0", "-1", "nan", "inf", "x", ""] {
            assert!(rate(text).is_err(), "{text:?}");
        }
        assert_eq!(rate("0.5"), Ok(0.5));
    }
}
