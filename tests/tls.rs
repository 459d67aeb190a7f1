//! TLS on the public listener, over real sockets: sessions, what is refused, certificates that are
//! good or bad, and their replacement while sessions run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]

mod common;

#[path = "tls/certificate.rs"]
mod certificate;
#[path = "tls/refusals.rs"]
mod refusals;
#[path = "tls/reload.rs"]
mod reload;
#[path = "tls/session.rs"]
mod session;
#[path = "tls/site.rs"]
mod site;
