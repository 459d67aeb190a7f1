//! Random sequences of events. A failing case is printed, shrunk; its seed is kept under
//! `proptest-regressions` and run first from then on.
//!
//! The steps keep the promises of the layers around the state machine, and no more: a message that
//! the processor refuses before `auth` does not come before it, and no message is read while none
//! may be.

use super::*;
use crate::error::HostKeyProblem;
use crate::message::BadMessage;
use proptest::prelude::*;

#[derive(Debug)]
enum Step {
    Auth {
        window: Option<u64>,
        early: bool,
    },
    Typed(usize),
    /// In percent of the output sent; above 100 is a violation.
    Ack(u64),
    Message(ClientMessage),
    Event(SessionEvent),
    /// In seconds from now.
    Drain(u64),
    /// Of the latest ping.
    Pong,
    ShellStarted,
    /// In percent of the budget.
    Output(usize),
    /// Packets that russh takes.
    Packets(usize),
    EndOfTick {
        pending: usize,
        blocked: bool,
        written: u64,
    },
    Reply,
    PacerPing,
    Wait(u64),
    Fire,
}

/// One of several values, which cannot be cloned.
fn one_of<T: std::fmt::Debug + 'static>(makers: &'static [fn() -> T]) -> impl Strategy<Value = T> {
    prop::sample::select(makers).prop_map(|make| make())
}

fn message() -> impl Strategy<Value = ClientMessage> {
    prop_oneof![
        4 => (1..4u32, 0..3usize).prop_map(|(id, count)| answer(id, count)),
        4 => (1..4u32).prop_map(accept),
        8 => one_of(&[
            || resize(100, 40), || ping("x"), || ClientMessage::Hold, || ClientMessage::Release,
        ]),
        2 => one_of(&[|| signal("HUP"), || ClientMessage::Eof]),
        1 => one_of(&[|| ClientMessage::Close]),
    ]
}

