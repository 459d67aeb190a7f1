//! TCP servers that are no SSH server, on threads: what a target can do to a bridge before and
//! instead of a handshake.

use super::DEADLINE;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// What the server does with each connection. All but the endless one then read until the peer
/// is gone, and never close first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// Accepts, says nothing.
    Silent,
    /// Lines before an identification that never comes, for as long as they are read.
    EndlessBanner,
    /// Identifies itself as SSH, then says nothing.
    BannerThenSilence,
    /// Identifies itself as SSH, then sends what is no packet.
    BannerThenJunk,
    /// 64 KiB of bytes that are nothing.
    Junk,
    /// Answers as a web server.
    Http,
    /// Closes at once.
    Hangup,
}

pub(crate) struct Hostile {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stopping: bool,
    accepted: usize,
    open: usize,
    streams: Vec<TcpStream>,
}

impl Hostile {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn start(script: Script) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let server = Arc::clone(&shared);
        std::thread::spawn(move || accept_all(&listener, &server, script));
        Self { addr, shared }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn port(&self) -> u16 {
        self.addr.port()
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

impl Drop for Hostile {
    fn drop(&mut self) {
        if let Ok(mut state) = self.shared.state.lock() {
            state.stopping = true;
            for stream in state.streams.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        // Wakes the accepting thread, which then sees that it is to stop.
        let _ = TcpStream::connect(self.addr);
    }
}

/// An address of this machine that refuses connections.
pub(crate) fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn accept_all(listener: &TcpListener, shared: &Arc<Shared>, script: Script) {
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        let mut state = shared.state.lock().unwrap();
        if state.stopping {
            return;
        }
        state.accepted += 1;
        state.open += 1;
        state.streams.push(stream.try_clone().unwrap());
        drop(state);
        shared.changed.notify_all();
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            // The peer may be gone at any point, which is what it is asked to do.
            let _ = play(&stream, script);
            let _ = stream.shutdown(Shutdown::Both);
            shared.state.lock().unwrap().open -= 1;
            shared.changed.notify_all();
        });
    }
}

fn play(mut stream: &TcpStream, script: Script) -> std::io::Result<()> {
    const BANNER: &[u8] = b"SSH-2.0-Hostile_1.0\r\n";
    match script {
        Script::Silent => {}
        Script::EndlessBanner => loop {
            stream.write_all(b"Welcome. Please wait, your call matters to us.\r\n")?;
        },
        Script::BannerThenSilence => stream.write_all(BANNER)?,
        Script::BannerThenJunk => {
            stream.write_all(BANNER)?;
            stream.write_all(&junk())?;
        }
        Script::Junk => stream.write_all(&junk())?,
        Script::Http => {
            stream.write_all(
                b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            )?;
        }
        Script::Hangup => return Ok(()),
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

/// The same bytes each time: a failure can be played again.
fn junk() -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    (0..64 * 1024)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect()
}
