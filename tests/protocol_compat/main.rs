//! The compatible dialect (no subprotocol) against the running server: the last section of
//! `src/message/PROTOCOL.md`.
#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests wait for real programs: they need the clock"
)]

#[path = "../common/mod.rs"]
mod common;

mod control;
mod endings;
mod first;
mod large;
mod questions;

use common::{Client, Event, Fixture};

/// A client of the compatible dialect whose shell runs: it has seen output.
fn shell(fixture: &Fixture) -> Client {
    let mut client = fixture.compatible();
    client.login_compatible("u", "p");
    fixture.ssh.wait_received(&common::Received::Shell);
    fixture.ssh.output(b"$ ");
    assert_eq!(client.recv(), Event::Output(b"$ ".to_vec()));
    client
}

/// The next thing is a close frame with `code`: no text is ever sent.
fn assert_closes(client: &mut Client, code: u16, about: &str) -> String {
    match client.recv() {
        Event::Close(got, reason) => {
            assert_eq!(got, code, "{about}: {reason}");
            assert_eq!(client.recv(), Event::Reset, "{about}");
            reason
        }
        other => panic!("{about}: {other:?} in place of close {code}"),
    }
}
