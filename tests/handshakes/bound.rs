//! `server.max_handshakes`.

use super::common::raw::{Raw, upgrade_request};
use super::common::scene::bridge_to;
use super::common::tls::{Files, Pair};
use super::common::{Admin, Bridge, Client, DEADLINE, Options, Scene, poll};
use super::{failed, metric};
use std::net::SocketAddr;

const MOST: usize = 8;

fn bridge(settings: &[&str]) -> Bridge {
    let most = format!("server.max_handshakes={MOST}");
    let mut all = vec![most.as_str(), "server.upgrade_timeout=1h"];
    all.extend(settings);
    bridge_to(&[SocketAddr::from(([127, 0, 0, 1], 1))], &all)
}

fn in_progress(admin: &Admin) -> u64 {
    metric(admin, "sshard_handshakes", "shard=")
}

fn wait_in_progress(admin: &Admin, count: usize) {
    let reached = poll(DEADLINE, || {
        (in_progress(admin) == count as u64).then_some(())
    });
    assert!(reached.is_some(), "{} in progress", in_progress(admin));
}

/// So many connections that say nothing.
fn silent(bridge: &Bridge, count: usize) -> Vec<Raw> {
    (0..count).map(|_| Raw::connect(bridge.addr())).collect()
}

fn serves(bridge: &Bridge) -> bool {
    let mut raw = Raw::connect(bridge.addr());
    let request = upgrade_request(bridge.addr(), "/ws/127.0.0.1/1");
    let offer = "Sec-WebSocket-Protocol: sshard.v1\r\n\r\n";
    // Who is refused may find the connection closed already.
    let _ = raw.try_send(format!("{request}{offer}").as_bytes());
    raw.answer().status == 101
}

#[test]
fn one_more_is_refused_and_the_place_of_one_that_left_is_free() {
    let bridge = bridge(&[]);
    let admin = Admin::of(&bridge);
    let mut held = silent(&bridge, MOST);
    wait_in_progress(&admin, MOST);
    let mut refused = Raw::connect(bridge.addr());
    let answer = refused.answer();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("2"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(refused.rest(), b"");
    assert!(!serves(&bridge));
    assert_eq!(failed(&admin, "full"), 2);
    assert_eq!(in_progress(&admin), MOST as u64);
    for _ in 0..3 {
        held.pop();
        wait_in_progress(&admin, MOST - 1);
        assert!(serves(&bridge));
        held.extend(silent(&bridge, 1));
        wait_in_progress(&admin, MOST);
        assert!(!serves(&bridge));
    }
    drop(held);
    wait_in_progress(&admin, 0);
}

/// Sessions hold no place, whatever became of their handshakes.
#[test]
fn every_way_out_gives_the_place_back() {
    let scene = Scene::new(&["server.max_handshakes=1", "server.upgrade_timeout=2s"]);
    let admin = Admin::of(&scene.bridge);
    let mut sessions = Vec::new();
    for _ in 0..2 {
        wait_in_progress(&admin, 0);
        sessions.push(scene.ready());
        wait_in_progress(&admin, 0);
        // A request that is no upgrade, one that is bad, one that never comes, one that is cut.
        let host = scene.bridge.addr();
        for said in [
            format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            "nonsense\r\n\r\n".to_owned(),
            String::new(),
        ] {
            let mut raw = Raw::connect(scene.bridge.addr());
            raw.send(said.as_bytes());
            raw.rest();
            wait_in_progress(&admin, 0);
        }
        let cut = Raw::connect(scene.bridge.addr());
        wait_in_progress(&admin, 1);
        drop(cut);
        wait_in_progress(&admin, 0);
    }
    assert_eq!(failed(&admin, "timeout"), 2);
}

#[test]
fn with_tls_the_next_is_hung_up_on() {
    let pair = Pair::new();
    let files = Files::new(&pair);
    let [cert, key] = files.settings();
    let bridge = bridge(&[&cert, &key, "tls.handshake_timeout=1h"]);
    let admin = Admin::of(&bridge);
    let trust = super::common::tls::trusting(&[&pair]);
    let options = Options::v1().tls(&trust);
    let mut held = silent(&bridge, MOST - 1);
    wait_in_progress(&admin, MOST - 1);
    let mut client = Client::connect(bridge.addr(), "/ws/127.0.0.1/1", &options);
    client.wait_type("hello");
    held.extend(silent(&bridge, 1));
    wait_in_progress(&admin, MOST);
    assert_eq!(Raw::connect(bridge.addr()).rest(), b"");
    assert_eq!(failed(&admin, "full"), 1);
    drop(held);
    wait_in_progress(&admin, 0);
    Client::connect(bridge.addr(), "/ws/127.0.0.1/1", &options).wait_type("hello");
}

#[test]
fn the_bound_follows_a_reload() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sshard.toml");
    let write = |most: usize| {
        let text = format!(
            "targets.allow = [\"127.0.0.1:1\"]\n\
             server = {{ max_handshakes = {most}, upgrade_timeout = \"1h\" }}\n"
        );
        std::fs::write(&file, text).unwrap();
    };
    write(1);
    let path = file.display().to_string();
    let bridge = Bridge::start(&["--shards", "1", "--config", &path], &[]);
    let admin = Admin::of(&bridge);
    let held = silent(&bridge, 1);
    wait_in_progress(&admin, 1);
    assert!(!serves(&bridge));
    write(2);
    assert_eq!(admin.post("/api/v1/reload").status, 200);
    assert!(serves(&bridge));
    drop(held);
}
