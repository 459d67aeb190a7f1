//! Load generator for a WebSocket-to-SSH bridge, and an SSH server to put behind it.
//!
//! | module | contents |
//! |---|---|
//! | [`sink`] | SSH server for thousands of sessions: echo, bulk, flood, exit |
//! | [`client`] | one session: a WebSocket, both dialects |
//! | [`schedule`] | open-loop send times |
//! | [`pacer`] | wakes the sessions at those times |
//! | [`record`] | histograms and counters of a run |
//! | [`scenario`] | the scenarios; [`scenario::run`] is the entry point |
//! | [`meter`] | CPU and memory of the bridge, from /proc |
//! | [`report`] | results: table, JSON, CSV, SVG |
//!
//! A run is bounded in sessions and in time, and sends to loopback unless told otherwise. Latency
//! counts from the intended send time, so that a bridge that stops is not measured less often while
//! it stops (no coordinated omission); the time from the actual send is reported beside it.
//!
//! It shares no code with the bridge, so that a mistake of the bridge cannot hide in its
//! measurement.

pub mod client;
pub mod meter;
pub mod pacer;
pub mod record;
pub mod report;
pub mod resources;
pub mod scenario;
pub mod schedule;
pub mod sink;
