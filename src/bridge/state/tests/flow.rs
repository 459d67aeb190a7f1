//! Byte counts in both directions, and the replies they cause.

use super::timeouts::pinging;
use super::*;

fn reply(session: &mut Session) -> Option<String> {
    let reply = session.state.next_reply(None);
    reply.map(|message| text(&message))
}

#[test]
fn output_stays_within_the_window() {
    let mut s = Session::windowed(1000);
    assert_eq!(s.state.output_budget(), 1000);
    s.output(600);
    assert_eq!(s.state.output_budget(), 400);
    s.output(400);
    assert_eq!(s.state.output_budget(), 0);
    s.control(ClientMessage::Ack { bytes: 700 });
    assert_eq!(s.state.output_budget(), 700);
    s.control(ClientMessage::Ack { bytes: 300 });
    assert_eq!(s.state.output_budget(), 700, "a late ack is harmless");
    s.control(ClientMessage::Hold);
    assert_eq!(s.state.output_budget(), 0);
    assert_eq!(s.handle(typed("x")), ["input x"], "input passes meanwhile");
    s.control(ClientMessage::Release);
    assert_eq!(s.state.output_budget(), 700);
    assert_eq!(s.state.bytes(), (1, 1000));
    assert!(s.control(ClientMessage::Ack { bytes: 1000 }).is_empty());
    let actions = s.control(ClientMessage::Ack { bytes: 1001 });
    assert!(actions[1].starts_with("end 4400 `ack` is ahead"));
    assert_eq!(s.state.output_budget(), 0);
}

#[test]
fn without_a_window_only_tcp_bounds_output() {
    let mut s = Session::connecting(Dialect::V1, &config());
    assert_eq!(s.state.output_budget(), 0, "nothing before `ready`");
    s.start_shell();
    s.output(1 << 30);
    assert_eq!(s.state.output_budget(), usize::MAX);
}

/// Ends ticks, 100 ms apart, in which the client takes 1000 bytes of its queued output each.
fn slow_ticks(s: &mut Session, count: usize, written: &mut u64) {
    for _ in 0..count {
        s.now += Duration::from_millis(100);
        *written += 1000;
        s.end_of_blocked_tick(1, true, *written);
    }
}

/// A session whose client has been sent 200,000 bytes and reads slowly.
fn paced(config: &Config) -> (Session, u64) {
    let (mut s, mut written) = (Session::active(Dialect::V1, config), 0);
    s.output(200_000);
    slow_ticks(&mut s, 1, &mut written);
    assert!(!s.client().flow.is_paced(), "nothing to compare with yet");
    slow_ticks(&mut s, 1, &mut written);
    assert!(s.client().flow.is_paced());
    (s, written)
}

#[test]
fn a_paced_client_gets_more_output_with_each_pong() {
    let (mut s, _) = paced(&pinging());
    assert_eq!(s.state.output_budget(), 0);
    assert_eq!(s.state.next_pacer_ping(s.now), Some(200_000));
    assert_eq!(s.state.next_pacer_ping(s.now), None);
    s.end_of_tick(1);
    // The pacer waits for a pong already.
    assert_eq!(s.fire().unwrap().0, Timer::Ping);
    assert!(s.actions().is_empty());
    s.handle(SessionEvent::Pong(None));
    assert_eq!(s.state.output_budget(), 0);
    // Nor does it wait for a pong while the client's messages are not read.
    s.handle(zeros(pinging().websocket.read_buffer_size.bytes() + 1));
    assert_eq!(s.state.output_budget(), usize::MAX);
    s.take_packets(usize::MAX);
    assert_eq!(s.state.output_budget(), 0);
    s.handle(SessionEvent::Pong(Some(200_000)));
    let half = s.state.output_budget();
    assert!(0 < half && half < 100_000);
    s.output(half);
    // No pong: only TCP bounds the output.
    let number = s.state.next_pacer_ping(s.now).unwrap();
    assert_eq!(number, 200_000 + half as u64);
    s.output(s.state.output_budget());
    assert_eq!(s.state.output_budget(), 0);
    while s.fire().unwrap().0 != Timer::PacerPong {}
    assert_eq!(s.state.output_budget(), usize::MAX);
    // The client may answer only the latest of several pings.
    while s.fire().unwrap().0 != Timer::Ping {}
    assert_eq!(s.client().ping, Some(Some(number)));
}

