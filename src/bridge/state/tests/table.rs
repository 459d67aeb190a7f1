//! Every transition and every end: events and the expected actions.

use super::*;
use crate::error::{HostKeyProblem, LimitKind, WsViolation};
use crate::message::BadMessage;

#[test]
fn a_session_from_hello_to_exit() {
    let mut s = Session::new(Dialect::V1, &config());
    assert_eq!(s.actions(), ["<hello 30000>"]);
    assert_eq!(s.state.lifecycle.state(), State::Created);
    assert_eq!(s.handle(auth(None, "")), ["connect alice"]);
    assert_eq!(s.position(), (State::Connecting, Stage::Resolve));
    for stage in [Stage::Connect, Stage::Handshake] {
        assert!(s.handle(begins(stage)).is_empty());
        assert_eq!(s.position(), (State::Connecting, stage));
    }
    assert_eq!(s.handle(host_key()), ["<host_key 1>"]);
    assert_eq!(s.position(), (State::Connecting, Stage::HostKey));
    assert_eq!(s.control(accept(1)), ["host key true"]);
    s.handle(begins(Stage::Login));
    assert_eq!(
        s.handle(SessionEvent::Ssh(SshEvent::Banner("hi".to_owned()))),
        ["<banner hi>"]
    );
    assert_eq!(s.handle(question(2)), ["<prompt 2: 2>"]);
    assert_eq!(s.control(answer(2, 2)), ["2 answers"]);
    assert_eq!(s.handle(question(0)), ["<prompt 3: 0>"]);
    assert_eq!(s.control(answer(3, 0)), ["0 answers"]);
    s.handle(begins(Stage::Shell));
    assert_eq!(s.start_shell(), ["<ready cafe 65536>"]);
    assert_eq!(s.state.lifecycle.state(), State::Active);
    assert_eq!(s.handle(typed("ls\r")), ["input ls\r"]);
    assert_eq!(s.control(resize(100, 40)), ["resize 100x40"]);
    assert_eq!(s.control(signal("INT")), ["signal INT"]);
    assert_eq!(s.control(ClientMessage::Eof), ["eof"]);
    assert!(s.control(ClientMessage::Eof).is_empty(), "once is enough");
    s.handle(exit(3));
    s.handle(closed());
    let end = ["<exit Some(3) None>", "end 1000 exit=3"];
    assert_eq!(s.end_of_tick(0), end);
    assert_eq!(s.state.lifecycle.state(), State::Closing);
    assert_eq!(s.fire(), Some((Timer::Linger, 2)));
    assert_eq!(s.state.lifecycle.state(), State::Closed);
    assert_eq!(s.fire(), None);
}

#[test]
fn exit_is_sent_after_the_last_output() {
    let mut s = Session::active(Dialect::V1, &config());
    s.handle(exit(0));
    assert!(
        s.end_of_tick(0).is_empty(),
        "output may still follow `exit`"
    );
    s.handle(closed());
    assert!(s.end_of_tick(10).is_empty(), "output waits");
    s.end_of_blocked_tick(0, true, 5);
    assert!(s.actions().is_empty(), "the client has not taken it");
    assert_eq!(s.end_of_tick(0), ["<exit Some(0) None>", "end 1000 exit=0"]);
}