fn event() -> impl Strategy<Value = SessionEvent> {
    prop_oneof![
        8 => prop::sample::select(progress::all_stages()).prop_map(begins),
        4 => (0..3usize).prop_map(question),
        2 => one_of(&[host_key]),
        2 => (1..3u64).prop_map(|number| SessionEvent::Pong(Some(number))),
        2 => (0..40_000usize).prop_map(|bytes| SessionEvent::Ssh(SshEvent::Banner("b".repeat(bytes)))),
        2 => one_of(&[
            || SessionEvent::Ssh(SshEvent::NoTerminal), || SessionEvent::Ssh(SshEvent::StartRefused),
        ]),
        3 => one_of(&[|| exit(1), closed, gone]),
        1 => one_of(&[
            || SessionEvent::Failed(HostKeyProblem::Refused.into()),
            || SessionEvent::Failed(SessionError::Killed),
            || SessionEvent::Failed(BadMessage::NotAnObject.into()),
            || SessionEvent::ClientClosed,
            || SessionEvent::ClientGone,
            || SessionEvent::ClientAway,
            || SessionEvent::Ssh(SshEvent::Misbehaved("it sent too much")),
        ]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let window = prop::option::of(1024..100_000u64);
    prop_oneof![
        4 => (window, any::<bool>()).prop_map(|(window, early)| Step::Auth { window, early }),
        8 => (0..40_000usize).prop_map(Step::Typed),
        4 => (0..=100u64).prop_map(Step::Ack),
        1 => (101..200u64).prop_map(Step::Ack),
        8 => message().prop_map(Step::Message),
        12 => event().prop_map(Step::Event),
        1 => (0..100u64).prop_map(Step::Drain),
        1 => one_of(&[|| Step::Pong]),
        8 => (0..=100usize).prop_map(Step::Output),
        8 => (0..6usize).prop_map(Step::Packets),
        8 => (0..3usize, any::<bool>(), 0..4u64)
            .prop_map(|(pending, blocked, written)| Step::EndOfTick { pending, blocked, written }),
        12 => one_of(&[|| Step::ShellStarted, || Step::Reply, || Step::PacerPing]),
        4 => (0..20u64).prop_map(Step::Wait),
        6 => one_of(&[|| Step::Fire]),
    ]
}

fn rules() -> impl Strategy<Value = Config> {
    let seconds = |range: std::ops::Range<u64>| {
        prop::option::of(range).prop_map(|s| s.map(Duration::from_secs))
    };
    let flags = (any::<bool>(), any::<bool>());
    (seconds(20..200), seconds(20..400), flags).prop_map(|(idle, life, (pings, uniform))| {
        let mut rules = config();
        rules.session.idle_timeout = idle;
        rules.session.max_lifetime = life;
        rules.targets.uniform_errors = uniform;
        if pings {
            rules.websocket.ping_interval = Duration::from_secs(30);
        }
        rules
    })
}

/// A session, and its expected counts.
struct Model {
    session: Session,
    dialect: Dialect,
    auth_seen: bool,
    window: Option<u64>,
    sent: u64,
    acked: u64,
    /// Bytes of input received, taken, and forwarded.
    received: u64,
    taken: u64,
    forwarded: u64,
    input_acked: u64,
    ends: u32,
}

impl Model {
    fn new(dialect: Dialect, rules: &Config) -> Self {
        Self {
            session: Session::new(dialect, rules),
            dialect,
            auth_seen: false,
            window: None,
            sent: 0,
            acked: 0,
            taken: 0,
            forwarded: 0,
            received: 0,
            input_acked: 0,
            ends: 0,
        }
    }

    fn is_over(&self) -> bool {
        self.session.state.lifecycle.is_over()
    }

    /// Handles a message, if it would be read and accepted here.
    fn message(&mut self, message: Incoming) {
        let s = &mut self.session;
        let first = matches!(message, Incoming::Auth(..));
        if s.state.can_read_message() && first != self.auth_seen {
            self.auth_seen = true;
            s.state.handle(s.now, SessionEvent::Message(message));
        }
    }

    fn run(&mut self, step: Step) -> Result<(), TestCaseError> {
        let now = self.session.now;
        match step {
            Step::Auth { window, early } => {
                let early = early && self.dialect == Dialect::Compatible;
                let window = window.filter(|_| self.dialect == Dialect::V1);
                if !self.auth_seen {
                    self.window = window;
                }
                let SessionEvent::Message(auth) = auth(window, if early { "ls\r" } else { "" })
                else {
                    return Ok(());
                };
                self.message(auth);
            }
            Step::Typed(count) => self.message(Incoming::Input(vec![b'x'; count].into())),
            Step::Ack(percent) => {
                let bytes = self.sent * percent / 100;
                if bytes <= self.sent && self.auth_seen && !self.is_over() {
                    self.acked = self.acked.max(bytes);
                }
                if self.dialect == Dialect::V1 {
                    self.message(Incoming::Control(ClientMessage::Ack { bytes }));
                }
            }
            Step::Message(message) => {
                let both = matches!(
                    message,
                    ClientMessage::Resize(_) | ClientMessage::Ping { .. }
                );
                if both || self.dialect == Dialect::V1 {
                    self.message(Incoming::Control(message));
                }
            }
            Step::Pong => {
                let number = self.session.client().flow.unanswered_ping();
                self.session.state.handle(now, SessionEvent::Pong(number));
            }
            Step::Drain(seconds) => {
                let drain = drain_at(now + Duration::from_secs(seconds));
                self.session.state.handle(now, drain);
            }
            Step::Event(event) => self.session.state.handle(now, event),
            Step::ShellStarted => self.session.state.start(now, ()),
            Step::PacerPing => {
                if let Some(number) = self.session.state.next_pacer_ping(now) {
                    prop_assert_eq!(number, self.sent);
                    prop_assert_eq!(self.window, None, "it acknowledges");
                }
            }
            Step::Output(percent) => {
                let budget = self.session.state.output_budget().min(50_000);
                let bytes = budget * percent / 100;
                if bytes > 0 {
                    self.session.output(bytes);
                    self.sent += bytes as u64;
                }
            }
            Step::Packets(count) => self.take_packets(count),
            Step::EndOfTick {
                pending,
                blocked,
                written,
            } => self.session.end_of_blocked_tick(pending, blocked, written),
            Step::Reply => self.reply()?,
            Step::Wait(seconds) => self.wait(seconds),
            Step::Fire => drop(self.session.fire()),
        }
        self.check()
    }

    /// Takes input as russh does, in a session with a shell.
    fn take_packets(&mut self, count: usize) {
        let is_active = self.session.state.lifecycle.state() == State::Active;
        for _ in 0..count * usize::from(is_active) {
            self.forwarded = self.taken;
            match self.session.state.uplink.next_packet() {
                Some(Packet::Input(bytes)) => self.taken += bytes.len() as u64,
                Some(Packet::Eof) => {}
                None => return,
            }
        }
    }

    fn reply(&mut self) -> Result<(), TestCaseError> {
        let Some(reply) = self.session.state.next_reply(None) else {
            return Ok(());
        };
        prop_assert!(self.dialect == Dialect::V1 && !self.is_over());
        if let ServerMessage::InputAck { bytes } = reply {
            prop_assert!(self.input_acked < bytes && bytes <= self.forwarded);
            self.input_acked = bytes;
        }
        Ok(())
    }

    /// Advances the time; every timer fires when it is due.
    fn wait(&mut self, seconds: u64) {
        let until = self.session.now + Duration::from_secs(seconds);
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= until);
        while is_due(self.session.state.next_deadline()) {
            self.session.fire();
        }
        self.session.now = self.session.now.max(until);
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        let was_over = self.ends > 0;
        let actions = self.session.actions();
        prop_assert!(actions.is_empty() || !was_over, "{actions:?}");
        prop_assert!(self.dialect == Dialect::V1 || !actions.iter().any(|t| t.starts_with('<')));
        let last = actions.last();
        self.ends += u32::from(last.is_some_and(|last| last.starts_with("end ")));
        let state = &self.session.state;
        prop_assert_eq!(self.ends, u32::from(self.is_over()), "one end");
        if let Some(window) = self.window {
            let free = window - (self.sent - self.acked);
            prop_assert!(state.output_budget() as u64 <= free);
        }
        prop_assert!(state.output_budget() == 0 || state.lifecycle.state() == State::Active);
        let (received, sent) = state.bytes();
        prop_assert_eq!(sent, self.sent);
        prop_assert!(self.received <= received && (received == self.received || !was_over));
        prop_assert!(self.forwarded <= self.taken && self.taken <= received);
        self.received = received;
        if self.is_over() {
            for timer in [Timer::Stage, Timer::Connection, Timer::Prompt, Timer::Ping] {
                prop_assert_eq!(self.session.timer(timer), None);
            }
        }
        Ok(())
    }

    /// In every state, without further events, the timers end the session. Only an active one
    /// without limits may stay.
    fn run_out(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..1000 {
            if self.session.fire().is_none() {
                break;
            }
            self.check()?;
        }
        let state = self.session.state.lifecycle.state();
        let is_idle = self.session.state.next_deadline().is_none();
        prop_assert!(!is_idle || matches!(state, State::Closed | State::Active));
        if state == State::Active {
            let now = self.session.now;
            self.session.state.handle(now, SessionEvent::ClientGone);
            self.check()?;
            let fired = self.session.fire().map(|(timer, _)| timer);
            prop_assert_eq!(fired, Some(Timer::Linger));
        }
        prop_assert_eq!(self.session.state.lifecycle.state(), State::Closed);
        prop_assert_eq!(self.session.fire(), None);
        self.check()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn invariants_hold_in_every_sequence(
        dialect in prop::sample::select(vec![Dialect::V1, Dialect::Compatible]),
        rules in rules(),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut model = Model::new(dialect, &rules);
        model.check()?;
        for step in steps {
            model.run(step)?;
        }
        model.run_out()?;
    }
}
