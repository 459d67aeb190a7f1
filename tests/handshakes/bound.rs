//! `server.max_handshakes`.

use super::common::fixture::bridge_to;
use super::common::raw::Raw;
use super::common::tls::{Files, Pair};
use super::common::{Admin, Bridge, Client, DEADLINE, Fixture, Options, poll, wait_until};
use super::{health, upgrade};
use std::net::SocketAddr;

const MOST: usize = 8;

fn bridge(settings: &[&str]) -> Bridge {
    let most = format!("server.max_handshakes={MOST}");
    let mut all = vec![most.as_str(), "server.upgrade_timeout=1h"];
    all.extend(settings);
    bridge_to(&[SocketAddr::from(([127, 0, 0, 1], 1))], &all)
}

fn in_progress(admin: &Admin) -> u64 {
    admin.metric("sshard_handshakes", "shard=")
}

fn wait_in_progress(admin: &Admin, count: usize) {
    let reached = poll(DEADLINE, || {
        (in_progress(admin) == count as u64).then_some(())
    });
    assert!(reached.is_some(), "{} in progress", in_progress(admin));
}

/// Opens `count` connections that send nothing.
fn silent(bridge: &Bridge, count: usize) -> Vec<Raw> {
    (0..count).map(|_| Raw::connect(bridge.addr())).collect()
}

fn serves(bridge: &Bridge) -> bool {
    let mut raw = Raw::connect(bridge.addr());
    // A refused connection may be closed already.
    let _ = raw.try_send(upgrade(bridge.addr()).as_bytes());
    raw.answer().status == 101
}

/// Returns the status of a health request.
fn ask_health(raw: &mut Raw, bridge: &Bridge) -> u16 {
    raw.send(health(bridge).as_bytes());
    raw.answer().status
}

/// Returns the status of a health request from an address of this machine.
fn health_from(bridge: &Bridge, ip: [u8; 4]) -> u16 {
    let mut raw = Raw::connect_from(bridge.addr(), ip.into());
    ask_health(&mut raw, bridge)
}

/// Opens a connection that sends nothing, from an address of this machine.
fn silent_from(bridge: &Bridge, ip: [u8; 4]) -> Raw {
    Raw::connect_from(bridge.addr(), ip.into())
}

#[test]
fn one_more_displaces_the_oldest() {
    let bridge = bridge(&[]);
    let admin = Admin::of(&bridge);
    let mut held = silent(&bridge, MOST);
    wait_in_progress(&admin, MOST);
    for count in 1..=3 {
        held.extend(silent(&bridge, 1));
        let mut oldest = held.remove(0);
        let answer = oldest.answer();
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("2"));
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(oldest.rest(), b"");
        assert_eq!(admin.failed_handshakes("full"), count);
        wait_in_progress(&admin, MOST);
    }
    assert!(serves(&bridge));
    assert_eq!(held.remove(0).answer().status, 503);
    wait_in_progress(&admin, MOST - 1);
    // A connection with half of a request is answered, too.
    held[0].send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n");
    held.extend(silent(&bridge, 2));
    assert_eq!(held.remove(0).answer().status, 503);
    drop(held);
    wait_in_progress(&admin, 0);
}

/// Silent connections from one address, opened before and after those of other clients.
#[test]
fn a_client_that_floods_displaces_itself_alone() {
    let bridge = bridge(&["server.max_handshakes=64"]);
    let admin = Admin::of(&bridge);
    let mut flood: Vec<Raw> = (0..200)
        .map(|_| silent_from(&bridge, [127, 9, 9, 9]))
        .collect();
    wait_in_progress(&admin, 64);
    let mut others: Vec<Raw> = (1..=20)
        .map(|n| silent_from(&bridge, [127, 1, 1, n]))
        .collect();
    flood.extend((0..500).map(|_| silent_from(&bridge, [127, 9, 9, 9])));
    assert!(serves(&bridge));
    assert_eq!(health_from(&bridge, [127, 2, 2, 2]), 200);
    assert_eq!(health_from(&bridge, [127, 9, 9, 9]), 200);
    for slow in &mut others {
        assert!(!slow.has_arrived(), "displaced by another's flood");
        assert_eq!(ask_health(slow, &bridge), 200);
    }
    // The last ones of the flood have the rest.
    let alive = flood.iter().filter(|raw| !raw.has_arrived()).count();
    assert!((40..=64).contains(&alive), "{alive}");
}

/// However many addresses: a new connection is served, and the oldest is closed.
#[test]
fn a_flood_from_many_addresses_does_not_keep_others_out() {
    let bridge = bridge(&["server.max_handshakes=32"]);
    let admin = Admin::of(&bridge);
    assert_eq!(health_from(&bridge, [127, 2, 2, 2]), 200);
    let mut flood = Vec::new();
    for round in 0..4 {
        flood.extend((0..100).map(|n| silent_from(&bridge, [127, 5, round, n])));
        assert!(serves(&bridge));
        assert_eq!(health_from(&bridge, [127, 2, 2, 2]), 200);
        assert_eq!(health_from(&bridge, [127, 3, round, 1]), 200);
    }
    // A client that is known to ask for health keeps its slot.
    flood.extend((0..32).map(|n| silent_from(&bridge, [127, 7, 0, n])));
    wait_in_progress(&admin, 32);
    let mut prober = silent_from(&bridge, [127, 2, 2, 2]);
    wait_in_progress(&admin, 33);
    flood.extend((0..200).map(|n| silent_from(&bridge, [127, 6, 0, n])));
    wait_until("400 displaced", || admin.failed_handshakes("full") >= 400);
    assert_eq!(ask_health(&mut prober, &bridge), 200);
}

