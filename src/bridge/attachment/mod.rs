//! Everything that belongs to one client of a session: its WebSocket, texts, clocks, windows and close flags.
//!
//! A session owns its attachment as an option, so that a later version can let the shell outlive it. `socket` does its
//! I/O; this file is pure: time comes as an argument, and the WebSocket is a type parameter. Offsets are those of the
//! session's output.

mod progress;
mod socket;

use super::downlink::{ClientFlow, PONG_TIMEOUT};
use super::timers::{Timer, Timers};
use crate::config::Websocket;
use crate::error::{SessionError, Stage};
use crate::message::{Dialect, MessageProcessor, Millis, ServerMessage};
use progress::Progress;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A client.
pub struct Attachment<S> {
    /// The WebSocket. Before the processor, which wipes its buffers once they are let go of.
    pub socket: S,
    pub(super) processor: MessageProcessor,
    dialect: Dialect,
    pub(super) flow: ClientFlow,
    progress: Progress,
    /// Ping, PacerPong, Stall and Hold.
    pub(super) timers: Timers,
    /// Text that waits for room in the WebSocket, oldest first. Bounded: one `exit` or `error`, a few stages' worth of
    /// questions and banners.
    pub(super) texts: VecDeque<ServerMessage>,
    /// A ping that waits for room, with its number; a later one replaces it.
    pub(super) ping: Option<Option<u64>>,
    /// Latest unanswered ping of the client; older ones need no answer (as RFC 6455 section 5.5.3).
    owed_pong: Option<String>,
    missed_pongs: u32,
    /// Bytes of the client that wait unread, while its messages are not read.
    unread: Option<u64>,
    /// Reads of the client's messages were paused at the latest ping.
    paused_at_ping: bool,
    /// The client's messages were left unread for want of room.
    pub(super) reading_paused: bool,
    /// Bytes the WebSocket had written when the stall clock was last set.
    stall_mark: u64,
    close_sent: bool,
    /// The client's direction is over: closed or broken.
    pub(super) done: bool,
}

/// State of a client's socket at the end of a tick.
#[derive(Debug, Clone, Copy)]
pub struct SocketState {
    /// It has bytes that the client did not take.
    pub blocked: bool,
    /// Bytes it has written so far.
    pub written: u64,
}

impl<S> Attachment<S> {
    /// A client that has all output before `offset`.
    pub fn new(socket: S, dialect: Dialect, offset: u64) -> Self {
        Self {
            socket,
            processor: MessageProcessor::new(dialect),
            dialect,
            flow: ClientFlow::new(offset),
            progress: Progress::default(),
            timers: Timers::default(),
            texts: VecDeque::new(),
            ping: None,
            owed_pong: None,
            missed_pongs: 0,
            unread: None,
            paused_at_ping: false,
            reading_paused: false,
            stall_mark: 0,
            close_sent: false,
            done: false,
        }
    }

    /// Dialect of the client.
    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Queues a text; clients of the compatible dialect get none.
    pub(super) fn send(&mut self, message: ServerMessage) {
        if self.dialect == Dialect::V1 {
            self.texts.push_back(message);
        }
    }

    /// Takes what `auth` says of the client.
    pub(super) fn on_auth(&mut self, flow_window: Option<u64>, wants_progress: bool) {
        self.flow.set_window(flow_window);
        self.progress.set_wanted(wants_progress);
    }

    /// Returns whether the client has asked to be told how the way to the shell goes.
    pub(super) fn wants_progress(&self) -> bool {
        self.progress.is_wanted()
    }

    /// A stage begins. Returns whether the client is to be told.
    pub(super) fn note_stage(&mut self, stage: Stage) -> bool {
        self.progress.note(stage)
    }

    /// The client has shown that it is there.
    pub(super) fn note_alive(&mut self) {
        self.missed_pongs = 0;
    }

    /// Takes the client's `ping`. Compatible ones are not answered.
    pub(super) fn on_ping(&mut self, data: String) {
        if self.dialect == Dialect::V1 {
            self.owed_pong = Some(data);
        }
    }

    /// Returns whether a `pong` is due.
    pub(super) fn owes_pong(&self) -> bool {
        self.owed_pong.is_some()
    }

