//! Ten megabytes each way, whole and in order.

use crate::OpensshFixture;
use crate::common::{Client, Event, account};
use serde_json::json;
use std::io::Write;
use std::process::{Command, Stdio};

const SIZE: usize = 10 * 1024 * 1024;
const CHUNK: usize = 16 * 1024;

/// Returns the same bytes each time, without a pattern that would hide a lost or moved block.
fn data() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(SIZE);
    while bytes.len() < SIZE {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
}

/// Lower-case hex.
fn sha256(bytes: &[u8]) -> String {
    let mut process = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It prints nothing before its input ends.
    process.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = process.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

/// Reads output until there are `total` bytes of it.
fn receive(client: &mut Client, total: usize, acknowledge: bool) {
    while client.output.len() < total {
        match client.recv() {
            Event::Output(bytes) => client.output.extend(bytes),
            Event::Json(value) => assert_eq!(value["type"], "input_ack"),
            other => panic!("{other:?} after {} bytes", client.output.len()),
        }
        if acknowledge {
            client.send_json(&json!({ "type": "ack", "bytes": client.output.len() }));
        }
    }
}

#[test]
fn an_upload_is_complete() {
    let fixture = OpensshFixture::start();
    let data = data();
    let mut client = fixture.command(&format!(
        "stty raw -echo; printf '<GO>'; head -c {SIZE} | sha256sum"
    ));
    client.output_until("<GO>");
    // Ignores `input_window`: TCP holds such a client back.
    for chunk in data.chunks(CHUNK) {
        client.send_binary(chunk);
    }
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    assert_eq!(String::from_utf8_lossy(&client.output)[..64], sha256(&data));
}

#[test]
fn an_upload_in_the_compatible_dialect_is_complete() {
    let fixture = OpensshFixture::start();
    let data = data();
    let mut client = fixture.compatible();
    client.login_compatible(account().user, &account().password);
    client.send_text(&format!(
        "exec sh -c \"stty raw -echo; printf '<%s>' GO; head -c {SIZE} | sha256sum\"\r"
    ));
    client.output_until("<GO>");
    for chunk in data.chunks(CHUNK) {
        client.send_binary(chunk);
    }
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    assert_eq!(String::from_utf8_lossy(&client.output)[..64], sha256(&data));
}

/// Random bytes that the remote side hashes, then the hash.
fn download_command() -> String {
    format!(
        "stty raw -echo; f=$(mktemp); trap 'rm $f' EXIT; head -c {SIZE} /dev/urandom >$f; \
         cat $f; sha256sum <$f"
    )
}

fn expect_download(mut client: Client, acknowledge: bool) {
    receive(&mut client, SIZE + 64, acknowledge);
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    let (bytes, hash) = client.output.split_at(SIZE);
    assert_eq!(String::from_utf8_lossy(hash)[..64], sha256(bytes));
}

#[test]
fn a_download_is_complete() {
    let fixture = OpensshFixture::start();
    expect_download(fixture.command(&download_command()), false);
}

#[test]
fn a_download_with_acknowledgements_is_complete() {
    let fixture = OpensshFixture::start();
    let auth = json!({ "command": download_command(), "flow_window": 65_536 });
    expect_download(fixture.ready(auth), true);
}

#[test]
fn a_download_in_the_compatible_dialect_is_complete() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.compatible();
    client.login_compatible(account().user, &account().password);
    client.send_text(&format!(
        "stty raw -echo; printf '<%s>' GO; {}; exit\r",
        download_command()
    ));
    client.output_until("<GO>");
    expect_download(client, false);
}

/// The client keeps to `input_window`, so it never blocks in a send while output waits for it.
#[test]
fn transfers_in_both_directions_at_once_are_complete() {
    let fixture = OpensshFixture::start();
    let data = data();
    let mut client = fixture.command(&format!("stty raw -echo; printf '<GO>'; head -c {SIZE}"));
    client.output_until("<GO>");
    let window = 64 * 1024;
    let (mut sent, mut acknowledged) = (0, 0);
    while client.output.len() < SIZE {
        if sent < SIZE && sent - acknowledged + CHUNK <= window {
            client.send_binary(&data[sent..sent + CHUNK]);
            sent += CHUNK;
            continue;
        }
        match client.recv() {
            Event::Output(bytes) => client.output.extend(bytes),
            Event::Json(value) => {
                assert_eq!(value["type"], "input_ack", "{value}");
                acknowledged = usize::try_from(value["bytes"].as_u64().unwrap()).unwrap();
                assert!(acknowledged <= sent, "{acknowledged} of {sent}");
            }
            other => panic!("{other:?} after {sent} sent, {} got", client.output.len()),
        }
    }
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    assert!(client.output == data, "the bytes differ");
}
