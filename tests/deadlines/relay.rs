//! Clients that take no output, once the shell runs.

use crate::common::{Bridge, Client, KeyPair, Sshd};
use crate::crowd::{all_end_with, bridge, leaves_nothing, logging_in, path};
use serde_json::{Value, json};

/// A server, a bridge to it with this setting, and the login of a session that floods its client.
fn flooded(setting: &str) -> (Sshd, Bridge, Value) {
    let sshd = Sshd::start();
    let key = KeyPair::generate(&["-t", "ed25519"], "");
    sshd.authorise(&key);
    let login = json!({
        "username": "sshard-test",
        "private_key": key.private_pem(),
        "command": "yes",
    });
    let bridge = bridge(&sshd.addr().to_string(), &[setting], &[]);
    (sshd, bridge, login)
}

fn expect_held_too_long(client: &mut Client) {
    let error = client.wait_type("error");
    assert_eq!(error["code"], "held-too-long", "{error}");
    assert_eq!(client.until_close().0, 4513);
}

#[test]
fn a_client_that_stops_reading_ends_at_the_stall_timeout() {
    let (sshd, bridge, login) = flooded("websocket.stall_timeout=500ms");
    let mut ended = 0;
    leaves_nothing(&bridge, |count| {
        let mut clients = logging_in(&bridge, &path(sshd.addr()), &login, count);
        for client in &mut clients {
            client.wait_type("ready");
        }
        // No client reads. The clients live on until every session has ended.
        ended += count;
        bridge.wait_stderr_count("reason=\"stalled\"", ended);
    });
}

#[test]
fn a_client_that_holds_ends_at_the_hold_timeout() {
    let (sshd, bridge, login) = flooded("session.hold_timeout=500ms");
    leaves_nothing(&bridge, |count| {
        let mut clients = logging_in(&bridge, &path(sshd.addr()), &login, count);
        for client in &mut clients {
            client.wait_type("ready");
            client.send_json(&json!({ "type": "hold" }));
        }
        clients.iter_mut().for_each(expect_held_too_long);
    });
}

/// `flow_window` without acks is a hold by other means.
#[test]
fn a_client_that_acknowledges_nothing_ends_at_the_hold_timeout() {
    let (sshd, bridge, mut login) = flooded("session.hold_timeout=500ms");
    login["flow_window"] = 4096.into();
    all_end_with(&bridge, &path(sshd.addr()), &login, |client| {
        expect_held_too_long(client);
        assert_eq!(client.output.len(), 4096);
    });
}
