//! The bridge against Debian's real sshd: login methods, the terminal, ends of sessions, and host
//! keys. Does not test limits, timeouts or flow control.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

#[path = "../common/mod.rs"]
mod common;

mod algorithms;
mod certificates;
mod exit;
mod host_keys;
mod interactive;
mod keys;
mod login;
mod multifactor;
mod named;
mod terminal;
mod transfer;

use common::fixture::{auth_at, path_to};
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
            bridge: bridge_to(&sshd, &all),
            sshd,
            _known_hosts: known_hosts,
        }
    }

    /// A client that has sent `auth` with these fields.
    fn auth(&self, fields: &Value) -> Client {
        auth_at(&self.bridge, self.sshd.addr(), fields)
    }

    /// A client of the compatible dialect that has sent the account's name, and this password.
    fn compatible(&self, password: &str) -> Client {
        let path = path_to(self.sshd.addr());
        let mut client = Client::connect(self.bridge.addr(), &path, &Options::compatible());
        client.login_compatible(account().user, password);
        client
    }

    /// Logged in by password, the shell or command started. `fields` go into `auth`.
    fn ready(&self, fields: Value) -> Client {
        let mut client = self.auth(&with_password(fields));
        expect_ready(&mut client);
        client
    }

    /// As [`OpensshFixture::ready`] with this command.
    fn command(&self, command: &str) -> Client {
        self.ready(json!({ "command": command }))
    }
}

/// A bridge that may reach `sshd`, with these settings.
fn bridge_to(sshd: &Sshd, settings: &[impl AsRef<str>]) -> Bridge {
    let target = sshd.addr().to_string();
    let mut args = vec!["--allow", &target];
    for setting in settings {
        args.extend(["--set", setting.as_ref()]);
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

/// The very next message is `ready`.
fn expect_ready(client: &mut Client) {
    let ready = next_json(client);
    assert_eq!(ready["type"], "ready", "{ready}");
}

/// The very next message is `error` with this code and stage, and then this close code comes.
fn expect_error(client: &mut Client, stage: &str, code: &str, close: u16) -> Value {
    let error = client.expect_error(close, code);
    let got = (&error["code"], &error["stage"]);
    assert_eq!(got, (&json!(code), &json!(stage)), "{error}");
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
    expect_exit(client, 9);
}

/// The process ends with this status; output is kept.
fn expect_exit(client: &mut Client, status: u8) {
    assert_eq!(client.until_close(), (1000, format!("exit={status}")));
}
