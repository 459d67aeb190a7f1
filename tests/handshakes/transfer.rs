//! Connections that change their shard: before a byte was read, and with their request. Both shards
//! are threads of this process, with sockets of their own; the second is a whole one.

use super::common::fixture::path_to;
use super::common::raw::upgrade_request;
use super::common::shard::{Shard, on_a_loop};
use super::common::tls::{self, Files, Pair};
use super::common::{Client, DEADLINE, Options, SshScript};
use async_channel::Sender;
use futures_lite::AsyncReadExt;
use serde_json::json;
use socket2::Socket;
use sshard::runtime::Stream;
use sshard::shard::{Command, ConnectionTransfer, TransferStage};
use sshard::ws::{ClientStream, CountingSocket, Tls};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

/// A loop that accepts one connection, reads `most` bytes of its request or all that there is, and
/// hands it over.
fn hand_over(shard: &Shard, listener: TcpListener, most: usize) -> JoinHandle<()> {
    let tls = shard.snapshot.load().tls.clone();
    let placement = Arc::clone(&shard.placement);
    let commands = shard.commands.clone();
    std::thread::spawn(move || {
        let (socket, client) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let first = on_a_loop(move || async move {
            let mut stream = accepted(socket.into(), tls).await;
            let mut read = Vec::new();
            while read.len() < most && !read.ends_with(b"\r\n\r\n") {
                let mut chunk = vec![0; most - read.len()];
                let count = stream.read(&mut chunk).await.unwrap();
                assert!(count > 0, "the client has left");
                read.extend_from_slice(&chunk[..count]);
            }
            let reservation = placement.reserve_on(0);
            let transfer = ConnectionTransfer::requested(stream, &read, client, reservation);
            commands.try_send(Command::Adopt(transfer)).ok().unwrap();
            Ok(())
        });
        first.join().unwrap();
    })
}

async fn accepted(socket: Socket, tls: Option<Tls>) -> ClientStream {
    let socket = CountingSocket::new(Stream::new(socket).unwrap());
    match tls {
        Some(tls) => ClientStream::Tls(Box::new(tls.accept(socket).await.unwrap())),
        None => ClientStream::Plain(socket),
    }
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A whole session on a connection that is handed over after so many bytes of its request.
fn session(shard: &Shard, options: &Options, most: usize) {
    let (listener, address) = listen();
    let first = hand_over(shard, listener, most);
    let mut client = Client::connect(address, &path_to(shard.ssh.addr()), options);
    client.auth_v1(&json!({ "username": "u" }));
    client.wait_type("ready");
    let before = shard.ssh.input().len();
    client.send_binary(b"typed");
    shard.ssh.wait_input(before + 5);
    client.send_json(&json!({ "type": "close" }));
    assert_eq!(client.until_close().0, 1000);
    first.join().unwrap();
}

/// The first byte, a part of the head, all of it.
const READ: [usize; 3] = [1, 60, 16 * 1024];

#[test]
fn a_session_works_on_the_shard_that_gets_its_connection_with_the_request() {
    let pair = Pair::new();
    let files = Files::new(&pair);
    let over_tls = Options::v1().tls(&tls::trusting(&[&pair]));
    for (settings, options) in [
        (Vec::new(), Options::v1()),
        (files.settings().to_vec(), over_tls),
    ] {
        let shard = Shard::running(&settings);
        for most in READ {
            session(&shard, &options, most);
        }
    }
}

/// Bytes behind the request belong to the WebSocket, whoever has read them.
#[test]
fn messages_that_were_read_with_the_request_are_not_lost() {
    let shard = Shard::running(&[]);
    let (listener, address) = listen();
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = upgrade_request(address, &path_to(shard.ssh.addr()));
    let mut read = format!("{request}Sec-WebSocket-Protocol: sshard.v1\r\n\r\n").into_bytes();
    let auth = br#"{"type":"auth","username":"u"}"#;
    // A text frame whose mask is zero.
    read.extend([0x81, 0x80 | u8::try_from(auth.len()).unwrap(), 0, 0, 0, 0]);
    read.extend(auth);
    let (socket, _) = listener.accept().unwrap();
    let read = read.into();
    shard.adopt(socket, TransferStage::Requested { read, tls: None });
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains(r#""type":"ready""#) {
        let mut chunk = [0; 4096];
        let count = client.read(&mut chunk).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&chunk[..count]);
    }
    client.write_all(&[0x88, 0x80, 0, 0, 0, 0]).unwrap();
}

/// A client, and the stage in which its connection is on its way.
fn on_the_way() -> [(TcpStream, TcpStream, TransferStage); 2] {
    let pair = || {
        let (listener, address) = listen();
        let client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        (client, listener.accept().unwrap().0)
    };
    let [(one, accepted), (two, requested)] = [pair(), pair()];
    let read = b"GET /ws/db HTTP/1.1\r\n".as_slice().into();
    [
        (one, accepted, TransferStage::Accepted { proxied: false }),
        (two, requested, TransferStage::Requested { read, tls: None }),
    ]
}

fn is_closed(mut client: TcpStream) -> bool {
    matches!(client.read(&mut [0]), Ok(0))
}

#[test]
fn a_connection_that_is_dropped_on_the_way_is_closed() {
    // The shard stops before it reads that message; its channel lives on.
    let mut shard = Shard::new(SshScript::default(), &[]);
    shard.commands.try_send(Command::Stop).ok().unwrap();
    let mut clients = Vec::new();
    for (client, socket, stage) in on_the_way() {
        shard.adopt(socket, stage);
        clients.push(client);
    }
    shard.start();
    shard.join();
    assert!(clients.into_iter().all(is_closed));
    assert_eq!(shard.placement.loads(), [0]);

    // A message that is refused is returned, and dropped.
    for (client, socket, stage) in on_the_way() {
        let transfer = ConnectionTransfer {
            client: socket.peer_addr().unwrap(),
            socket: socket.into(),
            stage,
            reservation: shard.placement.reserve_on(0),
        };
        let refused: Result<(), _> = Sender::try_send(&shard.commands, Command::Adopt(transfer));
        drop(refused.err().unwrap());
        assert!(is_closed(client));
    }
    assert_eq!(shard.placement.loads(), [0]);
}
