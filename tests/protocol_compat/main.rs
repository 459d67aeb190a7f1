//! The compatible dialect (no subprotocol) against the running server: the last section of
//! `src/message/PROTOCOL.md`.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

#[path = "../common/mod.rs"]
mod common;

mod control;
mod endings;
mod first;
mod large;
mod questions;

use common::{Client, Event, Fixture, Received};

/// A client of the compatible dialect whose shell runs: it has seen output.
fn shell(fixture: &Fixture) -> Client {
    let others = fixture.ssh.count(&Received::Shell);
    let mut client = fixture.login_compatible("u", "p");
    fixture.ssh.wait_count(&Received::Shell, others + 1);
    fixture.ssh.output(b"$ ");
    assert_eq!(client.recv(), Event::Output(b"$ ".to_vec()));
    client
}

/// The next thing is a close frame with `code`, and with a reason unless the process has ended: no
/// text is ever sent.
fn assert_closes(client: &mut Client, code: u16, about: &str) -> String {
    match client.recv() {
        Event::Close(got, reason) => {
            assert_eq!(got, code, "{about}: {reason}");
            assert!(code == 1000 || !reason.is_empty(), "{about}");
            assert_eq!(client.recv(), Event::Reset, "{about}");
            reason
        }
        other => panic!("{about}: {other:?} in place of close {code}"),
    }
}
