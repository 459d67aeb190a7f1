//! Timers: the states in which each runs, its length, and its outcome.

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
        s.advance(3);
        s.handle(begins(stage));
        assert_eq!(s.fire(), Some((Timer::Stage, 3 + limit)));
        let actions = s.actions();
        assert_eq!(actions[0], format!("<error deadline {}>", stage.as_str()));
        let end = format!("end 4408 the {name} stage took longer than {setting} ({limit} s)");
        assert_eq!(actions[1], end);
    }
    let mut silent = Session::new(Dialect::V1, &config());
    assert_eq!(silent.fire(), Some((Timer::Stage, 30)));
    let end = "end 4408 the auth stage took longer than session.auth_timeout (30 s)";
    assert_eq!(silent.actions()[2], end);
}

#[test]
fn pings_extend_no_deadline() {
    let mut s = Session::new(Dialect::V1, &config());
    s.advance(29);
    s.control(ping(""));
    assert_eq!(s.fire(), Some((Timer::Stage, 30)));
}

#[test]
fn connection_timeout_bounds_all_stages_together() {
    let mut s = Session::connecting(Dialect::V1, &config());
    for stage in [Stage::Connect, Stage::Handshake, Stage::Login] {
        s.advance(8);
        s.handle(begins(stage));
    }
    assert_eq!(s.fire(), Some((Timer::Connection, 25)));
    assert_eq!(
        s.actions().last().unwrap(),
        "end 4408 the login stage was not over when all stages together had taken \
         limits.connection_timeout (25 s)"
    );
}

#[test]
fn stage_timers_are_suspended_while_a_question_is_open() {
    let mut s = Session::connecting(Dialect::V1, &config());
    s.handle(begins(Stage::Login)); // 14 s, of 25 s for all
    s.advance(4);
    for (id, thinks) in [(1, 50), (2, 59)] {
        s.handle(question(1));
        s.advance(thinks);
        assert_eq!(s.control(answer(id, 1)), ["1 answers"]);
    }
    // 10 s of the stage are left, and 21 s of all stages together.
    assert_eq!(s.fire(), Some((Timer::Stage, 4 + 50 + 59 + 10)));
    let mut s = Session::connecting(Dialect::V1, &config());
    s.handle(question(1));
    s.advance(50);
    s.control(answer(1, 1));
    s.handle(begins(Stage::Shell));
    s.advance(12);
    s.handle(begins(Stage::Login));
    s.advance(12);
    s.handle(begins(Stage::Login));
    assert_eq!(s.fire(), Some((Timer::Connection, 50 + 25)));
}

#[test]
fn an_open_question_has_a_deadline() {
    for (event, end) in [(host_key(), "host_key"), (question(1), "login")] {
        let mut s = Session::connecting(Dialect::V1, &config());
        s.handle(event);
        assert_eq!(s.fire(), Some((Timer::Prompt, 60)));
        let actions = s.actions();
        assert_eq!(actions[0], format!("<error deadline {end}>"));
        let setting = "session.prompt_timeout (60 s)";
        let text = format!("end 4408 the {end} stage waited for an answer longer than {setting}");
        assert_eq!(actions[1], text);
    }
}

#[test]
fn a_superseded_question_resumes_the_stage_timers() {
    // The next question, the next stage and the start each void it.
    let mut s = Session::connecting(Dialect::V1, &config());
    s.handle(host_key());
    s.handle(question(1));
    s.control(answer(2, 1));
    assert!(s.timer(Timer::Connection).is_some());
    s.handle(question(1));
    s.handle(begins(Stage::Shell));
    assert_eq!(s.fire(), Some((Timer::Stage, 12)));
    let mut s = Session::connecting(Dialect::V1, &config());
    s.handle(question(1));
    s.start_shell();
    assert_eq!(s.fire(), None);
    // Its answer is ignored; one that was never asked is an error.
    assert!(s.control(answer(1, 1)).is_empty());
    assert!(s.control(answer(2, 1))[1].starts_with("end 4400"));
}

/// A session that got input 60 s after its start.
fn idle_after_100_s(activity: IdleActivity) -> Session {
    let mut rules = config();
    rules.session.idle_timeout = Some(Duration::from_secs(100));
    rules.session.idle_activity = activity;
    let mut s = Session::active(Dialect::V1, &rules);
    s.advance(60);
    s.handle(typed("x"));
    s
}

#[test]
fn the_idle_timeout_counts_input_and_output() {
    let mut s = idle_after_100_s(IdleActivity::Any);
    assert_eq!(s.fire(), Some((Timer::Idle, 100)));
    assert!(s.actions().is_empty(), "not idle: 40 s ago");
    s.advance(30);
    s.output(1);
    s.advance(10);
    s.control(ping(""));
    s.control(resize(90, 20));
    s.actions();
    assert_eq!(s.fire(), Some((Timer::Idle, 160)));
    assert_eq!(s.fire(), Some((Timer::Idle, 230)));
    assert_eq!(s.actions()[0], "<error idle relay>");
}