#[test]
fn each_end_of_the_remote_side_has_its_message_and_close_code() {
    let by_signal = |signal| {
        SessionEvent::Ssh(SshEvent::Exit(Exit {
            signal: Some(SignalName::from_remote(signal)),
            ..Exit::default()
        }))
    };
    let lost = [
        "<error connection-lost relay>",
        "end 4503 the SSH connection was lost",
    ];
    let refused = [
        "<error start-refused relay>",
        "end 4503 the SSH server refused to start the shell or command",
    ];
    let refusal = || SessionEvent::Ssh(SshEvent::StartRefused);
    let disconnected = || {
        let error = SessionError::Disconnected("no".to_owned());
        SessionEvent::Ssh(SshEvent::Disconnected(error))
    };
    let cases = || {
        [
            (
                vec![exit(7), gone()],
                ["<exit Some(7) None>", "end 1000 exit=7"],
            ),
            (
                vec![by_signal("KILL"), closed()],
                ["<exit None Some(\"KILL\")>", "end 1000 signal=KILL"],
            ),
            (
                vec![by_signal("X\r\n"), closed()],
                ["<exit None Some(\"unknown\")>", "end 1000 signal=unknown"],
            ),
            (vec![gone()], lost),
            (
                vec![disconnected()],
                [
                    "<error connection-lost relay>",
                    "end 4503 the SSH server disconnected: no",
                ],
            ),
            (vec![refusal(), closed()], refused),
            (vec![closed(), refusal()], refused),
            (vec![closed(), gone()], ["<exit None None>", "end 1000"]),
            (
                vec![exit(1), refusal(), closed()],
                ["<exit Some(1) None>", "end 1000 exit=1"],
            ),
            (vec![closed()], ["<exit None None>", "end 1000"]),
        ]
    };
    // The end of a short command can be known before its start.
    for is_early in [false, true] {
        for (events, expected) in cases() {
            let mut s = Session::connecting(Dialect::V1, &config());
            if !is_early {
                s.start_shell();
            }
            events.into_iter().for_each(|event| drop(s.handle(event)));
            if is_early {
                s.start_shell();
            }
            assert_eq!(s.end_of_tick(0), expected);
        }
    }
}

/// Ends a connecting session, which takes no other end after it. Returns its actions.
fn end(event: SessionEvent) -> Vec<String> {
    let mut s = Session::connecting(Dialect::V1, &config());
    s.handle(begins(Stage::Connect));
    let actions = s.handle(event);
    assert_eq!(s.state.lifecycle.state(), State::Closing);
    assert!(
        s.handle(SessionEvent::Failed(SessionError::Killed))
            .is_empty()
    );
    assert!(s.handle(SessionEvent::ClientGone).is_empty());
    actions
}

#[test]
fn each_other_cause_has_its_error_and_close_code() {
    let close = Incoming::Control(ClientMessage::Close);
    assert_eq!(end(SessionEvent::Message(close)), ["end 1000"]);
    assert_eq!(end(SessionEvent::ClientClosed), ["end 1000"]);
    assert_eq!(end(SessionEvent::ClientAway), ["end 1000"]);
    assert_eq!(
        end(SessionEvent::ClientGone),
        ["end 1006 the WebSocket broke"]
    );
    let unknown = BadMessage::UnknownType;
    let errors: [(SessionError, &str, &str); 8] = [
        (unknown.into(), "bad-message", "4400 unknown"),
        (WsViolation::Protocol.into(), "websocket-protocol", "1002"),
        (WsViolation::NotUtf8.into(), "not-utf8", "1007"),
        (WsViolation::TooLarge.into(), "too-large", "1009"),
        (
            SessionError::Killed,
            "killed",
            "4412 ended by an administrator",
        ),
        (
            SessionError::LoginFailed,
            "login-failed",
            "4401 the SSH login failed",
        ),
        (LimitKind::Target.into(), "target-limit", "1013"),
        (HostKeyProblem::Changed.into(), "host-key-changed", "4409"),
    ];
    for (error, code, close) in errors {
        let actions = end(SessionEvent::Failed(error));
        assert_eq!(actions.len(), 2, "{code}: {actions:?}");
        assert_eq!(actions[0], format!("<error {code} connect>"));
        let end = format!("end {close}");
        assert!(actions[1].starts_with(&end), "{code}: {actions:?}");
    }
}

#[test]
fn an_out_of_order_message_ends_the_session() {
    let out_of_order: [(&str, ClientMessage); 5] = [
        ("signal", signal("TERM")),
        ("eof", ClientMessage::Eof),
        ("ack", ClientMessage::Ack { bytes: 1 }),
        ("answer", answer(1, 1)),
        ("host_key_answer", accept(0)),
    ];
    for (name, message) in out_of_order {
        let mut s = Session::connecting(Dialect::V1, &config());
        let actions = s.control(message);
        assert_eq!(actions[0], "<error out-of-order resolve>", "{name}");
        assert!(
            actions[1].starts_with(&format!("end 4400 `{name}`")),
            "{actions:?}"
        );
    }
    let mut early = Session::connecting(Dialect::V1, &config());
    assert_eq!(early.handle(typed("x"))[0], "<error out-of-order resolve>");
    let mut late = Session::active(Dialect::V1, &config());
    late.control(ClientMessage::Eof);
    assert_eq!(late.handle(typed("x"))[0], "<error out-of-order relay>");
    for mut s in [
        Session::connecting(Dialect::V1, &config()),
        Session::active(Dialect::V1, &config()),
    ] {
        assert!(s.handle(auth(None, ""))[0].starts_with("<error bad-message "));
    }
}

