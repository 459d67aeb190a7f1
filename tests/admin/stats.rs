//! Statistics: every field, per shard and summed.

use crate::common::fixture::{Fixture, bridge_to, ready_at};
use crate::common::{Admin, DEADLINE, Login, ScriptedSsh, SshScript, poll};
use serde_json::{Value, json};

const SUMMED: [&str; 6] = [
    "active_sessions",
    "total_sessions",
    "successful_sessions",
    "failed_sessions",
    "input_bytes",
    "output_bytes",
];

#[test]
fn node_and_instance_are_in_the_log_the_statistics_and_each_sessions_route() {
    let fixture = Fixture::new(&["server.shards=2", "server.node=edge-1"]);
    let admin = Admin::of(&fixture.bridge);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    client.wait_type("ready");
    let stats = admin.stats();
    let instance = stats["instance"].as_str().unwrap();
    assert_eq!(stats["node"], "edge-1");
    assert_eq!(instance.len(), 16, "{instance}");
    fixture.bridge.wait_stderr(" serving ", DEADLINE);
    let log = fixture.bridge.stderr();
    let serving = log.lines().find(|line| line.contains(" serving "));
    let named = format!("node=\"edge-1\" instance={instance}");
    assert!(serving.is_some_and(|line| line.contains(&named)), "{log}");
    let session = &admin.sessions()[0];
    let route = json!({ "node": "edge-1", "instance": instance, "shard": session["shard"] });
    assert_eq!(session["route"], route);

    let another = Fixture::new(&[]);
    let stats = Admin::of(&another.bridge).stats();
    assert_ne!(stats["instance"], instance);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(stats["node"], host.trim_end(), "the host's name by default");
}

#[test]
fn sessions_are_counted_by_outcome_and_shards_add_up() {
    let script = SshScript::login(Login::Password("right"));
    let settings = ["server.shards=2", "limits.max_connections_per_host=7"];
    let fixture = Fixture::with(script, &settings);
    let admin = Admin::of(&fixture.bridge);
    let auth = |password: &str| fixture.auth(&json!({ "username": "u", "password": password }));
    let ready = || {
        let mut client = auth("right");
        client.wait_type("ready");
        client
    };
    for _ in 0..3 {
        assert_eq!(auth("wrong").until_close().0, 4401);
    }
    let mut closing = ready();
    closing.send_json(&json!({ "type": "close" }));
    closing.until_close();
    drop(closing);
    admin.wait_empty();
    let _active = [ready(), ready()];
    let waiting = fixture.v1();

    // A session's new state is published at the end of the poll that has sent `ready`.
    let counted = poll(DEADLINE, || {
        let stats = admin.stats();
        let all = stats["active_sessions"] == 3 && stats["states"]["active"] == 2;
        all.then_some(stats)
    });
    let stats = counted.expect("all sessions are counted");
    let host = fixture.ssh.addr().to_string();
    let failure = json!({ "stage": "login", "cause": "login-failed", "count": 3 });
    for (name, value) in [
        ("active_sessions", json!(3)),
        ("total_sessions", json!(7)),
        ("successful_sessions", json!(1)),
        ("failed_sessions", json!(3)),
        ("host_connections", json!({ host.as_str(): 2 })),
        ("max_connections", json!(1000)),
        ("max_per_host", json!(7)),
        ("connections", json!(2)),
        ("unauthenticated", json!(1)),
        ("max_unauthenticated", json!(1000)),
        ("failures", json!([failure])),
    ] {
        assert_eq!(stats[name], value, "{name}: {stats}");
    }
    let shards = stats["shards"].as_array().unwrap();
    assert_eq!(shards.len(), 2);
    for name in SUMMED {
        let sum: u64 = shards.iter().map(|s| s[name].as_u64().unwrap()).sum();
        assert_eq!(stats[name], sum, "{name}: {stats}");
    }
    let failed = |shard: &Value| -> u64 {
        let failures = shard["failures"].as_array().unwrap();
        failures.iter().map(|f| f["count"].as_u64().unwrap()).sum()
    };
    assert_eq!(shards.iter().map(failed).sum::<u64>(), 3);
    let states = json!({ "created": 1, "connecting": 0, "active": 2, "detached": 0, "closing": 0, "closed": 0 });
    assert_eq!(stats["states"], states);
    for (number, shard) in shards.iter().enumerate() {
        assert_eq!(shard["shard"], number);
        assert_eq!(shard["handshakes"], 0);
        assert!(shard["cpu_seconds"].as_f64().unwrap() > 0.0, "{shard}");
        assert!(shard["heartbeat_age_seconds"].as_f64().unwrap() < 60.0);
    }
    drop(waiting);
}

