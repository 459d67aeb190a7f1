//! SSH servers that misbehave after the key exchange, scripted with AsyncSSH, and honest ones other
//! than OpenSSH: sessions with the former end with 4503 and the reason, those with the latter do
//! not. Servers that complete no key exchange are in `deadlines`.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

#[path = "../common/mod.rs"]
mod common;

mod algorithms;
mod floods;
mod honest;
mod passwords;

use common::Program;

/// The server of `server.py`.
fn asyncssh(arguments: &[&str]) -> Program {
    Program::python("hostile_ssh/server.py", arguments)
}
