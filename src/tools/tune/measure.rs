//! One round of one setting: connect, typing and bulk against its bridge.

use super::bridge::Bridge;
use super::figures::Sample;
use super::setting::Setting;
use crate::clock;
use serde::Serialize;
use sshard_load::client::{BadUrl, Target};
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
/// MiB of a session of bulk.
const MIB: u64 = 16;
/// Sessions of bulk beside each other, at least, if there are so many.
const BULK_SESSIONS: usize = 8;
/// Typing that is not measured.
const WARM_UP: Duration = Duration::from_millis(300);
/// Waves of a round, at most.
const WAVES: usize = 100;
/// A round's waves stop after so many times the time to be measured: what stands between them
/// may take longer than they do.
const PATIENCE: u32 = 6;

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Of a wave, and that type.
    pub(super) sessions: usize,
    /// Measured under each load.
    pub(super) duration: Duration,
    /// Of the generator.
    pub(super) threads: usize,
    /// Most shards of any setting: bulk is the same for all of them.
    pub(super) max_shards: usize,
}

impl Load {
    fn bulk_sessions(&self) -> usize {
        self.sessions.min(BULK_SESSIONS.max(2 * self.max_shards))
    }

    /// What is done, in words.
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

/// Sessions that failed, so that the figures are those of another load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Failed {
    /// Under which load.
    pub(super) load: &'static str,
    /// From 1.
    pub(super) round: usize,
    pub(super) count: u64,
    /// Stable, as the load generator names it.
    pub(super) kind: String,
    /// What the first of them said.
    pub(super) first: String,
}

/// Why a round has no figures.
#[derive(Debug)]
pub(super) enum Stop {
    /// Sessions failed.
    Failed(Vec<Failed>),
    /// The generator cannot work.
    Generator(io::Error),
    /// The bridge is nowhere to send load to.
    Url(BadUrl),
}

/// One turn of a setting.
pub(super) struct Turn<'a> {
    pub(super) setting: Setting,
    pub(super) bridge: &'a Bridge,
    pub(super) sink: SocketAddr,
    pub(super) load: Load,
    /// From 1.
    pub(super) round: usize,
}

/// What some waves came to.
#[derive(Default)]
struct Sum {
    seconds: f64,
    opened: u64,
    bytes: u64,
    cpu_ms: f64,
}

impl Turn<'_> {
    /// Does all three.
    pub(super) fn sample(&self) -> Result<Sample, Stop> {
        let connect = Plan {
            sessions: self.load.sessions,
            rate: AT_ONCE,
            open_rate: AT_ONCE,
            arrival: Arrival::Constant,
            ..self.plan(Scenario::ConnectStorm)?
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
            ..self.plan(Scenario::Typing)?
        };
        let typing = self.run("typing", &typing)?;
        let bulk = Plan {
            sessions: self.load.bulk_sessions(),
            open_rate: AT_ONCE,
            ..self.plan(Scenario::BulkOutput { mib: MIB })?
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

    fn plan(&self, scenario: Scenario) -> Result<Plan, Stop> {
        let (bridge, sink) = (self.bridge.addr, self.sink);
        let url = format!("ws://{bridge}/ws/{}/{}", sink.ip(), sink.port());
        let target = Target::new(&url, false).map_err(Stop::Url)?;
        Ok(Plan {
            threads: self.load.threads,
            // The same for every setting of a round.
            seed: self.round as u64,
            pid: Some(self.bridge.pid()),
            ..Plan::new(target, scenario)
        })
    }

    /// One run in which nothing may fail.
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
        if failed.is_empty() {
            Ok(report)
        } else {
            Err(Stop::Failed(failed))
        }
    }

    /// As many runs as fill the time.
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
                || took >= self.load.duration * PATIENCE
            {
                break;
            }
        }
        Ok(sum)
    }

    fn busy(&self, sum: &Sum) -> f64 {
        sum.cpu_ms / 10.0 / sum.seconds / self.setting.shards as f64
    }

    /// Nothing was seen where something must be.
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