    /// The `pong` that is due, with the latest round trip to the SSH server.
    pub(super) fn take_pong(&mut self, ssh_round_trip: Option<Duration>) -> Option<ServerMessage> {
        let data = self.owed_pong.take()?;
        let ssh_ms = ssh_round_trip.map(Millis);
        Some(ServerMessage::Pong { data, ssh_ms })
    }

    /// Starts the clock of the pings.
    pub(super) fn start_pings(&mut self, now: Instant, interval: Duration) {
        if !interval.is_zero() {
            self.timers.set(Timer::Ping, now + interval);
        }
    }

    /// A ping is due. `listening`: the client's messages are read.
    ///
    /// # Errors
    /// `NoPong` if too many have gone unanswered.
    pub(super) fn on_ping_due(
        &mut self,
        now: Instant,
        websocket: &Websocket,
        listening: bool,
    ) -> Result<(), SessionError> {
        self.timers.set(Timer::Ping, now + websocket.ping_interval);
        let waits = [Timer::Stall, Timer::PacerPong].into_iter();
        if waits
            .map(|timer| self.timers.get(timer))
            .any(|at| at.is_some())
        {
            // A ping would wait in the queue. The stall clock decides, or the pacer.
            return Ok(());
        }
        if self.shows_pongs(listening) {
            if self.missed_pongs >= websocket.max_missed_pongs {
                return Err(SessionError::NoPong);
            }
            self.missed_pongs += 1;
        }
        self.ping = Some(self.flow.pinged());
        Ok(())
    }

    /// Takes, before a ping is due while the client's messages are not read, the number of their bytes that have come
    /// and wait.
    pub(super) fn note_unread(&mut self, bytes: u64) {
        self.unread = Some(bytes);
    }

    /// Returns whether a pong to the latest ping would have been seen by now. While the client's messages are not read,
    /// its pong waits with them: where nothing waits, none has come. Where something does, TCP may hold back what would
    /// come behind it, and a missing pong proves nothing; a client that is gone acknowledges no ping then, and TCP ends
    /// the connection.
    fn shows_pongs(&mut self, listening: bool) -> bool {
        let unread = self.unread.take();
        let was_paused = std::mem::replace(&mut self.paused_at_ping, unread.is_some());
        match unread {
            None => listening,
            Some(0) => was_paused,
            Some(_) => {
                self.missed_pongs = 0;
                false
            }
        }
    }

    /// Takes a pong, with the number it carries.
    pub(super) fn on_pong(&mut self, now: Instant, number: Option<u64>) {
        self.note_alive();
        if let Some(number) = number {
            self.flow.on_pong(now, number);
        }
        if self.flow.pinged().is_none() {
            self.timers.clear(Timer::PacerPong);
        }
    }

    /// The number of a ping that must leave now, behind the output so far: for the pacer of a slow client.
    pub(super) fn next_pace_ping(
        &mut self,
        now: Instant,
        sent: u64,
        websocket: &Websocket,
    ) -> Option<u64> {
        let number = self.flow.next_ping(now, sent)?;
        // One that reads nothing is to be noticed by the stall clock, which runs once TCP holds it back.
        let timeout = PONG_TIMEOUT.min(websocket.stall_timeout);
        self.timers.set(Timer::PacerPong, now + timeout);
        Some(number)
    }

    /// Runs the stall clock while the client takes no bytes; each that it takes restarts it.
    pub(super) fn run_stall_clock(&mut self, now: Instant, socket: SocketState, limit: Duration) {
        if !socket.blocked {
            self.timers.clear(Timer::Stall);
        } else if socket.written != self.stall_mark || self.timers.get(Timer::Stall).is_none() {
            self.stall_mark = socket.written;
            self.timers.set(Timer::Stall, now + limit);
        }
    }

    /// Runs the hold clock while output waits (`pending` bytes) and the client allows none.
    pub(super) fn run_hold_clock(
        &mut self,
        now: Instant,
        sent: u64,
        pending: usize,
        limit: Duration,
    ) {
        if pending > 0 && self.flow.allowed(sent) == 0 {
            self.timers.set_if_idle(Timer::Hold, now + limit);
        } else {
            self.timers.clear(Timer::Hold);
        }
    }
}
