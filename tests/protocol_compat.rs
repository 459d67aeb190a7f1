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

use common::{Client, Event, Scene};

/// A client of the compatible dialect whose shell runs: it has seen output.
fn shell(scene: &Scene) -> Client {
    let mut client = scene.compatible();
    client.login_compatible("u", "p");
    scene.ssh.wait_seen(&common::Seen::Shell);
    scene.ssh.output(b"$ ");
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
