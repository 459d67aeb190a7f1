//! Each policy of `ssh.host_key_policy` with keys that are unknown, known, changed and revoked.

use crate::common::fixture::auth_at;
use crate::common::{Bridge, Client, DEADLINE, KeyPair, Sshd};
use crate::{bridge_to, expect_error, expect_ready, expect_shell, next_json, with_password};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Text in sshd's log of each request of a login.
const AUTHENTICATION: &str = "userauth-request";

/// Kinds of sshd's host keys.
const KINDS: [&[&str]; 2] = [&["-t", "ed25519"], &["-t", "rsa", "-b", "2048"]];

/// A real sshd, and a file of known hosts for bridges.
struct HostFixture {
    sshd: Sshd,
    directory: tempfile::TempDir,
}

impl HostFixture {
    fn start() -> Self {
        Self {
            sshd: Sshd::with(&["LogLevel DEBUG1"]),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// With this content of the file of known hosts.
    fn known_as(known_hosts: impl FnOnce(&Sshd) -> String) -> Self {
        let host = Self::start();
        fs::write(host.file(), known_hosts(&host.sshd)).unwrap();
        host
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("known_hosts")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn bridge(&self, policy: &str) -> Bridge {
        self.bridge_with_file(policy, &self.file())
    }

    fn bridge_with_file(&self, policy: &str, file: &Path) -> Bridge {
        let settings = [
            format!("ssh.host_key_policy={policy}"),
            format!("ssh.known_hosts={}", file.display()),
        ];
        bridge_to(&self.sshd, &settings)
    }

    /// Returns a client that has sent `auth` with the account's password.
    fn auth(&self, bridge: &Bridge) -> Client {
        auth_at(bridge, self.sshd.addr(), &with_password(json!({})))
    }

    /// Asserts a login without a question.
    fn accepts(&self, bridge: &Bridge) {
        let mut client = self.auth(bridge);
        expect_ready(&mut client);
        expect_shell(&mut client);
        // So that `refuses` would find it.
        self.sshd.wait_log(AUTHENTICATION);
    }

    /// Asserts a refusal with 4409, before any packet of a login was sent.
    fn refuses(&self, bridge: &Bridge, code: &str) {
        expect_error(&mut self.auth(bridge), "handshake", code, 4409);
        let log = self.sshd.log();
        assert!(!log.contains(AUTHENTICATION), "a login was begun");
    }

    /// Replaces the host keys: sshd reads them for each connection.
    fn change_host_keys(&self) {
        for (old, kind) in self.sshd.host_keys().iter().zip(KINDS) {
            let new = KeyPair::generate(kind, "");
            for extension in ["", "pub"] {
                let from = new.path().with_extension(extension);
                fs::copy(from, old.path().with_extension(extension)).unwrap();
            }
        }
    }
}

/// Returns lines for this host with keys of another.
fn keys_of_another_host(sshd: &Sshd) -> String {
    let keys = KINDS.map(|kind| KeyPair::generate(kind, "").public_line());
    keys.map(|key| format!("[127.0.0.1]:{} {key}\n", sshd.port()))
        .concat()
}

#[test]
fn strict_refuses_an_unknown_key() {
    let host = HostFixture::known_as(|_| String::new());
    host.refuses(&host.bridge("strict"), "host-key-unknown");
    assert_eq!(host.text(), "");
}

#[test]
fn strict_is_the_default_and_a_missing_file_has_no_keys() {
    let host = HostFixture::start();
    let file = format!("ssh.known_hosts={}", host.file().display());
    let bridge = bridge_to(&host.sshd, &[file]);
    host.refuses(&bridge, "host-key-unknown");
    assert!(!host.file().exists());
}

#[test]
fn a_known_key_is_accepted_without_a_question() {
    for policy in ["strict", "ask"] {
        let host = HostFixture::known_as(Sshd::known_hosts);
        host.accepts(&host.bridge(policy));
    }
}

#[test]
fn each_of_several_host_keys_is_enough() {
    for index in [0, 1] {
        let host = HostFixture::known_as(|sshd| {
            let line = sshd.known_hosts().lines().nth(index).unwrap().to_owned();
            format!("# the only one\n\n{line}\n")
        });
        host.accepts(&host.bridge("strict"));
    }
}

#[test]
fn names_hashed_by_ssh_keygen_are_known() {
    let host = HostFixture::known_as(Sshd::known_hosts);
    let hashed = Command::new("ssh-keygen")
        .args(["-q", "-H", "-f"])
        .arg(host.file())
        .output()
        .unwrap();
    assert!(hashed.status.success(), "{hashed:?}");
    assert!(host.text().starts_with("|1|"), "{}", host.text());
    host.accepts(&host.bridge("strict"));
}

#[test]
fn a_key_for_another_port_is_not_known() {
    let host = HostFixture::known_as(|sshd| {
        let key = sshd.host_keys()[0].public_line();
        format!("127.0.0.1 {key}\n[127.0.0.1]:1 {key}\n")
    });
    host.refuses(&host.bridge("strict"), "host-key-unknown");
}

#[test]
fn a_changed_key_is_refused_by_every_policy_but_off() {
    for policy in ["strict", "accept-new", "ask"] {
        let host = HostFixture::known_as(keys_of_another_host);
        let before = host.text();
        let bridge = host.bridge(policy);
        host.refuses(&bridge, "host-key-changed");
        for part in [
            "host key refused",
            "changed",
            "SHA256:",
            "known_hosts_line=1",
        ] {
            bridge.wait_stderr(part, DEADLINE);
        }
        bridge.wait_stderr(&host.file().display().to_string(), DEADLINE);
        assert_eq!(host.text(), before, "{policy}");
    }
}

#[test]
fn a_revoked_key_is_refused_by_every_policy_but_off() {
    for policy in ["strict", "accept-new", "ask"] {
        let host = HostFixture::known_as(|sshd| {
            let known = sshd.known_hosts();
            let revoked = sshd.host_keys().iter().map(KeyPair::public_line);
            revoked
                .map(|key| format!("@revoked * {key}\n"))
                .collect::<String>()
                + &known
        });
        host.refuses(&host.bridge(policy), "host-key-revoked");
    }
}

#[test]
fn accept_new_stores_a_key_and_refuses_another_later() {
    let host = HostFixture::start();
    let bridge = host.bridge("accept-new");
    let mut client = host.auth(&bridge);
    expect_ready(&mut client);
    let text = host.text();
    let known = host.sshd.known_hosts();
    let known: Vec<String> = known
        .lines()
        .map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(text.lines().count(), 1, "{text}");
    bridge.wait_stderr("new host key accepted and stored", DEADLINE);
    let stored = bridge.stderr();
    let stored = stored
        .lines()
        .find(|l| l.contains("new host key accepted and stored"));
    let stored = stored.expect("a log line of the stored key");
    for part in ["session{", "port=", "algorithm=", "SHA256:", "known_hosts="] {
        assert!(stored.contains(part), "{part} is not in {stored}");
    }
    assert!(known.contains(&text.trim_end().to_owned()), "{text}");
    let mode = fs::metadata(host.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    expect_shell(&mut client);

    host.accepts(&bridge);
    assert_eq!(host.text(), text, "written once");
    // A new bridge and OpenSSH read it.
    host.accepts(&host.bridge("strict"));
    let found = Command::new("ssh-keygen")
        .args(["-F", &format!("[127.0.0.1]:{}", host.sshd.port()), "-f"])
        .arg(host.file())
        .output()
        .unwrap();
    assert!(
        found.status.success(),
        "ssh-keygen does not find it: {text}"
    );

    host.change_host_keys();
    for bridge in [bridge, host.bridge("strict")] {
        let mut client = host.auth(&bridge);
        expect_error(&mut client, "handshake", "host-key-changed", 4409);
    }
    assert_eq!(host.text(), text);
}

#[test]
fn accept_new_appends_to_the_file() {
    let before = "# no line break at the end\nexample.org ssh-ed25519 AAAA";
    let host = HostFixture::known_as(|_| before.to_owned());
    host.accepts(&host.bridge("accept-new"));
    let text = host.text();
    let added = text.strip_prefix(before).unwrap();
    let start = format!("\n[127.0.0.1]:{} ", host.sshd.port());
    assert!(added.starts_with(&start) && added.ends_with('\n'), "{text}");
}

#[test]
fn accept_new_refuses_a_key_that_it_cannot_store() {
    let host = HostFixture::start();
    let file = host.directory.path().join("missing/known_hosts");
    let bridge = host.bridge_with_file("accept-new", &file);
    host.refuses(&bridge, "host-key-not-stored");
}

#[test]
fn ask_lets_the_user_decide_for_one_session() {
    let host = HostFixture::known_as(|_| String::new());
    let bridge = host.bridge("ask");
    // The question comes each time: nothing is stored.
    for _ in 0..2 {
        let mut client = host.auth(&bridge);
        let question = next_json(&mut client);
        assert_eq!(question["type"], "host_key", "{question}");
        let shown = host
            .sshd
            .host_keys()
            .iter()
            .find(|key| key.fingerprint() == question["fingerprint"])
            .unwrap_or_else(|| panic!("not a key of sshd: {question}"));
        let line = shown.public_line();
        assert_eq!(question["algorithm"], line.split(' ').next().unwrap());
        client.answer_host_key(&question, true);
        expect_ready(&mut client);
        expect_shell(&mut client);
    }
    assert_eq!(host.text(), "");
}

#[test]
fn ask_refuses_a_key_that_the_user_refuses() {
    let host = HostFixture::known_as(|_| String::new());
    let bridge = host.bridge("ask");
    let mut client = host.auth(&bridge);
    let question = next_json(&mut client);
    assert_eq!(question["type"], "host_key", "{question}");
    client.answer_host_key(&question, false);
    expect_error(&mut client, "host_key", "host-key-refused", 4409);
    assert!(!host.sshd.log().contains("password"), "a password was sent");
}

#[test]
fn off_accepts_any_key_and_stores_none() {
    for known_hosts in [|_: &Sshd| String::new(), keys_of_another_host] {
        let host = HostFixture::known_as(known_hosts);
        let before = host.text();
        host.accepts(&host.bridge("off"));
        assert_eq!(host.text(), before);
    }
}
