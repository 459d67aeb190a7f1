//! Notices of the stages, and the round trip in a `pong`.

use super::*;

/// Actions for a client that requests the stages, while the attempt passes through `stages`.
fn notified(config: &Config, stages: &[Stage]) -> Vec<String> {
    let mut s = Session::new(Dialect::V1, config);
    s.actions();
    let request = AuthRequest {
        progress: true,
        ..auth_request(None)
    };
    let auth = Incoming::Auth(Box::new(request), Bytes::new());
    assert_eq!(s.handle(SessionEvent::Message(auth)), ["connect alice"]);
    let mut actions = Vec::new();
    for stage in stages {
        actions.extend(match stage {
            Stage::HostKey => s.handle(host_key()),
            stage => s.handle(begins(*stage)),
        });
    }
    actions.extend(s.start_shell());
    actions
}

/// The stages of a connection attempt, in order.
pub(super) fn all_stages() -> Vec<Stage> {
    let of_attempt = Stage::Resolve..=Stage::Shell;
    let all = Stage::ALL.iter().copied();
    all.filter(|stage| of_attempt.contains(stage)).collect()
}

#[test]
fn stages_are_sent_as_they_begin_to_a_client_that_requests_them() {
    assert_eq!(
        notified(&config(), &all_stages()),
        [
            "<stage resolve>",
            "<stage connect>",
            "<stage handshake>",
            "<stage host_key>",
            "<host_key 1>",
            "<stage login>",
            "<stage shell>",
            "<ready cafe 65536>"
        ]
    );
}

#[test]
fn a_stage_is_sent_once_and_reading_a_key_is_not_the_login_stage() {
    let way = [
        Stage::Login,
        Stage::Resolve,
        Stage::Resolve,
        Stage::Connect,
        Stage::Connect,
        Stage::Handshake,
        Stage::Login,
        Stage::Login,
        Stage::Shell,
    ];
    let stages: Vec<_> = notified(&config(), &way);
    let expected = ["resolve", "connect", "handshake", "login", "shell"];
    assert_eq!(
        stages[..5],
        expected.map(|stage| format!("<stage {stage}>"))
    );
    assert_eq!(stages.len(), 6);
}

#[test]
fn uniform_errors_hide_the_stages_before_the_login() {
    assert_eq!(
        notified(&uniform_errors::uniform(), &all_stages()),
        [
            "<host_key 1>",
            "<stage login>",
            "<stage shell>",
            "<ready cafe 65536>"
        ]
    );
}

#[test]
fn a_client_that_does_not_request_stages_gets_none() {
    for dialect in [Dialect::V1, Dialect::Compatible] {
        let mut s = Session::connecting(dialect, &config());
        for stage in all_stages() {
            assert!(s.handle(begins(stage)).is_empty(), "{stage:?}");
        }
    }
}

#[test]
fn a_pong_carries_the_latest_round_trip() {
    let mut s = Session::active(Dialect::V1, &config());
    let mut pong = |latest: Option<u64>| {
        s.control(ping("p"));
        assert!(s.client().due_pong.is_some());
        let latest = latest.map(Duration::from_millis);
        s.state.next_reply(latest).map(|reply| text(&reply))
    };
    assert_eq!(pong(None).unwrap(), "<pong p>");
    assert_eq!(pong(Some(7)).unwrap(), "<pong p 7ms>");
    assert_eq!(pong(Some(9)).unwrap(), "<pong p 9ms>");
}
