//! State of the shell's start, as the server's replies and output show it. The handler advances it;
//! `start` waits for it. A server may refuse the terminal (the shell then runs without one, as
//! under `ssh`), or reply to nothing and send output.

use crate::error::SessionError;
use crate::runtime::WakerSlot;
use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;

/// State of the shell or command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    /// Requested: neither reply nor output has come.
    #[default]
    Requested,
    /// The server has confirmed it, or sent output or an exit status.
    Runs,
    /// Refused. `had_output`: output has come since.
    Refused { had_output: bool },
    /// The channel was closed before the shell ran.
    Closed { had_output: bool },
}

/// Replies to the two requests, for the terminal and the shell. They come in the order of the
/// requests (RFC 4254 section 5.4) and do not name them.
#[derive(Debug, Default)]
pub(super) struct ShellStart {
    terminal: Cell<Option<bool>>,
    /// The request for the shell has its reply.
    replied: Cell<bool>,
    state: Cell<State>,
    /// Refused after it was assumed to be running.
    refused_late: Cell<bool>,
    /// The connection has ended.
    lost: Cell<bool>,
    waiter: WakerSlot,
}

/// Refusal that is reported to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no terminal; the shell may run without one.
    Terminal,
    /// The shell or command was assumed to be running, and was refused.
    Shell,
}

impl ShellStart {
    /// Returns whether the server has refused a terminal.
    pub(super) fn no_terminal(&self) -> bool {
        self.terminal.get() == Some(false)
    }

    /// Returns, once, whether the shell or command was refused after it was assumed to be
    /// running, so that nothing takes input.
    pub(super) fn take_late_refusal(&self) -> bool {
        self.refused_late.take()
    }

    /// Takes the next reply.
    pub(super) fn note_reply(&self, success: bool) -> Option<Refusal> {
        if self.terminal.get().is_none() {
            self.terminal.set(Some(success));
            return (!success).then_some(Refusal::Terminal);
        }
        let first = !self.replied.replace(true);
        match (self.state.get(), success) {
            (State::Requested, true) if first => self.set(State::Runs),
            (State::Requested, false) if first => self.set(State::Refused { had_output: false }),
            (State::Runs, false) if first => {
                self.refused_late.set(true);
                return Some(Refusal::Shell);
            }
            // The refusal was of a variable: some servers reply although no reply is wanted.
            (State::Refused { .. }, true) => self.set(State::Runs),
            _ => {}
        }
        None
    }

    pub(super) fn note_output(&self) {
        match self.state.get() {
            State::Requested => self.set(State::Runs),
            State::Refused { had_output: false } => self.set(State::Refused { had_output: true }),
            _ => {}
        }
    }

    /// An exit status or signal shows that the process has run.
    pub(super) fn note_exit(&self) {
        if self.state.get() == State::Requested {
            self.set(State::Runs);
        }
    }

    pub(super) fn note_close(&self) {
        match self.state.get() {
            State::Requested => self.set(State::Closed { had_output: false }),
            State::Refused { had_output } => self.set(State::Closed { had_output }),
            State::Runs | State::Closed { .. } => {}
        }
    }

    pub(super) fn note_lost(&self) {
        self.lost.set(true);
        self.waiter.wake();
    }

    fn set(&self, state: State) {
        self.state.set(state);
        self.waiter.wake();
    }

    /// Waits until `wanted` accepts the state, and returns it. One task waits at a time.
    ///
    /// # Errors
    /// `ConnectionLost`.
    pub(super) async fn wait(&self, wanted: fn(State) -> bool) -> Result<State, SessionError> {
        poll_fn(|cx| {
            let state = self.state.get();
            if wanted(state) {
                return Poll::Ready(Ok(state));
            }
            if self.lost.get() {
                return Poll::Ready(Err(SessionError::ConnectionLost));
            }
            self.waiter.register(cx.waker());
            Poll::Pending
        })
        .await
    }

    pub(super) fn state(&self) -> State {
        self.state.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies replies (`y`, `n`), output (`o`), an exit (`e`) and the close (`c`), and returns the
    /// state and the refusals.
    fn play(events: &str) -> (State, Vec<Refusal>) {
        let start = ShellStart::default();
        let mut refusals = Vec::new();
        for event in events.chars() {
            match event {
                'y' => refusals.extend(start.note_reply(true)),
                'n' => refusals.extend(start.note_reply(false)),
                'o' => start.note_output(),
                'e' => start.note_exit(),
                _ => start.note_close(),
            }
        }
        (start.state(), refusals)
    }

    #[test]
    fn replies_belong_to_the_requests_in_their_order() {
        use Refusal::{Shell, Terminal};
        let (refused, had_output) = (
            State::Refused { had_output: false },
            State::Refused { had_output: true },
        );
        for (events, state, refusals) in [
            ("", State::Requested, &[][..]),
            ("y", State::Requested, &[]),
            ("yy", State::Runs, &[]),
            ("yyy", State::Runs, &[]),
            ("ny", State::Runs, &[Terminal]),
            ("yn", refused, &[]),
            ("nn", refused, &[Terminal]),
            ("yno", had_output, &[]),
            ("ynoy", State::Runs, &[]),
            ("ynn", refused, &[]),
            ("o", State::Runs, &[]),
            ("yon", State::Runs, &[Shell]),
            ("yonn", State::Runs, &[Shell]),
            ("onn", State::Runs, &[Terminal, Shell]),
            ("e", State::Runs, &[]),
            ("yne", refused, &[]),
            ("yc", State::Closed { had_output: false }, &[]),
            ("ync", State::Closed { had_output: false }, &[]),
            ("ynoc", State::Closed { had_output: true }, &[]),
            ("yyc", State::Runs, &[]),
        ] {
            assert_eq!(play(events), (state, refusals.to_vec()), "{events}");
        }
    }
}
