//! Makes an echo server of a bridge to an SSH server that echoes: passes what the client sends on
//! as it is, frame for frame and byte for byte, and turns the output into one message for each that
//! was sent, of its kind and length. Control frames pass unchanged.

use crate::common::raw::{frame, upgrade_request};
use crate::common::{DEADLINE, GREETING};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub(crate) struct Adapter {
    addr: SocketAddr,
}

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
    fn advance(&mut self) -> Option<()> {
        while let Some((opcode, length)) = self.sent.front().copied() {
            if self.output.len() < length {
                break;
            }
            self.sent.pop_front();
            let rest = self.output.split_off(length);
            let message = std::mem::replace(&mut self.output, rest);
            self.send(0x80 | opcode, &message)?;
        }
        Some(())
    }

    fn send(&mut self, first: u8, payload: &[u8]) -> Option<()> {
        self.client.write_all(&frame(first, None, payload)).ok()
    }
}

impl Adapter {
    /// Serves any number of clients, each with a session of its own.
    pub(crate) fn start(bridge: SocketAddr, path: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, path) = (client.unwrap(), path.clone());
                // A client that leaves early ends its thread alone.
                std::thread::spawn(move || serve(client, bridge, &path));
            }
        });
        Self { addr }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

fn serve(mut client: TcpStream, bridge: SocketAddr, path: &str) -> Option<()> {
    let request = head(&mut client)?;
    let mut server = TcpStream::connect(bridge).ok()?;
    for socket in [&client, &server] {
        socket.set_nodelay(true).ok()?;
        socket.set_read_timeout(Some(DEADLINE)).ok()?;
    }
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
    server
        .write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes())
        .ok()?;
    let answer = head(&mut server)?;
    let auth = br#"{"username":"u","password":"p"}"#;
    server
        .write_all(&frame(0x81, Some([1, 2, 3, 4]), auth))
        .ok()?;
    let mut frames = Frames::new(server.try_clone().ok()?);
    let greeting = frames.next()?.payload;
    assert_eq!(greeting, GREETING, "the shell has started");
    client.write_all(answer.as_bytes()).ok()?;
    let echo = Arc::new(Mutex::new(Echo {
        client: client.try_clone().ok()?,
        sent: VecDeque::new(),
        output: Vec::new(),
    }));
    let (notes, mut from, mut to) = (Arc::clone(&echo), client.try_clone().ok()?, server);
    std::thread::spawn(move || pass_on(&mut from, &mut to, &notes));
    while let Some(frame) = frames.next() {
        let mut echo = echo.lock().unwrap();
        if frame.first & 0x0f >= 8 {
            echo.send(frame.first, &frame.payload)?;
        } else {
            echo.output.extend(frame.payload);
            echo.advance()?;
        }
    }
    // As the bridge has done.
    let _ = client.shutdown(Shutdown::Write);
    Some(())
}

/// An HTTP head, with its empty line.
fn head(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).ok()
}

/// Passes bytes from the client on, and notes the messages among them.
fn pass_on(client: &mut TcpStream, bridge: &mut TcpStream, echo: &Mutex<Echo>) {
    let mut parser = Messages::default();
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        // Before they are passed on: the echo may be fast.
        let mut noted = echo.lock().unwrap();
        noted.sent.extend(parser.push(&buffer[..count]));
        let gone = noted.advance().is_none();
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
        while let Some((first, header, length)) = header(&self.bytes) {
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

/// First byte, length without the mask, and length of the payload.
fn header(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (first, second) = (*bytes.first()?, bytes.get(1)? & 0x7f);
    let long = |size: usize| {
        let bytes = bytes.get(2..2 + size)?;
        Some(
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        )
    };
    Some(match second {
        126 => (first, 4, long(2)?),
        127 => (first, 10, long(8)?),
        short => (first, 2, usize::from(short)),
    })
}

struct Frame {
    first: u8,
    payload: Vec<u8>,
}

/// The bridge's frames.
struct Frames {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Frames {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            bytes: Vec::new(),
        }
    }

    /// `None` at the end.
    fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((first, header, length)) = header(&self.bytes)
                && self.bytes.len() >= header + length
            {
                let payload = self.bytes[header..header + length].to_vec();
                self.bytes.drain(..header + length);
                return Some(Frame { first, payload });
            }
            let mut buffer = [0; 64 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(count @ 1..) => self.bytes.extend(&buffer[..count]),
                _ => return None,
            }
        }
    }
}
