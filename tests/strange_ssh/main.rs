//! SSH servers that behave as real equipment does and OpenSSH does not: text before and in place of
//! the version line, replies to the requests for a shell, ends of sessions. Servers that misbehave
//! on purpose are in `hostile_ssh`.
#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests wait for real programs: they need the clock"
)]

#[path = "../common/mod.rs"]
mod common;

mod endings;
mod front;
mod identification;
#[path = "../hostile_ssh/python.rs"]
mod python;
mod shells;
mod terminal;

use common::fixture::{bridge_to, path_to};
use common::{Bridge, Client, Event, Options};
use python::AsyncSsh;
use serde_json::{Value, json};

/// The server of `server.py`.
fn server(arguments: &[&str]) -> AsyncSsh {
    AsyncSsh::start(include_bytes!("server.py"), arguments)
}

/// Record of a session, from `auth` to its end.
#[derive(Debug, Default)]
struct Transcript {
    /// Text messages after `hello`, `ready` among them.
    texts: Vec<Value>,
    output: String,
    code: u16,
    reason: String,
}

impl Transcript {
    fn of(&self, kind: &str) -> Vec<&Value> {
        self.texts.iter().filter(|t| t["type"] == kind).collect()
    }

    /// Returns the only one of its type.
    fn one(&self, kind: &str) -> &Value {
        match self.of(kind)[..] {
            [one] => one,
            ref found => panic!("{} of {kind:?}: {self:#?}", found.len()),
        }
    }
}

fn connect(bridge: &Bridge, target: std::net::SocketAddr, fields: &Value) -> Client {
    let mut client = Client::connect(bridge.addr(), &path_to(target), &Options::v1());
    client.auth_v1(fields);
    client
}

fn transcript(client: &mut Client) -> Transcript {
    let mut transcript = Transcript::default();
    loop {
        match client.recv() {
            Event::Json(text) => transcript.texts.push(text),
            Event::Output(bytes) => transcript.output += &String::from_utf8_lossy(&bytes),
            Event::Close(code, reason) => {
                (transcript.code, transcript.reason) = (code, reason);
                return transcript;
            }
            Event::Reset => panic!("reset after {transcript:#?}"),
        }
    }
}

/// Runs a session of the user with this name, without input, to its end.
fn run_session(bridge: &Bridge, ssh: &AsyncSsh, mode: &str) -> Transcript {
    transcript(&mut connect(
        bridge,
        ssh.addr(),
        &json!({ "username": mode, "password": "p" }),
    ))
}

fn bridge(ssh: &AsyncSsh) -> Bridge {
    bridge_to(&[ssh.addr()], &[])
}
