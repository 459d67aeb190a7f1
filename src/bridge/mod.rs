//! One session: a client's WebSocket on one side, a shell on the other. LIFECYCLE.md has its
//! states.
//!
//! `state` is the state machine, which owns everything a session has; `session` is the I/O around
//! it: one future that polls `attachment` (the client), `connector` (resolve, connect, log in,
//! start) and `shell` (the running one). `downlink` is output to the client, `uplink` input to the
//! server, `timers` the table of deadlines. `config_snapshot` is what a reload replaces, `throttle`
//! limits failed logins, `audit` writes the session's lines of the audit log, `queue` frees the
//! memory of short queues.
//!
//! Guarantees that a session has one owner and one future, and that dropping it returns every
//! permit and buffer. `state`, `timers`, `uplink` and the flow control of `downlink` do no I/O and
//! take the time as an argument. Does not accept connections and does not know other sessions:
//! `shard` does.

mod attachment;
mod audit;
mod config_snapshot;
mod connector;
mod downlink;
mod queue;
mod session;
mod shell;
pub mod state;
mod throttle;
pub mod timers;
mod uplink;

pub use attachment::{Attachment, SocketState};
pub use config_snapshot::{ConfigSnapshot, SharedSnapshot, SnapshotError};
pub use connector::{SessionAddress, SessionContext};
pub use downlink::Downlink;
pub use session::{BridgeSession, SessionControl};
pub use state::{Created, Drain};
pub use throttle::LoginThrottle;
pub use uplink::{ChannelRequest, Packet, Uplink};
