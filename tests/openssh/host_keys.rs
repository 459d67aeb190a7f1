//! Which machine is believed: the policies of `ssh.host_key_policy` with keys that are unknown,
//! known, changed and revoked.

use crate::common::{Bridge, Client, DEADLINE, KeyPair, Options, Sshd, account};
use crate::with_password;
use crate::{allow, bridge_to, expect_close, expect_error, expect_shell, next_json, path};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

/// What sshd logs of each packet of a login.
const AUTHENTICATION: &str = "userauth-request";

/// A real sshd, and a file for the keys that bridges believe.
struct Machine {
    sshd: Sshd,
    directory: tempfile::TempDir,
}

impl Machine {
    fn start() -> Self {
        Self {
            sshd: Sshd::with(&["LogLevel DEBUG1"]),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// With these words in the file of known hosts.
    fn known_as(known_hosts: impl FnOnce(&Sshd) -> String) -> Self {
        let machine = Self::start();
        fs::write(machine.file(), known_hosts(&machine.sshd)).unwrap();
        machine
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

    fn bridge_with_file(&self, policy: &str, file: &std::path::Path) -> Bridge {
        let settings = [
            format!("ssh.host_key_policy={policy}"),
            format!("ssh.known_hosts={}", file.display()),
        ];
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        bridge_to(&allow(self.sshd.port()), &settings)
    }

    /// `auth` with the account's password has been sent; what comes next is the test's.
    fn auth(&self, bridge: &Bridge) -> Client {
        let mut client = Client::connect(bridge.addr(), &path(self.sshd.port()), &Options::v1());
        client.auth_v1(&with_password(json!({})));
        client
    }

    fn compatible(&self, bridge: &Bridge) -> Client {
        let path = path(self.sshd.port());
        let mut client = Client::connect(bridge.addr(), &path, &Options::compatible());
        client.login_compatible(account().user, &account().password);
        client
    }

    /// Both dialects get in, without a question.
    fn accepts(&self, bridge: &Bridge) {
        let mut client = self.auth(bridge);
        let ready = next_json(&mut client);
        assert_eq!(ready["type"], "ready", "{ready}");
        expect_shell(&mut client);
        expect_shell(&mut self.compatible(bridge));
        // What `refuses` looks for is there to be found.
        assert!(self.sshd.log().contains(AUTHENTICATION));
    }

    /// Both dialects are refused with 4409; not one packet of a login has been sent to the machine.
    fn refuses(&self, bridge: &Bridge, code: &str) {
        expect_error(&mut self.auth(bridge), "handshake", code, 4409);
        expect_close(&mut self.compatible(bridge), 4409);
        let log = self.sshd.log();
        assert!(!log.contains(AUTHENTICATION), "a login was begun");
    }

    /// From now on the machine shows other keys: sshd reads them anew for each connection.
    fn change_host_keys(&self) {
        for (index, kind) in [&["-t", "ed25519"][..], &["-t", "rsa", "-b", "2048"]]
            .into_iter()
            .enumerate()
        {
            let (old, new) = (&self.sshd.host_keys()[index], KeyPair::generate(kind, ""));
            for extension in ["", "pub"] {
                let from = new.path().with_extension(extension);
                fs::copy(from, old.path().with_extension(extension)).unwrap();
            }
        }
    }
}

/// Lines for this machine that hold keys of another.
fn of_a_stranger(sshd: &Sshd) -> String {
    let mut lines = String::new();
    for kind in [&["-t", "ed25519"][..], &["-t", "rsa", "-b", "2048"]] {
        let key = KeyPair::generate(kind, "");
        let line = key.public_line();
        lines.push_str(&format!("[127.0.0.1]:{} {line}\n", sshd.port()));
    }
    lines
}

#[test]
fn strict_refuses_what_it_does_not_know() {
    let machine = Machine::known_as(|_| String::new());
    machine.refuses(&machine.bridge("strict"), "host-key-unknown");
    assert_eq!(machine.text(), "");
}

#[test]
fn strict_is_the_default_and_a_missing_file_knows_nobody() {
    let machine = Machine::start();
    let file = format!("ssh.known_hosts={}", machine.file().display());
    let bridge = bridge_to(&allow(machine.sshd.port()), &[&file]);
    machine.refuses(&bridge, "host-key-unknown");
    assert!(!machine.file().exists());
}

#[test]
fn strict_accepts_what_it_knows() {
    let machine = Machine::known_as(Sshd::known_hosts);
    machine.accepts(&machine.bridge("strict"));
}

#[test]
fn each_key_of_a_machine_is_enough() {
    for index in [0, 1] {
        let machine = Machine::known_as(|sshd| {
            let line = sshd.known_hosts().lines().nth(index).unwrap().to_owned();
            format!("# the only one\n\n{line}\n")
        });
        machine.accepts(&machine.bridge("strict"));
    }
}

#[test]
fn names_hashed_by_ssh_keygen_are_known() {
    let machine = Machine::known_as(Sshd::known_hosts);
    let hashed = Command::new("ssh-keygen")
        .args(["-q", "-H", "-f"])
        .arg(machine.file())
        .output()
        .unwrap();
    assert!(hashed.status.success(), "{hashed:?}");
    assert!(machine.text().starts_with("|1|"), "{}", machine.text());
    machine.accepts(&machine.bridge("strict"));
}

#[test]
fn a_key_of_another_port_is_not_this_machines() {
    let machine = Machine::known_as(|sshd| {
        let key = sshd.host_keys()[0].public_line();
        format!("127.0.0.1 {key}\n[127.0.0.1]:1 {key}\n")
    });
    machine.refuses(&machine.bridge("strict"), "host-key-unknown");
}

#[test]
fn a_changed_key_is_refused_by_every_policy_but_off() {
    for policy in ["strict", "accept-new", "ask"] {
        let machine = Machine::known_as(of_a_stranger);
        let before = machine.text();
        let bridge = machine.bridge(policy);
        machine.refuses(&bridge, "host-key-changed");
        for part in [
            "host key refused",
            "changed",
            "SHA256:",
            "known_hosts_line=1",
        ] {
            assert!(bridge.stderr_contains(part), "{part}");
        }
        assert!(bridge.stderr_contains(&machine.file().display().to_string()));
        assert_eq!(machine.text(), before, "{policy}");
    }
}

#[test]
fn a_revoked_key_is_refused_by_every_policy_but_off() {
    for policy in ["strict", "accept-new", "ask"] {
        let machine = Machine::known_as(|sshd| {
            let known = sshd.known_hosts();
            let revoked = sshd.host_keys().iter().map(KeyPair::public_line);
            revoked
                .map(|key| format!("@revoked * {key}\n"))
                .collect::<String>()
                + &known
        });
        machine.refuses(&machine.bridge(policy), "host-key-revoked");
    }
}

#[test]
fn accept_new_writes_the_key_down_and_keeps_to_it() {
    let machine = Machine::start();
    let bridge = machine.bridge("accept-new");
    let mut client = machine.auth(&bridge);
    assert_eq!(next_json(&mut client)["type"], "ready");
    let text = machine.text();
    let known = machine.sshd.known_hosts();
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
    let mode = fs::metadata(machine.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    expect_shell(&mut client);

    machine.accepts(&bridge);
    assert_eq!(machine.text(), text, "written once");
    // A new bridge, and OpenSSH, read it as it was meant.
    machine.accepts(&machine.bridge("strict"));
    let found = Command::new("ssh-keygen")
        .args(["-F", &format!("[127.0.0.1]:{}", machine.sshd.port()), "-f"])
        .arg(machine.file())
        .output()
        .unwrap();
    assert!(
        found.status.success(),
        "ssh-keygen does not find it: {text}"
    );

    machine.change_host_keys();
    for bridge in [bridge, machine.bridge("strict")] {
        let mut client = machine.auth(&bridge);
        expect_error(&mut client, "handshake", "host-key-changed", 4409);
        expect_close(&mut machine.compatible(&bridge), 4409);
    }
    assert_eq!(machine.text(), text);
}

#[test]
fn accept_new_keeps_what_the_file_held() {
    let before = "# no line break at the end\nexample.org ssh-ed25519 AAAA";
    let machine = Machine::known_as(|_| before.to_owned());
    machine.accepts(&machine.bridge("accept-new"));
    let text = machine.text();
    let added = text.strip_prefix(before).unwrap();
    let start = format!("\n[127.0.0.1]:{} ", machine.sshd.port());
    assert!(added.starts_with(&start) && added.ends_with('\n'), "{text}");
}

#[test]
fn accept_new_refuses_a_key_it_cannot_write_down() {
    let machine = Machine::start();
    let file = machine.directory.path().join("missing/known_hosts");
    let bridge = machine.bridge_with_file("accept-new", &file);
    machine.refuses(&bridge, "host-key-not-stored");
}

#[test]
fn ask_lets_the_user_decide_for_one_session() {
    let machine = Machine::known_as(|_| String::new());
    let bridge = machine.bridge("ask");
    // The second time is asked like the first: nothing is stored.
    for _ in 0..2 {
        let mut client = machine.auth(&bridge);
        let question = next_json(&mut client);
        assert_eq!(question["type"], "host_key", "{question}");
        let shown = machine
            .sshd
            .host_keys()
            .iter()
            .find(|key| key.fingerprint() == question["fingerprint"])
            .unwrap_or_else(|| panic!("not a key of sshd: {question}"));
        let line = shown.public_line();
        assert_eq!(question["algorithm"], line.split(' ').next().unwrap());
        answer(&mut client, &question["id"], true);
        assert_eq!(next_json(&mut client)["type"], "ready");
        expect_shell(&mut client);
    }
    assert_eq!(machine.text(), "");
}

fn answer(client: &mut Client, id: &Value, accept: bool) {
    client.send_json(&json!({ "type": "host_key_answer", "id": id, "accept": accept }));
}

#[test]
fn ask_refuses_what_the_user_refuses() {
    let machine = Machine::known_as(|_| String::new());
    let bridge = machine.bridge("ask");
    let mut client = machine.auth(&bridge);
    let question = next_json(&mut client);
    assert_eq!(question["type"], "host_key", "{question}");
    answer(&mut client, &question["id"], false);
    expect_error(&mut client, "host_key", "host-key-refused", 4409);
    assert!(
        !machine.sshd.log().contains("password"),
        "a password was sent"
    );
}

#[test]
fn ask_cannot_ask_in_the_compatible_dialect() {
    let machine = Machine::known_as(|_| String::new());
    let bridge = machine.bridge("ask");
    expect_close(&mut machine.compatible(&bridge), 4409);
}

#[test]
fn ask_does_not_ask_about_what_is_known() {
    let machine = Machine::known_as(Sshd::known_hosts);
    machine.accepts(&machine.bridge("ask"));
}

#[test]
fn off_believes_everything_and_writes_nothing() {
    for known_hosts in [|_: &Sshd| String::new(), of_a_stranger] {
        let machine = Machine::known_as(known_hosts);
        let before = machine.text();
        machine.accepts(&machine.bridge("off"));
        assert_eq!(machine.text(), before);
    }
}
