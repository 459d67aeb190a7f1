//! Failures of sessions are counted by kind.

use crate::common::closed_port;
use crate::fixture::Fixture;
use sshard_load::client::Dialect;
use sshard_load::scenario::{Plan, Scenario, run};
use std::time::Duration;

/// Runs the plan, and returns its failures by kind with their counts.
fn failures_of(plan: &Plan) -> Vec<(String, u64)> {
    let failures = run(plan).unwrap().failures;
    failures
        .into_iter()
        .map(|(kind, failures)| (kind, failures.count))
        .collect()
}

#[test]
fn a_refused_connection_is_counted_for_each_session() {
    let fixture = Fixture::new();
    let mut plan = fixture.plan(Scenario::Typing);
    plan.target.url.bridge = closed_port();
    assert_eq!(
        failures_of(&plan),
        [("connect-connection-refused".to_owned(), 5)]
    );
}

#[test]
fn a_refusal_of_the_bridge_is_counted_by_its_code() {
    let fixture = Fixture::with(&[
        "limits.max_connections=2",
        "limits.max_connections_per_host=2",
    ]);
    let mut plan = fixture.plan(Scenario::ConnectStorm);
    plan.rate = 1000.0;
    let report = run(&plan).unwrap();
    assert_eq!(report.opened, 2);
    let count: u64 = report.failures.values().map(|kind| kind.count).sum();
    assert_eq!(count, 3, "{:?}", report.failures);
    for (dialect, kind) in [
        (Dialect::V1, "error-target-refused"),
        (Dialect::Compatible, "close-4403"),
    ] {
        let mut plan = fixture.plan(Scenario::Typing);
        plan.sessions = 1;
        plan.target.url.path = "/ws/127.0.0.1/1".to_owned();
        plan.target.dialect = dialect;
        assert_eq!(failures_of(&plan), [(kind.to_owned(), 1)]);
    }
}

#[test]
fn a_session_that_ends_while_typing_has_failed() {
    let fixture = Fixture::new();
    let mut plan = fixture.plan(Scenario::Typing);
    plan.sessions = 2;
    plan.target.user = Some("exit-3".to_owned());
    let failed = failures_of(&plan);
    let count: u64 = failed.iter().map(|(_, count)| count).sum();
    assert_eq!(count, 2, "{failed:?}");
}

#[test]
fn keystrokes_without_an_echo_are_failures() {
    let fixture = Fixture::new();
    let mut plan = Plan {
        sessions: 1,
        rate: 10.0,
        arrival: sshard_load::schedule::Arrival::Constant,
        warm_up: Duration::ZERO,
        ..fixture.plan(Scenario::Typing)
    };
    plan.target.user = Some("null".to_owned());
    assert_eq!(failures_of(&plan), [("unanswered".to_owned(), 10)]);
}

#[test]
fn a_session_with_too_little_output_has_failed() {
    let fixture = Fixture::new();
    let mut plan = fixture.plan(Scenario::BulkOutput { mib: 1 });
    plan.sessions = 1;
    plan.target.command = Some("exit 0".to_owned());
    assert_eq!(failures_of(&plan), [("wrong-output".to_owned(), 1)]);
}
