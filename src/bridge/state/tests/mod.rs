//! Tests of the state machine. What they share stands here: a session on a
//! clock of its own, and actions in words.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assertion is a failed test"
)]

mod clocks;
mod flow;
mod model;
mod progress;
mod questions;
mod table;

use super::*;
use crate::message::{
    AuthRequest, ClientMessage, Credentials, Incoming, KeyRecord, Prompt, Secret, SignalName,
    TerminalRequest,
};
use bytes::Bytes;

/// The rules of the tests: every clock has its own length, so that the one
/// that fired can be told by the time.
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

/// The server goes down and takes no new sessions.
fn drain_at(deadline: Instant) -> Input {
    Input::Drain(Drain {
        deadline,
        admit: false,
    })
}

/// A session, the time it believes in, and when it began.
#[derive(Debug)]
struct Session {
    state: SessionState,
    start: Instant,
    now: Instant,
}

impl Session {
    fn new(dialect: Dialect, config: &Config) -> Self {
        let now = crate::clock::now();
        Self {
            state: SessionState::new("cafe".to_owned(), dialect, Arc::new(config.clone()), now),
            start: now,
            now,
        }
    }

    /// `auth` was sent; the resolver is at work.
    fn connecting(dialect: Dialect, config: &Config) -> Self {
        let mut session = Self::new(dialect, config);
        session.feed(auth(None, ""));
        session
    }

    /// The shell runs, and what was said until then is forgotten.
    fn active(dialect: Dialect, config: &Config) -> Self {
        let mut session = Self::connecting(dialect, config);
        session.feed(Input::Started);
        session
    }

    /// An active `sshard.v1` session with this `flow_window`.
    fn windowed(window: u64) -> Self {
        let mut session = Self::new(Dialect::V1, &config());
        session.feed(auth(Some(window), ""));
        session.feed(Input::Started);
        session
    }

    fn feed(&mut self, input: Input) -> Vec<String> {
        self.state.handle(self.now, input);
        self.told()
    }

    fn say(&mut self, message: ClientMessage) -> Vec<String> {
        self.feed(Input::Message(Incoming::Control(message)))
    }

    /// What is to be done, in words.
    fn told(&mut self) -> Vec<String> {
        let actions: Vec<_> = std::iter::from_fn(|| self.state.next_action()).collect();
        actions.iter().map(|action| self.word(action)).collect()
    }

    fn pass(&mut self, time: u64) {
        self.now += Duration::from_secs(time);
    }

    /// Goes on to the next timer and lets it fire. Tells which it was, and
    /// the seconds since the session began.
    fn fire(&mut self) -> Option<(Timer, u64)> {
        self.now = self.now.max(self.state.timers.next()?);
        let timer = self.state.timers.expired(self.now)?;
        self.state.on_timer(self.now, timer);
        Some((timer, (self.now - self.start).as_secs()))
    }

    /// The end of a turn in which the client took what it was given.
    fn settle(&mut self, pending: usize) -> Vec<String> {
        self.state.settle(self.now, pending, false, 0);
        self.told()
    }

    fn word(&self, action: &Action) -> String {
        match action {
            Action::Send(message) => text(message),
            Action::Ping(_) => "ping".to_owned(),
            Action::Connect(request) => format!("connect {}", request.credentials.username),
            Action::AnswerHostKey(accept) => format!("host key {accept}"),
            Action::Answer(answers) => format!("{} answers", answers.len()),
            Action::Input(bytes) if bytes.len() > 20 => format!("input {} bytes", bytes.len()),
            Action::Input(bytes) => format!("input {}", String::from_utf8_lossy(bytes)),
            Action::Eof => "eof".to_owned(),
            Action::Resize(size) => format!("resize {}x{}", size.cols(), size.rows()),
            Action::Signal(signal) => format!("signal {}", signal.as_str()),
            Action::End(ending) => {
                let (code, reason) = self.state.close_frame(ending);
                format!("end {code} {reason}").trim_end().to_owned()
            }
        }
    }
}

/// A message of the server in a few words.
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
        ServerMessage::Exit { status, signal, .. } => {
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
            Some(Millis(round_trip)) => format!("<pong {data} {round_trip:?}>"),
        },
    }
}

fn auth(flow_window: Option<u64>, rest: &'static str) -> Input {
    let request = AuthRequest {
        credentials: Credentials {
            username: "alice".to_owned(),
            password: None,
            private_key: None,
            passphrase: None,
            certificate: None,
            ticket: None,
        },
        terminal: TerminalRequest {
            flow_window,
            ..TerminalRequest::default()
        },
        progress: false,
    };
    Input::Message(Incoming::Auth(Box::new(request), Bytes::from(rest)))
}

/// `auth` of a client that wants to be told the stages.
fn auth_with_progress() -> Input {
    let Input::Message(Incoming::Auth(mut request, rest)) = auth(None, "") else {
        panic!("no auth");
    };
    request.progress = true;
    Input::Message(Incoming::Auth(request, rest))
}

fn typed(bytes: impl Into<Bytes>) -> Input {
    Input::Message(Incoming::Input(bytes.into()))
}

fn zeros(count: usize) -> Input {
    typed(vec![b'0'; count])
}

fn resize(cols: u16, rows: u16) -> ClientMessage {
    ClientMessage::Resize(WindowSize::new(cols, rows, 0, 0).unwrap())
}

fn answer(id: u32, count: usize) -> ClientMessage {
    let answers = (0..count).map(|_| Secret::new("x".to_owned())).collect();
    ClientMessage::Answer { id, answers }
}

fn host_key() -> Input {
    Input::HostKeyQuestion {
        algorithm: "ssh-ed25519".to_owned(),
        fingerprint: "SHA256:x".to_owned(),
        known: KeyRecord::New,
    }
}

fn question(count: usize) -> Input {
    let prompt = Prompt {
        text: "Code: ".to_owned(),
        echo: false,
    };
    Input::Question {
        name: String::new(),
        instruction: String::new(),
        prompts: vec![prompt; count],
    }
}

fn exit(status: u32) -> Input {
    Input::Exit(Exit {
        status: Some(status),
        ..Exit::default()
    })
}
