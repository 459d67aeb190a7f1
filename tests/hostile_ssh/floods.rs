//! Each way to misbehave: the end of the session, the time until it, and the memory.

use crate::common::fixture::{auth_at, bridge_to};
use crate::common::{Bridge, Client, DEADLINE, Event, Program};
use serde_json::{Value, json};
use std::time::Instant;

/// Sessions at once where memory is measured, and the most that each may use beyond an honest one:
/// russh keeps a packet of 256 KiB.
const CROWD: u64 = 30;
const EXTRA: u64 = 320 * 1024;
/// Most memory that the bridge as a whole may use beyond that, for any number of sessions.
const SLACK: u64 = 4 * 1024 * 1024;

fn connect(bridge: &Bridge, ssh: &Program, mode: &str) -> Client {
    let fields = json!({ "username": mode, "password": "p" });
    auth_at(bridge, ssh.addr(), &fields)
}

/// Reads to the end, answers what is asked on the way, and returns the error and close code.
fn outcome(client: &mut Client) -> (Value, u16) {
    let mut error = Value::Null;
    loop {
        match client.recv() {
            Event::Json(message) if message["type"] == "error" => error = message,
            Event::Json(message) if message["type"] == "prompt" => {
                let asked = message["prompts"].as_array().unwrap().len();
                client.answer(&message, &vec!["x"; asked]);
            }
            Event::Json(_) | Event::Output(_) => {}
            Event::Close(code, _) => return (error, code),
            Event::Reset => panic!("reset after {error}"),
        }
    }
}

const TOO_MANY: &str = "too many messages";

/// Mode, and part of the violation's text.
const TABLE: &[(&str, &str)] = &[
    ("banners", "64 KiB of banners"),
    ("empty_banners", TOO_MANY),
    ("global_requests", TOO_MANY),
    ("keepalives", TOO_MANY),
    ("host_key_announcements", TOO_MANY),
    ("ignores", TOO_MANY),
    ("empty_ignores", TOO_MANY),
    ("debugs", TOO_MANY),
    ("unimplementeds", TOO_MANY),
    ("unknown_messages", TOO_MANY),
    ("channel_opens", TOO_MANY),
    ("unknown_channel_opens", TOO_MANY),
    ("channel_requests", TOO_MANY),
    ("data_for_nobody", TOO_MANY),
    ("empty_data", TOO_MANY),
    ("window_adjusts", TOO_MANY),
    ("successes", TOO_MANY),
    ("exit_statuses", TOO_MANY),
    ("exit_signals", TOO_MANY),
    ("rekeys", "new keys too often"),
    ("large_data", "more data in a packet"),
    ("largest_packets", TOO_MANY),
    ("large_packets", "packet above 256 KiB"),
    ("data_after_eof", "after the end of its data"),
    ("rounds", "32 rounds of questions"),
    ("many_prompts", "32 questions at once"),
    ("long_prompts", "questions of more than 64 KiB"),
];

#[test]
fn every_violation_ends_the_session_soon_and_is_reported() {
    let ssh = crate::asyncssh(&[]);
    let mut wrong = Vec::new();
    for (mode, words) in TABLE {
        let bridge = bridge_to(&[ssh.addr()], &[]);
        let start = Instant::now();
        let (error, code) = outcome(&mut connect(&bridge, &ssh, mode));
        let took = start.elapsed();
        let told = error["message"].as_str().unwrap_or_default();
        let right = error["code"] == "server-misbehaved" && told.contains(words) && code == 4503;
        if !right || took > DEADLINE {
            wrong.push(format!("{mode}: {code} {error} after {took:?}"));
            continue;
        }
        bridge.wait_stderr(words, DEADLINE);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Returns the peak memory of all sessions of a crowd together.
fn peak(ssh: &Program, mode: &str) -> u64 {
    let settings = ["limits.max_connections_per_host=1000"];
    let bridge = bridge_to(&[ssh.addr()], &settings);
    // The first session's own allocations are not to count.
    drop(connect(&bridge, ssh, mode).recv());
    bridge.reset_peak_memory();
    let before = bridge.peak_memory();
    let mut clients: Vec<Client> = (0..CROWD).map(|_| connect(&bridge, ssh, mode)).collect();
    for client in &mut clients {
        if mode == "honest" {
            client.wait_type("ready");
        } else {
            outcome(client);
        }
    }
    bridge.peak_memory().saturating_sub(before)
}

#[test]
fn no_flood_uses_more_memory_than_the_bound_of_a_session() {
    let ssh = crate::asyncssh(&[]);
    let honest = peak(&ssh, "honest");
    for mode in [
        "banners",
        "global_requests",
        "ignores",
        "unknown_channel_opens",
        "data_for_nobody",
        "exit_signals",
        "largest_packets",
        "large_packets",
        "rekeys",
        "many_prompts",
        "long_prompts",
    ] {
        let hostile = peak(&ssh, mode);
        let extra = hostile.saturating_sub(honest);
        eprintln!(
            "{mode}: {} KiB a session more than an honest one",
            extra / CROWD / 1024
        );
        assert!(
            extra <= CROWD * EXTRA + SLACK,
            "{mode}: {extra} bytes more than honest sessions, {honest}"
        );
    }
}

/// russh keeps the names of extensions as long as the session lives, in about 1.8 MiB for a message
/// of 256 KiB, so their number is bounded. The first is AsyncSSH's own.
#[test]
fn a_third_message_of_extensions_ends_the_session() {
    let ssh = crate::asyncssh(&[]);
    let bridge = bridge_to(&[ssh.addr()], &[]);
    let mut client = connect(&bridge, &ssh, "extension_info");
    client.wait_type("ready");
    let (error, code) = outcome(&mut connect(&bridge, &ssh, "extension_infos"));
    assert_eq!(error["code"], "connection-lost", "{error}");
    assert_eq!(code, 4503);
}

#[test]
fn compression_is_not_negotiated() {
    let ssh = crate::asyncssh(&["compression"]);
    let bridge = bridge_to(&[ssh.addr()], &[]);
    let (error, code) = outcome(&mut connect(&bridge, &ssh, "honest"));
    assert_eq!(error["code"], "no-common-algorithm", "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains(
            "compression: the bridge offers none; the target offers zlib@openssh.com,zlib"
        ),
        "{message}"
    );
    assert_eq!(code, 4502);
}
