//! One client of a session: its WebSocket, queued texts, timers, flow control and close state.
//!
//! Guarantees that nothing in it outlives the client: a session owns its attachment as an option,
//! so that a shell can be kept without one. `socket.rs` does its I/O; this file is pure: it takes
//! the time as an argument, and the WebSocket is a type parameter. Offsets are those of the
//! session's output.

mod socket;

use super::downlink::ClientFlow;
use super::timers::{Timer, Timers};
use crate::config::Websocket;
use crate::error::{SessionError, Stage};
use crate::message::{Dialect, MessageProcessor, ServerMessage};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Client of a session.
pub struct Attachment<S> {
    /// WebSocket. Declared before the processor, which wipes its buffers once the WebSocket has
    /// released them.
    pub socket: S,
    pub(super) processor: MessageProcessor,
    pub(super) dialect: Dialect,
    pub(super) flow: ClientFlow,
    /// The client requests the stages of the connection attempt.
    pub(super) progress_requested: bool,
    /// Latest stage that was sent.
    latest_stage: Option<Stage>,
    /// Ping, PacerPong, Stall and Hold.
    pub(super) timers: Timers,
    /// Texts that wait for room in the WebSocket, oldest first. Bounded: one `exit` or `error`, and
    /// the questions and banners of a few stages.
    pub(super) texts: VecDeque<ServerMessage>,
    /// Ping that waits for room, with its number; a later one replaces it.
    pub(super) ping: Option<Option<u64>>,
    /// Latest unanswered `ping` of the client; older ones need no answer (as in RFC 6455 section
    /// 5.5.3).
    pub(super) due_pong: Option<String>,
    missed_pongs: u32,
    /// Unread bytes of the client when the ping timer fired, while its messages were not read.
    pub(super) unread: Option<u64>,
    /// Reading was paused at the latest ping.
    paused_at_ping: bool,
    /// The client's messages are not read: the uplink has no room.
    pub(super) reading_paused: bool,
    /// Bytes the WebSocket had written when the stall timer was last set.
    stall_written: u64,
    close_sent: bool,
    /// The client's direction is closed or broken.
    pub(super) read_closed: bool,
}

/// State of a client's socket at the end of a tick.
#[derive(Debug, Clone, Copy)]
pub struct SocketState {
    /// It has bytes that the client has not taken.
    pub blocked: bool,
    /// Bytes written so far.
    pub written: u64,
}

impl<S> Attachment<S> {
    /// Returns a client that has received all output before `offset`.
    pub fn new(socket: S, dialect: Dialect, offset: u64) -> Self {
        Self {
            socket,
            processor: MessageProcessor::new(dialect),
            dialect,
            flow: ClientFlow::new(offset),
            progress_requested: false,
            latest_stage: None,
            timers: Timers::default(),
            texts: VecDeque::new(),
            ping: None,
            due_pong: None,
            missed_pongs: 0,
            unread: None,
            paused_at_ping: false,
            reading_paused: false,
            stall_written: 0,
            close_sent: false,
            read_closed: false,
        }
    }

    /// Queues a text; clients of the compatible dialect get none.
    pub(super) fn send(&mut self, message: ServerMessage) {
        if self.dialect == Dialect::V1 {
            self.texts.push_back(message);
        }
    }

    /// Takes the start of a stage. Returns whether it must be sent to the client, which gets each
    /// once, in order.
    ///
    /// A private key is read in the login stage too, but before the name is resolved: that is not
    /// sent, as the login itself is still to come.
    pub(super) fn note_stage(&mut self, stage: Stage) -> bool {
        let is_next = match self.latest_stage {
            None => stage != Stage::Login,
            Some(latest) => stage > latest,
        };
        let is_sent = (Stage::Resolve..=Stage::Shell).contains(&stage);
        let is_new = self.progress_requested && is_sent && is_next;
        if is_new {
            self.latest_stage = Some(stage);
        }
        is_new
    }

    /// Resets the count of missed pongs: the client has sent something.
    pub(super) fn note_alive(&mut self) {
        self.missed_pongs = 0;
    }

    /// Starts the ping timer.
    pub(super) fn start_pings(&mut self, now: Instant, interval: Duration) {
        if !interval.is_zero() {
            self.timers.set(Timer::Ping, now + interval);
        }
    }

    /// Queues the next ping. `reading`: the client's messages are read.
    ///
    /// # Errors
    /// `NoPong` if too many pings in a row were not answered.
    pub(super) fn on_ping_due(
        &mut self,
        now: Instant,
        websocket: &Websocket,
        reading: bool,
    ) -> Result<(), SessionError> {
        self.timers.set(Timer::Ping, now + websocket.ping_interval);
        let runs = |timer| self.timers.get(timer).is_some();
        if runs(Timer::Stall) || runs(Timer::PacerPong) {
            // A ping would only wait in the queue. The stall timer or the pacer finds out.
            return Ok(());
        }
        if self.pong_is_observable(reading) {
            if self.missed_pongs >= websocket.max_missed_pongs {
                return Err(SessionError::NoPong);
            }
            self.missed_pongs += 1;
        }
        self.ping = Some(self.flow.unanswered_ping());
        Ok(())
    }

    /// Returns whether a pong to the latest ping would have been seen by now. While reading is
    /// paused, a pong waits unread: if nothing is unread, none has come. If something is, TCP may
    /// hold back what follows it, and a missing pong proves nothing. A client that is gone
    /// acknowledges no ping then, and TCP ends the connection.
    fn pong_is_observable(&mut self, reading: bool) -> bool {
        let unread = self.unread.take();
        let was_paused = std::mem::replace(&mut self.paused_at_ping, unread.is_some());
        match unread {
            None => reading,
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
        if self.flow.unanswered_ping().is_none() {
            self.timers.clear(Timer::PacerPong);
        }
    }

    /// Returns the number of a ping that must be sent now, after the output so far: for the pacer
    /// of a slow client.
    pub(super) fn next_pacer_ping(
        &mut self,
        now: Instant,
        sent: u64,
        websocket: &Websocket,
    ) -> Option<u64> {
        let (number, timeout) = self.flow.next_ping(now, sent, websocket.stall_timeout)?;
        // A client that reads nothing is left to the stall timer, which runs once TCP is full.
        self.timers.set(Timer::PacerPong, now + timeout);
        Some(number)
    }

    /// Runs the stall timer while the client takes no bytes; each byte taken restarts it.
    pub(super) fn update_stall_timer(
        &mut self,
        now: Instant,
        socket: SocketState,
        limit: Duration,
    ) {
        if !socket.blocked {
            self.timers.clear(Timer::Stall);
        } else if socket.written != self.stall_written || self.timers.get(Timer::Stall).is_none() {
            self.stall_written = socket.written;
            self.timers.set(Timer::Stall, now + limit);
        }
    }

    /// Runs the hold timer while output waits (`pending` bytes) and the client's window is closed.
    pub(super) fn update_hold_timer(
        &mut self,
        now: Instant,
        sent: u64,
        pending: usize,
        limit: Duration,
    ) {
        if pending > 0 && self.flow.client_window(sent) == 0 {
            self.timers.set_if_stopped(Timer::Hold, now + limit);
        } else {
            self.timers.clear(Timer::Hold);
        }
    }
}
