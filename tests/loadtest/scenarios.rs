//! Each scenario against the bridge, with exact counts.

use crate::common::fixture::wait_disconnected;
use crate::fixture::{Fixture, run_without_failures};
use sshard_load::client::Dialect;
use sshard_load::report::csv;
use sshard_load::scenario::{Plan, Scenario};
use sshard_load::schedule::Arrival;
use std::time::Duration;

const MIB: u64 = 1024 * 1024;

#[test]
fn typing_is_echoed_in_both_dialects_with_acks_and_without() {
    let fixture = Fixture::new();
    for (dialect, flow_window) in [
        (Dialect::V1, None),
        (Dialect::V1, Some(1024)),
        (Dialect::Compatible, None),
    ] {
        let mut plan = fixture.plan(Scenario::Typing);
        plan.arrival = Arrival::Constant;
        plan.target.dialect = dialect;
        plan.target.flow_window = flow_window;
        let report = run_without_failures(&plan);
        assert_eq!(report.opened, 5, "{dialect:?}");
        // 5 sessions, 20 a second, 1.2 s: all were sent, and those of the last second count.
        assert_eq!(report.sent, 5 * 24, "{dialect:?}");
        assert_eq!(report.answered, 5 * 20, "{dialect:?}");
        assert_eq!(report.service.unwrap().count, report.answered);
        assert_eq!(report.set_up.unwrap().count, 5);
        let latency = report.latency.unwrap();
        assert!(latency.max >= report.service.unwrap().min);
        assert!(report.output_bytes >= report.sent, "{dialect:?}");
    }
}

#[test]
fn the_report_has_the_cost_of_the_bridge_and_is_json() {
    let fixture = Fixture::new();
    let report = run_without_failures(&fixture.plan(Scenario::Typing));
    let cost = report.bridge.unwrap();
    assert!(cost.cpu_ms > 0.0 && cost.cpu_us_per_answer.unwrap() > 0.0);
    assert!(cost.pss_kib.unwrap() > 1000 && cost.threads >= 2 && cost.files > 15);
    // The sessions were still open when the bridge was sampled.
    let each = cost.pss_per_session_kib.unwrap();
    // It shares its program's file with bridges of other tests, so that it may shrink.
    let grown = cost.pss_kib.unwrap() as f64 - cost.pss_before_kib.unwrap() as f64;
    assert!((each * 5.0 - grown).abs() < 1.0, "{cost:?}");
    assert!(report.seconds.iter().any(|row| row.cpu_percent > Some(0.0)));
    assert_eq!(report.most_live, 5);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["scenario"], "typing");
    assert_eq!(json["asked"]["sessions"], 5);
    assert_eq!(json["asked"]["dialect"], "v1");
    assert_eq!(json["latency"]["count"], report.answered);
    assert!(!json.to_string().contains("password"));
    let mut text = Vec::new();
    csv(&report, &mut text).unwrap();
    let rows = String::from_utf8(text).unwrap().lines().count();
    assert_eq!(rows, report.seconds.len() + 1);
}

#[test]
fn a_storm_opens_all_sessions_of_the_plan() {
    let fixture = Fixture::new();
    for dialect in [Dialect::V1, Dialect::Compatible] {
        let mut plan = Plan {
            sessions: 40,
            rate: 100.0,
            ..fixture.plan(Scenario::ConnectStorm)
        };
        plan.target.dialect = dialect;
        let report = run_without_failures(&plan);
        assert_eq!((report.opened, report.answered), (40, 40), "{dialect:?}");
        assert_eq!(report.latency.unwrap().count, 40);
    }
    assert_eq!(fixture.sink.total(), 80);
    wait_disconnected(&fixture.sink);
}

#[test]
fn churn_opens_and_closes_at_its_rate() {
    let fixture = Fixture::new();
    let hold = Duration::from_millis(50);
    let plan = Plan {
        sessions: 100,
        rate: 50.0,
        arrival: Arrival::Constant,
        ..fixture.plan(Scenario::Churn { hold })
    };
    let report = run_without_failures(&plan);
    assert_eq!((report.opened, report.sent), (60, 60));
    assert_eq!(report.answered, 50);
    assert_eq!(report.named["close"].count, 60);
}

#[test]
fn idle_sessions_echo_a_key_after_the_hold() {
    let fixture = Fixture::with(&["websocket.ping_interval=1s"]);
    let plan = Plan {
        sessions: 20,
        // Three pings, and two without an answer would close.
        duration: Duration::from_millis(3500),
        ..fixture.plan(Scenario::IdleHold)
    };
    let report = run_without_failures(&plan);
    assert_eq!((report.opened, report.answered), (20, 20));
    assert!(report.bridge.unwrap().pss_per_session_kib.is_some());
}

#[test]
fn bulk_output_is_counted_to_the_byte() {
    let fixture = Fixture::new();
    for (dialect, flow_window) in [
        (Dialect::V1, None),
        (Dialect::V1, Some(256 * 1024)),
        (Dialect::Compatible, None),
    ] {
        let mut plan = fixture.plan(Scenario::BulkOutput { mib: 4 });
        plan.sessions = 3;
        plan.target.dialect = dialect;
        plan.target.flow_window = flow_window;
        let report = run_without_failures(&plan);
        assert_eq!(report.output_bytes, 12 * MIB, "{dialect:?}");
        assert_eq!(report.answered, 3);
        assert!(report.figures["MiB/s"] > 0.0);
        assert!(report.bridge.unwrap().cpu_s_per_gib.unwrap() > 0.0);
    }
}

#[test]
fn pastes_are_echoed_whole() {
    let fixture = Fixture::new();
    let plan = Plan {
        sessions: 2,
        rate: 5.0,
        arrival: Arrival::Constant,
        ..fixture.plan(Scenario::Paste { bytes: 100_000 })
    };
    let report = run_without_failures(&plan);
    assert_eq!((report.sent, report.answered), (12, 10));
    assert_eq!(report.output_bytes, 12 * 100_000);
}

#[test]
fn a_resize_before_each_key_loses_no_key() {
    let fixture = Fixture::new();
    for dialect in [Dialect::V1, Dialect::Compatible] {
        let mut plan = fixture.plan(Scenario::Resize);
        plan.arrival = Arrival::Constant;
        plan.target.dialect = dialect;
        let report = run_without_failures(&plan);
        assert_eq!((report.sent, report.answered), (120, 100), "{dialect:?}");
    }
}

#[test]
fn ctrl_c_is_timed_under_endless_output() {
    let fixture = Fixture::new();
    for bytes_per_second in [0, 1_000_000] {
        let mut plan = fixture.plan(Scenario::SlowReader { bytes_per_second });
        plan.sessions = 2;
        plan.target.receive_buffer = Some(64 * 1024);
        let report = run_without_failures(&plan);
        assert_eq!(report.named["ctrl-c to remote"].count, 2);
        let silent = report.named.get("ctrl-c to silence");
        assert_eq!(
            silent.map(|times| times.count),
            (bytes_per_second > 0).then_some(2)
        );
    }
}

#[test]
fn typing_is_measured_alone_and_beside_bulk_readers() {
    let fixture = Fixture::new();
    let plan = Plan {
        arrival: Arrival::Constant,
        ..fixture.plan(Scenario::NoisyNeighbour { flooders: 2 })
    };
    let report = run_without_failures(&plan);
    assert_eq!(report.named["quiet"].count, 100);
    assert_eq!(report.latency.unwrap().count, 100);
    assert_eq!(report.opened, 5 + 2 + 5);
    assert!(report.figures["p99 beside / quiet"] > 0.0);
}
