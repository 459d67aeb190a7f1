//! The SSH side of a session: russh on the shard's own thread.
//!
//! `session_loop` is how russh is polled, `stream` and `credit` the socket,
//! `identification` what comes before the packets, `ledger` what a server may cost,
//! `farewell` its last words, `round_trip` how far away it is, `keys` the client's private key, `dial` the TCP
//! connection, `client` the handshake, `auth` the login, `start` and `terminal` the
//! requests for a shell, `shell_start` what the server makes of them, `channel` the running shell. It never sees a WebSocket.

mod agent;
mod algorithms;
mod attempts;
mod auth;
mod channel;
mod client;
mod credit;
mod dial;
mod farewell;
mod flow;
mod handler;
mod host_certificates;
mod host_keys;
mod identification;
mod interactive;
pub mod keys;
pub mod known_hosts;
mod ledger;
mod prompts;
mod round_trip;
mod session_loop;
mod shell_start;
mod start;
mod stream;
mod terminal;

pub use algorithms::OUTPUT_WINDOW;
pub use auth::LoginRules;
pub use channel::{ChannelGone, SshChannel};
pub use client::{SshClient, SshSettings};
pub use credit::ReadCredit;
pub use dial::dial;
pub use host_keys::{CheckedHost, HostKeyCheck};
pub use session_loop::{SshLoop, run_loops_here};

use crate::error::{SessionError, Stage};
use crate::message::{ExitSignal, KeyRecord, Prompt, Secret};
use async_channel::Sender;

/// What the SSH side tells the session. Implemented by the session's inbox;
/// both live on one shard, so every call is a plain function call.
pub trait SshEvents {
    /// Output of the remote process, stdout and stderr alike.
    fn output(&self, bytes: &[u8]);
    /// Everything else.
    fn event(&self, event: SshEvent);
}

/// An occurrence on the SSH side.
pub enum SshEvent {
    /// The connection has entered a stage.
    Stage(Stage),
    /// The server's banner (RFC 4252 section 5.4).
    Banner(String),
    /// The user must say whether to trust a key; the server waits.
    HostKeyQuestion {
        /// SSH name of the key's algorithm.
        algorithm: String,
        /// `SHA256:..`
        fingerprint: String,
        /// What is on record for the host.
        known: KeyRecord,
        /// Takes the answer.
        answer: Sender<bool>,
    },
    /// A round of keyboard-interactive (RFC 4256).
    Question {
        /// Title, may be empty.
        name: String,
        /// May be empty.
        instruction: String,
        /// May be empty.
        prompts: Vec<Prompt>,
        /// Takes the answers, one for each prompt.
        answer: Sender<Vec<Secret>>,
    },
    /// `exit-status`.
    ExitStatus(u32),
    /// `exit-signal`.
    ExitSignal {
        /// Its name.
        signal: ExitSignal,
        /// Whether a core was written.
        core_dumped: bool,
        /// The server's words.
        message: String,
    },
    /// The server gave no terminal; the shell or command runs without one.
    NoTerminal,
    /// The server has refused the shell or command, after output was there.
    StartRefused,
    /// The channel is closed: no more output comes.
    ChannelClosed,
    /// The connection is gone, and why.
    Disconnected(SessionError),
    /// It was ended, because the server broke this rule.
    Misbehaved(&'static str),
}
