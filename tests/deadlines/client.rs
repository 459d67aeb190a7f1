//! Clients that keep the bridge waiting.

use crate::common::{Bridge, Client, DEADLINE, Event, Options, closed_port, poll, wait_until};
use crate::crowd::{bridge, expect_deadline, leaves_nothing, path};
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Returns a target that refuses connections.
fn unreachable_target() -> (SocketAddr, String) {
    let addr = closed_port();
    (addr, addr.to_string())
}

/// Opens `count` WebSockets for this target that send nothing.
fn silent(bridge: &Bridge, target: SocketAddr, options: &Options, count: usize) -> Vec<Client> {
    let connect = |_| Client::connect(bridge.addr(), &path(target), options);
    (0..count).map(connect).collect()
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&addr, DEADLINE).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Waits until the server closes the connection; a reset counts too.
fn expect_closed(mut stream: TcpStream) {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection stays open: {error}"),
    }
}

#[test]
fn a_connection_without_a_request_is_closed_at_the_upgrade_timeout() {
    let (_, allow) = unreachable_target();
    let bridge = bridge(&allow, &["server.upgrade_timeout=500ms"], &[]);
    leaves_nothing(&bridge, |count| {
        let silent: Vec<_> = (0..count).map(|_| connect(bridge.addr())).collect();
        silent.into_iter().for_each(expect_closed);
    });
}

#[test]
fn an_endless_request_is_closed_at_the_upgrade_timeout() {
    let (target, allow) = unreachable_target();
    let bridge = bridge(&allow, &["server.upgrade_timeout=500ms"], &[]);
    let start = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\n",
        path(target),
        bridge.addr()
    );
    leaves_nothing(&bridge, |count| {
        let mut slow: Vec<_> = (0..count).map(|_| connect(bridge.addr())).collect();
        for stream in &mut slow {
            stream.write_all(start.as_bytes()).unwrap();
        }
        // Another header now and then does not make the deadline later.
        wait_until("a request that never ends is read for ever", || {
            let alive = |stream: &mut TcpStream| stream.write_all(b"X-More: 1\r\n").is_ok();
            !slow.iter_mut().any(alive)
        });
    });
}

#[test]
fn a_client_without_auth_is_closed_with_4408() {
    let (target, allow) = unreachable_target();
    let bridge = bridge(&allow, &["session.auth_timeout=500ms"], &[]);
    leaves_nothing(&bridge, |count| {
        let mut silent = silent(&bridge, target, &Options::v1(), count);
        for client in &mut silent {
            assert_eq!(client.wait_type("hello")["auth_deadline_ms"], 500);
            expect_deadline(client, "auth");
        }
    });
    leaves_nothing(&bridge, |count| {
        let mut silent = silent(&bridge, target, &Options::compatible(), count);
        for client in &mut silent {
            assert_eq!(client.until_close().0, 4408);
        }
    });
}

/// Pings are answered, too.
#[test]
fn pings_do_not_extend_the_auth_deadline() {
    let (target, allow) = unreachable_target();
    let bridge = bridge(&allow, &["session.auth_timeout=2s"], &[]);
    let mut client = Client::connect(bridge.addr(), &path(target), &Options::v1());
    client.wait_type("hello");
    let mut pongs = 0;
    let close = poll(DEADLINE, || {
        // Once the server has closed, there is nothing to ping.
        let _ = client.try_send(tungstenite::Message::text(
            json!({"type": "ping"}).to_string(),
        ));
        match client.recv() {
            Event::Json(message) if message["type"] == "pong" => pongs += 1,
            Event::Json(message) => assert_eq!(message["stage"], "auth", "{message}"),
            Event::Close(code, _) => return Some(code),
            other => panic!("{other:?}"),
        }
        None
    });
    assert_eq!(close, Some(4408));
    assert!(pongs > 0);
}

/// A client that answers no ping is disconnected before `auth`, too.
#[test]
fn a_client_that_answers_no_ping_before_auth_is_dropped() {
    let (target, allow) = unreachable_target();
    let settings = [
        "websocket.ping_interval=200ms",
        "websocket.max_missed_pongs=2",
    ];
    let bridge = bridge(&allow, &settings, &[]);
    leaves_nothing(&bridge, |count| {
        for client in silent(&bridge, target, &Options::v1(), count) {
            let stream = client.tcp().try_clone().unwrap();
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            // Read as bytes: a WebSocket client would answer the pings.
            expect_closed(stream);
        }
    });
    bridge.wait_stderr("no-pong", DEADLINE);
}
