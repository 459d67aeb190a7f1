//! Progress notices on request: the stages, and the round-trip time to the SSH server.

use super::common::{
    Client, DEADLINE, Event, Fixture, HostileServer, Login, Script, ScriptedSsh, SshScript,
    fixture, serve_in_front_of,
};
use serde_json::{Value, json};
use std::io::Write;
use std::time::{Duration, Instant};

/// Reads all messages up to the first that is no `stage`; returns the stages and that message.
fn stages(client: &mut Client) -> (Vec<String>, Value) {
    let mut stages = Vec::new();
    loop {
        match client.recv() {
            Event::Json(message) if message["kind"] == "stage" => {
                assert_eq!(message["type"], "notice");
                assert_eq!(message.as_object().unwrap().len(), 3, "{message}");
                stages.push(message["stage"].as_str().unwrap().to_owned());
            }
            Event::Json(message) => return (stages, message),
            other => panic!("{other:?} after {stages:?}"),
        }
    }
}

#[test]
fn each_stage_is_reported_once_as_it_begins() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.auth(&json!({ "username": "u", "progress": true }));
    let (reported, ready) = stages(&mut client);
    assert_eq!(
        reported,
        ["resolve", "connect", "handshake", "login", "shell"]
    );
    assert_eq!(ready["type"], "ready");
}

#[test]
fn stages_are_not_reported_without_a_request() {
    let fixture = Fixture::new(&[]);
    for fields in [
        json!({ "username": "u" }),
        json!({ "username": "u", "progress": false }),
        json!({ "username": "u", "progress": null }),
    ] {
        let (reported, ready) = stages(&mut fixture.auth(&fields));
        assert!(reported.is_empty(), "{reported:?}");
        assert_eq!(ready["type"], "ready");
    }
    let mut client = fixture.auth(&json!({ "username": "u", "progress": "yes" }));
    super::assert_bad(&mut client, "progress of another type");
}

/// The server sends nothing.
#[test]
fn a_stage_that_waits_is_reported_before_it_ends() {
    let silent = HostileServer::start(Script::Silent);
    let bridge = fixture::bridge_to(&[silent.addr()], &[]);
    let fields = json!({ "username": "u", "progress": true });
    let mut client = fixture::auth_at(&bridge, silent.addr(), &fields);
    for stage in ["resolve", "connect", "handshake"] {
        let notice = json!({ "type": "notice", "kind": "stage", "stage": stage });
        assert_eq!(client.recv(), Event::Json(notice));
    }
    client.send_json(&json!({ "type": "ping", "data": "alive" }));
    assert_eq!(
        client.recv(),
        Event::Json(json!({ "type": "pong", "data": "alive" }))
    );
}

#[test]
fn a_question_about_the_host_key_is_a_stage() {
    let fixture = Fixture::new(&["ssh.host_key_policy=ask"]);
    let mut client = fixture.auth(&json!({ "username": "u", "progress": true }));
    let (reported, question) = stages(&mut client);
    assert_eq!(reported, ["resolve", "connect", "handshake", "host_key"]);
    assert_eq!(
        (&question["type"], &question["known"]),
        (&"host_key".into(), &"new".into())
    );
    client.answer_host_key(&question, true);
    let (reported, _) = stages(&mut client);
    assert_eq!(reported, ["login", "shell"]);
}

/// Stages before the login reveal what is at a target; a login reveals that it was reached anyway.
#[test]
fn uniform_errors_hide_the_stages_before_the_login() {
    let script = SshScript::login(Login::Password("right"));
    let fixture = Fixture::with(script, &["targets.uniform_errors=true"]);
    let fields = json!({ "username": "u", "password": "right", "progress": true });
    let (reported, ready) = stages(&mut fixture.auth(&fields));
    assert_eq!(reported, ["login", "shell"]);
    assert_eq!(ready["type"], "ready");
}

/// Pings until a `pong` reports the round trip of the SSH side.
fn measured(client: &mut Client) -> f64 {
    let until = Instant::now() + DEADLINE;
    loop {
        assert!(Instant::now() < until, "no round trip was reported");
        client.send_json(&json!({ "type": "ping", "data": "p" }));
        let pong = client.wait_type("pong");
        assert_eq!(pong["data"], "p");
        match &pong["ssh_ms"] {
            Value::Null => {}
            round_trip => return round_trip.as_f64().unwrap(),
        }
    }
}

#[test]
fn a_pong_reports_the_round_trip_to_the_ssh_server() {
    for (keepalive, fields) in [
        ("200ms", json!({ "username": "u" })),
        ("1h", json!({ "username": "u", "progress": true })),
    ] {
        let fixture = Fixture::new(&[&format!("ssh.keepalive_interval={keepalive}")]);
        let mut client = fixture.ready_with(&fields);
        let round_trip = measured(&mut client);
        assert!(
            (0.0..DEADLINE.as_secs_f64() * 1000.0).contains(&round_trip),
            "{round_trip}"
        );
        // Once measured, every pong reports it.
        client.send_json(&json!({ "type": "ping" }));
        assert!(client.wait_type("pong")["ssh_ms"].is_number());
    }
}

/// Delay of everything that the server sends.
const DELAY: Duration = Duration::from_millis(60);

/// Measured at `ready`, for a client that asks for progress.
#[test]
fn the_round_trip_includes_the_delay_of_the_link() {
    let ssh = ScriptedSsh::start(SshScript::default());
    let link = serve_in_front_of(ssh.addr(), |mut client| {
        move |bytes| {
            std::thread::sleep(DELAY);
            client.write_all(bytes)
        }
    });
    let bridge = fixture::bridge_to(&[link], &["ssh.keepalive_interval=1h"]);
    let fields = json!({ "username": "u", "progress": true });
    let mut client = fixture::auth_at(&bridge, link, &fields);
    client.wait_type("ready");
    let round_trip = measured(&mut client);
    assert!(round_trip >= DELAY.as_secs_f64() * 1000.0, "{round_trip}");
}
