//! Tests of the state machine. This file has their helpers: a session on a clock of its own, whose
//! actions are compared as text.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assertion is a failed test"
)]

mod flow;
mod model;
mod progress;
mod questions;
mod resuming;
mod table;
mod timeouts;
mod uniform_errors;

use super::*;
use crate::bridge::attachment::SocketState;
use crate::bridge::uplink::{ChannelRequest, Packet};
use crate::message::{
    AuthRequest, ClientMessage, Credentials, Dialect, Incoming, KeyRecord, Prompt, Secret,
    SignalName, TerminalRequest,
};
use crate::registry::State;
use crate::ssh::SshEvent;
use async_channel::{Receiver, Sender};
use bytes::Bytes;
use std::rc::{Rc, Weak};

/// Resources without content, and the users who were connected.
#[derive(Debug, Default)]
struct FakeResources {
    connected: Vec<String>,
}

impl Resources for FakeResources {
    type Socket = ();
    type Permit = ();
    type LoginSlot = Rc<()>;
    type Attempt = ();
    type Shell = ();

    fn connect(&mut self, (): (), request: AuthRequest) {
        self.connected.push(request.credentials.username);
    }
}

/// Configuration of the tests: every timer has its own length, so that the time shows which one
/// fired.
fn config() -> Config {
    let seconds = Duration::from_secs;
    let mut config = Config::default();
    config.session.auth_timeout = seconds(30);
    config.targets.resolve_timeout = seconds(5);
    config.ssh.connect_timeout = seconds(10);
    config.ssh.handshake_timeout = seconds(12);
    config.ssh.auth_timeout = seconds(14);
    config.limits.connection_timeout = seconds(25);
    config.session.prompt_timeout = seconds(60);
    config.session.hold_timeout = seconds(600);
    config.websocket.stall_timeout = seconds(70);
    config.websocket.ping_interval = Duration::ZERO;
    config.websocket.max_missed_pongs = 2;
    config.session.idle_timeout = None;
    config.session.max_lifetime = None;
    config
}

/// Drain of a server that takes no new logins.
fn drain_at(deadline: Instant) -> SessionEvent {
    SessionEvent::Drain(Drain {
        deadline,
        admit: false,
    })
}

/// Session on a clock of its own.
struct Session {
    state: SessionState<FakeResources>,
    start: Instant,
    now: Instant,
    login_slot: Weak<()>,
    host_key_answers: Vec<Receiver<bool>>,
    answers: Vec<Receiver<Vec<Secret>>>,
    /// Offset of the input reported so far.
    reported_input: u64,
    reported_eof: bool,
    reported_end: bool,
}

impl Session {
    fn new(dialect: Dialect, config: &Config) -> Self {
        let now = crate::clock::now();
        let config = Arc::new(config.clone());
        let client = Attachment::new((), dialect, 0);
        let resources = FakeResources::default();
        let slot = Rc::new(());
        let login_slot = Rc::downgrade(&slot);
        let created = Created {
            permit: (),
            login_slot: slot,
        };
        Self {
            state: SessionState::new("cafe".to_owned(), config, resources, created, client, now),
            start: now,
            now,
            login_slot,
            host_key_answers: Vec::new(),
            answers: Vec::new(),
            reported_input: 0,
            reported_eof: false,
            reported_end: false,
        }
    }

    /// A session whose client has sent `auth`.
    fn connecting(dialect: Dialect, config: &Config) -> Self {
        let mut session = Self::new(dialect, config);
        session.handle(auth(None, ""));
        session
    }

    /// A session whose shell runs; its actions until then are dropped.
    fn active(dialect: Dialect, config: &Config) -> Self {
        let mut session = Self::connecting(dialect, config);
        session.start_shell();
        session
    }

    /// An active `sshard.v1` session with this `flow_window`.
    fn windowed(window: u64) -> Self {
        let mut session = Self::new(Dialect::V1, &config());
        session.handle(auth(Some(window), ""));
        session.start_shell();
        session
    }

    fn handle(&mut self, mut event: SessionEvent) -> Vec<String> {
        match &mut event {
            SessionEvent::Ssh(SshEvent::HostKeyQuestion { answer, .. }) => {
                self.host_key_answers.push(receiver_of(answer));
            }
            SessionEvent::Ssh(SshEvent::Prompts { answer, .. }) => {
                self.answers.push(receiver_of(answer));
            }
            _ => {}
        }
        self.state.handle(self.now, event);
        self.actions()
    }

