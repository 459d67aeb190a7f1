//! Start of a shell as the server's answers to the requests for it show it: a state that the handler advances, and that who
//! asked waits for. A server may refuse the terminal (the shell then runs without, as under `ssh`), or answer nothing and talk.

use crate::error::SessionError;
use crate::runtime::WakerSlot;
use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;

/// State of the shell or command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    /// Asked for: no reply, and nothing has come of it.
    #[default]
    Requested,
    /// The server has said so, or something came of it.
    Runs,
    /// Refused. `talked`: there was output since.
    Refused { talked: bool },
    /// The channel was closed before the shell ran.
    Closed { talked: bool },
}

/// Replies to the two requests, which come in the order of these (RFC 4254 section 5.4) and name none of them.
#[derive(Debug, Default)]
pub(super) struct ShellStart {
    terminal: Cell<Option<bool>>,
    /// The request for the shell has its reply.
    answered: Cell<bool>,
    state: Cell<State>,
    /// Refused after it was taken for running.
    refused_late: Cell<bool>,
    /// The connection is gone.
    lost: Cell<bool>,
    waiter: WakerSlot,
}

/// Refusal that the user is to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no terminal; the shell may run without.
    Terminal,
    /// The shell or command was taken for running, and is not.
    Shell,
}

impl ShellStart {
    /// Returns whether the server has refused a terminal.
    pub(super) fn no_terminal(&self) -> bool {
        self.terminal.get() == Some(false)
    }

    /// Returns, once, whether the shell or command was refused after it was taken for running: nothing takes input.
    pub(super) fn take_late_refusal(&self) -> bool {
        self.refused_late.take()
    }

    /// The next reply has come.
    pub(super) fn note_reply(&self, granted: bool) -> Option<Refusal> {
        if self.terminal.get().is_none() {
            self.terminal.set(Some(granted));
            return (!granted).then_some(Refusal::Terminal);
        }
        let first = !self.answered.replace(true);
        match (self.state.get(), granted) {
            (State::Requested, true) if first => self.set(State::Runs),
            (State::Requested, false) if first => self.set(State::Refused { talked: false }),
            (State::Runs, false) if first => {
                self.refused_late.set(true);
                return Some(Refusal::Shell);
            }
            // The refusal was of a variable: some servers answer unasked.
            (State::Refused { .. }, true) => self.set(State::Runs),
            _ => {}
        }
        None
    }

    /// Output has come.
    pub(super) fn note_output(&self) {
        match self.state.get() {
            State::Requested => self.set(State::Runs),
            State::Refused { talked: false } => self.set(State::Refused { talked: true }),
            _ => {}
        }
    }

    /// The server has told how the process ended: it has run.
    pub(super) fn note_exit(&self) {
        if self.state.get() == State::Requested {
            self.set(State::Runs);
        }
    }

    /// The channel is closed.
    pub(super) fn note_close(&self) {
        match self.state.get() {
            State::Requested => self.set(State::Closed { talked: false }),
            State::Refused { talked } => self.set(State::Closed { talked }),
            State::Runs | State::Closed { .. } => {}
        }
    }

    /// The connection is gone.
    pub(super) fn note_lost(&self) {
        self.lost.set(true);
        self.waiter.wake();
    }

    fn set(&self, state: State) {
        self.state.set(state);
        self.waiter.wake();
    }

    /// Waits until the state is as `wanted`, and returns it. One task waits at a time.
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

    /// The state.
    pub(super) fn state(&self) -> State {
        self.state.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays replies (`y`, `n`), output (`o`), an exit (`e`) and the close (`c`), and returns the state and the refusals.
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
        let (refused, talked) = (
            State::Refused { talked: false },
            State::Refused { talked: true },
        );
        for (events, state, refusals) in [
            ("", State::Requested, &[][..]),
            ("y", State::Requested, &[]),
            ("yy", State::Runs, &[]),
            ("yyy", State::Runs, &[]),
            ("ny", State::Runs, &[Terminal]),
            ("yn", refused, &[]),
            ("nn", refused, &[Terminal]),
            ("yno", talked, &[]),
            ("ynoy", State::Runs, &[]),
            ("ynn", refused, &[]),
            ("o", State::Runs, &[]),
            ("yon", State::Runs, &[Shell]),
            ("yonn", State::Runs, &[Shell]),
            ("onn", State::Runs, &[Terminal, Shell]),
            ("e", State::Runs, &[]),
            ("yne", refused, &[]),
            ("yc", State::Closed { talked: false }, &[]),
            ("ync", State::Closed { talked: false }, &[]),
            ("ynoc", State::Closed { talked: true }, &[]),
            ("yyc", State::Runs, &[]),
        ] {
            assert_eq!(play(events), (state, refusals.to_vec()), "{events}");
        }
    }
}
