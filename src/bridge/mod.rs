//! One session: a client's WebSocket on one side, a shell on the other.
//!
//! `state` decides (pure), `timers` keeps its clocks (pure), `session` does
//! what was decided, `connector` is the way to the shell, `outbox` what the
//! SSH side leaves on its way to the client. LIFECYCLE.md draws the states.

mod connector;
mod id;
mod outbox;
mod session;
pub mod state;
pub mod timers;

pub use connector::SessionContext;
pub use id::SessionId;
pub use session::{Attachment, BridgeSession, SessionControl, SessionStart, SessionSummary};
