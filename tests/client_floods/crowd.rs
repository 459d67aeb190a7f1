//! Thirty sockets that flood a bridge, from one thread.

use crate::common::raw::{frame, upgrade_request};
use crate::common::{DEADLINE, tls};
use futures_rustls::rustls::{ClientConfig, ClientConnection};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Sockets that flood at once.
const SOCKETS: usize = 30;

/// Traffic that is sent again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Pings,
    Pongs,
    EmptyFragments,
    /// Fragments of one byte of a message above the limit, whose bytes are discarded.
    SmallFragments,
    EmptyMessages,
    /// Bytes after an invalid frame.
    Discarded,
    /// Heads of HTTP requests, a byte at a time.
    HeadsInDrips,
    /// Pings in TLS records of their own.
    TlsRecords,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Pings,
        Self::Pongs,
        Self::EmptyFragments,
        Self::SmallFragments,
        Self::EmptyMessages,
        Self::Discarded,
        Self::HeadsInDrips,
        Self::TlsRecords,
    ];

    /// Returns the bytes behind the upgrade, and those repeated then.
    pub(crate) fn frames(self) -> (Vec<u8>, Vec<u8>) {
        let masked = |first, payload: &[u8]| frame(first, Some([0; 4]), payload);
        match self {
            Self::Pings | Self::TlsRecords => (Vec::new(), masked(0x89, b"")),
            Self::Pongs => (Vec::new(), masked(0x8a, b"")),
            Self::EmptyFragments => (masked(0x02, b""), masked(0x00, b"")),
            Self::SmallFragments => (masked(0x02, b""), masked(0x00, b"x")),
            Self::EmptyMessages => (
                masked(0x81, br#"{"username":"u","password":"p"}"#),
                masked(0x82, b""),
            ),
            Self::Discarded => (masked(0xff, b""), masked(0x89, b"")),
            Self::HeadsInDrips => (Vec::new(), b"x".to_vec()),
        }
    }

    /// Returns the bytes that are offered at once: a drip is a byte.
    fn piece(self) -> Vec<u8> {
        let (_, repeated) = self.frames();
        match self {
            Self::HeadsInDrips => repeated,
            _ => repeated.repeat(32 * 1024 / repeated.len()),
        }
    }
}

struct Socket {
    tcp: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Socket {
    /// Connects; `None` if the bridge does not accept the connection now.
    fn open(kind: Kind, addr: SocketAddr, path: &str, trust: &Arc<ClientConfig>) -> Option<Self> {
        let mut tcp = TcpStream::connect_timeout(&addr, DEADLINE).ok()?;
        tcp.set_nodelay(true).ok()?;
        tcp.set_read_timeout(Some(DEADLINE)).ok()?;
        tcp.set_write_timeout(Some(DEADLINE)).ok()?;
        let mut tls = (kind == Kind::TlsRecords).then(|| tls::client(trust, addr));
        if kind == Kind::HeadsInDrips {
            tcp.write_all(b"GET / HTTP/1.1\r\nX: ").ok()?;
        } else {
            let mut start = format!("{}\r\n", upgrade_request(addr, path)).into_bytes();
            start.extend(kind.frames().0);
            let mut answer = [0; 12];
            match &mut tls {
                None => {
                    tcp.write_all(&start).ok()?;
                    tcp.read_exact(&mut answer).ok()?;
                }
                Some(tls) => {
                    let mut stream = futures_rustls::rustls::Stream::new(&mut **tls, &mut tcp);
                    stream.write_all(&start).ok()?;
                    stream.read_exact(&mut answer).ok()?;
                }
            }
            assert_eq!(&answer, b"HTTP/1.1 101");
        }
        tcp.set_nonblocking(true).ok()?;
        Some(Self { tcp, tls })
    }

    /// Sends as much as the socket accepts; returns the bytes, or `None` after the end of the
    /// connection.
    fn push(&mut self, piece: &[u8], one: usize) -> Option<usize> {
        // What the bridge says is not waited for, nor that it has closed its direction.
        let mut scratch = [0; 4096];
        while matches!(self.tcp.read(&mut scratch), Ok(count) if count > 0) {}
        let Some(tls) = &mut self.tls else {
            return match self.tcp.write(piece) {
                Ok(count) => Some(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
                Err(_) => None,
            };
        };
        if !tls.wants_write() {
            for frame in piece[..one * 64].chunks(one) {
                tls.writer().write_all(frame).unwrap();
            }
        }
        match tls.write_tls(&mut self.tcp) {
            Ok(count) => Some(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
            Err(_) => None,
        }
    }
}

/// A flood that lasts until it is dropped.
pub(crate) struct Flood {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    pub(crate) fn start(
        kind: Kind,
        addr: SocketAddr,
        path: String,
        trust: Arc<ClientConfig>,
    ) -> Self {
        let (stop, sent) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (stops, counts) = (Arc::clone(&stop), Arc::clone(&sent));
        let thread = std::thread::spawn(move || {
            // An attacker has a machine of its own: it is not to take this one's CPUs from the
            // bridge and its honest client. Holds for this thread alone.
            rustix::process::nice(19).unwrap();
            let (piece, one) = (kind.piece(), kind.frames().1.len());
            let open = || Socket::open(kind, addr, &path, &trust);
            let mut sockets: Vec<Option<Socket>> = (0..SOCKETS).map(|_| open()).collect();
            while !stops.load(Ordering::Relaxed) {
                for slot in &mut sockets {
                    match slot.as_mut().map(|socket| socket.push(&piece, one)) {
                        Some(Some(count)) => {
                            counts.fetch_add(count as u64, Ordering::Relaxed);
                        }
                        // The bridge has ended it: another replaces it.
                        _ => *slot = open(),
                    }
                }
            }
        });
        Self {
            stop,
            sent,
            thread: Some(thread),
        }
    }

    /// Bytes sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}
