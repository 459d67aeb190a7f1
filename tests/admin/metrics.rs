//! Metrics: both formats, parsed strictly, and their values during a session.

use crate::common::fixture::Fixture;
use crate::common::{Admin, DEADLINE, poll};
use std::collections::{BTreeMap, BTreeSet};

const CAUSES: &[&str] = &["cause", "shard"];
const ENDS: &[&str] = &["reason", "shard", "stage"];

/// Name, type and labels of every family, in the terms of Prometheus text 0.0.4.
const FAMILIES: [(&str, &str, &[&str]); 24] = [
    ("sshard_build_info", "gauge", &["version", "commit"]),
    ("sshard_connections", "gauge", &[]),
    ("sshard_unauthenticated_connections", "gauge", &[]),
    ("sshard_targets_in_use", "gauge", &[]),
    ("sshard_max_connections", "gauge", &[]),
    ("sshard_max_connections_per_host", "gauge", &[]),
    ("sshard_max_unauthenticated", "gauge", &[]),
    ("sshard_draining", "gauge", &[]),
    ("sshard_audit_lost_lines_total", "counter", &[]),
    ("sshard_reloads_total", "counter", &["outcome"]),
    ("sshard_connections_accepted_total", "counter", &["shard"]),
    ("sshard_http_responses_total", "counter", &["code", "shard"]),
    ("sshard_sessions_started_total", "counter", &["shard"]),
    ("sshard_handshakes_failed_total", "counter", CAUSES),
    ("sshard_sessions_ended_total", "counter", ENDS),
    ("sshard_handshakes", "gauge", &["shard"]),
    ("sshard_sessions", "gauge", &["shard", "state"]),
    ("sshard_shard_connections", "gauge", &["shard"]),
    ("sshard_shard_heartbeat_age_seconds", "gauge", &["shard"]),
    ("sshard_input_bytes_total", "counter", &["shard"]),
    ("sshard_output_bytes_total", "counter", &["shard"]),
    ("sshard_shard_cpu_seconds_total", "counter", &["shard"]),
    ("sshard_session_setup_seconds", "histogram", &["le"]),
    ("sshard_session_echo_seconds", "histogram", &["le"]),
];

type Series = BTreeMap<String, f64>;

/// Families as `name -> (type, series)`; anything out of order or twice is a failure.
fn parse(text: &str) -> BTreeMap<String, (String, Series)> {
    let mut families: BTreeMap<String, (String, Series)> = BTreeMap::new();
    let mut current = String::new();
    let mut help = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, text) = rest.split_once(' ').unwrap();
            assert!(!text.is_empty(), "{line}");
            help = Some(name);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(help.take(), Some(name), "help goes before {line}");
            name.clone_into(&mut current);
            let new = families.insert(current.clone(), (kind.to_owned(), Series::new()));
            assert!(new.is_none(), "{name} comes twice");
        } else {
            assert!(!line.starts_with('#'), "{line}");
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let (kind, known) = families.get_mut(&current).unwrap();
            let expected = match kind.as_str() {
                "counter" if !current.ends_with("_total") => format!("{current}_total"),
                "info" => format!("{current}_info"),
                _ => current.clone(),
            };
            let suffix = name.strip_prefix(expected.as_str());
            let is_known = match kind.as_str() {
                "histogram" => matches!(suffix, Some("_sum" | "_count" | "_bucket")),
                _ => name == expected,
            };
            assert!(is_known, "{line}");
            let value = value.parse().unwrap_or_else(|e| panic!("{e}: {line}"));
            let old = known.insert(series.to_owned(), value);
            assert!(old.is_none(), "{line} comes twice");
        }
    }
    families
}

fn labels(series: &str) -> BTreeSet<&str> {
    let Some((_, labels)) = series.split_once('{') else {
        return BTreeSet::new();
    };
    let labels = labels.strip_suffix('}').unwrap().split(',');
    labels.map(|l| l.split_once('=').unwrap().0).collect()
}

fn sum(families: &BTreeMap<String, (String, Series)>, name: &str, with: &str) -> f64 {
    let series = families[name].1.iter();
    let found = series.filter(|(series, _)| series.contains(with));
    found.map(|(_, value)| value).sum()
}