/// Before its header, a proxy's connection counts as a client of its own; afterwards, as the named
/// client's.
#[test]
fn clients_behind_a_proxy_are_bounded_separately() {
    let bridge = bridge(&["server.proxy_protocol=127.0.0.1:0"]);
    let admin = Admin::of(&bridge);
    let of = |client: &str, said: &str| {
        let mut raw = Raw::connect(bridge.addr());
        raw.send(format!("PROXY TCP4 {client} 127.0.0.1 50000 443\r\n{said}").as_bytes());
        raw
    };
    let health = health(&bridge);
    let mut honest = of("192.0.2.1", "");
    let mut flood = Vec::new();
    for _ in 0..40 {
        flood.push(of("192.0.2.9", ""));
        // Once this is answered, the header sent before it has been read.
        assert_eq!(of("192.0.2.50", &health).answer().status, 200);
    }
    assert!(admin.failed_handshakes("full") >= 30);
    assert!(
        !honest.has_arrived(),
        "displaced by another client of the proxy"
    );
    assert_eq!(ask_health(&mut honest, &bridge), 200);
    drop(flood);
    wait_in_progress(&admin, 0);
    // Those without a header count one each, and the oldest of them goes.
    let mut silent = silent(&bridge, 9);
    wait_until("the oldest of all", || silent[0].has_arrived());
    assert_eq!(silent[0].rest(), b"");
    wait_in_progress(&admin, 8);
}

/// Once a proxy has checked the health, its connections have reserved slots until they name a
/// client.
#[test]
fn clients_of_a_proxy_do_not_displace_its_own_checks() {
    let bridge = bridge(&["server.proxy_protocol=127.0.0.1:0"]);
    let health = health(&bridge);
    let of = |header: &str, said: &str| {
        let mut raw = Raw::connect(bridge.addr());
        raw.send(format!("PROXY {header}\r\n{said}").as_bytes());
        raw
    };
    let named = |client: &str, said: &str| of(&format!("TCP4 {client} 127.0.0.1 50000 443"), said);
    let mut clients = Vec::new();
    let mut connect = |n: u8| {
        clients.push(named(&format!("192.0.2.{n}"), ""));
        // Once this is answered, the header sent before it has been read.
        assert_eq!(named("192.0.2.50", &health).answer().status, 200);
    };
    assert_eq!(of("UNKNOWN", &health).answer().status, 200);
    // As many as it has reserved slots.
    (1..=2).for_each(&mut connect);
    let mut check = of("UNKNOWN", "");
    (3..=20).for_each(&mut connect);
    assert!(!check.has_arrived(), "displaced by a client");
    assert_eq!(ask_health(&mut check, &bridge), 200);
}

/// A trusted proxy connects for many clients. What it has not sent a request on counts as a client
/// of its own.
#[test]
fn a_trusted_proxy_is_not_one_client() {
    let bridge = bridge(&["server.trusted_proxies=127.0.0.1"]);
    let admin = Admin::of(&bridge);
    let proxied = silent(&bridge, 6);
    let one = [
        silent_from(&bridge, [127, 4, 4, 4]),
        silent_from(&bridge, [127, 4, 4, 4]),
    ];
    wait_in_progress(&admin, 8);
    let _newcomer = silent_from(&bridge, [127, 4, 4, 5]);
    wait_until("the oldest of one client", || one[0].has_arrived());
    assert!(proxied.iter().all(|raw| !raw.has_arrived()));
    assert!(!one[1].has_arrived());
}

/// Sessions hold no handshake slot.
#[test]
fn every_end_of_a_handshake_returns_its_slot() {
    let fixture = Fixture::new(&["server.max_handshakes=1", "server.upgrade_timeout=5s"]);
    let admin = Admin::of(&fixture.bridge);
    let mut sessions = Vec::new();
    for _ in 0..2 {
        wait_in_progress(&admin, 0);
        sessions.push(fixture.ready());
        wait_in_progress(&admin, 0);
        // A request that is no upgrade, a malformed one, none at all, and one that is aborted.
        let host = fixture.bridge.addr();
        for said in [
            format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            "nonsense\r\n\r\n".to_owned(),
            String::new(),
        ] {
            let mut raw = Raw::connect(fixture.bridge.addr());
            raw.send(said.as_bytes());
            raw.rest();
            wait_in_progress(&admin, 0);
        }
        let cut = Raw::connect(fixture.bridge.addr());
        wait_in_progress(&admin, 1);
        drop(cut);
        wait_in_progress(&admin, 0);
    }
    assert_eq!(admin.failed_handshakes("timeout"), 2);
}

#[test]
fn with_tls_the_oldest_connection_is_closed() {
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
    let latest = Raw::connect(bridge.addr());
    assert_eq!(held[0].rest(), b"");
    assert_eq!(admin.failed_handshakes("full"), 1);
    // A session of TLS needs no more than any other new connection.
    Client::connect(bridge.addr(), "/ws/127.0.0.1/1", &options).wait_type("hello");
    assert_eq!(held[1].rest(), b"");
    drop((held, latest));
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
    write(4);
    let path = file.display().to_string();
    let bridge = Bridge::start(&["--shards", "1", "--config", &path], &[]);
    let admin = Admin::of(&bridge);
    let mut held = silent(&bridge, 4);
    wait_in_progress(&admin, 4);
    write(2);
    assert_eq!(admin.post("/api/v1/reload").status, 200);
    assert_eq!(in_progress(&admin), 4, "those in progress stay");
    held.extend(silent(&bridge, 1));
    for gone in &mut held[..3] {
        assert_eq!(gone.answer().status, 503);
    }
    wait_in_progress(&admin, 2);
    write(3);
    assert_eq!(admin.post("/api/v1/reload").status, 200);
    held.extend(silent(&bridge, 1));
    wait_in_progress(&admin, 3);
    assert!(!held[3].has_arrived());
}
