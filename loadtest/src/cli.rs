//! Flags of `sshard-load`, and the plan they make.

use clap::{Args, Parser, Subcommand};
use sshard_load::client::{Dialect, Target};
use sshard_load::scenario::{Plan, Scenario};
use sshard_load::schedule::Arrival;
use sshard_load::sink::SinkOptions;
use std::error::Error;
use std::net::SocketAddr;
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
        #[arg(long, default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
        bytes: u32,
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
        flooders: u16,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SinkFlags {
    /// Address to listen on; port 0 for any
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Threads
    #[arg(long, default_value_t = 1)]
    threads: u16,
    /// Concurrent connections
    #[arg(long, default_value_t = 9_900)]
    max_sessions: u32,
    /// Seed of the host key; the same seed makes the same key
    #[arg(long)]
    seed: Option<u64>,
    /// File to write the line for known_hosts to
    #[arg(long)]
    pub(crate) known_hosts: Option<PathBuf>,
    /// Allow an address other than loopback; any password is accepted
    #[arg(long)]
    anywhere: bool,
}

impl SinkFlags {
    pub(crate) fn options(&self) -> SinkOptions {
        SinkOptions {
            listen: self.listen,
            threads: usize::from(self.threads),
            max_sessions: self.max_sessions as usize,
            seed: self.seed,
            anywhere: self.anywhere,
        }
    }
}

#[derive(Args)]
pub(crate) struct Common {
    /// The bridge: ws://ADDRESS:PORT/ws/HOST/PORT or .../ws/NAME
    #[arg(long)]
    url: String,
    /// Number of sessions
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    sessions: u32,
    /// Connections per second, or sends per second and session
    #[arg(long, default_value = "10", value_parser = rate)]
    rate: f64,
    /// Sessions opened per second before the measurement
    #[arg(long, default_value = "200", value_parser = rate)]
    open_rate: f64,
    /// Distribution of the gaps between sends
    #[arg(long, value_enum, default_value = "poisson")]
    arrival: Arrival,
    /// Measured time
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration)]
    duration: Duration,
    /// Time before the measurement
    #[arg(long, default_value = "1s", value_parser = humantime::parse_duration)]
    warm_up: Duration,
    /// Deadline of a connection, from TCP to ready
    #[arg(long, default_value = "30s", value_parser = humantime::parse_duration)]
    deadline: Duration,
    /// Protocol dialect
    #[arg(long, value_enum, default_value = "v1")]
    dialect: Dialect,
    /// SSH user; by default the sink's that fits
    #[arg(long)]
    user: Option<String>,
    /// SSH password. Others on this machine can see it
    #[arg(long, default_value = "load")]
    password: String,
    /// SSH private key, a file without a passphrase, in place of the password (dialect v1)
    #[arg(long)]
    private_key: Option<PathBuf>,
    /// Command in place of the login shell (dialect v1)
    #[arg(long)]
    command: Option<String>,
    /// Acknowledge output, with this window in bytes (dialect v1)
    #[arg(long)]
    flow_window: Option<u64>,
    /// SO_RCVBUF of each session, bytes
    #[arg(long)]
    receive_buffer: Option<u32>,
    /// Process id of the bridge, to measure its CPU and memory
    #[arg(long)]
    pid: Option<u32>,
    /// Threads of the generator
    #[arg(long, default_value_t = 1)]
    threads: u16,
    /// Seed of all random choices
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// File for the report as JSON
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// File for a CSV row per second
    #[arg(long)]
    pub(crate) csv: Option<PathBuf>,
    /// Directory for plots
    #[arg(long)]
    pub(crate) svg: Option<PathBuf>,
    /// Upper bound of the p99 latency; exit status 1 above it
    #[arg(long, value_parser = humantime::parse_duration)]
    pub(crate) max_p99: Option<Duration>,
    /// Print no progress
    #[arg(long)]
    quiet: bool,
    /// Allow a bridge that is not on loopback
    #[arg(long)]
    anywhere: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let valid = rate > 0.0 && rate <= 1e6;
    valid
        .then_some(rate)
        .ok_or("has to be above 0 and at most 1000000".to_owned())
}

impl Common {
    pub(crate) fn plan(&self, scenario: Scenario) -> Result<Plan, Box<dyn Error>> {
        let key = self.private_key.as_ref();
        let key = key.map(std::fs::read_to_string).transpose()?;
        let target = Target {
            dialect: self.dialect,
            password: self.password.clone(),
            private_key: key,
            command: self.command.clone(),
            flow_window: self.flow_window,
            receive_buffer: self.receive_buffer,
            deadline: self.deadline,
            ..Target::new(&self.url, self.anywhere)?
        };
        Ok(Plan {
            user: self.user.clone(),
            sessions: self.sessions as usize,
            rate: self.rate,
            open_rate: self.open_rate,
            arrival: self.arrival,
            warm_up: self.warm_up,
            duration: self.duration,
            threads: usize::from(self.threads),
            seed: self.seed,
            pid: self.pid,
            progress: !self.quiet,
            ..Plan::new(target, scenario)
        })
    }
}

impl Cli {
    /// The scenario and its flags, or those of the sink.
    pub(crate) fn split(self) -> Result<(Common, Scenario), SinkFlags> {
        match self.command {
            Command::Sink(flags) => Err(flags),
            Command::ConnectStorm(common) => Ok((common, Scenario::ConnectStorm)),
            Command::Churn { common, hold } => Ok((common, Scenario::Churn { hold })),
            Command::IdleHold(common) => Ok((common, Scenario::IdleHold)),
            Command::Typing(common) => Ok((common, Scenario::Typing)),
            Command::Resize(common) => Ok((common, Scenario::Resize)),
            Command::BulkOutput { common, mib } => Ok((common, Scenario::BulkOutput { mib })),
            Command::Paste { common, bytes } => {
                let bytes = bytes as usize;
                Ok((common, Scenario::Paste { bytes }))
            }
            Command::SlowReader {
                common,
                bytes_per_second,
            } => Ok((common, Scenario::SlowReader { bytes_per_second })),
            Command::NoisyNeighbour { common, flooders } => {
                let flooders = usize::from(flooders);
                Ok((common, Scenario::NoisyNeighbour { flooders }))
            }
        }
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
    fn rates_are_positive() {
        for text in ["0", "-1", "nan", "inf", "x", ""] {
            assert!(rate(text).is_err(), "{text:?}");
        }
        assert_eq!(rate("0.5"), Ok(0.5));
    }

    #[test]
    fn flags_become_a_plan() {
        let words = "sshard-load churn --url ws://127.0.0.1:1/ws/h/22 --rate 5 --hold 250ms";
        let (common, scenario) = Cli::parse_from(words.split(' ')).split().unwrap();
        let hold = Duration::from_millis(250);
        assert_eq!(scenario, Scenario::Churn { hold });
        let plan = common.plan(scenario).unwrap();
        assert_eq!((plan.rate, plan.sessions, plan.progress), (5.0, 10, true));
    }
}
