//! The statistics: every number the operators know by name, per shard and summed.

use crate::common::scene::Scene;
use crate::common::{Admin, Login, SshScript};
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
fn sessions_are_counted_by_how_they_went_and_shards_add_up() {
    let script = SshScript::login(Login::Password("right"));
    let settings = ["server.shards=2", "limits.max_connections_per_host=7"];
    let scene = Scene::with(script, &settings);
    let admin = Admin::of(&scene.bridge);
    let auth = |password: &str| scene.auth(&json!({ "username": "u", "password": password }));
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
    let waiting = scene.v1();

    admin.wait_sessions(3);
    let stats = admin.stats();
    let host = scene.ssh.addr().to_string();
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
        (
            "failures",
            json!([{ "stage": "login", "cause": "login-failed", "count": 3 }]),
        ),
    ] {
        assert_eq!(stats[name], value, "{name}: {stats}");
    }
    let shards = stats["shards"].as_array().unwrap();
    assert_eq!(shards.len(), 2);
    for name in SUMMED {
        let sum: u64 = shards
            .iter()
            .map(|shard| shard[name].as_u64().unwrap())
            .sum();
        assert_eq!(stats[name], sum, "{name}: {stats}");
    }
    let failed = |shard: &Value| -> u64 {
        let failures = shard["failures"].as_array().unwrap();
        failures.iter().map(|f| f["count"].as_u64().unwrap()).sum()
    };
    assert_eq!(shards.iter().map(failed).sum::<u64>(), 3);
    for (number, shard) in shards.iter().enumerate() {
        assert_eq!(shard["shard"], number);
        assert!(shard["heartbeat_age_seconds"].as_f64().unwrap() < 60.0);
    }
    drop(waiting);
}
