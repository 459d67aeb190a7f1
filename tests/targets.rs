//! Target policy and name resolution, against the running server and real sockets. Every test runs
//! in a network and mount namespace of its own, with a name server of its own: it changes nothing
//! of the machine and sends nothing out of it, and addresses like 169.254.169.254 have listeners
//! that count connections.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a failed step of a test has nowhere to go but the test's output; tests are threads"
)]

mod common;

#[path = "targets/dns.rs"]
mod dns;
#[path = "targets/hanging.rs"]
mod hanging;
#[path = "targets/host_keys.rs"]
mod host_keys;
#[path = "targets/inside.rs"]
mod inside;
#[path = "targets/names.rs"]
mod names;
#[path = "targets/own.rs"]
mod own;
#[path = "targets/spellings.rs"]
mod spellings;
