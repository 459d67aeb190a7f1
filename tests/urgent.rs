//! TCP urgent data (RFC 6093): a receive stops at the urgent mark, short of the bytes behind it.
//! All bytes around it arrive, on the client's socket and on the SSH server's. The urgent byte
//! itself is not part of the stream.
#![cfg(test)]
#![allow(
    clippy::disallowed_types,
    reason = "tests are threads: they need locks"
)]

mod common;

use common::fixture::{bridge_to, path_to};
use common::raw::{Raw, frame};
use common::{Bridge, DEADLINE, Fixture, Options, ScriptedSsh, SshScript};
use rustix::net::{SendFlags, send};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

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

fn ready(bridge: &Bridge, target: SocketAddr) -> Raw {
    let mut raw = Raw::upgrade(bridge.addr(), &path_to(target), &Options::v1());
    raw.send_frame(0x81, br#"{"type":"auth","username":"u"}"#);
    while raw.text()["type"] != "ready" {}
    raw
}

#[test]
fn input_around_urgent_data_arrives() {
    let fixture = Fixture::new(&[]);
    let mut raw = ready(&fixture.bridge, fixture.ssh.addr());
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

/// Proxy in front of an SSH server that puts urgent bytes into its output on request.
struct Inserter {
    addr: SocketAddr,
    /// From the length of a piece to the position of the mark in it.
    marks: SyncSender<fn(usize) -> usize>,
    passed: Receiver<usize>,
}

impl Inserter {
    fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let (marks, wanted) = sync_channel::<fn(usize) -> usize>(1);
        let (pass, passed) = sync_channel(1);
        std::thread::spawn(move || {
            let mut bridge = listener.accept().unwrap().0;
            let mut server = TcpStream::connect(server).unwrap();
            let (mut from, mut to) = (bridge.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            bridge.set_nodelay(true).unwrap();
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = server.read(&mut buffer) {
                match wanted.try_recv() {
                    Ok(mark) => {
                        send_around(&mut bridge, &buffer[..count], mark(count));
                        pass.send(count).unwrap();
                    }
                    Err(_) if bridge.write_all(&buffer[..count]).is_err() => return,
                    Err(_) => {}
                }
            }
        });
        Self {
            addr,
            marks,
            passed,
        }
    }
}

#[test]
fn output_around_urgent_data_arrives() {
    let ssh = ScriptedSsh::start(SshScript::default());
    let inserter = Inserter::start(ssh.addr());
    let bridge = bridge_to(&[inserter.addr], &[]);
    let mut raw = ready(&bridge, inserter.addr);
    let places: [fn(usize) -> usize; 9] = [
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
    for mark in places {
        while_stopped(&bridge, || {
            inserter.marks.send(mark).unwrap();
            ssh.output(b"output");
            inserter.passed.recv_timeout(DEADLINE).unwrap();
        });
        let frame = raw.frame().unwrap();
        assert_eq!((frame.first, frame.payload), (0x82, b"output".to_vec()));
    }
    ssh.output(b"more");
    assert_eq!(raw.frame().unwrap().payload, b"more");
}
