//! States of a session, each with what it owns. LIFECYCLE.md draws them.
//!
//! A transition consumes the state before it: what belongs to that state alone is dropped there, so
//! nothing outlives its state. Does not decide when a transition happens: the files beside this one
//! do.

use super::types::{Ending, Question, Suspended};
use crate::error::{SessionError, Stage};
use crate::message::{AuthRequest, Exit};
use crate::registry::State;

/// Types that a session owns by its state. The state machine moves them and never looks inside.
pub trait Resources {
    /// Connection to a client.
    type Socket;
    /// Permit to log in, and the ticket that the client sent.
    type Permit;
    /// Slot of a client whose shell does not run yet. Held until it does, or until the client's
    /// connection has ended.
    type LoginSlot;
    /// Connection attempt in progress.
    type Attempt;
    /// Running shell, with the permits it holds.
    type Shell;

    /// Starts the connection attempt.
    fn connect(&mut self, permit: Self::Permit, request: AuthRequest) -> Self::Attempt;
}

/// State of a session.
pub enum Lifecycle<R: Resources> {
    /// Upgraded; waiting for `auth`.
    Created(Created<R::Permit, R::LoginSlot>),
    /// Connecting to the target, up to the shell.
    Connecting(Connecting<R::Attempt, R::LoginSlot>),
    /// The shell runs.
    Active(Active<R::Shell>),
    /// The shell runs without a client. Reserved for session resume: nothing enters it yet.
    Detached(Active<R::Shell>),
    /// The outcome is decided; both sides are being closed.
    Closing(Closing<R::Shell, R::LoginSlot>),
    /// Both sides are closed.
    Closed(Ending),
}

/// Session whose client has not sent `auth`.
pub struct Created<P, N> {
    /// Permit to log in.
    pub permit: P,
    /// Slot of the login pool.
    pub login_slot: N,
}

/// Session that connects to its target.
pub struct Connecting<A, N> {
    /// Connection attempt.
    pub attempt: A,
    login_slot: N,
    pub(super) stage: Stage,
    pub(in crate::bridge) question: Option<Question>,
    pub(super) suspended: Suspended,
    /// The terminal was resized since `auth`.
    pub(super) resized: bool,
    pub(super) remote: RemoteEnd,
}

/// Session whose shell runs.
pub struct Active<S> {
    /// Running shell.
    pub shell: S,
    pub(super) remote: RemoteEnd,
}

/// Session that is being closed.
pub struct Closing<S, N> {
    /// The shell, until the SSH connection is gone.
    pub shell: Option<S>,
    /// Of a session whose shell never ran.
    _login_slot: Option<N>,
    /// Outcome of the session.
    pub ending: Ending,
}

/// End of the remote side, as far as it is known. The end of a short command can be known before
/// its start.
#[derive(Debug, Default)]
pub(super) struct RemoteEnd {
    pub(super) exit: Option<Exit>,
    /// Error that ends the session once its output is delivered, if the server does not report how
    /// the process ended.
    pub(super) cause: Option<SessionError>,
    pub(super) channel_closed: bool,
    /// The SSH connection is gone.
    pub(super) disconnected: bool,
}

impl RemoteEnd {
    /// Returns whether no more output will come.
    pub(super) fn is_done(&self) -> bool {
        self.channel_closed || self.disconnected
    }

    /// Takes the exit of the process. A channel that was closed without an exit status or signal
    /// ended in order, too: many devices never send one.
    pub(super) fn take_exit(&mut self) -> Result<Exit, SessionError> {
        let unknown = (self.channel_closed && self.cause.is_none()).then(Exit::default);
        let exit = self.exit.take().or(unknown);
        exit.ok_or_else(|| self.cause.take().unwrap_or(SessionError::ConnectionLost))
    }
}

impl<R: Resources> Lifecycle<R> {
    /// State as shown in the registry.
    pub fn state(&self) -> State {
        match self {
            Self::Created(_) => State::Created,
            Self::Connecting(_) => State::Connecting,
            Self::Active(_) => State::Active,
            Self::Detached(_) => State::Detached,
            Self::Closing(_) => State::Closing,
            Self::Closed(_) => State::Closed,
        }
    }

