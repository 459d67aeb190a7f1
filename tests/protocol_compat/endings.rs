//! Ends of sessions of the compatible dialect: only close codes.

use super::common::fixture::{bridge_to, path_to};
use super::common::{
    Client, DEADLINE, Fixture, Login, Options, Received, SshScript, Start, closed_port, poll,
};
use super::{assert_closes, shell};
use russh::Sig;
use rustix::process::Signal;

#[test]
fn an_exit_is_1000_with_its_reason() {
    let fixture = Fixture::new(&[]);
    for status in [0, 3, u32::MAX] {
        let mut client = shell_of(&fixture);
        fixture.ssh.exit(status);
        assert_eq!(
            assert_closes(&mut client, 1000, "exit"),
            format!("exit={status}")
        );
    }
    let mut client = shell_of(&fixture);
    fixture.ssh.exit_by_signal(Sig::KILL, false, "words");
    assert_eq!(assert_closes(&mut client, 1000, "signal"), "signal=KILL");
    let mut client = shell_of(&fixture);
    fixture
        .ssh
        .exit_by_signal(Sig::Custom("X".to_owned()), false, "");
    assert_eq!(assert_closes(&mut client, 1000, "signal"), "signal=unknown");
    let mut client = shell_of(&fixture);
    fixture.ssh.close();
    assert_eq!(assert_closes(&mut client, 1000, "told neither"), "");
}

/// A shell in a fixture that had others before.
fn shell_of(fixture: &Fixture) -> Client {
    let shells = |fixture: &Fixture| {
        let seen = fixture.ssh.received();
        seen.iter().filter(|s| **s == Received::Shell).count()
    };
    let before = shells(fixture);
    let mut client = fixture.compatible();
    client.login_compatible("u", "p");
    fixture.ssh.wait_count(&Received::Shell, before + 1);
    fixture.ssh.output(b"$ ");
    client.output_until("$ ");
    client
}

#[test]
fn a_lost_connection_is_4503() {
    let fixture = Fixture::new(&[]);
    let mut client = shell(&fixture);
    fixture.ssh.break_connections();
    let reason = assert_closes(&mut client, 4503, "broken");
    assert!(!reason.is_empty());
}

#[test]
fn failures_on_the_way_have_their_codes() {
    let closed = closed_port();
    let bridge = bridge_to(&[closed], &[]);
    for (path, code) in [
        (path_to(closed), 4502),
        ("/ws/127.0.0.1/2".to_owned(), 4403),
    ] {
        let mut client = Client::connect(bridge.addr(), &path, &Options::compatible());
        client.login_compatible("u", "p");
        let reason = assert_closes(&mut client, code, &path);
        assert!(!reason.is_empty());
    }
    let fixture = Fixture::with(SshScript::start(Start::RefuseShell), &[]);
    let mut client = fixture.compatible();
    client.login_compatible("u", "p");
    assert_closes(&mut client, 4503, "no shell");
    let fixture = Fixture::with(SshScript::login(Login::Silent), &["ssh.auth_timeout=200ms"]);
    let mut client = fixture.compatible();
    client.login_compatible("u", "p");
    assert_closes(&mut client, 4408, "login");
}

#[test]
fn uniform_errors_hold_here_too() {
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
fn a_full_target_is_1013() {
    let fixture = Fixture::new(&["limits.max_connections_per_host=1"]);
    let held = shell(&fixture);
    let mut client = fixture.compatible();
    client.login_compatible("u", "p");
    assert_closes(&mut client, 1013, "full");
    drop(held);
    let back = poll(DEADLINE, || {
        let mut client = fixture.compatible();
        client.login_compatible("u", "p");
        poll(std::time::Duration::from_millis(500), || {
            let seen = fixture.ssh.received();
            (seen.iter().filter(|s| **s == Received::Shell).count() == 2).then_some(())
        })
    });
    assert!(back.is_some(), "the place never came back");
}

#[test]
fn clocks_end_it_by_their_codes() {
    for (setting, code) in [
        ("session.idle_timeout=200ms", 4410),
        ("session.max_lifetime=200ms", 4411),
    ] {
        let fixture = Fixture::new(&[setting]);
        let mut client = fixture.compatible();
        client.login_compatible("u", "p");
        assert_closes(&mut client, code, setting);
    }
}

/// `{"action":"ping"}` is no activity.
#[test]
fn the_action_ping_is_no_activity() {
    let fixture = Fixture::new(&["session.idle_timeout=500ms"]);
    let mut client = fixture.compatible();
    client.login_compatible("u", "p");
    let ping = serde_json::json!({ "action": "ping" });
    let closed = poll(DEADLINE, || {
        // The end may be on its way already.
        let _ = client.try_send(super::common::text(&ping));
        client.recv_within(std::time::Duration::from_millis(20))
    });
    let code = match closed {
        Some(super::common::Event::Close(code, _)) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code, 4410);
}

#[test]
fn a_drain_is_1001_without_a_notice() {
    let fixture = Fixture::new(&["server.drain_timeout=300ms"]);
    let mut client = shell(&fixture);
    fixture.bridge.signal(Signal::TERM);
    assert_closes(&mut client, 1001, "drain");
}

#[test]
fn the_client_s_close_ends_both_sides() {
    let fixture = Fixture::new(&[]);
    let mut client = shell(&fixture);
    client.send(tungstenite::Message::Close(None));
    assert!(matches!(client.recv(), super::common::Event::Close(..)));
    fixture.ssh.wait_received(&Received::Gone);
}
