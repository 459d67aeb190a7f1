//! SSH servers that behave as real equipment does and OpenSSH does not: text before and in place of
//! the version line, replies to the requests for a shell, ends of sessions. Servers that misbehave
//! on purpose are in `hostile_ssh`.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

#[path = "../common/mod.rs"]
mod common;

mod endings;
mod identification;
mod shells;
mod terminal;

use common::fixture::{auth_at, bridge_to};
use common::{Bridge, Program, Transcript};
use serde_json::json;

/// The server of `server.py`.
fn server(arguments: &[&str]) -> Program {
    Program::python("strange_ssh/server.py", arguments)
}

/// Runs a session of the user with this name, without input, to its end.
fn run_session(bridge: &Bridge, ssh: &Program, mode: &str) -> Transcript {
    let fields = json!({ "username": mode, "password": "p" });
    auth_at(bridge, ssh.addr(), &fields).transcript()
}

fn bridge(ssh: &Program) -> Bridge {
    bridge_to(&[ssh.addr()], &[])
}
