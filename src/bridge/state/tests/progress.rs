//! Announcements of the stages, and the round trip that a `pong` tells.

use super::*;

/// What a client that asked is told while the way goes through `stages`.
fn announced(config: &Config, stages: &[Stage]) -> Vec<String> {
    let mut s = Session::new(Dialect::V1, config);
    s.told();
    let mut told = s.feed(auth_with_progress());
    assert_eq!(told, ["connect alice"]);
    told.clear();
    for stage in stages {
        told.extend(match stage {
            Stage::HostKey => s.feed(host_key()),
            stage => s.feed(Input::Stage(*stage)),
        });
    }
    told.extend(s.run_shell());
    told
}

const WAY: [Stage; 6] = [
    Stage::Resolve,
    Stage::Connect,
    Stage::Handshake,
    Stage::HostKey,
    Stage::Login,
    Stage::Shell,
];

#[test]
fn stages_are_announced_as_they_begin_to_a_client_that_asks() {
    assert_eq!(
        announced(&config(), &WAY),
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
fn a_stage_is_announced_once_and_reading_a_key_is_no_log_in() {
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
    let stages: Vec<_> = announced(&config(), &way);
    let expected = ["resolve", "connect", "handshake", "login", "shell"];
    assert_eq!(
        stages[..5],
        expected.map(|stage| format!("<stage {stage}>"))
    );
    assert_eq!(stages.len(), 6);
}

#[test]
fn uniform_errors_announce_no_stage_before_the_login() {
    let mut uniform = config();
    uniform.targets.uniform_errors = true;
    assert_eq!(
        announced(&uniform, &WAY),
        [
            "<host_key 1>",
            "<stage login>",
            "<stage shell>",
            "<ready cafe 65536>"
        ]
    );
}

#[test]
fn a_client_that_does_not_ask_is_told_no_stage() {
    for dialect in [Dialect::V1, Dialect::Compatible] {
        let mut s = Session::connecting(dialect, &config());
        for stage in WAY {
            assert!(s.feed(Input::Stage(stage)).is_empty(), "{stage:?}");
        }
    }
}

#[test]
fn a_pong_tells_the_latest_round_trip() {
    let mut s = Session::active(Dialect::V1, &config());
    let mut ping = |latest: Option<u64>| {
        s.say(ClientMessage::Ping {
            data: "p".to_owned(),
        });
        assert!(s.state.owes_pong());
        let latest = latest.map(Duration::from_millis);
        s.state.next_reply(latest).map(|reply| text(&reply))
    };
    assert_eq!(ping(None).unwrap(), "<pong p>");
    assert_eq!(ping(Some(7)).unwrap(), "<pong p 7ms>");
    assert_eq!(ping(Some(9)).unwrap(), "<pong p 9ms>");
}
