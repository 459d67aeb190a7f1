//! Texts of the SSH server at their bounds, each byte of which JSON writes as six; and many signals
//! at once. Nothing is lost but the end of a long exit message, which is cut.

use super::common::raw::frame;
use super::common::{Event, Fixture, Received, Round, SshScript};
use russh::Sig;
use serde_json::json;

/// Below and above what a write buffer of 64, 100 or 128 KiB would take; russh's packets have 32
/// KiB.
const SIZES: [usize; 7] = [100, 682, 683, 10_900, 16_700, 22_000, 31_000];

/// A control character: `\u0001` in JSON.
fn escaped(bytes: usize) -> String {
    "\u{1}".repeat(bytes)
}

#[test]
fn the_longest_banner_arrives() {
    for size in SIZES {
        let banner = escaped(size);
        let script = SshScript {
            banner: Some(banner.clone()),
            ..SshScript::default()
        };
        let fixture = Fixture::with(script, &[]);
        let mut client = fixture.auth(&json!({ "username": "u" }));
        assert_eq!(client.wait_type("banner")["text"], banner.as_str());
        client.wait_type("ready");
    }
}

#[test]
fn the_longest_prompts_arrive_and_are_answered() {
    for size in SIZES {
        let text = escaped(size);
        let fixture = Fixture::asking(vec![Round::of(&[(&text, true)])], &[]);
        let mut client = fixture.auth(&json!({ "username": "u" }));
        let prompt = client.wait_type("prompt");
        assert_eq!(prompt["prompts"][0]["text"], text.as_str(), "{size}");
        client.answer(&prompt, &["a"]);
        client.wait_type("ready");
    }
}

#[test]
fn a_long_exit_message_is_cut_and_marked() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    fixture
        .ssh
        .exit_by_signal(Sig::KILL, false, &escaped(31_000));
    // Bounded, and marked where it was cut.
    let message = format!("{} [cut]", escaped(4096));
    assert_eq!(client.wait_type("exit")["message"], message.as_str());
    assert!(matches!(client.recv(), Event::Close(1000, _)));
}

/// More than wait at a time, in one send: all arrive, in order, and input behind them.
#[test]
fn every_signal_of_many_at_once_arrives() {
    let fixture = Fixture::new(&[]);
    let mut raw = fixture.raw_ready();
    let names = ["INT", "TERM", "HUP", "USR1", "USR2"];
    let sent: Vec<&str> = names.iter().cycle().take(100).copied().collect();
    let frames: Vec<u8> = sent
        .iter()
        .flat_map(|name| {
            let text = json!({ "type": "signal", "name": name }).to_string();
            frame(0x81, Some([1, 2, 3, 4]), text.as_bytes())
        })
        .collect();
    raw.send(&frames);
    raw.send_frame(0x82, b"behind");
    assert_eq!(fixture.ssh.wait_input(6), b"behind");
    fixture
        .ssh
        .wait_count(&Received::Signal("USR2".to_owned()), 20);
    let seen = fixture.ssh.received();
    let seen: Vec<&str> = seen
        .iter()
        .filter_map(|seen| match seen {
            Received::Signal(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(seen, sent);
}