#[test]
fn with_idle_activity_input_output_does_not_extend_the_idle_timeout() {
    let mut s = idle_after_100_s(IdleActivity::Input);
    s.advance(90);
    s.output(1);
    assert_eq!(s.fire(), Some((Timer::Idle, 150)));
    assert!(s.actions().is_empty(), "not idle: 90 s ago");
    assert_eq!(s.fire(), Some((Timer::Idle, 160)));
    assert_eq!(s.actions()[0], "<error idle relay>");
}

#[test]
fn max_lifetime_ends_the_session() {
    let mut rules = config();
    rules.session.max_lifetime = Some(Duration::from_secs(1000));
    let mut s = Session::connecting(Dialect::V1, &rules);
    s.advance(3);
    s.start_shell();
    s.advance(900);
    s.handle(typed("x"));
    assert_eq!(s.fire(), Some((Timer::Lifetime, 1003)));
    assert!(s.actions().last().unwrap().starts_with("end 4411"));
}

#[test]
fn drain_is_announced_once_and_ends_at_its_deadline() {
    let drain = |s: &mut Session, after| {
        let deadline = s.now + Duration::from_secs(after);
        s.handle(drain_at(deadline))
    };
    let mut s = Session::active(Dialect::V1, &config());
    assert_eq!(drain(&mut s, 20), ["<notice 20000>"]);
    assert!(drain(&mut s, 10).is_empty());
    assert_eq!(s.handle(typed("x")), ["input x"], "work goes on");
    assert_eq!(s.fire(), Some((Timer::Drain, 20)));
    assert!(s.actions()[1].starts_with("end 1001"));
    // A new login is refused; one in progress continues.
    let mut s = Session::new(Dialect::V1, &config());
    drain(&mut s, 20);
    assert_eq!(s.handle(auth(None, ""))[0], "<error drain auth>");
    let mut s = Session::connecting(Dialect::V1, &config());
    drain(&mut s, 20);
    assert_eq!(s.start_shell(), ["<ready cafe 65536>"]);
    assert_eq!(s.fire(), Some((Timer::Drain, 20)));
}

#[test]
fn a_session_accepted_before_a_handover_may_still_log_in() {
    let mut s = Session::new(Dialect::V1, &config());
    s.actions();
    let deadline = s.now + Duration::from_secs(20);
    let admit = true;
    let actions = s.handle(SessionEvent::Drain(Drain { deadline, admit }));
    assert_eq!(actions, ["<notice 20000>"]);
    assert_eq!(s.handle(auth(None, "")), ["connect alice"]);
    assert_eq!(s.start_shell(), ["<ready cafe 65536>"]);
    assert_eq!(s.fire(), Some((Timer::Drain, 20)));
}

pub(super) fn pinging() -> Config {
    let mut rules = config();
    rules.websocket.ping_interval = Duration::from_secs(30);
    rules
}

#[test]
fn the_session_ends_after_two_missed_pongs() {
    for (last, end) in [
        (None, 90),
        (Some(SessionEvent::Pong(None)), 150),
        (Some(typed("x")), 150),
    ] {
        let mut s = Session::active(Dialect::V1, &pinging());
        for at in [30, 60] {
            assert_eq!(s.fire(), Some((Timer::Ping, at)));
            assert_eq!(s.actions(), ["ping"]);
        }
        if let Some(sign_of_life) = last {
            s.handle(sign_of_life);
            assert_eq!((s.fire(), s.fire()).1, Some((Timer::Ping, 120)));
        }
        assert_eq!(s.fire(), Some((Timer::Ping, end)));
        assert_eq!(
            s.actions().last().unwrap(),
            "end 4514 the client stopped answering pings (websocket.ping_interval)"
        );
    }
}

#[test]
fn pongs_are_not_missed_while_reading_is_paused() {
    let window = pinging().websocket.read_buffer_size.bytes();
    let mut s = Session::active(Dialect::V1, &pinging());
    s.handle(zeros(window + 1));
    assert!(!s.state.can_read_message());
    for at in 1..=5 {
        assert_eq!(s.fire(), Some((Timer::Ping, at * 30)));
        assert_eq!(s.actions(), ["ping"], "and no end");
    }
    s.take_packets(2);
    assert!(s.state.can_read_message());
    assert_eq!(s.fire(), Some((Timer::Ping, 180)));
    assert_eq!(s.actions(), ["ping"]);
}

