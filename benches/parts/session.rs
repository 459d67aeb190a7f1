//! The state machine, the downlink, and both with the messages as a session's poll joins them.

use super::{Step, binary, logged_in};
use bytes::Bytes;
use sshard::bridge::state::{Created, Resources, SessionEvent, SessionState};
use sshard::bridge::{Attachment, Downlink, SocketState};
use sshard::error::Stage;
use sshard::message::{AuthRequest, ClientMessage, Dialect, Frame, Incoming, MessageProcessor};
use sshard::ssh::{ReadCredit, SshEvent, SshEvents};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// Nothing that a session owns but its data.
struct Nothing;

impl Resources for Nothing {
    type Socket = ();
    type Permit = ();
    type LoginSlot = ();
    type Attempt = ();
    type Shell = ();

    fn connect(&mut self, (): (), request: AuthRequest) {
        black_box(request);
    }
}

type State = SessionState<Nothing>;

/// Time does not advance: no timer fires, and none is moved to another instant.
fn active(auth: Incoming, now: Instant) -> State {
    let client = Attachment::new((), Dialect::V1, 0);
    let id = "cafe".to_owned();
    let created = Created {
        permit: (),
        login_slot: (),
    };
    let mut state = SessionState::new(id, Arc::default(), Nothing, created, client, now);
    state.handle(now, SessionEvent::Message(auth));
    for stage in [Stage::Connect, Stage::Handshake, Stage::Login, Stage::Shell] {
        state.handle(now, SessionEvent::Ssh(SshEvent::Stage(stage)));
    }
    state.start(now, ());
    assert!(state.output_budget() > 0, "the shell runs");
    state
}

/// Takes the input that goes to russh.
fn take_input(state: &mut State) {
    while let Some(packet) = state.uplink.next_packet() {
        black_box(packet);
    }
}

/// The client has taken all; `sent` bytes are added to what it was sent.
fn end_tick(state: &mut State, now: Instant, sent: usize) {
    if sent > 0 {
        let offset = state.bytes().1 + sent as u64;
        state.note_output(now, black_box(offset));
    }
    let socket = SocketState {
        blocked: false,
        written: state.bytes().1,
    };
    state.end_of_tick(now, 0, socket);
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
    Box::new(move || {
        let key = Incoming::Input(Bytes::from_static(b"x"));
        state.handle(now, SessionEvent::Message(black_box(key)));
        take_input(&mut state);
        black_box(state.next_reply(None));
        end_tick(&mut state, now, 1);
    })
}

pub(super) fn state_output() -> Step {
    let now = sshard::clock::now();
    let (_, auth) = logged_in(Dialect::V1);
    let mut state = active(auth, now);
    Box::new(move || {
        assert!(state.output_budget() >= super::CHUNK);
        end_tick(&mut state, now, super::CHUNK);
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
        end_tick(&mut state, now, super::CHUNK);
        bytes += super::CHUNK as u64;
        let ack = Incoming::Control(ClientMessage::Ack { bytes });
        state.handle(now, SessionEvent::Message(black_box(ack)));
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

/// Work of a session's poll without its sockets: `input` bytes from the client to the SSH side as
/// one message, `output` bytes the other way as one packet.
pub(super) fn pump(input: usize, output: usize) -> Step {
    let now = sshard::clock::now();
    let (mut processor, auth) = logged_in(Dialect::V1);
    let mut state = active(auth, now);
    let downlink = empty_downlink();
    let (Frame::Binary(typed) | Frame::Text(typed)) = binary(input);
    let packet = vec![b'x'; output];
    Box::new(move || {
        if input > 0 {
            let frame = Frame::Binary(black_box(&typed).clone());
            let message = processor.decode(frame).unwrap();
            state.handle(now, SessionEvent::Message(message));
            take_input(&mut state);
        }
        if output > 0 {
            downlink.output(black_box(&packet));
        }
        if let Some(reply) = state.next_reply(None) {
            black_box(processor.encode(&reply));
        }
        let budget = state.output_budget().min(super::CHUNK);
        let sent = downlink.send(budget, |bytes| _ = black_box(bytes));
        end_tick(&mut state, now, sent);
    })
}
