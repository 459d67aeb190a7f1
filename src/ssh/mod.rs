//! SSH client side of a session: russh on the shard's own thread. Guarantees that nothing here
//! blocks the shard, that memory and CPU a server can use are bounded, and that dropping the
//! session ends the connection. Never sees a WebSocket.
//!
//! | module | what it is |
//! |---|---|
//! | `tcp` | the TCP connection |
//! | `client`, `handler` | the connection and its key exchange; russh's callbacks |
//! | `algorithms` | the offer, and every option of russh |
//! | `host_keys`, `host_certificates`, [`known_hosts`] | authentication of the server |
//! | `auth`, `attempts`, `interactive`, `prompts`, `agent`, [`keys`] | authentication of the user |
//! | `start`, `terminal`, `shell_start` | requests for a shell, and the server's replies to them |
//! | `channel`, `round_trip` | the running shell; keep-alives |
//! | `session_loop` | polling of russh |
//! | `stream`, `identification`, `credit`, `bulk` | the socket under russh: version line, read credit, bulk reads |
//! | `packet_budget`, `disconnect_cause` | caps on what a server may send; the reason why a connection ended |

mod agent;
mod algorithms;
mod attempts;
mod auth;
mod bulk;
mod channel;
mod client;
mod credit;
mod disconnect_cause;
mod handler;
mod host_certificates;
mod host_keys;
mod identification;
mod interactive;
pub mod keys;
pub mod known_hosts;
mod packet_budget;
mod prompts;
mod round_trip;
mod session_loop;
mod shell_start;
mod start;
mod stream;
mod tcp;
mod terminal;

pub use algorithms::OUTPUT_WINDOW;
pub use auth::LoginRules;
pub use channel::{ChannelGone, SshChannel};
pub use client::{SshClient, SshSettings};
pub use credit::ReadCredit;
pub use host_keys::{CheckedHost, HostKeyCheck};
pub use session_loop::{SshLoop, install_loop_spawner};
pub use tcp::connect_tcp;

use crate::error::{SessionError, Stage};
use crate::message::{Exit, KeyRecord, Prompt, Secret};
use async_channel::Sender;

/// Receiver of the SSH side's events, implemented by the session. Both live on one shard, so that
/// every call is a plain function call.
pub trait SshEvents {
    /// Takes output of the remote process, stdout and stderr alike.
    fn output(&self, bytes: &[u8]);
    /// Takes any other event.
    fn event(&self, event: SshEvent);
}

/// Event of an SSH connection, other than output.
#[derive(Debug, Clone)]
pub enum SshEvent {
    /// The connection has entered a stage.
    Stage(Stage),
    /// The server's banner (RFC 4252 section 5.4).
    Banner(String),
    /// The host key is unknown and the policy asks the user; the server waits.
    HostKeyQuestion {
        /// SSH name of the key's type.
        algorithm: String,
        /// `SHA256:..`
        fingerprint: String,
        /// State of the host's record.
        known: KeyRecord,
        /// Takes the answer.
        answer: Sender<bool>,
    },
    /// A round of keyboard-interactive (RFC 4256).
    Prompts {
        /// Title, may be empty.
        name: String,
        /// May be empty.
        instruction: String,
        /// May be empty.
        prompts: Vec<Prompt>,
        /// Takes the answers, one for each prompt.
        answer: Sender<Vec<Secret>>,
    },
    /// `exit-status` or `exit-signal`; the text of the server is cut to a bound.
    Exit(Exit),
    /// The server gave no terminal; the shell or command runs without one.
    NoTerminal,
    /// The server has refused the shell or command, after output was there.
    StartRefused,
    /// The channel is closed: no more output comes.
    ChannelClosed,
    /// The connection has ended, for this reason.
    Disconnected(SessionError),
    /// The connection was ended because the server broke this rule.
    Misbehaved(&'static str),
}
