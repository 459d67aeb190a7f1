//! Which clock runs when, how long, and what its end brings.

use super::*;
use crate::config::IdleActivity;

#[test]
fn every_stage_has_its_deadline() {
    let stages = [
        (Stage::Resolve, 5, "resolve", "targets.resolve_timeout"),
        (Stage::Connect, 10, "connect", "ssh.connect_timeout"),
        (Stage::Handshake, 12, "handshake", "ssh.handshake_timeout"),
        (Stage::Login, 14, "login", "ssh.auth_timeout"),
        (Stage::Shell, 12, "shell", "ssh.handshake_timeout"),
    ];
    for (stage, limit, name, setting) in stages {
        let mut s = Session::connecting(Dialect::V1, &config());
        s.pass(3);
        s.feed(Input::Stage(stage));
        assert_eq!(s.fire(), Some((Timer::Stage, 3 + limit)));
        let told = s.told();
        assert_eq!(told[0], format!("<error deadline {}>", stage.as_str()));
        let end = format!("end 4408 the {name} stage took longer than {setting} ({limit} s)");
        assert_eq!(told[1], end);
    }
    let mut silent = Session::new(Dialect::V1, &config());
    assert_eq!(silent.fire(), Some((Timer::Stage, 30)));
    let end = "end 4408 the auth stage took longer than session.auth_timeout (30 s)";
    assert_eq!(silent.told()[2], end);
}

#[test]
fn pings_extend_no_deadline() {
    let mut s = Session::new(Dialect::V1, &config());
    s.pass(29);
    s.say(ClientMessage::Ping {
        data: String::new(),
    });
    assert_eq!(s.fire(), Some((Timer::Stage, 30)));
}

#[test]
fn all_stages_together_have_one_too() {
    let mut s = Session::connecting(Dialect::V1, &config());
    for stage in [Stage::Connect, Stage::Handshake, Stage::Login] {
        s.pass(8);
        s.feed(Input::Stage(stage));
    }
    assert_eq!(s.fire(), Some((Timer::Connection, 25)));
    assert_eq!(
        s.told().last().unwrap(),
        "end 4408 the login stage was not over when all stages together had taken \
         limits.connection_timeout (25 s)"
    );
}

#[test]
fn machine_time_stands_still_while_a_human_is_asked() {
    let mut s = Session::connecting(Dialect::V1, &config());
    s.feed(Input::Stage(Stage::Login)); // 14 s, of 25 s for all
    s.pass(4);
    for (id, thinks) in [(1, 50), (2, 59)] {
        s.feed(question(1));
        s.pass(thinks);
        assert_eq!(s.say(answer(id, 1)), ["1 answers"]);
    }
    // 10 s of the stage are left, and 21 s of the whole.
    assert_eq!(s.fire(), Some((Timer::Stage, 4 + 50 + 59 + 10)));
    let mut s = Session::connecting(Dialect::V1, &config());
    s.feed(question(1));
    s.pass(50);
    s.say(answer(1, 1));
    s.feed(Input::Stage(Stage::Shell));
    s.pass(12);
    s.feed(Input::Stage(Stage::Login));
    s.pass(12);
    s.feed(Input::Stage(Stage::Login));
    assert_eq!(s.fire(), Some((Timer::Connection, 50 + 25)));
}

#[test]
fn a_human_has_a_deadline_too() {
    for (asked, end) in [(host_key(), "host_key"), (question(1), "login")] {
        let mut s = Session::connecting(Dialect::V1, &config());
        s.feed(asked);
        assert_eq!(s.fire(), Some((Timer::Prompt, 60)));
        let told = s.told();
        assert_eq!(told[0], format!("<error deadline {end}>"));
        let setting = "session.prompt_timeout (60 s)";
        let text = format!("end 4408 the {end} stage waited for an answer longer than {setting}");
        assert_eq!(told[1], text);
    }
}

#[test]
fn a_question_that_is_passed_over_costs_no_clock() {
    // The next question, the next stage, the start: each voids it.
    let mut s = Session::connecting(Dialect::V1, &config());
    s.feed(host_key());
    s.feed(question(1));
    s.say(answer(2, 1));
    assert!(s.timer(Timer::Connection).is_some());
    s.feed(question(1));
    s.feed(Input::Stage(Stage::Shell));
    assert_eq!(s.fire(), Some((Timer::Stage, 12)));
    let mut s = Session::connecting(Dialect::V1, &config());
    s.feed(question(1));
    s.run_shell();
    assert_eq!(s.fire(), None);
    // It is over, and so is nothing else.
    assert!(s.say(answer(1, 1)).is_empty());
    assert!(s.say(answer(2, 1))[1].starts_with("end 4400"));
}

