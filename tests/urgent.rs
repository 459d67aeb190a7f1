//! TCP urgent data (RFC 6093): a receive stops at the urgent mark, short of the bytes behind it.
//! All bytes around it arrive, on the client's socket and on the SSH server's. The urgent byte
//! itself is not part of the stream.
#![cfg(test)]
#![allow(clippy::disallowed_types, reason = "tests are threads with locks")]

mod common;

use common::fixture::{bridge_to, path_to};
use common::raw::{Raw, frame};
use common::{Bridge, DEADLINE, Fixture, Options, ScriptedSsh, SshScript, serve_in_front_of};
use rustix::net::{SendFlags, send};
use rustix::process::Signal;
use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

/// Sends `bytes` with an urgent byte before position `mark`. Of several unread ones, TCP keeps only
/// the last out of the stream.
fn send_around(tcp: &mut TcpStream, bytes: &[u8], mark: usize) {
    tcp.write_all(&bytes[..mark]).unwrap();
    assert_eq!(send(&*tcp, b"!", SendFlags::OOB).unwrap(), 1);
    tcp.write_all(&bytes[mark..]).unwrap();
}

/// Runs `act` while the bridge is stopped, so that it reads nothing before the end of it.
fn while_stopped(bridge: &Bridge, act: impl FnOnce()) {
    bridge.signal(Signal::STOP);
    act();
    bridge.signal(Signal::CONT);
}

#[test]
fn input_around_urgent_data_arrives() {
    let fixture = Fixture::new(&[]);
    let mut raw = fixture.raw_ready();
    let bytes = [
        frame(0x82, Some([1, 2, 3, 4]), b"abc"),
        frame(0x82, Some([5, 6, 7, 8]), b"defg"),
    ]
    .concat();
    let mut expected: Vec<u8> = Vec::new();
    for mark in 0..=bytes.len() {
        let mut tcp = raw.tcp().try_clone().unwrap();
        while_stopped(&fixture.bridge, || send_around(&mut tcp, &bytes, mark));
        expected.extend(b"abcdefg");
        let input = fixture.ssh.wait_input(expected.len());
        assert_eq!(input, expected, "{mark}");
    }
    // Also in the same session without urgent data.
    raw.send(&bytes);
    expected.extend(b"abcdefg");
    assert_eq!(fixture.ssh.wait_input(expected.len()), expected);
}

#[test]
fn output_around_urgent_data_arrives() {
    let ssh = ScriptedSsh::start(SshScript::default());
    // From the length of a piece to the position of the mark in it.
    let (marks, wanted) = sync_channel::<fn(usize) -> usize>(1);
    let (pass, passed) = sync_channel(1);
    let wanted = Arc::new(Mutex::new(wanted));
    let inserter = serve_in_front_of(ssh.addr(), move |mut client| {
        let (wanted, pass) = (Arc::clone(&wanted), pass.clone());
        move |bytes| {
            let Ok(mark) = wanted.lock().unwrap().try_recv() else {
                return client.write_all(bytes);
            };
            send_around(&mut client, bytes, mark(bytes.len()));
            pass.send(()).unwrap();
            Ok(())
        }
    });
    let bridge = bridge_to(&[inserter], &[]);
    let mut raw = Raw::upgrade(bridge.addr(), &path_to(inserter), &Options::v1());
    raw.login_v1();
    let positions: [fn(usize) -> usize; 9] = [
        |_| 0,
        |_| 1,
        |_| 3,
        |_| 4,
        |_| 5,
        |count| count / 2,
        |count| count - 2,
        |count| count - 1,
        |count| count,
    ];
    for mark in positions {
        while_stopped(&bridge, || {
            marks.send(mark).unwrap();
            ssh.output(b"output");
            passed.recv_timeout(DEADLINE).unwrap();
        });
        let frame = raw.frame().unwrap();
        assert_eq!((frame.first, frame.payload), (0x82, b"output".to_vec()));
    }
    ssh.output(b"more");
    assert_eq!(raw.frame().unwrap().payload, b"more");
}
