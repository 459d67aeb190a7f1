//! Flags of `sshard-load`, and the plan they make.

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand};
use sshard_load::scenario::{Plan, Scenario};
use sshard_load::sink::SinkOptions;
use std::path::PathBuf;
use std::time::Duration;

/// Load for a WebSocket-to-SSH bridge, and an SSH server to put behind it.
///
/// Exit status: 0 when all went well, 1 when a session failed or a limit was broken, 2 when there
/// was no run.
#[derive(Parser)]
#[command(name = "sshard-load", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The SSH server: user echo, bulk-N (MiB), burst-N (KiB, then echo), flood, null or exit-N;
    /// any password
    Sink(SinkFlags),
    /// Connections at --rate per second, held until all are ready
    ConnectStorm(Common),
    /// Connections at --rate per second, each closed after --hold
    Churn {
        #[command(flatten)]
        common: Common,
        /// Time from ready to the close
        #[arg(long, default_value = "0s", value_parser = humantime::parse_duration)]
        hold: Duration,
    },
    /// Sessions that do nothing, then one keystroke each
    IdleHold(Common),
    /// --rate keystrokes per second and session, and their echo
    Typing(Common),
    /// Typing with a resize in front of every keystroke
    Resize(Common),
    /// --mib of output for each session, as fast as possible
    BulkOutput {
        #[command(flatten)]
        common: Common,
        /// Output of each session, MiB
        #[arg(long, default_value_t = 64)]
        mib: u64,
    },
    /// --rate pastes per second and session, until they are echoed whole
    Paste {
        #[command(flatten)]
        common: Common,
        /// Size of one paste
        #[arg(long, default_value_t = 65_536, value_parser = RangedU64ValueParser::<usize>::new().range(1..=16_777_216))]
        bytes: usize,
    },
    /// Slow readers of endless output that type Ctrl-C after --duration
    SlowReader {
        #[command(flatten)]
        common: Common,
        /// Rate at which a session reads; 0 does not read at all
        #[arg(long, default_value_t = 125_000)]
        bytes_per_second: u64,
    },
    /// Typing alone, then beside sessions with endless output
    NoisyNeighbour {
        #[command(flatten)]
        common: Common,
        /// Sessions with endless output
        #[arg(long, default_value_t = 10)]
        flooders: usize,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SinkFlags {
    #[command(flatten)]
    pub(crate) options: SinkOptions,
    /// File to write the line for known_hosts to
    #[arg(long)]
    pub(crate) known_hosts: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(crate) plan: Plan,
    /// File for the report as JSON
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// File for a CSV row per second
    #[arg(long)]
    pub(crate) csv: Option<PathBuf>,
    /// Directory for plots
    #[arg(long)]
    pub(crate) svg: Option<PathBuf>,
    /// Upper bound of the p99 latency; exit status 1 above it. Not for slow-reader, which measures
    /// no latency
    #[arg(long, value_parser = humantime::parse_duration)]
    pub(crate) max_p99: Option<Duration>,
}

impl Cli {
    /// The flags of a run with its scenario, or those of the sink.
    pub(crate) fn split(self) -> Result<Common, SinkFlags> {
        let (mut common, scenario) = match self.command {
            Command::Sink(flags) => return Err(flags),
            Command::ConnectStorm(common) => (common, Scenario::ConnectStorm),
            Command::Churn { common, hold } => (common, Scenario::Churn { hold }),
            Command::IdleHold(common) => (common, Scenario::IdleHold),
            Command::Typing(common) => (common, Scenario::Typing),
            Command::Resize(common) => (common, Scenario::Resize),
            Command::BulkOutput { common, mib } => (common, Scenario::BulkOutput { mib }),
            Command::Paste { common, bytes } => (common, Scenario::Paste { bytes }),
            Command::SlowReader {
                common,
                bytes_per_second,
            } => (common, Scenario::SlowReader { bytes_per_second }),
            Command::NoisyNeighbour { common, flooders } => {
                (common, Scenario::NoisyNeighbour { flooders })
            }
        };
        common.plan.scenario = scenario;
        Ok(common)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_flags_do_not_conflict() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_become_a_plan() {
        let words = "sshard-load churn --url ws://127.0.0.1:1/ws/h/22 --rate 5 --hold 250ms";
        let plan = Cli::parse_from(words.split(' ')).split().unwrap().plan;
        let hold = Duration::from_millis(250);
        assert_eq!(plan.scenario, Scenario::Churn { hold });
        assert_eq!((plan.rate, plan.sessions, plan.progress), (5.0, 10, true));
    }
}