#[test]
fn the_pacer_waits_no_longer_than_the_stall_timeout() {
    let mut config = config();
    config.websocket.stall_timeout = Duration::from_secs(1);
    let (mut s, _) = paced(&config);
    s.state.next_pacer_ping(s.now).unwrap();
    // The client takes everything, and then nothing more.
    s.end_of_blocked_tick(1, false, 200_000);
    assert_eq!(s.state.output_budget(), 0);
    let sent = s.now;
    assert_eq!(s.fire().unwrap().0, Timer::PacerPong);
    assert_eq!(s.now - sent, Duration::from_secs(1));
    assert_eq!(s.state.output_budget(), usize::MAX);
}

#[test]
fn a_fast_client_with_a_full_socket_is_not_paced_again_soon() {
    let (mut s, mut written) = paced(&config());
    assert!(s.state.is_client_limited());
    while s.state.is_client_limited() {
        match s.state.next_pacer_ping(s.now) {
            Some(number) => drop(s.handle(SessionEvent::Pong(Some(number)))),
            None => s.output(s.state.output_budget()),
        }
    }
    for _ in 0..500 {
        slow_ticks(&mut s, 1, &mut written);
        assert!(!s.state.is_client_limited());
    }
    slow_ticks(&mut s, 101, &mut written);
    assert!(s.state.is_client_limited());
}

/// Output before the shell runs stops no reads: the start of the shell comes after it.
#[test]
fn output_is_not_limited_before_the_shell_runs() {
    let mut s = Session::connecting(Dialect::V1, &config());
    assert!(!s.state.is_client_limited());
    s.handle(begins(Stage::Shell));
    assert!(!s.state.is_client_limited());
    s.start_shell();
    assert!(!s.state.is_client_limited());
    s.control(ClientMessage::Hold);
    assert!(s.state.is_client_limited());
}

#[test]
fn a_client_with_a_flow_window_is_never_paced() {
    let mut s = Session::windowed(100_000);
    s.output(100_000);
    slow_ticks(&mut s, 5, &mut 0);
    assert!(!s.client().flow.is_paced());
    assert_eq!(s.state.next_pacer_ping(s.now), None);
}

#[test]
fn input_is_acknowledged_every_quarter_window() {
    let mut s = Session::active(Dialect::V1, &config());
    let window = config().websocket.read_buffer_size.bytes();
    let quarter = window as u64 / 4;
    s.handle(zeros(window));
    assert!(
        s.state.can_read_message(),
        "an `ack` must be read at a full window"
    );
    s.handle(zeros(1));
    assert!(!s.state.can_read_message());
    s.take_packets(1);
    assert!(!s.state.can_read_message(), "it is not forwarded yet");
    s.take_packets(1);
    assert!(s.state.can_read_message());
    assert_eq!(reply(&mut s), Some(format!("<input_ack {quarter}>")));
    assert_eq!(reply(&mut s), None, "once");
    s.take_packets(usize::MAX);
    let total = window as u64 + 1;
    assert_eq!(reply(&mut s), Some(format!("<input_ack {total}>")));
}

#[test]
fn the_latest_ping_is_answered_and_pings_do_not_pile_up() {
    let mut s = Session::new(Dialect::V1, &config());
    s.control(ping("a"));
    s.control(ping("b"));
    assert_eq!(reply(&mut s), Some("<pong b>".to_owned()));
    assert_eq!(reply(&mut s), None);
}

#[test]
fn no_reply_is_sent_after_the_end() {
    let mut s = Session::active(Dialect::V1, &config());
    s.handle(zeros(20_000));
    s.take_packets(usize::MAX);
    s.control(ping(""));
    s.handle(SessionEvent::ClientClosed);
    assert_eq!(reply(&mut s), None);
    assert!(!s.state.can_read_message());
}

#[test]
fn early_input_is_kept_up_to_its_limit() {
    let mut s = Session::new(Dialect::Compatible, &config());
    s.handle(auth(None, "1"));
    for _ in 0..100 {
        s.handle(typed(""));
    }
    s.handle(zeros(16 * 1024 - 2));
    assert!(s.state.can_read_message());
    s.handle(typed("2"));
    assert!(!s.state.can_read_message(), "now TCP holds the client back");
    assert_eq!(s.start_shell(), ["input 16384 bytes"]);
    assert!(s.state.can_read_message());
    assert_eq!(s.state.bytes(), (16 * 1024, 0));
}

#[test]
fn a_resize_while_connecting_is_sent_once_the_shell_runs() {
    let mut s = Session::connecting(Dialect::V1, &config());
    assert!(s.control(resize(100, 40)).is_empty());
    assert!(s.control(resize(90, 30)).is_empty());
    let size = WindowSize::new(90, 30, 0, 0);
    assert_eq!(Some(s.state.size), size);
    assert_eq!(s.start_shell(), ["<ready cafe 65536>", "resize 90x30"]);
}