    fn start_shell(&mut self) -> Vec<String> {
        self.state.start(self.now, ());
        self.actions()
    }

    fn control(&mut self, message: ClientMessage) -> Vec<String> {
        self.handle(SessionEvent::Message(Incoming::Control(message)))
    }

    fn client(&mut self) -> &mut Attachment<()> {
        self.state.attachment.as_mut().unwrap()
    }

    /// Counts `bytes` more of output as sent to the client.
    fn output(&mut self, bytes: usize) {
        let sent = self.state.bytes().1 + bytes as u64;
        self.state.note_output(self.now, sent);
    }

    /// Takes `count` packets of input, as russh does; all but the last of them are forwarded.
    fn take_packets(&mut self, count: usize) -> Vec<Packet> {
        std::iter::from_fn(|| self.state.uplink.next_packet())
            .take(count)
            .collect()
    }

    /// Takes the actions of the session, as text.
    fn actions(&mut self) -> Vec<String> {
        let state = &mut self.state;
        let mut actions = Vec::new();
        if let Some(client) = &mut state.attachment {
            actions.extend(client.texts.drain(..).map(|message| text(&message)));
            actions.extend(client.ping.take().map(|_| "ping".to_owned()));
        }
        let connected = state.resources.connected.drain(..);
        actions.extend(connected.map(|user| format!("connect {user}")));
        for answer in &self.host_key_answers {
            actions.extend(answer.try_recv().map(|accept| format!("host key {accept}")));
        }
        for answers in &self.answers {
            let answers = answers.try_recv();
            actions.extend(answers.map(|answers| format!("{} answers", answers.len())));
        }
        if state.lifecycle.state() == State::Active {
            while let Some(request) = state.uplink.next_request() {
                actions.push(match request {
                    ChannelRequest::Resize(to) => format!("resize {}x{}", to.cols(), to.rows()),
                    ChannelRequest::Signal(signal) => format!("signal {}", signal.as_str()),
                });
            }
        }
        let received = state.uplink.received();
        let more = usize::try_from(received - self.reported_input).unwrap();
        self.reported_input = received;
        if state.uplink.is_ended() && !std::mem::replace(&mut self.reported_eof, true) {
            actions.push("eof".to_owned());
        }
        if more > 0 {
            let input = state.uplink.contents();
            let input = String::from_utf8_lossy(&input[input.len() - more..]);
            actions.push(match more {
                21.. => format!("input {more} bytes"),
                _ => format!("input {input}"),
            });
        }
        if let Some(ending) = ending(&state.lifecycle)
            && !std::mem::replace(&mut self.reported_end, true)
        {
            let (code, reason) = state.close_frame(ending);
            actions.push(format!("end {code} {reason}").trim_end().to_owned());
        }
        actions
    }

    fn advance(&mut self, time: u64) {
        self.now += Duration::from_secs(time);
    }

    /// Advances to the next timer and fires it. Returns it, and the seconds since the session
    /// began.
    fn fire(&mut self) -> Option<(Timer, u64)> {
        self.now = self.now.max(self.state.next_deadline()?);
        let timer = self.state.expired(self.now)?;
        self.state.on_timer(self.now, timer);
        Some((timer, (self.now - self.start).as_secs()))
    }

    fn position(&self) -> (State, Stage) {
        let lifecycle = &self.state.lifecycle;
        (lifecycle.state(), lifecycle.stage())
    }

    fn timer(&self, timer: Timer) -> Option<Instant> {
        let client = self.state.attachment.as_ref();
        let client = client.and_then(|client| client.timers.get(timer));
        self.state.timers.get(timer).or(client)
    }

    /// Ends a tick in which the client took all output.
    fn end_of_tick(&mut self, pending: usize) -> Vec<String> {
        self.end_of_blocked_tick(pending, false, 0);
        self.actions()
    }

    fn end_of_blocked_tick(&mut self, pending: usize, blocked: bool, written: u64) {
        let socket = SocketState { blocked, written };
        self.state.end_of_tick(self.now, pending, socket);
    }
}

/// Puts a sender in place of this one, and returns its receiver.
fn receiver_of<T>(sender: &mut Sender<T>) -> Receiver<T> {
    let receiver;
    (*sender, receiver) = async_channel::bounded(1);
    receiver
}

