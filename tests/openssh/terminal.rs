//! The terminal: size and name, environment, every byte, signals, end of input.

use crate::{OpensshFixture, expect_exit};
use serde_json::json;

/// Idles in small steps: a trap runs between two of them, whenever its signal came.
const IDLE: &str = "echo READY; while :; do sleep 0.02; done";

#[test]
fn size_name_and_environment_are_those_of_auth() {
    let fixture = OpensshFixture::start();
    let env = json!({ "SSHARD_ONE": "ü \"quoted\" $HOME", "SSHARD_TWO": "" });
    let print_env = "stty -opost; printf '<%s|%s>' \"$SSHARD_ONE\" \"${SSHARD_TWO-unset}\"";
    for (fields, command, output) in [
        (json!({}), "stty size", "24 80\r\n"),
        (
            json!({ "cols": 132, "rows": 43 }),
            "stty size",
            "43 132\r\n",
        ),
        (json!({}), "echo $TERM", "xterm-256color\r\n"),
        (json!({ "term": "vt100" }), "echo $TERM", "vt100\r\n"),
        (json!({ "env": env }), print_env, "<ü \"quoted\" $HOME|>"),
    ] {
        let mut fields = fields;
        fields["command"] = command.into();
        let end = fixture.ready(fields).transcript();
        assert_eq!(String::from_utf8_lossy(&end.output), output);
    }
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
        client.send_json(&json!({ "type": "resize", "cols": cols, "rows": rows }));
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
fn a_command_runs_in_place_of_the_shell() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.command("tty >/dev/null && echo \"a tty, $-\"");
    let text = client.output_until("\n");
    assert!(text.starts_with("a tty, ") && !text.contains('i'), "{text}");
    expect_exit(&mut client, 0);
    assert_eq!(client.output, b"", "no prompt, no greeting");
}

#[test]
fn every_byte_value_passes_both_ways() {
    let fixture = OpensshFixture::start();
    // In an order that puts each beside many others.
    let sent: Vec<u8> = (0..=255_u8)
        .chain((0..=255).map(|n: u8| n.wrapping_mul(167)))
        .collect();
    let mut client = fixture.command("stty raw -echo; printf '<GO>'; head -c 512; printf '<END>'");
    client.output_until("<GO>");
    client.send_binary(&sent);
    expect_exit(&mut client, 0);
    let expected = [&sent[..], b"<END>"].concat();
    assert_eq!(
        client.output.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
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
    expect_exit(&mut client, 0);
    assert_eq!(String::from_utf8(client.output.clone()).unwrap(), text);
}

#[test]
fn ctrl_c_interrupts_the_program() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.command(&format!("trap 'echo caught; exit 4' INT; {IDLE}"));
    client.output_until("READY");
    client.send_binary(b"\x03");
    client.output_until("caught");
    expect_exit(&mut client, 4);
}

#[test]
fn signals_reach_the_process() {
    let fixture = OpensshFixture::start();
    for name in ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2"] {
        println!("{name}");
        let mut client = fixture.command(&format!("trap 'echo caught; exit 6' {name}; {IDLE}"));
        client.output_until("READY");
        client.send_json(&json!({ "type": "signal", "name": name }));
        client.output_until("caught");
        expect_exit(&mut client, 6);
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
fn eof_ends_only_the_input() {
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
    expect_exit(&mut client, 5);
}
