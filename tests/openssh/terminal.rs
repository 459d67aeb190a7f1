//! The terminal: size and name, environment, every byte, signals, end of input.

use crate::common::{Client, account};
use crate::{OpensshFixture, expect_error};
use serde_json::{Value, json};

/// Runs the login shell in the compatible dialect.
fn compatible(fixture: &OpensshFixture) -> Client {
    let mut client = fixture.compatible();
    client.login_compatible(account().user, &account().password);
    client
}

/// Returns a shell command that ends once the terminal has this size. Resize and input are not
/// ordered, so a single check could come too early.
fn until_size(rows: u16, cols: u16) -> String {
    format!(r#"until [ "$(stty size)" = "{rows} {cols}" ]; do sleep 0.02; done; echo SI""ZED"#)
}

/// Idles in small steps: a trap runs between two of them, whenever its signal came.
const IDLE: &str = "echo READY; while :; do sleep 0.02; done";

fn resize(cols: u16, rows: u16) -> Value {
    json!({ "type": "resize", "cols": cols, "rows": rows })
}

#[test]
fn the_terminal_has_the_size_of_auth() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.ready(json!({ "cols": 132, "rows": 43, "command": "stty size" }));
    assert_eq!(client.output_until("\n"), "43 132\r\n");
    let mut client = fixture.command("stty size");
    assert_eq!(client.output_until("\n"), "24 80\r\n");
}

#[test]
fn a_resize_reaches_the_program() {
    let fixture = OpensshFixture::start();
    // No trap for WINCH: bash misses the second of two that come close together.
    let mut client = fixture.command(
        "old=; while :; do new=$(stty size); [ \"$new\" = \"$old\" ] || echo \"now $new\"; \
         old=$new; sleep 0.02; done",
    );
    client.output_until("now 24 80\r\n");
    for (cols, rows) in [(100, 30), (1, 1), (1000, 1000)] {
        client.send_json(&resize(cols, rows));
        client.output_until(&format!("now {rows} {cols}\r\n"));
    }
}

/// sshd replies to each piece of such input with an IGNORE of the same length.
#[test]
fn much_input_without_echo_is_within_the_packet_budget() {
    const LINES: usize = 1500;
    const PASTED: usize = 100_000;
    let fixture = OpensshFixture::start();
    let mut client = fixture.command("stty -echo && echo READY && wc -l");
    client.output_until("READY");
    for line in 0..LINES {
        client.send_binary(format!("{line}\n").as_bytes());
        // One by one: sshd replies to pieces that come together with one packet.
        client.send_json(&json!({ "type": "ping", "data": line.to_string() }));
        assert_eq!(client.wait_type("pong")["data"], line.to_string());
    }
    for _ in 0..PASTED / 1000 {
        client.send_binary(&b"a line of a paste\n".repeat(1000));
    }
    client.send_binary(b"\x04");
    client.output_until(&format!("{}\r\n", LINES + PASTED));
}

#[test]
fn a_resize_before_the_shell_counts() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.v1();
    let auth = json!({ "command": until_size(50, 200) });
    client.auth_v1(&crate::with_password(auth));
    client.send_json(&resize(200, 50));
    client.output_until("SIZED");
}

#[test]
fn sizes_in_the_compatible_dialect() {
    let fixture = OpensshFixture::start();
    let mut client = compatible(&fixture);
    client.send_text("echo \"<$(stty size) $TERM>\"\r");
    client.output_until("<24 80 xterm-256color>");
    client.send_text(r#"{"action":"resize","cols":100,"rows":30}"#);
    client.send_text(&format!("{}\r", until_size(30, 100)));
    client.output_until("SIZED");
}

#[test]
fn the_terminals_name_is_passed_on() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.command("echo \"<$TERM>\"");
    client.output_until("<xterm-256color>");
    let mut client = fixture.ready(json!({ "term": "vt100", "command": "echo \"<$TERM>\"" }));
    client.output_until("<vt100>");
}

#[test]
fn the_environment_is_passed_on() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.ready(json!({
        "env": { "SSHARD_ONE": "ü \"quoted\" $HOME", "SSHARD_TWO": "" },
        "command": "stty -opost; printf '<%s|%s>' \"$SSHARD_ONE\" \"${SSHARD_TWO-unset}\"",
    }));
    client.output_until("<ü \"quoted\" $HOME|>");
}

#[test]
fn a_command_runs_in_place_of_the_shell() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.command("tty >/dev/null && echo \"a tty, $-\"");
    let text = client.output_until("\n");
    assert!(text.starts_with("a tty, ") && !text.contains('i'), "{text}");
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    assert_eq!(client.output, b"", "no prompt, no greeting");
}

/// Every byte value, in an order that puts each beside many others.
fn all_bytes() -> Vec<u8> {
    (0..=255_u8)
        .chain((0..=255).map(|n: u8| n.wrapping_mul(167)))
        .collect()
}

