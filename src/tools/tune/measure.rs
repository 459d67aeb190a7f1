//! Load of one round of one variant: connect, typing and bulk against its bridge.

use super::bridge::Bridge;
use super::figures::Sample;
use super::variant::Variant;
use crate::clock;
use serde::Serialize;
use sshard_load::client::{Target, Url};
use sshard_load::report::Report;
use sshard_load::scenario::{Plan, Scenario, run};
use sshard_load::schedule::Arrival;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Connections per second of a wave: all at once, as far as the generator can.
const AT_ONCE: f64 = 20_000.0;
/// Keys per second and session: a fast typist.
const KEYS: f64 = 10.0;
/// MiB of one bulk session.
const MIB: u64 = 16;
/// Least number of concurrent bulk sessions, if there are so many.
const BULK_SESSIONS: usize = 8;
/// Time of typing before the measurement.
const WARM_UP: Duration = Duration::from_millis(300);
/// Largest number of waves of a round.
const WAVES: usize = 100;
/// Multiple of the measured time after which a round's waves stop: the pauses between them may take
/// longer than they do.
const MAX_OVERRUN: u32 = 6;

/// Amount of load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Sessions of a wave, and sessions that type.
    pub(super) sessions: usize,
    /// Measured time under each load.
    pub(super) duration: Duration,
    /// Largest number of shards of any variant: bulk is the same for all of them. The generator and
    /// the SSH server have as many threads.
    pub(super) max_shards: usize,
}

impl Load {
    fn bulk_sessions(&self) -> usize {
        self.sessions.min(BULK_SESSIONS.max(2 * self.max_shards))
    }

    /// Returns a description for the report.
    pub(super) fn words(&self) -> String {
        format!(
            "connect ({} sessions at once), typing ({} sessions, {KEYS:.0} keys/s each) and \
             bulk ({} sessions, {MIB} MiB each), {:.1} s of each",
            self.sessions,
            self.sessions,
            self.bulk_sessions(),
            self.duration.as_secs_f64()
        )
    }
}

/// Failed sessions of a round, whose figures are then those of another load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Failed {
    /// Name of the load.
    pub(super) load: &'static str,
    /// Number of the round, from 1.
    pub(super) round: usize,
    pub(super) count: u64,
    /// Cause, as the load generator names it; stable.
    pub(super) kind: String,
    /// Error of the first of them.
    pub(super) first: String,
}

/// Reason why a round has no figures.
#[derive(Debug)]
pub(super) enum Stop {
    /// Sessions failed.
    Failed(Vec<Failed>),
    /// The load generator cannot run.
    Generator(io::Error),
}

/// One round of a variant.
pub(super) struct Round<'a> {
    pub(super) variant: Variant,
    pub(super) bridge: &'a Bridge,
    pub(super) sink: SocketAddr,
    pub(super) load: Load,
    /// Number of the round, from 1.
    pub(super) round: usize,
}

/// Total of some waves.
#[derive(Default)]
struct Sum {
    seconds: f64,
    opened: u64,
    bytes: u64,
    cpu_ms: f64,
}

impl Round<'_> {
    /// Runs all three loads.
    pub(super) fn sample(&self) -> Result<Sample, Stop> {
        let connect = Plan {
            sessions: self.load.sessions,
            rate: AT_ONCE,
            open_rate: AT_ONCE,
            arrival: Arrival::Constant,
            ..self.plan(Scenario::ConnectStorm)
        };
        // The first wave finds a cold process, and is not counted.
        self.run("connect", &connect)?;
        let connect = self.waves("connect", &connect)?;
        let typing = Plan {
            sessions: self.load.sessions,
            rate: KEYS,
            open_rate: AT_ONCE,
            warm_up: WARM_UP,
            duration: self.load.duration,
            ..self.plan(Scenario::Typing)
        };
        let typing = self.run("typing", &typing)?;
        let bulk = Plan {
            sessions: self.load.bulk_sessions(),
            open_rate: AT_ONCE,
            ..self.plan(Scenario::BulkOutput { mib: MIB })
        };
        let bulk = self.waves("bulk", &bulk)?;
        let (Some(keys), Some(cost)) = (typing.latency, typing.bridge) else {
            return Err(self.unmeasured("typing"));
        };
        Ok(Sample {
            sessions_per_s: connect.opened as f64 / connect.seconds,
            key_p50_ms: keys.p50 as f64 / 1e3,
            key_p99_ms: keys.p99 as f64 / 1e3,
            mib_per_s: bulk.bytes as f64 / f64::from(1 << 20) / bulk.seconds,
            cpu_ms_per_session_s: cost.cpu_percent * 10.0 / self.load.sessions as f64,
            connect_busy_percent: self.busy(&connect),
            bulk_busy_percent: self.busy(&bulk),
        })
    }

    fn plan(&self, scenario: Scenario) -> Plan {
        let target = Target::new(Url {
            bridge: self.bridge.addr,
            path: format!("/ws/{}/{}", self.sink.ip(), self.sink.port()),
        });
        Plan {
            threads: self.load.max_shards,
            // The same for every variant of a round.
            seed: self.round as u64,
            pid: Some(self.bridge.pid()),
            ..Plan::new(target, scenario)
        }
    }

    /// Runs a load in which no session may fail.
    fn run(&self, load: &'static str, plan: &Plan) -> Result<Report, Stop> {
        let report = run(plan).map_err(Stop::Generator)?;
        let failed = report.failures.iter().map(|(kind, failures)| Failed {
            load,
            round: self.round,
            count: failures.count,
            kind: kind.clone(),
            first: failures.first.clone(),
        });
        let failed: Vec<Failed> = failed.collect();
        match failed.is_empty() {
            true => Ok(report),
            false => Err(Stop::Failed(failed)),
        }
    }

    /// Repeats a load until the time is over.
    fn waves(&self, load: &'static str, plan: &Plan) -> Result<Sum, Stop> {
        let began = clock::now();
        let mut sum = Sum::default();
        for _ in 0..WAVES {
            let report = self.run(load, plan)?;
            let cost = report.bridge.ok_or_else(|| self.unmeasured(load))?;
            sum.seconds += report.measured_s;
            sum.opened += report.opened;
            sum.bytes += report.output_bytes;
            sum.cpu_ms += cost.cpu_ms;
            let took = clock::now().saturating_duration_since(began);
            if sum.seconds >= self.load.duration.as_secs_f64()
                || took >= self.load.duration * MAX_OVERRUN
            {
                break;
            }
        }
        Ok(sum)
    }

    fn busy(&self, sum: &Sum) -> f64 {
        sum.cpu_ms / 10.0 / sum.seconds / self.variant.shards as f64
    }

    /// Returns the failure of a load without a result.
    fn unmeasured(&self, load: &'static str) -> Stop {
        Stop::Failed(vec![Failed {
            load,
            round: self.round,
            count: self.load.sessions as u64,
            kind: "unmeasured".to_owned(),
            first: "no answer, or no processor time of the bridge, was seen".to_owned(),
        }])
    }
}
