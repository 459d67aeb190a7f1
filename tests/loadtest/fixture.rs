//! Sink, a bridge that may connect to it, and plans for runs of a second or two.

use crate::common::Bridge;
use crate::common::fixture::{bridge_to, path_to};
use sshard_load::client::{Target, Url};
use sshard_load::report::Report;
use sshard_load::scenario::{Plan, Scenario, run};
use sshard_load::sink::{self, SinkOptions};
use sshard_ssh_server::Server;
use std::time::Duration;

pub(crate) struct Fixture {
    pub(crate) sink: Server,
    pub(crate) bridge: Bridge,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(settings: &[&str]) -> Self {
        let sink = sink::start(&SinkOptions::default()).unwrap();
        let mut all = vec!["limits.max_connections_per_host=1000"];
        all.extend(settings);
        let bridge = bridge_to(&[sink.address], &all);
        Self { sink, bridge }
    }

    pub(crate) fn plan(&self, scenario: Scenario) -> Plan {
        let target = Target::new(Url {
            bridge: self.bridge.addr(),
            path: path_to(self.sink.address),
        });
        Plan {
            sessions: 5,
            rate: 20.0,
            duration: Duration::from_secs(1),
            warm_up: Duration::from_millis(200),
            pid: Some(self.bridge.pid()),
            ..Plan::new(target, scenario)
        }
    }
}

/// Runs the plan without any failure.
pub(crate) fn run_without_failures(plan: &Plan) -> Report {
    let report = run(plan).unwrap();
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    report
}
