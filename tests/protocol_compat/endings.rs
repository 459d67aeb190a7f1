//! Ends of sessions of the compatible dialect: only close codes. Each cause is one of
//! `sshard.v1`'s, whose tests say more of it (`protocol_v1`).

use super::common::fixture::{bridge_to, path_to};
use super::common::{
    Client, DEADLINE, Event, Fixture, Login, Options, Received, Round, SshScript, Start,
    closed_port, poll, text,
};
use super::{assert_closes, shell};
use russh::Sig;
use rustix::process::Signal;
use serde_json::json;
use std::time::Duration;

#[test]
fn an_exit_is_1000_with_its_reason() {
    let fixture = Fixture::new(&[]);
    for status in [0, 3, u32::MAX] {
        let mut client = shell(&fixture);
        fixture.ssh.exit(status);
        let reason = assert_closes(&mut client, 1000, "exit");
        assert_eq!(reason, format!("exit={status}"));
    }
    let unknown = Sig::Custom("X".to_owned());
    for (signal, name) in [(Sig::KILL, "KILL"), (unknown, "unknown")] {
        let mut client = shell(&fixture);
        fixture.ssh.exit_by_signal(signal, false, "words");
        let reason = assert_closes(&mut client, 1000, "signal");
        assert_eq!(reason, format!("signal={name}"));
    }
    let mut client = shell(&fixture);
    fixture.ssh.close();
    assert_eq!(
        assert_closes(&mut client, 1000, "neither status nor signal"),
        ""
    );
}

#[test]
fn a_lost_connection_is_4503() {
    let fixture = Fixture::new(&[]);
    let mut client = shell(&fixture);
    fixture.ssh.break_connections();
    assert_closes(&mut client, 4503, "broken");
}

#[test]
fn unreachable_and_refused_targets_have_their_close_codes() {
    let closed = closed_port();
    let bridge = bridge_to(&[closed], &[]);
    let refused = "/ws/127.0.0.1/2".to_owned();
    for (path, code) in [(path_to(closed), 4502), (refused, 4403)] {
        let mut client = Client::connect(bridge.addr(), &path, &Options::compatible());
        client.login_compatible("u", "p");
        assert_closes(&mut client, code, &path);
    }
}

#[test]
fn uniform_errors_hide_whether_a_target_is_closed_or_refused() {
    let closed = closed_port();
    let bridge = bridge_to(&[closed], &["targets.uniform_errors=true"]);
    let reasons = [path_to(closed), "/ws/127.0.0.1/2".to_owned()].map(|path| {
        let mut client = Client::connect(bridge.addr(), &path, &Options::compatible());
        client.login_compatible("u", "p");
        assert_closes(&mut client, 4502, &path)
    });
    assert_eq!(reasons[0], reasons[1]);
}

#[test]
fn a_client_that_closes_ends_its_ssh_connection() {
    let fixture = Fixture::new(&[]);
    let mut client = shell(&fixture);
    client.send(tungstenite::Message::Close(None));
    assert!(matches!(client.recv(), Event::Close(..)));
    fixture.ssh.wait_received(&Received::Gone);
}

#[test]
fn refusals_and_deadlines_have_their_close_codes() {
    let accept = SshScript::default;
    let login = SshScript::login;
    let second = Login::PasswordAndInteractive(vec![Round::of(&[("OTP: ", true)])]);
    for (script, settings, code) in [
        (login(Login::Password("right")), &[][..], 4401),
        (login(second), &[], 4401),
        (login(Login::Silent), &["ssh.auth_timeout=200ms"], 4408),
        (accept(), &["ssh.host_key_policy=ask"], 4409),
        (accept(), &["ssh.host_key_policy=strict"], 4409),
        (accept(), &["session.idle_timeout=200ms"], 4410),
        (accept(), &["session.max_lifetime=200ms"], 4411),
        (SshScript::start(Start::RefuseShell), &[], 4503),
    ] {
        let about = format!("{script:?} {settings:?}");
        let fixture = Fixture::with(script, settings);
        let mut client = fixture.login_compatible("u", "wrong");
        assert_closes(&mut client, code, &about);
    }
}

#[test]
fn a_second_client_of_a_full_target_is_1013() {
    let fixture = Fixture::new(&["limits.max_connections_per_host=1"]);
    let _held = shell(&fixture);
    assert_closes(&mut fixture.login_compatible("u", "p"), 1013, "full");
}

#[test]
fn a_client_that_sends_nothing_is_4408() {
    let fixture = Fixture::new(&["session.auth_timeout=200ms"]);
    assert_closes(&mut fixture.compatible(), 4408, "silent");
}

/// `{"action":"ping"}` is no activity.
#[test]
fn the_action_ping_is_no_activity() {
    let fixture = Fixture::new(&["session.idle_timeout=500ms"]);
    let mut client = fixture.login_compatible("u", "p");
    let ping = json!({ "action": "ping" });
    let closed = poll(DEADLINE, || {
        // The end may be on its way already.
        let _ = client.try_send(text(&ping));
        client.recv_within(Duration::from_millis(20))
    });
    assert!(matches!(closed, Some(Event::Close(4410, _))), "{closed:?}");
}

#[test]
fn a_drain_is_1001_without_a_notice() {
    let fixture = Fixture::new(&["server.drain_timeout=300ms"]);
    let mut client = shell(&fixture);
    fixture.bridge.signal(Signal::TERM);
    assert_closes(&mut client, 1001, "drain");
}
