//! The deadline of a drain: remaining sessions are closed, and cannot delay the end.

use crate::common::fixture::path_to;
use crate::common::{Bridge, Client, DEADLINE, HostileServer, Options, Received, Script};
use crate::fixture::{compatible_shell, fixture};
use rustix::process::Signal;
use serde_json::json;

/// Drain timeout, long enough for a client to connect in it.
const SOON: &str = "--drain-timeout 700ms --shards 2";

/// Checks that the process ends with 0 and aborts no session: each has closed by its own timer.
fn ends(bridge: &mut Bridge) {
    assert_eq!(bridge.wait_exit(DEADLINE).code(), Some(0));
    let log = bridge.whole_stderr();
    assert!(log.contains("all sessions have ended"), "{log}");
    assert!(!log.contains("aborting sessions"), "{log}");
}

#[test]
fn sessions_left_at_the_deadline_are_closed_with_1001() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut fixture = fixture(SOON);
        let mut v1: Vec<Client> = (0..4).map(|_| fixture.ready()).collect();
        let mut compatible = compatible_shell(&fixture, 5);
        let mut unborn = fixture.v1();
        unborn.wait_type("hello");
        fixture.bridge.signal(signal);
        let relaying = v1.iter_mut().map(|client| (client, "relay"));
        for (client, stage) in relaying.chain([(&mut unborn, "auth")]) {
            let notice = client.wait_type("notice");
            let left = notice["deadline_ms"].as_u64().unwrap();
            assert!(left <= 700, "{notice}");
            let error = client.wait_type("error");
            assert_eq!(error["code"], "drain", "{error}");
            assert_eq!(error["stage"], stage, "{error}");
            assert_eq!(client.until_close().0, 1001);
        }
        assert_eq!(compatible.until_close().0, 1001);
        ends(&mut fixture.bridge);
        fixture.ssh.wait_count(&Received::Gone, 5);
    }
}

#[test]
fn a_session_without_a_shell_is_closed_with_1001() {
    let target = HostileServer::start(Script::Silent);
    let mut bridge = Bridge::serve(&format!("{SOON} --allow {}", target.addr()));
    let path = path_to(target.addr());
    let mut client = Client::connect(bridge.addr(), &path, &Options::v1());
    client.auth_v1(&json!({ "username": "u" }));
    target.wait_open(1);
    bridge.signal(Signal::TERM);
    let error = client.wait_type("error");
    assert_eq!(error["code"], "drain", "{error}");
    assert_eq!(error["stage"], "handshake", "{error}");
    assert_eq!(client.until_close().0, 1001);
    ends(&mut bridge);
    target.wait_open(0);
}

/// The socket is full and stays full: there is no room for a close frame.
#[test]
fn a_client_that_reads_nothing_does_not_delay_the_end() {
    let mut fixture = fixture(SOON);
    let small = Options::v1().receive_buffer(4096);
    let mut stalled = Client::connect(fixture.bridge.addr(), &fixture.path(), &small);
    stalled.auth_v1(&json!({ "username": "u" }));
    stalled.wait_type("ready");
    // More than all buffers on the way take; the SSH window holds the rest back.
    fixture.ssh.output(&vec![b'x'; 1024 * 1024]);
    let mut reading = fixture.ready();
    fixture.bridge.signal(Signal::TERM);
    assert_eq!(reading.until_close().0, 1001);
    ends(&mut fixture.bridge);
    drop(stalled);
}

/// The client reads, and never answers the close frame.
#[test]
fn a_client_that_answers_nothing_does_not_delay_the_end() {
    let mut fixture = fixture(SOON);
    let mut silent = fixture.raw();
    silent.send_frame(0x81, br#"{"type":"auth","username":"u"}"#);
    fixture.ssh.wait_received(&Received::Shell);
    fixture.bridge.signal(Signal::TERM);
    assert_eq!(silent.until_close().0, 1001);
    assert_eq!(silent.frame(), None);
    ends(&mut fixture.bridge);
}

/// The SSH server reads nothing more, not even the DISCONNECT.
#[test]
fn a_target_that_reads_nothing_does_not_delay_the_end() {
    let mut fixture = fixture(SOON);
    let mut client = fixture.ready();
    fixture.ssh.pause_input(true);
    client.send_binary(&[b'x'; 32 * 1024]);
    fixture.bridge.signal(Signal::TERM);
    assert_eq!(client.until_close().0, 1001);
    ends(&mut fixture.bridge);
}