    /// Stage under which errors are reported.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Created(_) => Stage::Auth,
            Self::Connecting(connecting) => connecting.stage,
            Self::Active(_) | Self::Detached(_) | Self::Closing(_) | Self::Closed(_) => {
                Stage::Relay
            }
        }
    }

    /// Returns whether the outcome is decided.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Closing(_) | Self::Closed(_))
    }

    /// Returns whether the shell runs and has a client.
    pub(super) fn is_active(&self) -> bool {
        matches!(self, Self::Active(_))
    }

    /// Returns the data of Connecting, in that state.
    pub fn connecting_mut(&mut self) -> Option<&mut Connecting<R::Attempt, R::LoginSlot>> {
        match self {
            Self::Connecting(connecting) => Some(connecting),
            _ => None,
        }
    }

    /// Returns the open question.
    pub(super) fn question(&self) -> Option<&Question> {
        match self {
            Self::Connecting(connecting) => connecting.question.as_ref(),
            _ => None,
        }
    }

    /// Returns the shell, until its connection is gone.
    pub fn shell_mut(&mut self) -> Option<&mut R::Shell> {
        match self {
            Self::Active(active) | Self::Detached(active) => Some(&mut active.shell),
            Self::Closing(closing) => closing.shell.as_mut(),
            Self::Created(_) | Self::Connecting(_) | Self::Closed(_) => None,
        }
    }

    /// Returns the end of the remote side, while it can still change.
    pub(super) fn remote_mut(&mut self) -> Option<&mut RemoteEnd> {
        match self {
            Self::Connecting(connecting) => Some(&mut connecting.remote),
            Self::Active(active) | Self::Detached(active) => Some(&mut active.remote),
            Self::Created(_) | Self::Closing(_) | Self::Closed(_) => None,
        }
    }

    /// Any -> Closed, whatever is still held: its state is not trusted.
    pub(super) fn abort(&mut self) {
        // A transition that panicked has left it closed.
        if !matches!(self, Self::Closed(_)) {
            drop(self.take());
        }
    }

    /// Takes the state out, for the next one to be built from it. A panic in between leaves a
    /// session that is closed.
    pub(super) fn take(&mut self) -> Self {
        let stage = self.stage();
        let error = SessionError::Internal;
        std::mem::replace(self, Self::Closed(Ending::Failed { error, stage }))
    }

    /// Created -> Connecting.
    pub(super) fn connect(&mut self, attempt: impl FnOnce(R::Permit) -> R::Attempt) {
        *self = match self.take() {
            Self::Created(Created { permit, login_slot }) => Self::Connecting(Connecting {
                attempt: attempt(permit),
                login_slot,
                stage: Stage::Resolve,
                question: None,
                suspended: Suspended::default(),
                resized: false,
                remote: RemoteEnd::default(),
            }),
            other => other,
        };
    }

    /// Connecting -> Active. Returns whether the terminal was resized meanwhile. In any other state
    /// it drops the shell and returns `None`.
    pub(super) fn start(&mut self, shell: R::Shell) -> Option<bool> {
        let (next, resized) = match self.take() {
            Self::Connecting(Connecting {
                remote, resized, ..
            }) => (Self::Active(Active { shell, remote }), Some(resized)),
            other => (other, None),
        };
        *self = next;
        resized
    }

    /// Active -> Detached: the client is gone and the shell runs on. Returns whether it was active.
    pub(super) fn detach(&mut self) -> bool {
        let (next, was_active) = match self.take() {
            Self::Active(active) => (Self::Detached(active), true),
            other => (other, false),
        };
        *self = next;
        was_active
    }

    /// Detached -> Active: another client has come. Returns whether it was detached.
    pub(super) fn attach(&mut self) -> bool {
        let (next, was_detached) = match self.take() {
            Self::Detached(active) => (Self::Active(active), true),
            other => (other, false),
        };
        *self = next;
        was_detached
    }

    /// Any -> Closing. Drops the connection attempt or the unused admission; keeps a shell whose
    /// connection lives, which must still be closed.
    pub(super) fn close(&mut self, ending: Ending) {
        let (shell, login_slot) = match self.take() {
            Self::Active(active) | Self::Detached(active) => {
                let shell = (!active.remote.disconnected).then_some(active.shell);
                (shell, None)
            }
            Self::Created(created) => (None, Some(created.login_slot)),
            Self::Connecting(connecting) => (None, Some(connecting.login_slot)),
            Self::Closing(_) | Self::Closed(_) => (None, None),
        };
        *self = Self::Closing(Closing {
            shell,
            _login_slot: login_slot,
            ending,
        });
    }

    /// Closing -> Closed. Drops whatever is still held.
    pub(super) fn finish(&mut self) {
        *self = match self.take() {
            Self::Closing(Closing { ending, .. }) => Self::Closed(ending),
            other => other,
        };
    }
}
