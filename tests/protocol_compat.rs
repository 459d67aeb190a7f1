//! The compatible dialect (no subprotocol) against the running server: the last section of
//! `src/message/PROTOCOL.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]

mod common;

#[path = "protocol_compat/control.rs"]
mod control;
#[path = "protocol_compat/endings.rs"]
mod endings;
#[path = "protocol_compat/first.rs"]
mod first;
#[path = "protocol_compat/large.rs"]
mod large;
#[path = "protocol_compat/questions.rs"]
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