#[test]
fn every_family_is_exported_with_its_type_and_bounded_labels() {
    let fixture = Fixture::new(&["server.shards=2"]);
    let admin = Admin::of(&fixture.bridge);
    // So that every family has series.
    let mut client = fixture.ready();
    client.send_json(&serde_json::json!({ "type": "close" }));
    client.until_close();
    admin.wait_sessions(0);
    let answer = admin.get("/metrics");
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("text/plain; version=0.0.4; charset=utf-8"));
    let families = parse(&answer.body);
    for (name, kind, expected) in FAMILIES {
        let (found, series) = families.get(name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(found, kind, "{name}");
        assert!(!series.is_empty(), "{name}");
        // A histogram's sum and count have no labels.
        let labelled = |one: &&String| kind != "histogram" || one.contains('{');
        for one in series.keys().filter(labelled) {
            assert_eq!(labels(one), expected.iter().copied().collect(), "{one}");
        }
    }
    let known: BTreeSet<&str> = FAMILIES.iter().map(|(name, ..)| *name).collect();
    let all: BTreeSet<&str> = families.keys().map(String::as_str).collect();
    assert_eq!(all, known, "the table lists every family");
    // Metrics contain no addresses and no users.
    assert!(!answer.body.contains("127.0.0.1"), "{}", answer.body);
}

#[test]
fn openmetrics_is_served_if_accept_requests_it() {
    let fixture = Fixture::new(&[]);
    let admin = Admin::of(&fixture.bridge);
    let accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    let answer = admin.request("GET", "/metrics", &[("Accept", accept)]);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(kind));
    let text = answer.body.strip_suffix("# EOF\n");
    let open = parse(text.expect("the end is marked"));
    let plain = parse(&admin.get("/metrics").body);
    let names = |families: &BTreeMap<String, (String, Series)>| -> BTreeSet<String> {
        let all = families.values().flat_map(|(_, series)| series.keys());
        all.filter(|series| !series.contains("http_responses"))
            .cloned()
            .collect()
    };
    assert_eq!(names(&open), names(&plain), "the same series in both");
    assert_eq!(open["sshard_sessions_started"].0, "counter");
    assert_eq!(open["sshard_build"].0, "info");
}

#[test]
fn the_metrics_follow_a_session_from_its_start_to_its_end() {
    let fixture = Fixture::new(&["server.shards=2"]);
    let admin = Admin::of(&fixture.bridge);
    let read = || parse(&admin.get("/metrics").body);
    let mut client = fixture.ready();
    client.send_binary(b"12345");
    fixture.ssh.wait_input(5);
    fixture.ssh.output(b"1234567");
    client.output_until("1234567");
    let moved = poll(DEADLINE, || {
        let now = read();
        (sum(&now, "sshard_output_bytes_total", "") == 7.0).then_some(now)
    });
    let now = moved.expect("the bytes are counted");
    for (name, with, value) in [
        ("sshard_sessions_started_total", "", 1.0),
        ("sshard_sessions", "state=\"active\"", 1.0),
        ("sshard_sessions", "", 1.0),
        ("sshard_connections", "", 1.0),
        ("sshard_unauthenticated_connections", "", 0.0),
        ("sshard_targets_in_use", "", 1.0),
        ("sshard_input_bytes_total", "", 5.0),
        ("sshard_shard_connections", "", 1.0),
        ("sshard_connections_accepted_total", "", 1.0),
        ("sshard_http_responses_total", "code=\"101\"", 1.0),
        ("sshard_sessions_ended_total", "", 0.0),
        ("sshard_draining", "", 0.0),
        ("sshard_session_setup_seconds", "_count", 1.0),
        ("sshard_session_setup_seconds", "le=\"+Inf\"", 1.0),
        ("sshard_session_echo_seconds", "_count", 1.0),
        ("sshard_session_echo_seconds", "le=\"+Inf\"", 1.0),
    ] {
        assert_eq!(sum(&now, name, with), value, "{name} {with}");
    }
    fixture.ssh.exit(0);
    client.until_close();
    drop(client);
    admin.wait_empty();
    let now = read();
    for (name, with, value) in [
        ("sshard_sessions_ended_total", "reason=\"exit\"", 1.0),
        ("sshard_sessions_ended_total", "stage=\"relay\"", 1.0),
        ("sshard_sessions", "", 0.0),
        ("sshard_connections", "", 0.0),
        ("sshard_shard_connections", "", 0.0),
    ] {
        assert_eq!(sum(&now, name, with), value, "{name} {with}");
    }
    assert!(sum(&now, "sshard_shard_heartbeat_age_seconds", "") < 60.0);
}
