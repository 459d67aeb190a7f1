//! TCP proxy in front of an SSH server: sends a text first, and passes the server's first bytes on
//! in pieces.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};

/// Bytes of the server that are passed on in pieces; its version line is among them.
const IN_PIECES: usize = 512;

/// Listens in front of `server` and sends `text` first, `piece` bytes at a time.
pub(crate) fn start(server: SocketAddr, text: Vec<u8>, piece: usize) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, text) = (client.unwrap(), text.clone());
            // Either side may close at any point.
            std::thread::spawn(move || drop(pass(&client, server, &text, piece)));
        }
    });
    addr
}

fn pass(
    mut client: &TcpStream,
    server: SocketAddr,
    text: &[u8],
    piece: usize,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let server = TcpStream::connect(server)?;
    server.set_nodelay(true)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        to.shutdown(Shutdown::Write)
    });
    for part in text.chunks(piece) {
        client.write_all(part)?;
    }
    let (mut from, mut passed) = (&server, 0);
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return client.shutdown(Shutdown::Write);
        }
        let size = if passed < IN_PIECES { piece } else { count };
        for part in buffer[..count].chunks(size) {
            client.write_all(part)?;
        }
        passed += count;
    }
}

/// Sends `words` on each connection, and resets it.
pub(crate) fn say_and_reset(words: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            client.write_all(words).unwrap();
            // What is unread when the socket is closed makes it a reset.
            client.peek(&mut [0]).unwrap();
        }
    });
    addr
}
