//! Load for a WebSocket-to-SSH bridge, and the SSH server behind it.
//!
//! | module | what it is |
//! |---|---|
//! | [`sink`] | an SSH server for thousands of sessions: echo, bulk, flood, exit |
//! | [`client`] | one session: a WebSocket, both dialects |
//! | [`schedule`] | when something is to be sent, whatever the bridge does |
//! | [`pacer`] | wakes the sessions at those times |
//! | [`record`] | histograms and counts while a run lasts |
//! | [`scenario`] | what is done: [`scenario::run`] is the way in |
//! | [`meter`] | what it costs the bridge, from /proc |
//! | [`report`] | what came out: table, JSON, CSV, SVG |
//!
//! A run is bounded in sessions and in time, and goes to loopback unless told otherwise. Latency is
//! counted from the intended time of sending, so that a bridge that stands still is not measured
//! less often for it (no coordinated omission); the time from the real sending stands beside it.

pub mod client;
pub mod meter;
pub mod pacer;
pub mod record;
pub mod report;
pub mod resources;
pub mod scenario;
pub mod schedule;
pub mod sink;
