//! Terminal modes at a real sshd.

use crate::common::{Bridge, Client, KeyPair, Sshd, account};
use crate::{auth_at, bridge_to};
use serde_json::json;

struct TerminalFixture {
    bridge: Bridge,
    sshd: Sshd,
    key: KeyPair,
}

impl TerminalFixture {
    fn new(options: &[&str]) -> Self {
        let sshd = Sshd::with(options);
        let key = KeyPair::generate(&["-t", "ed25519"], "");
        sshd.authorise(&key);
        let bridge = bridge_to(&[sshd.addr()], &[]);
        Self { bridge, sshd, key }
    }

    /// Without a command, the login shell.
    fn run(&self, command: Option<&str>) -> Client {
        let fields = json!({
            "username": account().user,
            "private_key": self.key.private_pem(),
            "command": command,
        });
        auth_at(&self.bridge, self.sshd.addr(), &fields)
    }
}

#[test]
fn the_terminal_behaves_as_under_openssh() {
    let fixture = TerminalFixture::new(&[]);
    let end = fixture.run(Some("stty -a")).transcript();
    assert_eq!(end.status(), 0);
    let modes = String::from_utf8(end.output).unwrap();
    let words: Vec<&str> = modes.split([' ', ';', '\r', '\n']).collect();
    for word in [
        "iutf8", "38400", "icrnl", "ixon", "-ixany", "-ixoff", "isig", "icanon", "iexten", "echo",
        "echoe", "echok", "echoctl", "echoke", "opost", "onlcr", "cs8", "-parenb", "-istrip",
    ] {
        assert!(words.contains(&word), "{word} is not in {modes}");
    }
    for pair in [
        "intr = ^C",
        "erase = ^?",
        "kill = ^U",
        "eof = ^D",
        "susp = ^Z",
        "werase = ^W",
    ] {
        assert!(modes.contains(pair), "{pair} is not in {modes}");
    }
}

/// By the kernel's line editing, characters of up to four bytes.
#[test]
fn backspace_erases_a_whole_character() {
    let fixture = TerminalFixture::new(&[]);
    let command = "echo GO; read line; printf %s \"$line\" | od -An -tx1; echo END";
    let mut client = fixture.run(Some(command));
    client.wait_type("ready");
    client.output_until("GO");
    client.send_binary("a\u{e9}\u{7f}\u{1f600}\u{7f}\u{4eba}\u{7f}b\r".as_bytes());
    let output = client.output_until("END");
    assert!(output.contains(" 61 62\r\n"), "{output:?}");
}

/// Git hosts behave so too.
#[test]
fn a_command_at_an_sshd_with_permittty_no_runs_without_a_terminal() {
    let fixture = TerminalFixture::new(&["PermitTTY no"]);
    let command = "echo out; echo err >&2; tty; exit 9";
    let end = fixture.run(Some(command)).transcript();
    let notice = json!({ "type": "notice", "kind": "no-terminal" });
    assert_eq!(end.one("notice"), &notice);
    assert_eq!(end.status(), 9);
    let output = String::from_utf8(end.output).unwrap();
    for word in ["out\n", "err\n", "not a tty\n"] {
        assert!(output.contains(word), "{output:?}");
    }
}

#[test]
fn a_login_shell_without_a_terminal_reads_input_as_from_a_pipe() {
    let fixture = TerminalFixture::new(&["PermitTTY no"]);
    let mut client = fixture.run(None);
    client.wait_type("notice");
    client.wait_type("ready");
    client.send_json(&json!({ "type": "resize", "cols": 100, "rows": 30 }));
    client.send_binary(b"echo A$((6 * 7)); exit 4\n");
    client.output_until("A42");
    assert_eq!(client.wait_type("exit")["status"], 4);
}
