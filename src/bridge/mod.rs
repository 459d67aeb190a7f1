//! One session: a client's WebSocket on one side, a shell on the other.
//!
//! `state` decides what becomes of a session, and owns it by its state (pure); `timers` are clocks (pure); `session` polls
//! what the state owns: `attachment`, the client, `connector`, the way to the shell, `shell`, the running one. `downlink`
//! owns output on its way to the client, `uplink` input on its way to the server (pure). `config_snapshot` is replaced by a reload,
//! `throttle` counts failed logins, `audit` writes the session's lines of the audit log, `queue` lets short queues hold no
//! room.
//! LIFECYCLE.md draws the states.

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
pub use connector::{AdmissionWithTicket, SessionAddress, SessionContext};
pub use downlink::Downlink;
pub use session::{BridgeSession, SessionControl, SessionSummary};
pub use state::{Created, Drain};
pub use throttle::LoginThrottle;
pub use uplink::{Control, Packet, Uplink};
