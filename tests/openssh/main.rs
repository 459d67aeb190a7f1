//! The bridge against Debian's real sshd: login methods, the terminal, ends of sessions, and host
//! keys. Does not test limits, clocks or flow control.
#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests wait for real programs: they need the clock"
)]

#[path = "../common/mod.rs"]
mod common;

mod certificates;
mod exit;
mod host_keys;
mod interactive;
mod keys;
mod login;
mod multifactor;
mod named;
mod target;
mod terminal;
mod transfer;

use common::{Bridge, Client, Event, Options, Sshd, account};
use serde_json::{Value, json};

/// A real sshd, and a bridge that may reach it and has its host keys on record.
struct OpensshFixture {
    sshd: Sshd,
    bridge: Bridge,
    _known_hosts: tempfile::NamedTempFile,
}

impl OpensshFixture {
    fn start() -> Self {
        Self::with(&[], &[])
    }

    /// With lines for the sshd_config, and settings for the bridge.
    fn with(sshd_lines: &[&str], settings: &[&str]) -> Self {
        let sshd = Sshd::with(sshd_lines);
        let known_hosts = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(known_hosts.path(), sshd.known_hosts()).unwrap();
        let file = format!("ssh.known_hosts={}", known_hosts.path().display());
        let mut all = vec![file.as_str()];
        all.extend(settings);
        Self {
            bridge: bridge_to(&allow(sshd.port()), &all),
            sshd,
            _known_hosts: known_hosts,
        }
    }

    fn v1(&self) -> Client {
        Client::connect(self.bridge.addr(), &path(self.sshd.port()), &Options::v1())
    }

    fn compatible(&self) -> Client {
        Client::connect(
            self.bridge.addr(),
            &path(self.sshd.port()),
            &Options::compatible(),
        )
    }

    /// Logged in by password, the shell or command started. `fields` go into `auth`.
    fn ready(&self, fields: Value) -> Client {
        let mut client = self.v1();
        client.auth_v1(&with_password(fields));
        let ready = next_json(&mut client);
        assert_eq!(ready["type"], "ready", "{ready}");
        client
    }

    /// As [`OpensshFixture::ready`] with this command.
    fn command(&self, command: &str) -> Client {
        self.ready(json!({ "command": command }))
    }
}

fn allow(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn path(port: u16) -> String {
    format!("/ws/127.0.0.1/{port}")
}

/// A bridge that may reach `target`, with these settings.
fn bridge_to(target: &str, settings: &[&str]) -> Bridge {
    let mut args = vec!["--allow", target];
    for setting in settings {
        args.extend(["--set", setting]);
    }
    Bridge::start(&args, &[])
}

/// `fields` with the account's name and password put in.
fn with_password(mut fields: Value) -> Value {
    fields["username"] = account().user.into();
    fields["password"] = account().password.as_str().into();
    fields
}

/// The next event, which must be a JSON message.
fn next_json(client: &mut Client) -> Value {
    match client.recv() {
        Event::Json(value) => value,
        other => panic!("no JSON message but {other:?}"),
    }
}

/// The very next message is `error` with this code and stage, and then this close code comes with
/// the same text, as far as it fits.
fn expect_error(client: &mut Client, stage: &str, code: &str, close: u16) -> Value {
    let error = next_json(client);
    assert_eq!(
        (&error["type"], &error["code"], &error["stage"]),
        (&json!("error"), &json!(code), &json!(stage)),
        "{error}"
    );
    match client.recv() {
        Event::Close(got, reason) => {
            let message = error["message"].as_str().unwrap();
            // What does not fit into a close frame is cut.
            let cut = reason.strip_suffix(" [cut]");
            let whole = message == reason || cut.is_some_and(|start| message.starts_with(start));
            assert!(got == close && whole, "{got} {reason:?} after {error}");
        }
        other => panic!("no close frame but {other:?}"),
    }
    error
}

/// The very next event is a close frame with this code: the compatible dialect has no texts.
fn expect_close(client: &mut Client, close: u16) {
    match client.recv() {
        Event::Close(code, reason) => assert_eq!(code, close, "{reason}"),
        other => panic!("no close frame but {other:?}"),
    }
}

/// Ends the shell of a fresh login and sees it end: proof that it works both ways.
fn expect_shell(client: &mut Client) {
    client.send_binary(b"exit 9\r");
    assert_eq!(client.until_close(), (1000, "exit=9".to_owned()));
}
