//! Bytes counted in both directions, and the replies that come of it.

use super::clocks::pinging;
use super::*;

fn reply(session: &mut Session) -> Option<String> {
    session
        .state
        .next_reply(None)
        .map(|message| super::text(&message))
}

#[test]
fn output_stays_within_the_window() {
    let mut s = Session::windowed(1000);
    assert_eq!(s.state.output_budget(), 1000);
    s.output(600);
    assert_eq!(s.state.output_budget(), 400);
    s.output(400);
    assert_eq!(s.state.output_budget(), 0);
    s.say(ClientMessage::Ack { bytes: 700 });
    assert_eq!(s.state.output_budget(), 700);
    s.say(ClientMessage::Ack { bytes: 300 });
    assert_eq!(s.state.output_budget(), 700, "a late ack is harmless");
    s.say(ClientMessage::Hold);
    assert_eq!(s.state.output_budget(), 0);
    assert_eq!(s.feed(typed("x")), ["input x"], "input passes meanwhile");
    s.say(ClientMessage::Release);
    assert_eq!(s.state.output_budget(), 700);
    assert_eq!(s.state.bytes(), (1, 1000));
    assert!(s.say(ClientMessage::Ack { bytes: 1000 }).is_empty());
    let told = s.say(ClientMessage::Ack { bytes: 1001 });
    assert!(told[1].starts_with("end 4400 `ack` is ahead"));
    assert_eq!(s.state.output_budget(), 0);
}

#[test]
fn without_acks_tcp_pushes_back() {
    let mut s = Session::connecting(Dialect::V1, &config());
    assert_eq!(s.state.output_budget(), 0, "nothing before `ready`");
    s.run_shell();
    s.output(1 << 30);
    assert_eq!(s.state.output_budget(), usize::MAX);
}

/// The end of a turn, 100 ms later, in which the client took `bytes` more of what it has waiting.
fn take_little(s: &mut Session, bytes: &mut u64) {
    s.now += Duration::from_millis(100);
    *bytes += 1000;
    s.end_of_blocked_tick(1, true, *bytes);
}

#[test]
fn a_slow_client_is_sent_more_as_it_answers_pings() {
    let mut s = Session::active(Dialect::V1, &pinging());
    s.output(200_000);
    let mut taken = 0;
    take_little(&mut s, &mut taken);
    assert!(!s.client().flow.is_paced(), "nothing to compare with yet");
    take_little(&mut s, &mut taken);
    assert!(s.client().flow.is_paced());
    assert_eq!(s.state.output_budget(), 0);
    assert_eq!(s.state.next_pace_ping(s.now), Some(200_000));
    assert_eq!(s.state.next_pace_ping(s.now), None);
    s.end_of_tick(1);
    // A pong is owed already.
    assert_eq!(s.fire().unwrap().0, Timer::Ping);
    assert!(s.told().is_empty());
    s.feed(Input::Pong(None));
    assert_eq!(s.state.output_budget(), 0);
    // Nor is it waited for while what it is among is not read.
    s.feed(zeros(pinging().websocket.read_buffer_size.bytes() + 1));
    assert_eq!(s.state.output_budget(), usize::MAX);
    s.take_packets(usize::MAX);
    assert_eq!(s.state.output_budget(), 0);
    s.feed(Input::Pong(Some(200_000)));
    let half = s.state.output_budget();
    assert!(0 < half && half < 100_000);
    s.output(half);
    // No pong: TCP is left to it.
    let number = s.state.next_pace_ping(s.now).unwrap();
    assert_eq!(number, 200_000 + half as u64);
    s.output(s.state.output_budget());
    assert_eq!(s.state.output_budget(), 0);
    while s.fire().unwrap().0 != Timer::PacerPong {}
    assert_eq!(s.state.output_budget(), usize::MAX);
    // It may answer the latest of several pings alone.
    while s.fire().unwrap().0 != Timer::Ping {}
    assert_eq!(s.client().ping, Some(Some(number)));
}

#[test]
fn a_pong_is_not_waited_for_longer_than_a_stall() {
    let mut config = config();
    config.websocket.stall_timeout = Duration::from_secs(1);
    let mut s = Session::active(Dialect::V1, &config);
    s.output(200_000);
    let mut taken = 0;
    for _ in 0..2 {
        take_little(&mut s, &mut taken);
    }
    s.state.next_pace_ping(s.now).unwrap();
    // It takes all there is, and then no more.
    s.end_of_blocked_tick(1, false, 200_000);
    assert_eq!(s.state.output_budget(), 0);
    let sent = s.now;
    assert_eq!(s.fire().unwrap().0, Timer::PacerPong);
    assert_eq!(s.now - sent, Duration::from_secs(1));
    assert_eq!(s.state.output_budget(), usize::MAX);
}

