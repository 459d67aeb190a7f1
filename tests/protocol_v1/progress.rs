//! Progress notices on request: the stages, and the round-trip time to the SSH server.

use super::common::{
    Client, DEADLINE, Event, Fixture, HostileServer, Login, Options, Script, ScriptedSsh,
    SshScript, Sshd, fixture,
};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// All messages up to the first that is no `stage`: the stages, and that message.
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
fn each_stage_is_told_once_as_it_begins() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.auth(&json!({ "username": "u", "progress": true }));
    let (told, ready) = stages(&mut client);
    assert_eq!(told, ["resolve", "connect", "handshake", "login", "shell"]);
    assert_eq!(ready["type"], "ready");
}

#[test]
fn who_does_not_ask_is_told_nothing_new() {
    let fixture = Fixture::new(&[]);
    for fields in [
        json!({ "username": "u" }),
        json!({ "username": "u", "progress": false }),
        json!({ "username": "u", "progress": null }),
    ] {
        let (told, ready) = stages(&mut fixture.auth(&fields));
        assert!(told.is_empty(), "{told:?}");
        assert_eq!(ready["type"], "ready");
    }
    let mut client = fixture.auth(&json!({ "username": "u", "progress": "yes" }));
    super::assert_bad(&mut client, "progress of another type");
}

/// The stage comes while it lasts: this server never says a word.
#[test]
fn a_stage_that_waits_is_told_before_it_ends() {
    let silent = HostileServer::start(Script::Silent);
    let bridge = fixture::bridge_to(&[silent.addr()], &[]);
    let path = fixture::path_to(silent.addr());
    let mut client = Client::connect(bridge.addr(), &path, &Options::v1());
    client.auth_v1(&json!({ "username": "u", "progress": true }));
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
    let sshd = Sshd::start();
    let bridge = fixture::bridge_to(&[sshd.addr()], &["ssh.host_key_policy=ask"]);
    let path = fixture::path_to(sshd.addr());
    let mut client = Client::connect(bridge.addr(), &path, &Options::v1());
    client.auth_v1(&json!({ "username": "u", "progress": true }));
    let (told, question) = stages(&mut client);
    assert_eq!(told, ["resolve", "connect", "handshake", "host_key"]);
    assert_eq!(
        (&question["type"], &question["known"]),
        (&"host_key".into(), &"new".into())
    );
    client.send_json(&json!({ "type": "host_key_answer", "id": question["id"], "accept": true }));
    let (told, _) = stages(&mut client);
    assert_eq!(told, ["login"]);
}

/// Stages before the login reveal what is at a target; a login reveals that it was reached anyway.
#[test]
fn uniform_errors_hide_the_way_to_the_target() {
    let script = SshScript::login(Login::Password("right"));
    let fixture = Fixture::with(script, &["targets.uniform_errors=true"]);
    let fields = json!({ "username": "u", "password": "right", "progress": true });
    let (told, ready) = stages(&mut fixture.auth(&fields));
    assert_eq!(told, ["login", "shell"]);
    assert_eq!(ready["type"], "ready");
}

/// Pings until a `pong` tells the round trip of the SSH side.
fn measured(client: &mut Client) -> f64 {
    let until = Instant::now() + DEADLINE;
    loop {
        assert!(Instant::now() < until, "no round trip was told");
        client.send_json(&json!({ "type": "ping", "data": "p" }));
        let pong = client.wait_type("pong");
        assert_eq!(pong["data"], "p");
        match &pong["ssh_ms"] {
            Value::Null => {}
            told => return told.as_f64().unwrap(),
        }
    }
}

#[test]
fn a_pong_tells_the_round_trip_to_the_ssh_server() {
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
        // Once measured, it is told with every pong.
        client.send_json(&json!({ "type": "ping" }));
        assert!(client.wait_type("pong")["ssh_ms"].is_number());
    }
}

/// Delay of [`slow_link`].
const DELAY: Duration = Duration::from_millis(60);

/// A link to `server` on which everything it says takes [`DELAY`] longer; for one connection.
fn slow_link(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (near, _) = listener.accept().unwrap();
        let far = TcpStream::connect(server).unwrap();
        let (mut from_near, mut to_far) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut from_near, &mut to_far));
        let (mut far, mut near) = (far, near);
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = far.read(&mut buffer) {
            thread::sleep(DELAY);
            if near.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
    });
    addr
}

#[test]
fn it_is_measured_at_ready_for_who_asks_and_is_what_the_link_takes() {
    let ssh = ScriptedSsh::start(SshScript::default());
    let link = slow_link(ssh.addr());
    let bridge = fixture::bridge_to(&[link], &["ssh.keepalive_interval=1h"]);
    let mut client = Client::connect(bridge.addr(), &fixture::path_to(link), &Options::v1());
    client.auth_v1(&json!({ "username": "u", "progress": true }));
    client.wait_type("ready");
    let round_trip = measured(&mut client);
    assert!(round_trip >= DELAY.as_secs_f64() * 1000.0, "{round_trip}");
}