#[test]
fn idle_is_no_input_and_no_output() {
    let mut rules = config();
    rules.session.idle_timeout = Some(Duration::from_secs(100));
    let mut s = Session::active(Dialect::V1, &rules);
    s.pass(60);
    s.feed(typed("x"));
    assert_eq!(s.fire(), Some((Timer::Idle, 100)));
    assert!(s.told().is_empty(), "not idle: 40 s ago");
    s.pass(30);
    s.output(1);
    s.pass(10);
    s.say(ClientMessage::Ping {
        data: String::new(),
    });
    s.say(resize(90, 20));
    s.told();
    assert_eq!(s.fire(), Some((Timer::Idle, 160)));
    assert_eq!(s.fire(), Some((Timer::Idle, 230)));
    assert_eq!(s.told()[0], "<error idle relay>");
}

#[test]
fn output_alone_does_not_keep_a_session_whose_user_is_to_be_heard() {
    let mut rules = config();
    rules.session.idle_timeout = Some(Duration::from_secs(100));
    rules.session.idle_activity = IdleActivity::Input;
    let mut s = Session::active(Dialect::V1, &rules);
    s.pass(60);
    s.feed(typed("x"));
    s.pass(90);
    s.output(1);
    assert_eq!(s.fire(), Some((Timer::Idle, 150)));
    assert!(s.told().is_empty(), "not idle: 90 s ago");
    assert_eq!(s.fire(), Some((Timer::Idle, 160)));
    assert_eq!(s.told()[0], "<error idle relay>");
}

#[test]
fn a_life_ends() {
    let mut rules = config();
    rules.session.max_lifetime = Some(Duration::from_secs(1000));
    let mut s = Session::connecting(Dialect::V1, &rules);
    s.pass(3);
    s.run_shell();
    s.pass(900);
    s.feed(typed("x"));
    assert_eq!(s.fire(), Some((Timer::Lifetime, 1003)));
    assert!(s.told().last().unwrap().starts_with("end 4411"));
}

#[test]
fn drain_is_announced_once_and_ends_at_its_deadline() {
    let drain = |s: &mut Session, after| {
        let deadline = s.now + Duration::from_secs(after);
        s.feed(drain_at(deadline))
    };
    let mut s = Session::active(Dialect::V1, &config());
    assert_eq!(drain(&mut s, 20), ["<notice 20000>"]);
    assert!(drain(&mut s, 10).is_empty());
    assert_eq!(s.feed(typed("x")), ["input x"], "work goes on");
    assert_eq!(s.fire(), Some((Timer::Drain, 20)));
    assert!(s.told()[1].starts_with("end 1001"));
    // No new shell, but one on its way is let start.
    let mut s = Session::new(Dialect::V1, &config());
    drain(&mut s, 20);
    assert_eq!(s.feed(auth(None, ""))[0], "<error drain auth>");
    let mut s = Session::connecting(Dialect::V1, &config());
    drain(&mut s, 20);
    assert_eq!(s.run_shell(), ["<ready cafe 65536>"]);
    assert_eq!(s.fire(), Some((Timer::Drain, 20)));
}

#[test]
fn who_was_accepted_before_a_handover_may_still_log_in() {
    let mut s = Session::new(Dialect::V1, &config());
    s.told();
    let deadline = s.now + Duration::from_secs(20);
    let admit = true;
    let told = s.feed(Input::Drain(Drain { deadline, admit }));
    assert_eq!(told, ["<notice 20000>"]);
    assert_eq!(s.feed(auth(None, "")), ["connect alice"]);
    assert_eq!(s.run_shell(), ["<ready cafe 65536>"]);
    assert_eq!(s.fire(), Some((Timer::Drain, 20)));
}

pub(super) fn pinging() -> Config {
    let mut rules = config();
    rules.websocket.ping_interval = Duration::from_secs(30);
    rules
}

#[test]
fn two_missed_pongs_close() {
    for (last, end) in [
        (None, 90),
        (Some(Input::Pong(None)), 150),
        (Some(typed("x")), 150),
    ] {
        let mut s = Session::active(Dialect::V1, &pinging());
        for at in [30, 60] {
            assert_eq!(s.fire(), Some((Timer::Ping, at)));
            assert_eq!(s.told(), ["ping"]);
        }
        if let Some(sign_of_life) = last {
            s.feed(sign_of_life);
            assert_eq!((s.fire(), s.fire()).1, Some((Timer::Ping, 120)));
        }
        assert_eq!(s.fire(), Some((Timer::Ping, end)));
        assert_eq!(
            s.told().last().unwrap(),
            "end 4514 the client stopped answering"
        );
    }
}

#[test]
fn missed_pongs_stand_still_while_nothing_is_read() {
    let window = pinging().websocket.read_buffer_size.bytes();
    let mut s = Session::active(Dialect::V1, &pinging());
    s.feed(zeros(window + 1));
    assert!(!s.state.wants_message());
    for at in 1..=5 {
        assert_eq!(s.fire(), Some((Timer::Ping, at * 30)));
        assert_eq!(s.told(), ["ping"], "and no verdict");
    }
    s.take_packets(2);
    assert!(s.state.wants_message());
    assert_eq!(s.fire(), Some((Timer::Ping, 180)));
    assert_eq!(s.told(), ["ping"]);
}

