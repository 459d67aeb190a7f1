//! SSH servers that misbehave after the key exchange, scripted with AsyncSSH, and honest ones other
//! than OpenSSH: sessions with the former end with 4503 and the reason, those with the latter do
//! not. Servers that complete no key exchange are in `deadlines`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests are threads that wait for real programs: they need the clock"
)]

mod common;

#[path = "hostile_ssh/algorithms.rs"]
mod algorithms;
#[path = "hostile_ssh/floods.rs"]
mod floods;
#[path = "hostile_ssh/honest.rs"]
mod honest;
#[path = "hostile_ssh/passwords.rs"]
mod passwords;
#[path = "hostile_ssh/python.rs"]
mod python;

/// The server of `server.py`.
fn asyncssh(arguments: &[&str]) -> python::AsyncSsh {
    python::AsyncSsh::start(include_bytes!("hostile_ssh/server.py"), arguments)
}
