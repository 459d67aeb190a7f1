//! Scripted TCP servers without SSH, on threads: behaviour of targets before and instead of a
//! handshake.

use super::DEADLINE;
use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Pause of the slow scripts between two writes: many within the shortest deadline.
const DRIP: Duration = Duration::from_millis(20);

/// Behaviour with each connection. All scripts but the endless ones then read until the peer
/// closes, and never close first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// Accepts and sends nothing.
    Silent,
    /// Lines before an identification that never comes, for as long as they are read.
    EndlessBanner,
    /// One such line, a byte at a time.
    BannerDrip,
    /// Sends its version line, then nothing.
    BannerThenSilence,
    /// Begins a key exchange, then sends nothing.
    KexInitThenSilence,
    /// Begins a key exchange, then sends messages that are to be ignored, slowly and for ever.
    IgnoreDrip,
    /// As [`Script::IgnoreDrip`], as fast as they are read.
    IgnoreFlood,
    /// Sends its version line, then random bytes.
    BannerThenJunk,
    /// Sends 64 KiB of random bytes.
    Junk,
    /// Answers as a web server, and keeps the connection.
    Http,
    /// Answers as a web server, and closes its direction.
    HttpThenEnd,
    /// Closes at once.
    Hangup,
    /// Sends these bytes, and closes its direction.
    SayThenEnd(&'static [u8]),
}

pub(crate) struct HostileServer {
    listener: Arc<TcpListener>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    accepted: usize,
    open: usize,
    streams: Vec<TcpStream>,
}

impl HostileServer {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn start(script: Script) -> Self {
        let listener = Arc::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let shared = Arc::<Shared>::default();
        let (accepting, server) = (Arc::clone(&listener), Arc::clone(&shared));
        std::thread::spawn(move || accept_all(&accepting, &server, script));
        Self { listener, shared }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.addr().port()
    }

    /// Connections accepted so far.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.state.lock().unwrap().accepted
    }

    /// Waits until `count` connections were accepted.
    pub(crate) fn wait_accepted(&self, count: usize) {
        self.wait(|state| state.accepted >= count, "accepted", count);
    }

    /// Waits until exactly `count` connections are open: the peer has closed the others.
    pub(crate) fn wait_open(&self, count: usize) {
        self.wait(|state| state.open == count, "open", count);
    }

    /// Ends every connection, and forgets those that are over.
    pub(crate) fn break_connections(&self) {
        for stream in self.shared.state.lock().unwrap().streams.drain(..) {
            // The peer may have been faster.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn wait(&self, reached: impl Fn(&State) -> bool, what: &str, count: usize) {
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(self.shared.state.lock().unwrap(), DEADLINE, |state| {
                !reached(state)
            })
            .unwrap();
        let (open, accepted) = (state.open, state.accepted);
        let done = reached(&state);
        drop(state);
        assert!(
            done,
            "wanted {count} {what}; accepted {accepted}, open {open}"
        );
    }
}

impl Drop for HostileServer {
    fn drop(&mut self) {
        // Ends the thread that accepts.
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        if let Ok(mut state) = self.shared.state.lock() {
            for stream in state.streams.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
}

/// Returns an address of this machine that refuses connections for as long as the test lasts: its
/// port is bound, and nothing listens.
pub(crate) fn closed_port() -> SocketAddr {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    std::mem::forget(socket);
    address
}

/// Returns a port of this machine that is free now, for a program that does not report its own.
/// Another program may take it first.
pub(crate) fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn accept_all(listener: &TcpListener, shared: &Arc<Shared>, script: Script) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { return };
        let mut state = shared.state.lock().unwrap();
        state.accepted += 1;
        state.open += 1;
        state.streams.push(stream.try_clone().unwrap());
        drop(state);
        shared.changed.notify_all();
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            // The peer may close at any point, which is the aim of the tests.
            let _ = play(&stream, script);
            let _ = stream.shutdown(Shutdown::Both);
            shared.state.lock().unwrap().open -= 1;
            shared.changed.notify_all();
        });
    }
}

fn play(mut stream: &TcpStream, script: Script) -> std::io::Result<()> {
    const BANNER: &[u8] = b"SSH-2.0-Hostile_1.0\r\n";
    const HTTP: &[u8] =
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    match script {
        Script::Silent => {}
        Script::EndlessBanner => loop {
            stream.write_all(b"Welcome. Please wait, your call matters to us.\r\n")?;
        },
        Script::BannerDrip => loop {
            stream.write_all(b".")?;
            std::thread::sleep(DRIP);
        },
        Script::BannerThenSilence => stream.write_all(BANNER)?,
        Script::KexInitThenSilence => {
            stream.write_all(BANNER)?;
            stream.write_all(&kexinit())?;
        }
        Script::IgnoreDrip => {
            stream.write_all(BANNER)?;
            stream.write_all(&kexinit())?;
            loop {
                // SSH_MSG_IGNORE with four bytes.
                stream.write_all(&packet(b"\x02\0\0\0\x04drip"))?;
                std::thread::sleep(DRIP);
            }
        }
        Script::IgnoreFlood => {
            stream.write_all(BANNER)?;
            stream.write_all(&kexinit())?;
            loop {
                stream.write_all(&packet(b"\x02\0\0\0\x05flood"))?;
            }
        }
        Script::BannerThenJunk => {
            stream.write_all(BANNER)?;
            stream.write_all(&junk())?;
        }
        Script::Junk => stream.write_all(&junk())?,
        Script::Http => stream.write_all(HTTP)?,
        Script::HttpThenEnd => {
            stream.write_all(HTTP)?;
            stream.shutdown(Shutdown::Write)?;
        }
        Script::Hangup => return Ok(()),
        Script::SayThenEnd(words) => {
            stream.write_all(words)?;
            stream.shutdown(Shutdown::Write)?;
        }
    }
    let mut ignored = [0; 4096];
    loop {
        match stream.read(&mut ignored) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// SSH_MSG_KEXINIT of a server that has something in common with every client (RFC 4253 section
/// 7.1), and no strict key exchange.
fn kexinit() -> Vec<u8> {
    const CIPHERS: &str = "aes256-gcm@openssh.com,aes256-ctr";
    const LISTS: [&str; 10] = [
        "curve25519-sha256",
        "ssh-ed25519",
        CIPHERS,
        CIPHERS,
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ];
    let mut payload = vec![20];
    payload.extend([7; 16]);
    for list in LISTS {
        payload.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
        payload.extend(list.as_bytes());
    }
    // No guessed packet follows; reserved.
    payload.extend([0; 5]);
    packet(&payload)
}

/// A packet before there are keys (RFC 4253 section 6).
fn packet(payload: &[u8]) -> Vec<u8> {
    let padding = 4 + (8 - (payload.len() + 9) % 8) % 8;
    let length = u32::try_from(1 + payload.len() + padding).unwrap();
    let mut packet = length.to_be_bytes().to_vec();
    packet.push(u8::try_from(padding).unwrap());
    packet.extend(payload);
    packet.resize(packet.len() + padding, 0);
    packet
}

/// Returns the same bytes each time, so that a failure can be reproduced.
fn junk() -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    (0..64 * 1024)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect()
}
