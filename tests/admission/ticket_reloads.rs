//! Tickets and reloads: another key, and another host of a named target.

use crate::common::fixture::path_to;
use crate::common::{
    Admin, Bridge, Client, KeyPair, Options, PausedThread, ScriptedSsh, SshScript, wait_until,
};
use crate::expect_refused;
use crate::tickets::{KEY, NOT_VALID, REQUIRED, TicketFixture, claims, signed, write_key};
use rustix::process::Signal;
use serde_json::json;
use std::fs;

#[test]
fn a_reload_reads_the_key_again() {
    let fixture = TicketFixture::new(&[REQUIRED]);
    let old = fixture.ticket();
    let new_key = KEY.replace('0', "1");
    let new = signed(&fixture.claims(), &new_key);
    fixture.admits(&old);
    write_key(&fixture.key_file, &new_key);
    fixture.admits(&old);
    fixture.bridge.signal(Signal::HUP);
    fixture.bridge.wait_stderr_count("reloaded", 1);
    fixture.refuses(Some(&old), NOT_VALID);
    fixture.admits(&new);
    // A key that cannot be used changes nothing.
    let admin = Admin::of(&fixture.bridge);
    write_key(&fixture.key_file, "short");
    let answer = admin.post("/api/v1/reload");
    assert_eq!(answer.status, 422);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("admission.ticket_key_file"), "{detail}");
    assert!(!detail.contains("short,"), "{detail}");
    fixture.admits(&new);
}

#[test]
fn a_ticket_whose_key_is_withdrawn_before_auth_is_refused() {
    let fixture = TicketFixture::new(&[REQUIRED]);
    let path = path_to(fixture.ssh.addr());
    let mut client = Client::connect(fixture.bridge.addr(), &path, &Options::v1());
    client.wait_type("hello");
    write_key(&fixture.key_file, &KEY.replace('0', "1"));
    fixture.bridge.signal(Signal::HUP);
    fixture.bridge.wait_stderr_count("reloaded", 1);
    client.send_json(&json!({
        "type": "auth",
        "username": "alice",
        "ticket": fixture.ticket(),
    }));
    let error = expect_refused(&mut client, "ticket-refused", 4403);
    assert_eq!(error["message"], NOT_VALID);
}

/// Otherwise its holder would get to a host that the ticket is not for.
#[test]
fn a_ticket_is_refused_whose_target_is_moved_while_the_private_key_is_read() {
    let [old, new] = [(); 2].map(|()| ScriptedSsh::start(SshScript::default()));
    let directory = tempfile::tempdir().unwrap();
    let [file, key_file] = ["sshard.toml", "key"].map(|name| directory.path().join(name));
    write_key(&key_file, KEY);
    let db_is = |ssh: &ScriptedSsh| {
        let text = format!(
            "targets.named = [\"db={}\"]\nssh.host_key_policy = \"off\"\n\
             admission.ticket_key_file = {key_file:?}\n",
            ssh.addr()
        );
        fs::write(&file, text).unwrap();
    };
    db_is(&old);
    let bridge = Bridge::start(&["--config", file.to_str().unwrap()], &[]);
    let hold = PausedThread::of_key_queue(&bridge);
    let mut client = Client::connect(bridge.addr(), "/ws/db", &Options::v1());
    client.auth_v1(&json!({
        "username": "alice",
        "private_key": KeyPair::generate(&["-t", "ed25519"], "").private_pem(),
        "ticket": signed(&claims(old.addr()), KEY),
    }));
    let admin = Admin::of(&bridge);
    // The ticket is verified by then.
    wait_until("the key is not read", || {
        admin.sessions().iter().any(|s| s["state"] == "connecting")
    });
    db_is(&new);
    assert_eq!(admin.post("/api/v1/reload").status, 200);
    drop(hold);
    let error = expect_refused(&mut client, "ticket-refused", 4403);
    assert_eq!(
        error["message"],
        "the admission ticket is for another target"
    );
    assert_eq!((old.received(), new.received()), (vec![], vec![]));
}
