//! `max_connections` and `max_connections_per_host`: 1013 after `auth`, and slots that are
//! returned.

use super::assert_fails;
use super::common::fixture::{auth_at, bridge_to};
use super::common::{
    Client, DEADLINE, Event, Fixture, Login, Options, Received, ScriptedSsh, SshScript, poll,
};
use serde_json::json;

fn assert_limited(client: &mut Client, code: &str) {
    let error = assert_fails(client, 1013, code);
    assert_eq!(
        (&error["code"], &error["retryable"]),
        (&code.into(), &true.into())
    );
}

/// Waits until a session is admitted again.
fn wait_for_slot(connect: impl Fn() -> Client) -> Client {
    poll(DEADLINE, || {
        let mut client = connect();
        match client.recv() {
            Event::Json(value) if value["type"] == "ready" => Some(client),
            _ => None,
        }
    })
    .expect("the slot was never returned")
}

#[test]
fn a_target_admits_its_limit_and_each_end_returns_a_slot() {
    let fixture = Fixture::new(&["limits.max_connections_per_host=2"]);
    let auth = || fixture.auth(&json!({ "username": "u" }));
    let mut first = fixture.ready();
    let second = fixture.ready();
    assert_limited(&mut auth(), "target-limit");
    // By an orderly close, by vanishing, and by the end of the process.
    first.send_json(&json!({ "type": "close" }));
    assert_eq!(first.until_close().0, 1000);
    let _third = wait_for_slot(auth);
    assert_limited(&mut auth(), "target-limit");
    drop(second);
    let mut fourth = wait_for_slot(auth);
    assert_limited(&mut auth(), "target-limit");
    fixture.ssh.exit(0);
    assert_eq!(fourth.until_close(), (1000, "exit=0".to_owned()));
    let _fifth = wait_for_slot(auth);
    assert_limited(&mut auth(), "target-limit");
}

/// Quotas are of addresses: no spelling of one escapes what it has used up.
#[test]
fn every_spelling_of_a_target_shares_its_quota() {
    let localhost = |port| format!("localhost:{port}");
    let ssh = ScriptedSsh::start(SshScript::default());
    let port = ssh.addr().port();
    let allow = format!("targets.allow={},{}", ssh.addr(), localhost(port));
    let settings = [allow.as_str(), "limits.max_connections_per_host=1"];
    let bridge = bridge_to(&[ssh.addr()], &settings);
    let auth = |host: &str| {
        let path = format!("/ws/{host}/{port}");
        let mut client = Client::connect(bridge.addr(), &path, &Options::v1());
        client.auth_v1(&json!({ "username": "u" }));
        client
    };
    const SPELLINGS: [&str; 5] = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ];
    // Nothing answers there on this machine, but they lead to the same.
    const TRANSLATED: [&str; 5] = [
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    ];
    for holder in SPELLINGS {
        let mut held = wait_for_slot(|| auth(holder));
        for other in SPELLINGS.into_iter().chain(TRANSLATED) {
            assert_limited(&mut auth(other), "target-limit");
        }
        held.send_json(&json!({ "type": "close" }));
        assert_eq!(held.until_close().0, 1000, "{holder}");
    }
}

#[test]
fn all_targets_together_admit_the_global_limit() {
    let targets: Vec<ScriptedSsh> = (0..3)
        .map(|_| ScriptedSsh::start(SshScript::default()))
        .collect();
    let addrs: Vec<_> = targets.iter().map(ScriptedSsh::addr).collect();
    let settings = [
        "limits.max_connections=2",
        "limits.max_connections_per_host=2",
    ];
    let bridge = bridge_to(&addrs, &settings);
    let auth = |index: usize| auth_at(&bridge, addrs[index], &json!({ "username": "u" }));
    let mut held: Vec<Client> = [auth(0), auth(1)].into();
    for client in &mut held {
        client.wait_type("ready");
    }
    assert_limited(&mut auth(2), "limit");
    assert!(!targets[2].received().contains(&Received::Connected));
    held.pop();
    let _third = wait_for_slot(|| auth(2));
}

/// A slot is taken before the target is connected to, and returned if the login fails.
#[test]
fn failed_and_abandoned_logins_hold_no_slot() {
    let limit = "limits.max_connections_per_host=1";
    let fixture = Fixture::with(SshScript::login(Login::Password("right")), &[limit]);
    for _ in 0..3 {
        poll(DEADLINE, || {
            let mut client = fixture.auth(&json!({ "username": "u", "password": "wrong" }));
            (client.until_close().0 == 4401).then_some(())
        })
        .expect("the slot of a failed login was never returned");
    }
    let silent = Fixture::with(SshScript::login(Login::Silent), &[limit]);
    for _ in 0..3 {
        let before = silent.ssh.count(&Received::Connected);
        let client = poll(DEADLINE, || {
            let client = silent.auth(&json!({ "username": "u" }));
            poll(std::time::Duration::from_millis(500), || {
                (silent.ssh.count(&Received::Connected) > before).then_some(())
            })
            .map(|()| client)
        });
        assert!(
            client.is_some(),
            "the slot of an abandoned login was never returned"
        );
    }
}

/// However many log in at once, no more are admitted.
#[test]
fn concurrent_logins_do_not_exceed_a_limit() {
    let fixture = Fixture::new(&["limits.max_connections_per_host=5"]);
    let mut crowd: Vec<Client> = (0..20).map(|_| fixture.v1()).collect();
    for client in &mut crowd {
        client.wait_type("hello");
    }
    for client in &mut crowd {
        client.send_json(&json!({ "type": "auth", "username": "u" }));
    }
    let mut ready = 0;
    for client in &mut crowd {
        match client.recv() {
            Event::Json(value) if value["type"] == "ready" => ready += 1,
            Event::Json(value) => assert_eq!(value["code"], "target-limit", "{value}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ready, 5);
}
