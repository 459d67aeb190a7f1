//! The public port before the WebSocket: one HTTP/1.1 request per connection, and an answer or an
//! upgrade. Whether a client is admitted is the caller's decision; it gets the routed request and
//! gives the answer. Nothing here outlives the 101.
//!
//! hyper parses the request; its server is not used further, for the socket is needed back.

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
pub use routes::{Health, Upgrade};
pub(crate) use routes::{
    READ, Route, check_host_and_origin, is_health, probe_reply, require_health_method,
    require_method, route,
};
pub(crate) use serve::{Upgraded, serve};
