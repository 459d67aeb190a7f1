//! The public port before the WebSocket: one HTTP/1.1 request, an answer or
//! an upgrade. It takes no session further than 101.

mod forwarded;
mod host_header;
mod io;
mod problem;
#[cfg(test)]
mod properties;
mod routes;
mod serve;
mod ticket;
mod upgrade;

pub use forwarded::client_ip;
pub(crate) use host_header::AcceptedNames;
pub use host_header::ListenerInfo;
pub(crate) use problem::{Problem, Reply, raw_speaks_tls};
pub use routes::{AdmissionControl, Health, Rejection, Upgrade};
pub(crate) use routes::{check_host_and_origin, is_health, require_health_method, require_method};
pub use serve::{Upgraded, serve};
