//! The state machine, the downlink, and both with the messages as a session's turn joins them.

use super::{Step, binary, logged_in};
use bytes::Bytes;
use sshard::bridge::Downlink;
use sshard::bridge::state::{Action, Input, Phase, SessionState};
use sshard::error::Stage;
use sshard::message::{ClientMessage, Dialect, Frame, Incoming, MessageProcessor};
use sshard::ssh::{ReadCredit, SshEvents};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// The clock stands still: no timer fires, none is moved further than to where it was.
fn active(auth: Incoming, now: Instant) -> SessionState {
    let mut state = SessionState::new("cafe".to_owned(), Dialect::V1, Arc::default(), now);
    state.handle(now, Input::Message(auth));
    for stage in [Stage::Connect, Stage::Handshake, Stage::Login, Stage::Shell] {
        state.handle(now, Input::Stage(stage));
    }
    state.handle(now, Input::Started);
    while state.next_action().is_some() {}
    assert_eq!(state.phase(), Phase::Active);
    state
}

/// Takes what is to be done as `turn` does; counts the input.
fn perform(state: &mut SessionState) -> usize {
    let mut input = 0;
    while let Some(action) = state.next_action() {
        if let Action::Input(bytes) = black_box(action) {
            input += bytes.len();
        }
    }
    input
}

pub(super) fn new_to_active() -> Step {
    let now = sshard::clock::now();
    Box::new(move || {
        let (_, auth) = logged_in(Dialect::V1);
        black_box(active(auth, now));
    })
}

pub(super) fn state_keystroke() -> Step {
    let now = sshard::clock::now();
    let (_, auth) = logged_in(Dialect::V1);
    let mut state = active(auth, now);
    let mut passed = 0;
    Box::new(move || {
        let key = Incoming::Input(Bytes::from_static(b"x"));
        state.handle(now, Input::Message(black_box(key)));
        passed += perform(&mut state) as u64;
        state.note_input_passed(passed);
        black_box(state.next_reply());
        state.note_output(now, black_box(1));
        state.settle(now, 0, false, 0);
    })
}

pub(super) fn state_output() -> Step {
    let now = sshard::clock::now();
    let (_, auth) = logged_in(Dialect::V1);
    let mut state = active(auth, now);
    Box::new(move || {
        assert!(state.output_budget() >= super::CHUNK);
        state.note_output(now, black_box(super::CHUNK));
        state.settle(now, 0, false, 0);
    })
}

pub(super) fn state_acked() -> Step {
    let now = sshard::clock::now();
    let mut processor = MessageProcessor::new(Dialect::V1);
    let auth = br#"{"type":"auth","username":"alice","password":"x","flow_window":65536}"#;
    let auth = processor.decode(Frame::Text(Bytes::from_static(auth)));
    let mut state = active(auth.unwrap(), now);
    let mut bytes = 0;
    Box::new(move || {
        assert!(state.output_budget() >= super::CHUNK);
        state.note_output(now, black_box(super::CHUNK));
        bytes += super::CHUNK as u64;
        let ack = Incoming::Control(ClientMessage::Ack { bytes });
        state.handle(now, Input::Message(black_box(ack)));
        state.settle(now, 0, false, 0);
    })
}

fn empty_downlink() -> Downlink {
    Downlink::new(Rc::new(ReadCredit::default()), 64 * 1024)
}

pub(super) fn downlink(size: usize) -> Step {
    let downlink = empty_downlink();
    let packet = vec![b'x'; size];
    Box::new(move || {
        downlink.output(black_box(&packet));
        let sent = downlink.send(super::CHUNK, |bytes| _ = black_box(bytes));
        assert_eq!(sent, size);
    })
}

/// What a turn does without its sockets: `input` bytes from the client to the SSH side as one
/// message, `output` bytes the other way as one packet.
pub(super) fn pump(input: usize, output: usize) -> Step {
    let now = sshard::clock::now();
    let (mut processor, auth) = logged_in(Dialect::V1);
    let mut state = active(auth, now);
    let downlink = empty_downlink();
    let (Frame::Binary(typed) | Frame::Text(typed)) = binary(input);
    let packet = vec![b'x'; output];
    let (mut passed, mut written) = (0, 0);
    Box::new(move || {
        if input > 0 {
            let frame = Frame::Binary(black_box(&typed).clone());
            let message = processor.decode(frame).unwrap();
            state.handle(now, Input::Message(message));
            passed += perform(&mut state) as u64;
            state.note_input_passed(passed);
        }
        if output > 0 {
            downlink.output(black_box(&packet));
        }
        if let Some(reply) = state.next_reply() {
            black_box(processor.encode(&reply));
        }
        let budget = state.output_budget().min(super::CHUNK);
        let sent = downlink.send(budget, |bytes| _ = black_box(bytes));
        if sent > 0 {
            state.note_output(now, sent);
            written += output as u64;
        }
        state.settle(now, 0, false, written);
    })
}