#[test]
fn every_byte_value_passes_both_ways() {
    let fixture = OpensshFixture::start();
    let sent = all_bytes();
    let mut client = fixture.command("stty raw -echo; printf '<GO>'; head -c 512; printf '<END>'");
    client.output_until("<GO>");
    client.send_binary(&sent);
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    let expected = [&sent[..], b"<END>"].concat();
    assert_eq!(
        client.output.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
}

#[test]
fn every_byte_value_passes_in_the_compatible_dialect() {
    let fixture = OpensshFixture::start();
    let sent = all_bytes();
    let mut client = compatible(&fixture);
    client.send_text("exec sh -c \"stty raw -echo; printf '<%s>' GO; head -c 512\"\r");
    client.output_until("<GO>");
    client.send_binary(&sent);
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    assert_eq!(
        client.output.escape_ascii().to_string(),
        sent.escape_ascii().to_string()
    );
}

#[test]
fn utf8_passes_whole_however_it_is_cut() {
    let fixture = OpensshFixture::start();
    let text = "Grüße, 世界! 👩‍👩‍👧 \u{202e}rtl\u{202c} e\u{301} \0 ☃";
    let length = text.len();
    let mut client = fixture.command(&format!("stty raw -echo; printf '<GO>'; head -c {length}"));
    client.output_until("<GO>");
    for byte in text.bytes() {
        client.send_binary(&[byte]);
    }
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    assert_eq!(String::from_utf8(client.output.clone()).unwrap(), text);

    let mut client = compatible(&fixture);
    client.send_text(&format!(
        "exec sh -c \"stty raw -echo; printf '<%s>' GO; head -c {length}\"\r"
    ));
    client.output_until("<GO>");
    client.send_text(text);
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    assert_eq!(String::from_utf8(client.output.clone()).unwrap(), text);
}

#[test]
fn text_that_resembles_a_control_message_is_input() {
    let fixture = OpensshFixture::start();
    let text = r#"{"action":"paste","cols":1}{"type":"close"}"#;
    let mut client = compatible(&fixture);
    client.send_text(&format!(
        "exec sh -c \"stty raw -echo; printf '<%s>' GO; head -c {}\"\r",
        text.len()
    ));
    client.output_until("<GO>");
    client.send_text(text);
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    assert_eq!(String::from_utf8(client.output.clone()).unwrap(), text);
}

#[test]
fn stderr_is_output_too() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.command("echo to-stderr >&2");
    client.output_until("to-stderr\r\n");
}

#[test]
fn byte_three_interrupts() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.command(&format!("trap 'echo caught; exit 4' INT; {IDLE}"));
    client.output_until("READY");
    client.send_binary(b"\x03");
    client.output_until("caught");
    assert_eq!(client.until_close(), (1000, "exit=4".to_owned()));
}

#[test]
fn signals_reach_the_process() {
    let fixture = OpensshFixture::start();
    for name in ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2"] {
        let mut client = fixture.command(&format!("trap 'echo caught; exit 6' {name}; {IDLE}"));
        client.output_until("READY");
        client.send_json(&json!({ "type": "signal", "name": name }));
        client.output_until("caught");
        assert_eq!(client.until_close(), (1000, "exit=6".to_owned()), "{name}");
    }
}

#[test]
fn the_signal_kill_ends_the_process() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.command("echo READY; sleep 600 & wait");
    client.output_until("READY");
    client.send_json(&json!({ "type": "signal", "name": "KILL" }));
    assert_eq!(client.wait_type("exit")["signal"], "KILL");
    assert_eq!(client.until_close(), (1000, "signal=KILL".to_owned()));
}

/// A terminal has no half to close, so sshd notes the end of input and goes on: what was sent
/// before arrives, output flows, and signals pass.
#[test]
fn the_end_of_input_ends_input_alone() {
    let fixture = OpensshFixture::with(&["LogLevel DEBUG2"], &[]);
    let mut client = fixture.command(&format!(
        "trap 'echo still here; exit 5' USR1; read line; echo \"got $line\"; {IDLE}"
    ));
    client.send_binary(b"the last words\r");
    client.send_json(&json!({ "type": "eof" }));
    client.output_until("got the last words");
    fixture.sshd.wait_log("rcvd eof");
    client.send_json(&json!({ "type": "signal", "name": "USR1" }));
    client.output_until("still here");
    assert_eq!(client.until_close(), (1000, "exit=5".to_owned()));
}

#[test]
fn input_after_its_end_is_an_error() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.command("stty -echo; sleep 600");
    client.send_json(&json!({ "type": "eof" }));
    client.send_binary(b"more");
    expect_error(&mut client, "relay", "out-of-order", 4400);
}