#[test]
fn events_of_connecting_are_ignored_in_other_states() {
    for event in [begins(Stage::Login), host_key(), question(1)] {
        let mut s = Session::active(Dialect::V1, &config());
        assert!(s.start_shell().is_empty());
        assert!(s.handle(event).is_empty());
        assert_eq!(s.state.lifecycle.state(), State::Active);
    }
    let mut s = Session::new(Dialect::V1, &config());
    s.actions();
    assert!(s.start_shell().is_empty());
    assert_eq!(s.state.lifecycle.state(), State::Created);
}

/// A connection that lingers keeps its slot.
#[test]
fn a_login_slot_is_held_until_the_shell_runs_or_the_session_is_closed() {
    let s = Session::active(Dialect::V1, &config());
    assert_eq!(s.login_slot.strong_count(), 0);
    for mut s in [
        Session::new(Dialect::V1, &config()),
        Session::connecting(Dialect::V1, &config()),
    ] {
        s.handle(SessionEvent::Failed(SessionError::Killed));
        assert_eq!(s.login_slot.strong_count(), 1);
        s.state.set_closed();
        assert_eq!(s.login_slot.strong_count(), 0);
    }
}

/// The SSH connection is gone then, and cannot be closed in order.
#[test]
fn a_shell_whose_connection_is_gone_is_dropped_and_not_closed() {
    let cases = [
        (
            vec![SessionEvent::Ssh(SshEvent::Misbehaved("it sent too much"))],
            "server-misbehaved",
        ),
        (
            vec![SessionEvent::Failed(SessionError::Killed), gone()],
            "killed",
        ),
        (vec![gone()], "connection-lost"),
    ];
    for (events, code) in cases {
        let mut s = Session::active(Dialect::V1, &config());
        let mut actions: Vec<_> = events
            .into_iter()
            .flat_map(|event| s.handle(event))
            .collect();
        actions.extend(s.end_of_tick(0));
        assert_eq!(actions[0], format!("<error {code} relay>"));
        assert_eq!(s.position().0, State::Closing);
        assert!(s.state.lifecycle.shell_mut().is_none(), "{code}");
    }
    let mut s = Session::active(Dialect::V1, &config());
    s.handle(SessionEvent::Failed(SessionError::Killed));
    assert!(s.state.lifecycle.shell_mut().is_some(), "it is still there");
}

#[test]
fn the_compatible_dialect_gets_close_codes_alone() {
    let mut s = Session::new(Dialect::Compatible, &config());
    assert!(s.actions().is_empty());
    assert_eq!(s.handle(auth(None, "ls")), ["connect alice"]);
    assert!(s.handle(typed(" -l\r")).is_empty());
    assert!(s.control(resize(100, 40)).is_empty());
    assert!(
        s.handle(SessionEvent::Message(Incoming::Ignored))
            .is_empty()
    );
    assert!(
        s.handle(SessionEvent::Ssh(SshEvent::Banner("hi".to_owned())))
            .is_empty()
    );
    assert_eq!(s.start_shell(), ["resize 100x40", "input ls -l\r"]);
    s.control(ping(""));
    assert!(s.state.next_reply(None).is_none());
    let deadline = s.now;
    assert!(s.handle(drain_at(deadline)).is_empty());
    s.handle(exit(1));
    s.handle(closed());
    assert_eq!(s.end_of_tick(0), ["end 1000 exit=1"]);
    let mut failed = Session::connecting(Dialect::Compatible, &config());
    let actions = failed.handle(SessionEvent::Failed(SessionError::LoginFailed));
    assert_eq!(actions, ["end 4401 the SSH login failed"]);
}