/// Unread bytes at each ping, and the ping at which the session ends.
#[test]
fn a_pong_is_missed_while_paused_only_if_nothing_is_unread() {
    let window = pinging().websocket.read_buffer_size.bytes();
    for (unread, end) in [
        (vec![0; 6], Some(4)),
        // A pong came, and TCP may hold back the next one.
        (vec![0, 6, 6, 6, 6, 6, 6], None),
        (vec![16 * 1024; 9], None),
    ] {
        let mut s = Session::active(Dialect::V1, &pinging());
        s.handle(zeros(window + 1));
        let mut ended = None;
        for (number, bytes) in (1..).zip(&unread) {
            s.client().unread = Some(*bytes);
            assert_eq!(s.fire(), Some((Timer::Ping, number * 30)));
            let actions = s.actions();
            if actions.last().unwrap() != "ping" {
                assert_eq!(
                    actions.last().unwrap(),
                    "end 4514 the client stopped answering pings (websocket.ping_interval)"
                );
                ended = Some(number);
                break;
            }
        }
        assert_eq!(ended, end, "{unread:?}");
    }
}

#[test]
fn a_blocked_socket_runs_the_stall_timer_and_not_the_ping_check() {
    let mut s = Session::active(Dialect::V1, &pinging());
    s.end_of_blocked_tick(0, true, 100);
    assert_eq!(s.fire(), Some((Timer::Ping, 30)));
    s.advance(15);
    s.end_of_blocked_tick(0, true, 101); // one byte taken: the timer restarts
    s.advance(10);
    s.end_of_blocked_tick(0, true, 101); // none: it does not
    assert_eq!(s.fire(), Some((Timer::Ping, 60)));
    assert_eq!(s.fire(), Some((Timer::Ping, 90)));
    assert!(s.actions().is_empty());
    assert_eq!(s.fire(), Some((Timer::Stall, 115)));
    assert!(s.actions()[1].starts_with("end 4513"));
}

#[test]
fn the_stall_timer_runs_before_ready_and_stops_when_unblocked() {
    let mut s = Session::new(Dialect::V1, &config());
    s.end_of_blocked_tick(0, true, 0);
    assert!(s.timer(Timer::Stall).is_some());
    s.end_of_tick(0);
    assert!(s.timer(Timer::Stall).is_none());
}

#[test]
fn hold_has_its_own_timeout_and_is_not_a_stall() {
    let mut s = Session::active(Dialect::V1, &config());
    s.control(ClientMessage::Hold);
    s.end_of_tick(0);
    assert_eq!(s.state.next_deadline(), None, "nothing is held back");
    s.end_of_tick(10);
    s.advance(500);
    s.end_of_tick(20);
    s.control(ClientMessage::Release);
    s.end_of_tick(20);
    assert_eq!(s.state.next_deadline(), None);
    s.control(ClientMessage::Hold);
    s.end_of_tick(20);
    assert_eq!(s.fire(), Some((Timer::Hold, 1100)));
    let actions = s.actions();
    assert_eq!(actions[0], "<error held-too-long relay>");
    assert!(actions[1].starts_with("end 4513"));
}

#[test]
fn withheld_acks_run_the_hold_timer() {
    let mut s = Session::windowed(1024);
    s.output(1024);
    s.end_of_tick(1);
    assert_eq!(s.fire(), Some((Timer::Hold, 600)));
}

#[test]
fn every_end_clears_all_timers_but_linger() {
    let mut rules = pinging();
    rules.session.idle_timeout = Some(Duration::from_secs(100));
    rules.session.max_lifetime = Some(Duration::from_secs(100));
    let mut s = Session::active(Dialect::V1, &rules);
    let deadline = s.now + Duration::from_secs(1);
    s.handle(drain_at(deadline));
    s.control(ClientMessage::Hold);
    s.end_of_blocked_tick(1, true, 1);
    s.handle(SessionEvent::ClientGone);
    assert_eq!(s.fire(), Some((Timer::Linger, 2)));
    assert_eq!(s.fire(), None);
}

/// A client that acknowledges, however slowly, does not hold output.
#[test]
fn the_hold_timer_restarts_with_each_output() {
    let mut s = Session::windowed(1000);
    for _ in 0..10 {
        let budget = s.state.output_budget();
        s.output(budget);
        assert!(s.end_of_tick(1).is_empty());
        s.advance(400);
        let bytes = s.state.bytes().1;
        assert!(s.control(ClientMessage::Ack { bytes }).is_empty());
    }
    s.output(1000);
    s.end_of_tick(1);
    assert_eq!(s.fire(), Some((Timer::Hold, 4600)));
}

/// No reply can come from a server that is gone, while its last output waits for the client.
#[test]
fn keep_alives_end_with_the_connection() {
    let mut s = Session::windowed(1024);
    let due = s.now + Duration::from_secs(15);
    s.state.timers.set(Timer::SshKeepalive, due);
    s.output(1024);
    s.handle(gone());
    s.end_of_tick(476);
    assert_eq!(s.fire(), Some((Timer::Hold, 600)));
}
