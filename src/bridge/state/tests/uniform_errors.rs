//! `targets.uniform_errors`: the client learns nothing about the target; the log keeps the cause.

use super::*;
use crate::error::{ConnectFailure, Deadline, HostKeyProblem};

pub(super) fn uniform() -> Config {
    let mut uniform = config();
    uniform.targets.uniform_errors = true;
    uniform
}

#[test]
fn uniform_errors_hide_the_target() {
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
    let uniform = uniform();
    let stages = Stage::ALL.iter().copied();
    for stage in stages.filter(|stage| stage.is_before_login()) {
        let actions = |event| {
            let mut s = Session::connecting(Dialect::V1, &uniform);
            s.handle(begins(stage));
            s.handle(event)
        };
        for error in &reached {
            assert_eq!(
                actions(SessionEvent::Failed(error.clone())),
                [
                    "<error unreachable connect>",
                    "end 4502 the target is unreachable"
                ],
                "{error:?} in {stage:?}"
            );
        }
        // Nor does an end of another cause reveal the stage.
        assert_eq!(
            actions(SessionEvent::Failed(SessionError::Killed))[0],
            "<error killed connect>"
        );
    }
    for (event, code) in [
        (
            SessionEvent::Failed(SessionError::LoginFailed),
            "login-failed",
        ),
        (
            SessionEvent::Ssh(SshEvent::Misbehaved("")),
            "server-misbehaved",
        ),
    ] {
        let mut s = Session::connecting(Dialect::V1, &uniform);
        s.handle(begins(Stage::Login));
        assert_eq!(s.handle(event)[0], format!("<error {code} login>"));
    }
}

#[test]
fn the_ending_keeps_the_cause_that_uniform_errors_hide() {
    let uniform = uniform();
    let mut s = Session::connecting(Dialect::V1, &uniform);
    let error = SessionError::NotResolved;
    s.state.handle(s.now, SessionEvent::Failed(error.clone()));
    let stage = Stage::Resolve;
    let actions = Ending::Failed { error, stage };
    assert_eq!(ending(&s.state.lifecycle), Some(&actions));
}