fn total(latency: &Value) -> u64 {
    let counts = latency["counts"].as_array().unwrap();
    counts.iter().map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn set_up_and_echo_times_are_histograms() {
    let fixture = Fixture::new(&["server.shards=2"]);
    let admin = Admin::of(&fixture.bridge);
    let before = admin.stats()["latencies"].clone();
    assert_eq!((total(&before["setup"]), total(&before["echo"])), (0, 0));
    let mut client = fixture.ready();
    client.send_binary(b"l");
    fixture.ssh.wait_input(1);
    fixture.ssh.output(b"l");
    client.output_until("l");
    let measured = poll(DEADLINE, || {
        let now = admin.stats()["latencies"].clone();
        (total(&now["echo"]) == 1).then_some(now)
    });
    let now = measured.expect("the echo is measured");
    assert_eq!(total(&now["setup"]), 1);
    let bounds = now["bounds_seconds"].as_array().unwrap();
    for name in ["setup", "echo"] {
        let counts = now[name]["counts"].as_array().unwrap();
        assert_eq!(counts.len(), bounds.len() + 1);
        assert!(now[name]["sum_seconds"].as_f64().unwrap() > 0.0, "{now}");
    }
}

/// Time in which the user is asked is no set-up time.
#[test]
fn questions_to_the_user_do_not_count_as_set_up() {
    let fixture = Fixture::new(&["ssh.host_key_policy=ask"]);
    let admin = Admin::of(&fixture.bridge);
    let begun = std::time::Instant::now();
    let mut client = fixture.auth(&json!({ "username": "u" }));
    let question = client.wait_type("host_key");
    let asked = std::time::Instant::now();
    let half = std::time::Duration::from_millis(500);
    // Nothing can be waited for: it is the time itself that must not be counted.
    while asked.elapsed() < half {
        std::thread::park_timeout(half);
    }
    let asked_for = asked.elapsed().as_secs_f64();
    client.send_json(&json!({ "type": "host_key_answer", "id": question["id"], "accept": true }));
    client.wait_type("ready");
    let setup = &admin.stats()["latencies"]["setup"];
    let whole = begun.elapsed().as_secs_f64();
    assert_eq!(total(setup), 1);
    let counted = setup["sum_seconds"].as_f64().unwrap();
    let most = whole - asked_for;
    assert!(
        counted <= most,
        "{counted} of {whole}, {asked_for} of it a question"
    );
}

#[test]
fn the_statistics_have_version_uptime_and_health() {
    let fixture = Fixture::new(&["server.drain_timeout=40s"]);
    let admin = Admin::of(&fixture.bridge);
    let _clients = [fixture.ready(), fixture.ready()];
    let stats = admin.stats();
    for (name, value) in [
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        ("health", json!("ready")),
        ("drain_timeout_seconds", json!(40.0)),
        ("drain_ends_in_seconds", Value::Null),
        ("targets_in_use", json!(1)),
        ("max_per_client", json!(0)),
        ("max_handshakes", json!(512)),
        ("refused_before_session", json!([])),
        ("reloads", json!({ "applied": 0, "refused": 0 })),
        ("audit_lost_lines", json!(0)),
        ("tls_expires_at", Value::Null),
        ("show_users", json!(false)),
    ] {
        assert_eq!(stats[name], value, "{name}: {stats}");
    }
    assert!(stats["uptime_seconds"].as_f64().unwrap() > 0.0);
    let public = Admin::at(fixture.bridge.addr());
    assert_eq!(public.get("/nothing").status, 404);
    let refused = &admin.stats()["refused_before_session"];
    assert_eq!(refused, &json!([{ "cause": "http-404", "count": 1 }]));
    admin.post("/api/v1/drain");
    let draining = poll(DEADLINE, || {
        let stats = admin.stats();
        (stats["health"] == "draining").then_some(stats)
    });
    let left = draining.expect("it drains")["drain_ends_in_seconds"].clone();
    let left = left.as_f64().unwrap();
    assert!(left > 0.0 && left <= 40.0, "{left}");
}

#[test]
fn the_parameter_hosts_bounds_the_listed_targets() {
    let fixture = Fixture::new(&[]);
    let admin = Admin::of(&fixture.bridge);
    let _client = fixture.ready();
    for (query, status, count) in [
        ("", 200, 1),
        ("?hosts=5", 200, 1),
        ("?hosts=0", 200, 0),
        ("?hosts=x", 400, 0),
        ("?host=1", 400, 0),
    ] {
        let answer = admin.get(&format!("/stats{query}"));
        assert_eq!(answer.status, status, "{query}: {answer:?}");
        if status == 200 {
            let stats = answer.json();
            assert_eq!(stats["host_connections"].as_object().unwrap().len(), count);
            assert_eq!(stats["targets_in_use"], 1);
        }
    }
}

#[test]
fn of_more_targets_those_with_the_most_sessions_are_listed() {
    let [idle, busy] = std::array::from_fn(|_| ScriptedSsh::start(SshScript::default()));
    let bridge = bridge_to(&[idle.addr(), busy.addr()], &[]);
    let _clients = [&idle, &busy, &busy].map(|ssh| ready_at(bridge.addr(), ssh.addr()));
    let listed = Admin::of(&bridge).get("/stats?hosts=1").json();
    let busiest = json!({ (busy.addr().to_string()): 2 });
    assert_eq!(listed["host_connections"], busiest);
    assert_eq!(listed["targets_in_use"], 2);
}
