//! Bytes and control while the shell runs.

use super::assert_alive;
use super::common::raw::frame;
use super::common::{Fixture, Received};
use rustix::process::Signal;
use serde_json::json;

/// Every byte there is, and what a careless layer would stumble over.
fn awkward() -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=255).collect();
    bytes.extend(b"{\"type\":\"close\"}\n\xff\xfe\x00\r\n\x1b[200~");
    bytes
}

#[test]
fn bytes_pass_verbatim_in_both_directions() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    client.send_binary(&awkward());
    client.send_binary(b"");
    client.send_binary(b"\x03");
    let typed = [awkward(), b"\x03".to_vec()].concat();
    assert_eq!(fixture.ssh.wait_input(typed.len()), typed);
    fixture.ssh.output(&awkward());
    fixture.ssh.error_output(b"on stderr");
    let said = [awkward(), b"on stderr".to_vec()].concat();
    client.read_output(said.len());
    assert_eq!(client.output, said);
}

#[test]
fn bulk_data_passes_in_order() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    let bytes: Vec<u8> = (0..400_000_u32).flat_map(u32::to_be_bytes).collect();
    fixture.ssh.output(&bytes);
    client.read_output(bytes.len());
    assert!(client.output == bytes, "output is not what was sent");
    for chunk in bytes.chunks(50_000) {
        client.send_binary(chunk);
    }
    assert!(
        fixture.ssh.wait_input(bytes.len()) == bytes,
        "input is not what was sent"
    );
}

#[test]
fn all_signals_arrive_by_name() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    for name in [
        "ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1",
        "USR2",
    ] {
        client.send_json(&json!({ "type": "signal", "name": name }));
        fixture
            .ssh
            .wait_received(&Received::Signal(name.to_owned()));
    }
}

#[test]
fn eof_half_closes_stdin() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    client.send_binary(b"last words");
    client.send_json(&json!({ "type": "eof" }));
    // A second one is harmless.
    client.send_json(&json!({ "type": "eof" }));
    fixture.ssh.wait_received(&Received::Eof);
    assert_eq!(fixture.ssh.input(), b"last words");
    // The other direction lives, and so does control.
    fixture.ssh.output(b"still here");
    assert_eq!(client.output_until("still here"), "still here");
    client.send_json(&json!({ "type": "signal", "name": "TERM" }));
    fixture
        .ssh
        .wait_received(&Received::Signal("TERM".to_owned()));
    assert_alive(&mut client, "after eof");
    client.send_binary(b"more");
    super::assert_bad(&mut client, "input after eof");
}

/// As long as nothing waits: a signal is to reach what its user typed.
#[test]
fn a_signal_behind_input_arrives_behind_it() {
    let fixture = Fixture::new(&[]);
    let mut raw = fixture.raw_ready();
    let control = |text: &[u8]| frame(0x81, Some([0; 4]), text);
    // All of it is there before the bridge reads the first byte.
    fixture.bridge.signal(Signal::STOP);
    raw.send(&control(br#"{"type":"eof"}"#));
    raw.send(&control(br#"{"type":"signal","name":"INT"}"#));
    fixture.bridge.signal(Signal::CONT);
    let signal = Received::Signal("INT".to_owned());
    fixture.ssh.wait_received(&signal);
    let seen = fixture.ssh.received();
    let at = |wanted: &Received| seen.iter().position(|seen| seen == wanted);
    assert!(
        at(&Received::Eof).unwrap() < at(&signal).unwrap(),
        "{seen:?}"
    );
}

#[test]
fn the_latest_size_arrives() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    for cols in 1..=200 {
        client.send_json(&json!({ "type": "resize", "cols": cols, "rows": 10 }));
    }
    fixture
        .ssh
        .wait_received(&Received::Resize([200, 10, 0, 0]));
    let seen = fixture.ssh.received();
    let mut sizes = seen.iter().filter_map(|seen| match seen {
        Received::Resize(size) => Some(size[0]),
        _ => None,
    });
    assert!(sizes.by_ref().is_sorted(), "{seen:?}");
    assert!(!seen.contains(&Received::Gone));
}

/// A `ping` for each `pong`; of several at once the latest may answer for all.
#[test]
fn pongs_echo_in_order() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    for number in 0..50 {
        client.send_json(&json!({ "type": "ping", "data": number.to_string() }));
    }
    let mut last = -1;
    while last < 49 {
        let pong = client.wait_type("pong");
        let number: i32 = pong["data"].as_str().unwrap().parse().unwrap();
        assert!(number > last, "{number} after {last}");
        last = number;
    }
}

#[test]
fn the_shell_of_a_vanished_client_ends() {
    let fixture = Fixture::new(&[]);
    drop(fixture.ready());
    fixture.ssh.wait_received(&Received::Gone);
}

#[test]
fn output_reaches_only_its_own_session() {
    let fixture = Fixture::new(&[]);
    let mut first = fixture.ready();
    fixture.ssh.output(b"for the first");
    let mut second = fixture.ready();
    fixture.ssh.output(b"for the second");
    assert_eq!(first.output_until("first"), "for the first");
    assert_eq!(second.output_until("second"), "for the second");
    second.send_json(&json!({ "type": "close" }));
    assert_eq!(second.until_close().0, 1000);
    assert_alive(&mut first, "after the other's end");
}
