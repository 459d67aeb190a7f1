//! Makes an echo server of a bridge to an SSH server that echoes: passes what the client sends on
//! as it is, frame for frame and byte for byte, and turns the output into one message for each that
//! was sent, of its kind and length. Control frames pass unchanged.

use crate::common::raw::{Raw, frame, frame_header, upgrade_request};
use crate::common::{DEADLINE, GREETING, serve};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

/// Output to one client.
struct Echo {
    client: TcpStream,
    /// Opcode and length of the messages that were sent and not yet echoed.
    sent: VecDeque<(u8, usize)>,
    /// Output that is no whole message yet.
    output: Vec<u8>,
}

impl Echo {
    /// Sends the messages that are whole. An empty one is sent in its order.
    fn advance(&mut self) -> io::Result<()> {
        while let Some((opcode, length)) = self.sent.front().copied() {
            if self.output.len() < length {
                break;
            }
            self.sent.pop_front();
            let rest = self.output.split_off(length);
            let message = std::mem::replace(&mut self.output, rest);
            self.send(0x80 | opcode, &message)?;
        }
        Ok(())
    }

    fn send(&mut self, first: u8, payload: &[u8]) -> io::Result<()> {
        self.client.write_all(&frame(first, None, payload))
    }
}

/// Serves any number of clients, each with a session of its own.
pub(crate) fn start(bridge: SocketAddr, path: String) -> SocketAddr {
    // A client that leaves early ends its thread alone.
    serve(move |client| drop(adapt(client, bridge, &path)))
}

fn adapt(client: TcpStream, bridge: SocketAddr, path: &str) -> io::Result<()> {
    client.set_read_timeout(Some(DEADLINE))?;
    let mut client = Raw::over(client);
    let request = client.head();
    // With the client's own key, so that the answer is right for it.
    let ours = upgrade_request(bridge, path);
    let kept = ours
        .lines()
        .filter(|line| !line.starts_with("Sec-WebSocket-Key"));
    let theirs = request.lines().filter(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("sec-websocket-key") || line.starts_with("sec-websocket-extensions")
    });
    let lines: Vec<&str> = kept.chain(theirs).collect();
    let mut server = Raw::connect(bridge);
    server.try_send(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes())?;
    let answer = server.head();
    server.send_frame(0x81, br#"{"username":"u","password":"p"}"#);
    let greeting = server.frame().map(|frame| frame.payload);
    assert_eq!(greeting.as_deref(), Some(GREETING), "the shell has started");
    client.try_send(answer.as_bytes())?;
    let echo = Arc::new(Mutex::new(Echo {
        client: client.tcp().try_clone()?,
        sent: VecDeque::new(),
        output: Vec::new(),
    }));
    let notes = Arc::clone(&echo);
    let (mut from, mut to) = (client.tcp().try_clone()?, server.tcp().try_clone()?);
    std::thread::spawn(move || pass_on(&mut from, &mut to, &notes));
    while let Some(frame) = server.frame() {
        let mut echo = echo.lock().unwrap();
        if frame.first & 0x0f >= 8 {
            echo.send(frame.first, &frame.payload)?;
        } else {
            echo.output.extend(frame.payload);
            echo.advance()?;
        }
    }
    // As the bridge has done.
    client.tcp().shutdown(Shutdown::Write)
}

/// Passes bytes from the client on, and notes the messages among them.
fn pass_on(client: &mut TcpStream, bridge: &mut TcpStream, echo: &Mutex<Echo>) {
    let mut parser = Messages::default();
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        // Before they are passed on: the echo may be fast.
        let mut noted = echo.lock().unwrap();
        noted.sent.extend(parser.push(&buffer[..count]));
        let gone = noted.advance().is_err();
        drop(noted);
        if gone || bridge.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
    let _ = bridge.shutdown(Shutdown::Write);
}

/// Finds the messages in a client's bytes, as long as they are well-formed.
#[derive(Default)]
struct Messages {
    bytes: Vec<u8>,
    opcode: u8,
    length: usize,
}

impl Messages {
    fn push(&mut self, bytes: &[u8]) -> Vec<(u8, usize)> {
        self.bytes.extend(bytes);
        let mut found = Vec::new();
        while let Some((first, header, length)) = frame_header(&self.bytes) {
            // The mask.
            let whole = header + 4 + length;
            if self.bytes.len() < whole {
                break;
            }
            self.bytes.drain(..whole);
            let opcode = first & 0x0f;
            if opcode >= 8 {
                continue;
            }
            if opcode != 0 {
                (self.opcode, self.length) = (opcode, 0);
            }
            self.length += length;
            if first & 0x80 != 0 {
                found.push((self.opcode, self.length));
            }
        }
        found
    }
}
