//! Raw bytes on a socket: HTTP requests and WebSocket frames that no library would write. Parses
//! only where a response and a frame end.

use super::ws::connect_tcp;
use super::{DEADLINE, Options};
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Key of RFC 6455's example, and the Sec-WebSocket-Accept for it.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The header's only value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(
            values.next().is_none(),
            "{name} stands there twice: {self:?}"
        );
        value
    }

    /// Checks the headers that every answer of a page carries: a part of each.
    pub(crate) fn assert_is_secured(&self, about: &str) {
        for (name, part) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("permissions-policy", "camera=()"),
            (
                "content-security-policy",
                "default-src 'none'; script-src 'self';",
            ),
            (
                "content-security-policy",
                "require-trusted-types-for 'script'",
            ),
            ("content-security-policy", "frame-ancestors 'none'"),
        ] {
            let value = self.header(name).unwrap_or_default();
            assert!(value.contains(part), "{about}: {name}: {value}");
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// A frame as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawFrame {
    /// FIN, the reserved bits and the opcode.
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

impl RawFrame {
    /// Code and reason; (1005, "") for a close frame without.
    pub(crate) fn as_close(&self) -> Option<(u16, String)> {
        (self.first == 0x88).then(|| match self.payload.split_first_chunk() {
            Some((code, reason)) => (
                u16::from_be_bytes(*code),
                String::from_utf8(reason.to_vec()).unwrap(),
            ),
            None => (1005, String::new()),
        })
    }
}

pub(crate) struct Raw {
    tcp: TcpStream,
    received: Vec<u8>,
}

impl Raw {
    /// From another address of this machine, as another client.
    pub(crate) fn connect_from(addr: SocketAddr, source: Ipv4Addr) -> Self {
        let options = Options {
            source: Some(source.into()),
            ..Options::default()
        };
        Self::over(connect_tcp(addr, &options))
    }

    pub(crate) fn connect(addr: SocketAddr) -> Self {
        Self::over(connect_tcp(addr, &Options::default()))
    }

    pub(crate) fn over(tcp: TcpStream) -> Self {
        tcp.set_nodelay(true).unwrap();
        tcp.set_write_timeout(Some(DEADLINE)).unwrap();
        Self {
            tcp,
            received: Vec::new(),
        }
    }

    /// Connects and upgrades.
    pub(crate) fn upgrade(addr: SocketAddr, path: &str, options: &Options) -> Self {
        let mut raw = Self::connect(addr);
        let answer = raw.ask(addr, path, options);
        assert_eq!(answer.status, 101, "{answer:?}");
        raw
    }

    /// Asks for an upgrade, and returns the answer.
    pub(crate) fn ask(&mut self, addr: SocketAddr, path: &str, options: &Options) -> Answer {
        let mut request = upgrade_request(addr, path);
        if let Some(protocol) = options.subprotocol {
            request.push_str(&format!("Sec-WebSocket-Protocol: {protocol}\r\n"));
        }
        self.send(format!("{request}\r\n").as_bytes());
        self.answer()
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap();
    }

    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.tcp.write_all(bytes)
    }

    /// Resets the connection.
    pub(crate) fn reset(self) {
        let socket = socket2::SockRef::from(&self.tcp);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Returns whether the server has sent something, or closed.
    pub(crate) fn has_arrived(&self) -> bool {
        self.tcp.set_nonblocking(true).unwrap();
        let arrived = self.tcp.peek(&mut [0]).is_ok();
        self.tcp.set_nonblocking(false).unwrap();
        arrived
    }

    /// Sends a masked frame: `first` is FIN, reserved bits and opcode.
    pub(crate) fn send_frame(&mut self, first: u8, payload: &[u8]) {
        self.send(&frame(first, Some([0x12, 0x34, 0x56, 0x78]), payload));
    }

    /// The head of an HTTP message, with its empty line.
    pub(crate) fn head(&mut self) -> String {
        let end = loop {
            if let Some(at) = self.received.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(
                self.fill(),
                "no HTTP head: {}",
                self.received.escape_ascii()
            );
        };
        String::from_utf8(self.received.drain(..end).collect()).unwrap()
    }

    /// One HTTP answer: its head, and the body as long as the head says.
    pub(crate) fn answer(&mut self) -> Answer {
        let head = self.head();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let mut answer = Answer {
            status: status.parse().unwrap(),
            headers: lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: String::new(),
        };
        let length = answer.header("content-length").unwrap_or("0");
        let length: usize = length.parse().unwrap();
        while self.received.len() < length && self.fill() {}
        let body = self.received.drain(..length.min(self.received.len()));
        answer.body = String::from_utf8(body.collect()).unwrap();
        answer
    }

    /// All that comes until the server closes its direction.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.received)
    }

    /// The next frame; None once the connection has ended.
    pub(crate) fn frame(&mut self) -> Option<RawFrame> {
        let until = Instant::now() + DEADLINE;
        loop {
            if let Some((length, frame)) = parse_frame(&self.received) {
                self.received.drain(..length);
                return Some(frame);
            }
            assert!(Instant::now() < until, "no whole frame came");
            if !self.fill() {
                let rest = self.received.escape_ascii();
                assert!(self.received.is_empty(), "ended within a frame: {rest}");
                return None;
            }
        }
    }

    /// The next text message, which comes next but for pings.
    pub(crate) fn text(&mut self) -> Value {
        loop {
            let frame = self.frame().expect("a text message");
            if frame.first != 0x89 {
                assert_eq!(frame.first, 0x81, "{frame:?}");
                return serde_json::from_slice(&frame.payload).unwrap();
            }
        }
    }

    /// Sends `auth` of the dialect `sshard.v1`, and returns `ready`. Answers pings on the way: a
    /// slow login must not count as missed pongs.
    pub(crate) fn login_v1(&mut self) -> Value {
        self.send_frame(0x81, br#"{"type":"auth","username":"u"}"#);
        loop {
            let frame = self.frame().expect("`ready` before the end");
            if frame.first == 0x89 {
                self.send_frame(0x8a, &frame.payload);
                continue;
            }
            assert_eq!(frame.first, 0x81, "{frame:?}");
            let text: Value = serde_json::from_slice(&frame.payload).unwrap();
            if text["type"] == "ready" {
                return text;
            }
        }
    }

    /// Waits until the session has processed the messages so far: what another socket brings
    /// later, such as output of the SSH server, cannot overtake them. Leaves pings unanswered.
    pub(crate) fn wait_processed(&mut self) {
        self.send_frame(0x81, br#"{"type":"ping"}"#);
        assert_eq!(self.text()["type"], "pong");
    }

    /// Code and reason of the close frame, after everything before it.
    pub(crate) fn until_close(&mut self) -> (u16, String) {
        loop {
            let frame = self.frame().expect("a close frame before the end");
            if let Some(close) = frame.as_close() {
                return close;
            }
        }
    }

    /// Reads more; false at the end of the stream, by whichever way.
    fn fill(&mut self) -> bool {
        self.tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut buffer = [0; 64 * 1024];
        match self.tcp.read(&mut buffer) {
            Ok(count) => {
                self.received.extend(&buffer[..count]);
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error} after {}", self.received.escape_ascii()),
        }
    }
}

/// Request line and headers of an upgrade, without the subprotocol and the empty line.
pub(crate) fn upgrade_request(addr: SocketAddr, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n"
    )
}

/// Sends a request unchanged, on a connection of its own, and returns the response.
pub(crate) fn exchange(addr: SocketAddr, request: &str) -> Answer {
    let mut raw = Raw::connect(addr);
    raw.send(request.as_bytes());
    raw.answer()
}

pub(crate) fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(masked | u8::try_from(length).unwrap()),
        length @ 126..=0xffff => {
            bytes.push(masked | 126);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(masked | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    let mask = mask.inspect(|mask| bytes.extend(mask)).unwrap_or_default();
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
    bytes
}

/// A server's frame at the start of `bytes`, and its whole length; None if more must come.
fn parse_frame(bytes: &[u8]) -> Option<(usize, RawFrame)> {
    let (first, header, length) = frame_header(bytes)?;
    assert_eq!(bytes[1] & 0x80, 0, "a server's frame is not masked");
    let payload = bytes.get(header..header + length)?.to_vec();
    Some((header + length, RawFrame { first, payload }))
}

/// A frame's first byte, the length of its header without the mask, and that of its payload; None
/// if more must come.
pub(crate) fn frame_header(bytes: &[u8]) -> Option<(u8, usize, usize)> {
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