fn ending<R: Resources>(lifecycle: &Lifecycle<R>) -> Option<&Ending> {
    match lifecycle {
        Lifecycle::Closing(closing) => Some(&closing.ending),
        Lifecycle::Closed(ending) => Some(ending),
        _ => None,
    }
}

/// A message of the server as short text.
fn text(message: &ServerMessage) -> String {
    match message {
        ServerMessage::Hello {
            auth_deadline_ms, ..
        } => format!("<hello {auth_deadline_ms}>"),
        ServerMessage::HostKey { id, .. } => format!("<host_key {id}>"),
        ServerMessage::Banner { text } => format!("<banner {text}>"),
        ServerMessage::Prompt { id, prompts, .. } => format!("<prompt {id}: {}>", prompts.len()),
        ServerMessage::Ready {
            session,
            input_window,
        } => format!("<ready {session} {input_window}>"),
        ServerMessage::InputAck { bytes } => format!("<input_ack {bytes}>"),
        ServerMessage::Exit(Exit { status, signal, .. }) => {
            format!("<exit {status:?} {:?}>", signal.map(|s| s.as_str()))
        }
        ServerMessage::Error { code, stage, .. } => format!("<error {code} {stage}>"),
        ServerMessage::Notice {
            deadline_ms: Some(deadline_ms),
            ..
        } => format!("<notice {deadline_ms}>"),
        ServerMessage::Notice {
            stage: Some(stage), ..
        } => format!("<stage {stage}>"),
        ServerMessage::Notice { kind, .. } => format!("<notice {kind:?}>"),
        ServerMessage::Pong { data, ssh_ms } => match ssh_ms {
            None => format!("<pong {data}>"),
            Some(round_trip) => format!("<pong {data} {round_trip:?}>"),
        },
    }
}

fn auth(flow_window: Option<u64>, early_input: &'static str) -> SessionEvent {
    let request = auth_request(flow_window);
    SessionEvent::Message(Incoming::Auth(Box::new(request), Bytes::from(early_input)))
}

fn auth_request(flow_window: Option<u64>) -> AuthRequest {
    AuthRequest {
        credentials: Credentials {
            username: "alice".to_owned(),
            ..Credentials::default()
        },
        terminal: TerminalRequest {
            flow_window,
            ..TerminalRequest::default()
        },
        progress: false,
    }
}

fn typed(bytes: impl Into<Bytes>) -> SessionEvent {
    SessionEvent::Message(Incoming::Input(bytes.into()))
}

fn zeros(count: usize) -> SessionEvent {
    typed(vec![b'0'; count])
}

fn resize(cols: u16, rows: u16) -> ClientMessage {
    ClientMessage::Resize(WindowSize::new(cols, rows, 0, 0).unwrap())
}

fn ping(data: &str) -> ClientMessage {
    let data = data.to_owned();
    ClientMessage::Ping { data }
}

fn accept(id: u32) -> ClientMessage {
    ClientMessage::HostKeyAnswer { id, accept: true }
}

fn signal(name: &str) -> ClientMessage {
    ClientMessage::Signal(SignalName::parse(name).unwrap())
}

fn answer(id: u32, count: usize) -> ClientMessage {
    let answers = (0..count).map(|_| Secret::new("x".to_owned())).collect();
    ClientMessage::Answer { id, answers }
}

fn host_key() -> SessionEvent {
    SessionEvent::Ssh(SshEvent::HostKeyQuestion {
        algorithm: "ssh-ed25519".to_owned(),
        fingerprint: "SHA256:x".to_owned(),
        known: KeyRecord::New,
        answer: async_channel::bounded(1).0,
    })
}

fn question(count: usize) -> SessionEvent {
    let prompt = Prompt {
        text: "Code: ".to_owned(),
        echo: false,
    };
    SessionEvent::Ssh(SshEvent::Prompts {
        name: String::new(),
        instruction: String::new(),
        prompts: vec![prompt; count],
        answer: async_channel::bounded(1).0,
    })
}

fn begins(stage: Stage) -> SessionEvent {
    SessionEvent::Ssh(SshEvent::Stage(stage))
}

fn exit(status: u32) -> SessionEvent {
    SessionEvent::Ssh(SshEvent::Exit(Exit {
        status: Some(status),
        ..Exit::default()
    }))
}

fn closed() -> SessionEvent {
    SessionEvent::Ssh(SshEvent::ChannelClosed)
}

fn gone() -> SessionEvent {
    SessionEvent::Ssh(SshEvent::Disconnected(SessionError::ConnectionLost))
}
