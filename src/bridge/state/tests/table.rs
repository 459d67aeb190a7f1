//! Every transition and every way to end: what comes in, what comes out.

use super::*;
use crate::error::{ConnectFailure, Deadline, HostKeyProblem, LimitKind, WsViolation};
use crate::message::{BadMessage, ExitSignal};

#[test]
fn a_session_from_hello_to_exit() {
    let mut s = Session::new(Dialect::V1, &config());
    assert_eq!(s.told(), ["<hello 30000>"]);
    assert_eq!(s.state.lifecycle().state(), State::Created);
    assert_eq!(s.feed(auth(None, "")), ["connect alice"]);
    assert_eq!(s.at(), (State::Connecting, Stage::Resolve));
    for stage in [Stage::Connect, Stage::Handshake] {
        assert!(s.feed(Input::Stage(stage)).is_empty());
        assert_eq!(s.at(), (State::Connecting, stage));
    }
    assert_eq!(s.feed(host_key()), ["<host_key 1>"]);
    assert_eq!(s.at(), (State::Connecting, Stage::HostKey));
    let accept = ClientMessage::HostKeyAnswer {
        id: 1,
        accept: true,
    };
    assert_eq!(s.say(accept), ["host key true"]);
    s.feed(Input::Stage(Stage::Login));
    assert_eq!(s.feed(Input::Banner("hi".to_owned())), ["<banner hi>"]);
    assert_eq!(s.feed(question(2)), ["<prompt 2: 2>"]);
    assert_eq!(s.say(answer(2, 2)), ["2 answers"]);
    assert_eq!(s.feed(question(0)), ["<prompt 3: 0>"]);
    assert_eq!(s.say(answer(3, 0)), ["0 answers"]);
    s.feed(Input::Stage(Stage::Shell));
    assert_eq!(s.run_shell(), ["<ready cafe 65536>"]);
    assert_eq!(s.state.lifecycle().state(), State::Active);
    assert_eq!(s.feed(typed("ls\r")), ["input ls\r"]);
    assert_eq!(s.say(resize(100, 40)), ["resize 100x40"]);
    assert_eq!(
        s.say(ClientMessage::Signal(SignalName::Int)),
        ["signal INT"]
    );
    assert_eq!(s.say(ClientMessage::Eof), ["eof"]);
    assert!(s.say(ClientMessage::Eof).is_empty(), "once is enough");
    s.feed(exit(3));
    s.feed(Input::ChannelClosed);
    let end = ["<exit Some(3) None>", "end 1000 exit=3"];
    assert_eq!(s.end_of_tick(0), end);
    assert_eq!(s.state.lifecycle().state(), State::Closing);
    assert_eq!(s.fire(), Some((Timer::Linger, 2)));
    assert_eq!(s.state.lifecycle().state(), State::Closed);
    assert_eq!(s.fire(), None);
}

#[test]
fn exit_comes_after_the_last_byte() {
    let mut s = Session::active(Dialect::V1, &config());
    s.feed(exit(0));
    assert!(
        s.end_of_tick(0).is_empty(),
        "output may still follow `exit`"
    );
    s.feed(Input::ChannelClosed);
    assert!(s.end_of_tick(10).is_empty(), "output waits");
    s.end_of_blocked_tick(0, true, 5);
    assert!(s.told().is_empty(), "the client has not taken it");
    assert_eq!(s.end_of_tick(0), ["<exit Some(0) None>", "end 1000 exit=0"]);
}