/// Unread bytes at each ping, and the ping at which the session ends.
#[test]
fn an_unread_pong_is_missed_where_it_would_show() {
    let window = pinging().websocket.read_buffer_size.bytes();
    for (unread, end) in [
        (vec![0; 6], Some(4)),
        // A pong came, and TCP may hold back what comes behind it.
        (vec![0, 6, 6, 6, 6, 6, 6], None),
        (vec![16 * 1024; 9], None),
    ] {
        let mut s = Session::active(Dialect::V1, &pinging());
        s.feed(zeros(window + 1));
        let mut ended = None;
        for (number, bytes) in (1..).zip(&unread) {
            s.client().note_unread(*bytes);
            assert_eq!(s.fire(), Some((Timer::Ping, number * 30)));
            let told = s.told();
            if told.last().unwrap() != "ping" {
                assert_eq!(
                    told.last().unwrap(),
                    "end 4514 the client stopped answering"
                );
                ended = Some(number);
                break;
            }
        }
        assert_eq!(ended, end, "{unread:?}");
    }
}

#[test]
fn a_blocked_client_is_stalled_and_not_silent() {
    let mut s = Session::active(Dialect::V1, &pinging());
    s.end_of_blocked_tick(0, true, 100);
    assert_eq!(s.fire(), Some((Timer::Ping, 30)));
    s.pass(15);
    s.end_of_blocked_tick(0, true, 101); // one byte taken: the clock restarts
    s.pass(10);
    s.end_of_blocked_tick(0, true, 101); // none: it does not
    assert_eq!(s.fire(), Some((Timer::Ping, 60)));
    assert_eq!(s.fire(), Some((Timer::Ping, 90)));
    assert!(s.told().is_empty());
    assert_eq!(s.fire(), Some((Timer::Stall, 115)));
    assert!(s.told()[1].starts_with("end 4513"));
}

#[test]
fn the_stall_clock_runs_before_ready_and_stops_when_unblocked() {
    let mut s = Session::new(Dialect::V1, &config());
    s.end_of_blocked_tick(0, true, 0);
    assert!(s.timer(Timer::Stall).is_some());
    s.end_of_tick(0);
    assert!(s.timer(Timer::Stall).is_none());
}

#[test]
fn holding_is_no_stall_and_ends_after_its_own_time() {
    let mut s = Session::active(Dialect::V1, &config());
    s.say(ClientMessage::Hold);
    s.end_of_tick(0);
    assert_eq!(s.state.next_deadline(), None, "nothing is held back");
    s.end_of_tick(10);
    s.pass(500);
    s.end_of_tick(20);
    s.say(ClientMessage::Release);
    s.end_of_tick(20);
    assert_eq!(s.state.next_deadline(), None);
    s.say(ClientMessage::Hold);
    s.end_of_tick(20);
    assert_eq!(s.fire(), Some((Timer::Hold, 1100)));
    let told = s.told();
    assert_eq!(told[0], "<error held-too-long relay>");
    assert!(told[1].starts_with("end 4513"));
}

#[test]
fn withheld_acks_hold_too() {
    let mut s = Session::windowed(1024);
    s.output(1024);
    s.end_of_tick(1);
    assert_eq!(s.fire(), Some((Timer::Hold, 600)));
}

#[test]
fn every_end_stops_every_clock_but_the_last() {
    let mut rules = pinging();
    rules.session.idle_timeout = Some(Duration::from_secs(100));
    rules.session.max_lifetime = Some(Duration::from_secs(100));
    let mut s = Session::active(Dialect::V1, &rules);
    let deadline = s.now + Duration::from_secs(1);
    s.feed(drain_at(deadline));
    s.say(ClientMessage::Hold);
    s.end_of_blocked_tick(1, true, 1);
    s.feed(Input::ClientGone);
    assert_eq!(s.fire(), Some((Timer::Linger, 2)));
    assert_eq!(s.fire(), None);
}

/// A client that acknowledges, however slowly, holds nothing.
#[test]
fn the_hold_clock_starts_anew_with_each_output() {
    let mut s = Session::windowed(1000);
    for _ in 0..10 {
        let budget = s.state.output_budget();
        s.output(budget);
        assert!(s.end_of_tick(1).is_empty());
        s.pass(400);
        let bytes = s.state.bytes().1;
        assert!(s.say(ClientMessage::Ack { bytes }).is_empty());
    }
    s.output(1000);
    s.end_of_tick(1);
    assert_eq!(s.fire(), Some((Timer::Hold, 4600)));
}