#[test]
fn a_client_that_is_only_far_away_is_tried_seldom() {
    let mut s = Session::active(Dialect::V1, &config());
    let mut taken = 0;
    s.output(200_000);
    for _ in 0..2 {
        take_little(&mut s, &mut taken);
    }
    assert!(s.state.is_held_back());
    while s.state.is_held_back() {
        match s.state.next_pace_ping(s.now) {
            Some(number) => drop(s.feed(Input::Pong(Some(number)))),
            None => s.output(s.state.output_budget()),
        }
    }
    for _ in 0..500 {
        take_little(&mut s, &mut taken);
        assert!(!s.state.is_held_back());
    }
    for _ in 0..101 {
        take_little(&mut s, &mut taken);
    }
    assert!(s.state.is_held_back());
}

/// Output before the shell is there stops no reads: its own start is behind it.
#[test]
fn nothing_is_held_back_on_the_way() {
    let mut s = Session::connecting(Dialect::V1, &config());
    assert!(!s.state.is_held_back());
    s.feed(Input::Stage(Stage::Shell));
    assert!(!s.state.is_held_back());
    s.run_shell();
    assert!(!s.state.is_held_back());
    s.say(ClientMessage::Hold);
    assert!(s.state.is_held_back());
}

#[test]
fn a_client_that_acknowledges_sets_its_pace_itself() {
    let mut s = Session::windowed(100_000);
    s.output(100_000);
    let mut taken = 0;
    for _ in 0..5 {
        take_little(&mut s, &mut taken);
    }
    assert!(!s.client().flow.is_paced());
    assert_eq!(s.state.next_pace_ping(s.now), None);
}

#[test]
fn input_is_acknowledged_every_quarter_window() {
    let mut s = Session::active(Dialect::V1, &config());
    let window = config().websocket.read_buffer_size.bytes();
    let quarter = window as u64 / 4;
    s.feed(zeros(window));
    assert!(
        s.state.wants_message(),
        "an `ack` must be read at a full window"
    );
    s.feed(zeros(1));
    assert!(!s.state.wants_message());
    s.take_packets(1);
    assert!(!s.state.wants_message(), "it is on the way");
    s.take_packets(1);
    assert!(s.state.wants_message());
    assert_eq!(reply(&mut s), Some(format!("<input_ack {quarter}>")));
    assert_eq!(reply(&mut s), None, "once");
    s.take_packets(usize::MAX);
    let total = window as u64 + 1;
    assert_eq!(reply(&mut s), Some(format!("<input_ack {total}>")));
}

#[test]
fn the_latest_ping_is_answered_and_pings_do_not_pile_up() {
    let mut s = Session::new(Dialect::V1, &config());
    for data in ["a", "b"] {
        let data = data.to_owned();
        s.say(ClientMessage::Ping { data });
    }
    assert_eq!(reply(&mut s), Some("<pong b>".to_owned()));
    assert_eq!(reply(&mut s), None);
}

#[test]
fn nothing_is_replied_after_the_end() {
    let mut s = Session::active(Dialect::V1, &config());
    s.feed(zeros(20_000));
    s.take_packets(usize::MAX);
    s.say(ClientMessage::Ping {
        data: String::new(),
    });
    s.feed(Input::ClientClosed);
    assert_eq!(reply(&mut s), None);
    assert!(!s.state.wants_message());
}

#[test]
fn early_input_is_kept_up_to_its_limit() {
    let mut s = Session::new(Dialect::Compatible, &config());
    s.feed(auth(None, "1"));
    for _ in 0..100 {
        s.feed(typed(""));
    }
    s.feed(zeros(16 * 1024 - 2));
    assert!(s.state.wants_message());
    s.feed(typed("2"));
    assert!(!s.state.wants_message(), "now TCP holds the client back");
    assert_eq!(s.run_shell(), ["input 16384 bytes"]);
    assert!(s.state.wants_message());
    assert_eq!(s.state.bytes(), (16 * 1024, 0));
}

#[test]
fn the_size_told_while_connecting_is_not_lost() {
    let mut s = Session::connecting(Dialect::V1, &config());
    assert!(s.say(resize(100, 40)).is_empty());
    assert!(s.say(resize(90, 30)).is_empty());
    assert_eq!(
        s.state.window_size(),
        WindowSize::new(90, 30, 0, 0).unwrap()
    );
    assert_eq!(s.run_shell(), ["<ready cafe 65536>", "resize 90x30"]);
}
