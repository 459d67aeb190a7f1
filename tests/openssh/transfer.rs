//! Ten megabytes each way, whole and in order.

use crate::common::{Client, Event, random_bytes, sha256};
use crate::{OpensshFixture, expect_exit};
use serde_json::json;

const SIZE: usize = 10 * 1024 * 1024;
const CHUNK: usize = 16 * 1024;

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
    let data = random_bytes(SIZE);
    let mut client = fixture.command(&format!(
        "stty raw -echo; printf '<GO>'; head -c {SIZE} | sha256sum"
    ));
    client.output_until("<GO>");
    // Ignores `input_window`: TCP holds such a client back.
    for chunk in data.chunks(CHUNK) {
        client.send_binary(chunk);
    }
    expect_exit(&mut client, 0);
    assert_eq!(String::from_utf8_lossy(&client.output)[..64], sha256(&data));
}

/// Random bytes that the remote side hashes, then the hash.
#[test]
fn a_download_is_complete_with_acknowledgements_and_without() {
    let fixture = OpensshFixture::start();
    let command = format!(
        "stty raw -echo; f=$(mktemp); trap 'rm $f' EXIT; head -c {SIZE} /dev/urandom >$f; \
         cat $f; sha256sum <$f"
    );
    for (window, acknowledge) in [(None, false), (Some(65_536), true)] {
        let mut client = fixture.ready(json!({ "command": command, "flow_window": window }));
        receive(&mut client, SIZE + 64, acknowledge);
        expect_exit(&mut client, 0);
        let (bytes, hash) = client.output.split_at(SIZE);
        assert_eq!(String::from_utf8_lossy(hash)[..64], sha256(bytes));
    }
}

/// The client keeps to `input_window`, so it never blocks in a send while output waits for it.
#[test]
fn transfers_in_both_directions_at_once_are_complete() {
    let fixture = OpensshFixture::start();
    let data = random_bytes(SIZE);
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
    expect_exit(&mut client, 0);
    assert!(client.output == data, "the bytes differ");
}
