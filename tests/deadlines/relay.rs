//! Clients that take no output, once the shell runs.

use crate::common::{KeyPair, Sshd};
use crate::crowd::{bridge, leaves_nothing, logging_in, path};
use serde_json::{Value, json};

fn flooded(sshd: &Sshd) -> Value {
    let key = KeyPair::generate(&["-t", "ed25519"], "");
    sshd.authorise(&key);
    json!({
        "username": "sshard-test",
        "private_key": key.private_pem(),
        "command": "yes",
    })
}

#[test]
fn a_client_that_stops_reading() {
    let sshd = Sshd::start();
    let login = flooded(&sshd);
    let settings = ["websocket.stall_timeout=500ms"];
    let bridge = bridge(&sshd.addr().to_string(), &settings, &[]);
    let mut ended = 0;
    leaves_nothing(&bridge, |count| {
        let mut clients = logging_in(&bridge, &path(sshd.addr()), &login, count);
        for client in &mut clients {
            client.wait_type("ready");
        }
        // Nobody reads. The clients live on until every session has ended.
        ended += count;
        bridge.wait_stderr_count("reason=\"stalled\"", ended);
    });
}

#[test]
fn a_client_that_holds() {
    let sshd = Sshd::start();
    let login = flooded(&sshd);
    let settings = ["session.hold_timeout=500ms"];
    let bridge = bridge(&sshd.addr().to_string(), &settings, &[]);
    leaves_nothing(&bridge, |count| {
        let mut clients = logging_in(&bridge, &path(sshd.addr()), &login, count);
        for client in &mut clients {
            client.wait_type("ready");
            client.send_json(&json!({ "type": "hold" }));
        }
        for client in &mut clients {
            let error = client.wait_type("error");
            assert_eq!(error["code"], "held-too-long", "{error}");
            assert_eq!(client.until_close().0, 4513);
        }
    });
}

/// `flow_window` without acks is a hold by other means.
#[test]
fn a_client_that_acknowledges_nothing() {
    let sshd = Sshd::start();
    let mut login = flooded(&sshd);
    login["flow_window"] = 4096.into();
    let settings = ["session.hold_timeout=500ms"];
    let bridge = bridge(&sshd.addr().to_string(), &settings, &[]);
    leaves_nothing(&bridge, |count| {
        let mut clients = logging_in(&bridge, &path(sshd.addr()), &login, count);
        for client in &mut clients {
            assert_eq!(client.wait_type("error")["code"], "held-too-long");
            assert_eq!(client.until_close().0, 4513);
            assert_eq!(client.output.len(), 4096);
        }
    });
}
