//! Addresses of the public port, and those that are refused.

use crate::common::fixture::ready_at;
use crate::common::{Bridge, DEADLINE, Fixture, run_line, words};
use crate::fixture::{fixture, get};
use rustix::process::Signal;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

const OPEN: &str = "--set server.allow_plaintext=true";

/// Checks a session through this address.
fn serves(fixture: &Fixture, addr: SocketAddr) {
    assert_eq!(get(addr, "/readyz").status, 200);
    let mut client = ready_at(addr, fixture.ssh.addr());
    fixture.ssh.output(b"here I am");
    client.output_until("here I am");
}

fn at(ip: impl Into<IpAddr>, addr: SocketAddr) -> SocketAddr {
    (ip.into(), addr.port()).into()
}

/// Counts listening IPv4 sockets on this port.
fn sockets_on(bridge: &Bridge, port: u16) -> usize {
    let table = fs::read_to_string(format!("/proc/{}/net/tcp", bridge.pid())).unwrap();
    let port = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(words);
    // 0A is LISTEN.
    rows.filter(|row| row[1].ends_with(&port) && row[3] == "0A")
        .count()
}

#[test]
fn the_ipv6_wildcard_serves_ipv4_and_ipv6() {
    let fixture = fixture(&format!("--listen [::]:0 {OPEN}"));
    let addr = fixture.bridge.addr();
    serves(&fixture, at(Ipv4Addr::LOCALHOST, addr));
    serves(&fixture, at(Ipv6Addr::LOCALHOST, addr));
}

#[test]
fn several_addresses_are_served_at_once() {
    let fixture = fixture("--listen 127.0.0.1:0 --listen [::1]:0 --listen 127.0.0.2:0");
    let addrs = fixture.bridge.addrs();
    let ips: Vec<String> = addrs.iter().map(|addr| addr.ip().to_string()).collect();
    assert_eq!(ips, ["127.0.0.1", "::1", "127.0.0.2"]);
    for addr in addrs {
        serves(&fixture, *addr);
    }
}

/// Both wildcards on one port: neither takes the other's clients.
#[test]
fn both_wildcards_share_a_port() {
    let port = quiet_port();
    let both = format!("--listen [::]:{port} --listen 0.0.0.0:{port}");
    let fixture = fixture(&format!("{both} {OPEN}"));
    serves(&fixture, (Ipv4Addr::LOCALHOST, port).into());
    serves(&fixture, (Ipv6Addr::LOCALHOST, port).into());
}

/// Returns a free port outside the range of ephemeral ports.
fn quiet_port() -> u16 {
    let start = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let free = |port: &u16| TcpListener::bind((Ipv6Addr::UNSPECIFIED, *port)).is_ok();
    (start..start + 1000).find(free).expect("a free port")
}

#[test]
fn port_0_is_one_port_for_all_shards() {
    let fixture = fixture("--shards 2");
    let port = fixture.bridge.addr().port();
    assert_ne!(port, 0);
    assert_eq!(fixture.bridge.stdout().matches("listening on").count(), 1);
    assert_eq!(sockets_on(&fixture.bridge, port), 2);
    (0..8).for_each(|_| serves(&fixture, fixture.bridge.addr()));
}

/// Two bridges on one port would share its clients without an error.
#[test]
fn a_port_of_another_bridge_is_in_use() {
    for shards in [1, 2] {
        let fixture = fixture(&format!("--shards {shards}"));
        let addr = fixture.bridge.addr();
        let refused = run_line(&format!("serve --listen {addr} --allow 127.0.0.1:22"));
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let wanted = format!("server.listen: cannot listen on {addr}: Address already in use");
        assert!(refused.stderr.contains(&wanted), "{refused:?}");
        assert!(!refused.stdout.contains("listening"), "{refused:?}");
        serves(&fixture, addr);
    }
}

/// Connections of the last run are still in TIME_WAIT.
#[test]
fn a_port_can_be_bound_again_at_once() {
    let mut first = fixture("--drain-timeout 1ms");
    let addr = first.bridge.addr();
    let mut client = first.ready();
    first.bridge.signal(Signal::TERM);
    assert_eq!(client.until_close().0, 1001);
    assert_eq!(first.bridge.wait_exit(DEADLINE).code(), Some(0));
    let again = fixture(&format!("--listen {addr}"));
    assert_eq!(again.bridge.addr(), addr);
    serves(&again, addr);
}
