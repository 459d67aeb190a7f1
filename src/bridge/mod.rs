//! One session: a client's WebSocket on one side, a shell on the other.
//!
//! `state` decides (pure), `timers` keeps its clocks (pure), `session` does
//! what was decided, `connector` is the way to the shell, `downlink` what the
//! SSH side leaves on its way to the client, `terms` what a reload replaces,
//! `throttle` counts failed logins, `audit` is what the audit log is told,
//! `queue` how short queues hold no room.
//! LIFECYCLE.md draws the states.

mod audit;
mod connector;
mod downlink;
mod queue;
mod session;
pub mod state;
mod terms;
mod throttle;
pub mod timers;

pub use connector::SessionContext;
pub use downlink::Downlink;
pub use session::{
    Attachment, BridgeSession, SessionControl, SessionStart, SessionSummary, Unauthenticated,
};
pub use state::Drain;
pub use terms::{LatestTerms, Terms, TermsError};
pub use throttle::LoginThrottle;