#[test]
fn how_the_remote_side_ends() {
    let by_signal = |signal| {
        Input::Exit(Exit {
            signal: Some(ExitSignal::from_remote(signal)),
            ..Exit::default()
        })
    };
    let lost = [
        "<error connection-lost relay>",
        "end 4503 the SSH connection was lost",
    ];
    let refused = [
        "<error start-refused relay>",
        "end 4503 the SSH server refused to start the shell or command",
    ];
    let cases = [
        (
            vec![exit(7), gone()],
            ["<exit Some(7) None>", "end 1000 exit=7"],
        ),
        (
            vec![by_signal("KILL"), Input::ChannelClosed],
            ["<exit None Some(\"KILL\")>", "end 1000 signal=KILL"],
        ),
        (
            vec![by_signal("X\r\n"), Input::ChannelClosed],
            ["<exit None Some(\"unknown\")>", "end 1000 signal=unknown"],
        ),
        (
            vec![Input::Exit(Exit::default()), Input::ChannelClosed],
            ["<exit None None>", "end 1000"],
        ),
        (vec![gone()], lost),
        (
            vec![Input::Disconnected(SessionError::Disconnected(
                "no".to_owned(),
            ))],
            [
                "<error connection-lost relay>",
                "end 4503 the SSH server disconnected: no",
            ],
        ),
        (vec![Input::StartRefused, Input::ChannelClosed], refused),
        (vec![Input::ChannelClosed, Input::StartRefused], refused),
        (
            vec![Input::ChannelClosed, gone()],
            ["<exit None None>", "end 1000"],
        ),
        (
            vec![exit(1), Input::StartRefused, Input::ChannelClosed],
            ["<exit Some(1) None>", "end 1000 exit=1"],
        ),
        (vec![Input::ChannelClosed], ["<exit None None>", "end 1000"]),
    ];
    for (inputs, expected) in cases {
        // The end of a short command can be known before its start is.
        for early in [0, inputs.len()] {
            let mut s = Session::connecting(Dialect::V1, &config());
            let (before, after) = inputs.split_at(early);
            before.iter().for_each(|input| drop(s.feed(again(input))));
            s.run_shell();
            after.iter().for_each(|input| drop(s.feed(again(input))));
            assert_eq!(s.end_of_tick(0), expected);
        }
    }
}

fn gone() -> Input {
    Input::Disconnected(SessionError::ConnectionLost)
}

