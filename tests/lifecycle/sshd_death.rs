//! `kill -9` of a real sshd under two hundred sessions.

use crate::common::fixture::path_to;
use crate::common::{Admin, Bridge, Client, KeyPair, Options, Sshd, account};
use crate::fixture::MACHINE;
use serde_json::json;
use std::sync::PoisonError;
use std::thread;

const SESSIONS: usize = 200;

/// The end of the socket is enough: no keep-alive is due, and no deadline runs.
#[test]
fn each_client_gets_an_error_when_its_server_dies() {
    let _machine = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let key = KeyPair::generate(&["-t", "ed25519"], "");
    let mut sshd = Sshd::with(&["UsePAM no"]);
    sshd.authorise(&key);
    let bridge = Bridge::serve(&format!(
        "--shards 2 --allow {} --set ssh.host_key_policy=off
         --set limits.max_connections_per_host=1000 --set websocket.ping_interval=600s
         --set ssh.keepalive_interval=1h",
        sshd.addr()
    ));
    let admin = Admin::of(&bridge);
    let auth = json!({
        "username": account().user,
        "private_key": key.private_pem(),
        "command": "exec sleep 1000",
    });
    let clients: Vec<Client> = (0..SESSIONS)
        .map(|_| {
            let mut client = Client::connect(bridge.addr(), &path_to(sshd.addr()), &Options::v1());
            client.auth_v1(&auth);
            client.wait_type("ready");
            client
        })
        .collect();
    assert_eq!(admin.stat("connections"), SESSIONS as u64);

    let waiting: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            thread::spawn(move || {
                let error = client.wait_type("error");
                let close = client.until_close();
                (error, close)
            })
        })
        .collect();
    sshd.kill();
    for client in waiting {
        let (error, (code, reason)) = client.join().unwrap();
        assert_eq!(error["code"], "connection-lost", "{error}");
        assert_eq!(
            (code, reason.as_str()),
            (4503, "the SSH connection was lost")
        );
    }
    admin.wait_empty();
    let ended = admin.ended();
    let lost = ("relay".to_owned(), "connection-lost".to_owned());
    assert_eq!(ended.get(&lost), Some(&(SESSIONS as u64)), "{ended:?}");
}
