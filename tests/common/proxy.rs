//! TCP proxy in front of a server: passes bytes on, counts them, and can stop passing on those of
//! the server. It never closes first, so that a peer without a deadline waits for ever.

use super::DEADLINE;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// Point from which on the server's bytes are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Never,
    /// After so many bytes of each connection.
    AfterServer(u64),
    /// As soon as the client has sent so many bytes in a connection: before these are passed on, so
    /// that no reply to the last of them comes back.
    AfterClient(u64),
}

/// Bytes that one connection has passed on.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) from_client: u64,
    pub(crate) from_server: u64,
}

pub(crate) struct Proxy {
    listener: Arc<TcpListener>,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    server: SocketAddr,
}

struct State {
    stop: Stop,
    /// In the order they came.
    counts: Vec<Counts>,
    open: usize,
    streams: Vec<TcpStream>,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1 in front of `server`.
    pub(crate) fn start(server: SocketAddr, stop: Stop) -> Self {
        let listener = Arc::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                stop,
                counts: Vec::new(),
                open: 0,
                streams: Vec::new(),
            }),
            changed: Condvar::new(),
            server,
        });
        let (accepting, server) = (Arc::clone(&listener), Arc::clone(&shared));
        std::thread::spawn(move || accept_all(&accepting, &server));
        Self { listener, shared }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// From now on, in every connection.
    pub(crate) fn set_stop(&self, stop: Stop) {
        self.shared.state.lock().unwrap().stop = stop;
    }

    /// The counts of all connections, oldest first.
    pub(crate) fn counts(&self) -> Vec<Counts> {
        self.shared.state.lock().unwrap().counts.clone()
    }

    /// Waits until the client's side of every connection is closed.
    pub(crate) fn wait_closed(&self) {
        let state = self.shared.state.lock().unwrap();
        let (state, waited) = self
            .shared
            .changed
            .wait_timeout_while(state, DEADLINE, |state| state.open > 0)
            .unwrap();
        let open = state.open;
        drop(state);
        assert!(!waited.timed_out(), "{open} connections stay open");
    }
}

impl Drop for Proxy {
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

fn accept_all(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        let Ok(client) = client else { return };
        let server = TcpStream::connect_timeout(&shared.server, DEADLINE).unwrap();
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        let mut state = shared.state.lock().unwrap();
        let index = state.counts.len();
        state.counts.push(Counts::default());
        state.open += 1;
        for stream in [&client, &server] {
            state.streams.push(stream.try_clone().unwrap());
        }
        drop(state);
        let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let (up, down) = (Arc::clone(shared), Arc::clone(shared));
        std::thread::spawn(move || {
            copy(client, &server, |count| up.on_client(index, count));
            let _ = server.shutdown(Shutdown::Both);
            up.state.lock().unwrap().open -= 1;
            up.changed.notify_all();
        });
        std::thread::spawn(move || {
            copy(server_too, &client_too, |count| {
                down.on_server(index, count)
            });
        });
    }
}

/// Copies to the end; `pass` returns how many of the bytes just read are passed on. An error counts
/// as the end.
fn copy(mut from: TcpStream, mut to: &TcpStream, mut pass: impl FnMut(usize) -> usize) {
    let mut buffer = [0; 64 * 1024];
    while let Ok(count) = from.read(&mut buffer) {
        let passed = pass(count);
        if count == 0 || to.write_all(&buffer[..passed]).is_err() {
            return;
        }
    }
}

impl Shared {
    fn on_client(&self, index: usize, count: usize) -> usize {
        self.state.lock().unwrap().counts[index].from_client += count as u64;
        count
    }

    fn on_server(&self, index: usize, count: usize) -> usize {
        let mut state = self.state.lock().unwrap();
        let stop = state.stop;
        let counts = &mut state.counts[index];
        let passed = match stop {
            Stop::Never => count,
            Stop::AfterServer(limit) => {
                let left = limit.saturating_sub(counts.from_server);
                count.min(usize::try_from(left).unwrap_or(count))
            }
            Stop::AfterClient(limit) if counts.from_client >= limit => 0,
            Stop::AfterClient(_) => count,
        };
        counts.from_server += passed as u64;
        passed
    }
}