fn again(input: &Input) -> Input {
    match input {
        Input::Exit(exit) => Input::Exit(exit.clone()),
        Input::ChannelClosed => Input::ChannelClosed,
        Input::StartRefused => Input::StartRefused,
        Input::Disconnected(cause) => Input::Disconnected(cause.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_other_end_and_where_it_is_told() {
    let violation = |v: WsViolation| Input::from(v);
    let cases = [
        (Input::ClientClosed, vec!["end 1000"]),
        (Input::ClientAway, vec!["end 1000"]),
        (Input::ClientGone, vec!["end 1006 the client is gone"]),
        (
            Input::ClientError(BadMessage::UnknownType.into()),
            vec!["<error bad-message ", "end 4400 unknown"],
        ),
        (
            violation(WsViolation::Protocol),
            vec!["<error websocket-protocol ", "end 1002"],
        ),
        (
            violation(WsViolation::NotUtf8),
            vec!["<error not-utf8 ", "end 1007"],
        ),
        (
            violation(WsViolation::TooLarge),
            vec!["<error too-large ", "end 1009"],
        ),
        (
            Input::Kill(SessionError::Killed),
            vec!["<error killed ", "end 4412 ended by an administrator"],
        ),
        (
            Input::StartFailed(SessionError::LoginFailed),
            vec!["<error login-failed ", "end 4401 the SSH login failed"],
        ),
        (
            Input::StartFailed(LimitKind::Target.into()),
            vec!["<error target-limit ", "end 1013"],
        ),
        (
            Input::StartFailed(HostKeyProblem::Changed.into()),
            vec!["<error host-key-changed ", "end 4409"],
        ),
        (
            Input::Message(Incoming::Control(ClientMessage::Close)),
            vec!["end 1000"],
        ),
    ];
    for (input, expected) in cases {
        let what = format!("{input:?}");
        let mut s = Session::connecting(Dialect::V1, &config());
        s.feed(Input::Stage(Stage::Connect));
        let told = s.feed(input);
        assert_eq!(told.len(), expected.len(), "{what}: {told:?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(expected), "{what}: {told}");
            assert!(
                !told.starts_with('<') || told.ends_with(" connect>"),
                "{told}"
            );
        }
        assert_eq!(s.state.lifecycle().state(), State::Closing);
        assert!(
            s.feed(Input::Kill(SessionError::Killed)).is_empty(),
            "one end"
        );
        assert!(s.feed(Input::ClientGone).is_empty());
    }
}

#[test]
fn what_comes_out_of_order_ends_the_session() {
    let out_of_order: [(&str, ClientMessage); 5] = [
        ("signal", ClientMessage::Signal(SignalName::Term)),
        ("eof", ClientMessage::Eof),
        ("ack", ClientMessage::Ack { bytes: 1 }),
        ("answer", answer(1, 1)),
        (
            "host_key_answer",
            ClientMessage::HostKeyAnswer {
                id: 0,
                accept: true,
            },
        ),
    ];
    for (name, message) in out_of_order {
        let mut s = Session::connecting(Dialect::V1, &config());
        let told = s.say(message);
        assert_eq!(told[0], "<error out-of-order resolve>", "{name}");
        assert!(
            told[1].starts_with(&format!("end 4400 `{name}`")),
            "{told:?}"
        );
    }
    let mut early = Session::connecting(Dialect::V1, &config());
    assert_eq!(early.feed(typed("x"))[0], "<error out-of-order resolve>");
    let mut late = Session::active(Dialect::V1, &config());
    late.say(ClientMessage::Eof);
    assert_eq!(late.feed(typed("x"))[0], "<error out-of-order relay>");
    for mut s in [
        Session::connecting(Dialect::V1, &config()),
        Session::active(Dialect::V1, &config()),
    ] {
        assert!(s.feed(auth(None, ""))[0].starts_with("<error bad-message "));
    }
}

#[test]
fn what_belongs_to_the_way_there_means_nothing_off_it() {
    for input in [Input::Stage(Stage::Login), host_key(), question(1)] {
        let mut s = Session::active(Dialect::V1, &config());
        assert!(s.run_shell().is_empty());
        assert!(s.feed(input).is_empty());
        assert_eq!(s.state.lifecycle().state(), State::Active);
    }
    let mut s = Session::new(Dialect::V1, &config());
    s.told();
    assert!(s.run_shell().is_empty());
    assert_eq!(s.state.lifecycle().state(), State::Created);
}

#[test]
fn uniform_errors_tell_nothing_of_the_target() {
    let refused = std::io::ErrorKind::ConnectionRefused.into();
    let reached = [
        SessionError::TargetRefused,
        SessionError::NotResolved,
        SessionError::NoNameServer,
        SessionError::NotConnected(ConnectFailure::new(&refused, None)),
        SessionError::NotSsh,
        SessionError::NoCommonAlgorithm("kex".to_owned()),
        SessionError::ServerMisbehaved("it sent too much"),
        SessionError::HandshakeFailed,
        HostKeyProblem::Changed.into(),
        SessionError::Deadline(Deadline {
            stage: Stage::Handshake,
            setting: "ssh.handshake_timeout",
            limit: Duration::from_secs(10),
        }),
    ];
    let mut uniform = config();
    uniform.targets.uniform_errors = true;
    let stages = [
        Stage::Resolve,
        Stage::Connect,
        Stage::Handshake,
        Stage::HostKey,
    ];
    for stage in stages {
        let told = |input| {
            let mut s = Session::connecting(Dialect::V1, &uniform);
            s.feed(Input::Stage(stage));
            s.feed(input)
        };
        for error in &reached {
            assert_eq!(
                told(Input::StartFailed(error.clone())),
                [
                    "<error unreachable connect>",
                    "end 4502 the target is unreachable"
                ],
                "{error:?} in {stage:?}"
            );
        }
        // Nor does an end of another cause say how far the way had led.
        assert_eq!(
            told(Input::Kill(SessionError::Killed))[0],
            "<error killed connect>"
        );
    }
    let mut s = Session::connecting(Dialect::V1, &uniform);
    s.feed(Input::Stage(Stage::Login));
    let told = s.feed(Input::StartFailed(SessionError::LoginFailed));
    assert_eq!(told[0], "<error login-failed login>");
    let misbehaved = Input::Misbehaved("it sent too much");
    let mut s = Session::connecting(Dialect::V1, &uniform);
    s.feed(Input::Stage(Stage::Login));
    let told = s.feed(misbehaved);
    assert_eq!(told[0], "<error server-misbehaved login>");
}

/// A connection that lingers counts as long as it is there.
#[test]
fn a_login_slot_is_held_until_the_shell_runs_or_the_session_is_closed() {
    let s = Session::active(Dialect::V1, &config());
    assert_eq!(s.login_slot.strong_count(), 0);
    for mut s in [
        Session::new(Dialect::V1, &config()),
        Session::connecting(Dialect::V1, &config()),
    ] {
        s.feed(Input::Kill(SessionError::Killed));
        assert_eq!(s.login_slot.strong_count(), 1);
        s.state.set_closed();
        assert_eq!(s.login_slot.strong_count(), 0);
    }
}

/// The SSH connection is over then: there is nothing to be closed of it.
#[test]
fn a_shell_whose_server_has_gone_is_not_closed() {
    let cases = [
        (
            vec![Input::Misbehaved("it sent too much")],
            "server-misbehaved",
        ),
        (vec![Input::Kill(SessionError::Killed), gone()], "killed"),
        (vec![gone()], "connection-lost"),
    ];
    for (inputs, code) in cases {
        let mut s = Session::active(Dialect::V1, &config());
        let mut told: Vec<_> = inputs.into_iter().flat_map(|input| s.feed(input)).collect();
        told.extend(s.end_of_tick(0));
        assert_eq!(told[0], format!("<error {code} relay>"));
        assert_eq!(s.at().0, State::Closing);
        assert!(s.state.lifecycle.shell_mut().is_none(), "{code}");
    }
    let mut s = Session::active(Dialect::V1, &config());
    s.feed(Input::Kill(SessionError::Killed));
    assert!(s.state.lifecycle.shell_mut().is_some(), "it is still there");
}

#[test]
fn the_operator_is_told_the_cause_that_clients_are_not() {
    let mut uniform = config();
    uniform.targets.uniform_errors = true;
    let mut s = Session::connecting(Dialect::V1, &uniform);
    let error = SessionError::NotResolved;
    s.state.handle(s.now, Input::StartFailed(error.clone()));
    let stage = Stage::Resolve;
    let told = Ending::Failed { error, stage };
    assert_eq!(ending(s.state.lifecycle()), Some(&told));
}

#[test]
fn the_compatible_dialect_is_told_by_close_codes_alone() {
    let mut s = Session::new(Dialect::Compatible, &config());
    assert!(s.told().is_empty());
    assert_eq!(s.feed(auth(None, "ls")), ["connect alice"]);
    assert!(s.feed(typed(" -l\r")).is_empty());
    assert!(s.say(resize(100, 40)).is_empty());
    assert!(s.feed(Input::Message(Incoming::Ignored)).is_empty());
    assert!(s.feed(Input::Banner("hi".to_owned())).is_empty());
    assert_eq!(s.run_shell(), ["resize 100x40", "input ls -l\r"]);
    s.say(ClientMessage::Ping {
        data: String::new(),
    });
    assert!(s.state.next_reply(None).is_none());
    let deadline = s.now;
    assert!(s.feed(drain_at(deadline)).is_empty());
    s.feed(exit(1));
    s.feed(Input::ChannelClosed);
    assert_eq!(s.end_of_tick(0), ["end 1000 exit=1"]);
    let mut failed = Session::connecting(Dialect::Compatible, &config());
    let told = failed.feed(Input::StartFailed(SessionError::LoginFailed));
    assert_eq!(told, ["end 4401 the SSH login failed"]);
}
