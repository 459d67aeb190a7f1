//! SSH server that follows a test's script and records what it received, for behaviour that no real
//! server has at a given time. Runs on a thread of its own and serves any number of connections,
//! each with at most one session channel. `handler` has one connection.

mod handler;

use super::DEADLINE;
use handler::Connection;
use russh::server::{Config, Handle};
use russh::{ChannelId, Disconnect, MethodKind, Sig, SshId};
use sshard_ssh_server::{Accepted, Options, Server, host_key, listen};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use tokio::sync::watch;

/// Behaviour of the server.
#[derive(Debug, Clone)]
pub(crate) struct SshScript {
    pub(crate) login: Login,
    pub(crate) banner: Option<String>,
    pub(crate) start: Start,
    /// The SSH window for the client's input.
    pub(crate) window: u32,
    /// The version line, with its end; russh's own if there is none.
    pub(crate) version: Option<&'static str>,
}

/// Logins that are accepted.
#[derive(Debug, Clone)]
pub(crate) enum Login {
    /// Any, with or without a password.
    Anyone,
    /// Any with a password.
    AnyPassword,
    /// Those with this password.
    Password(&'static str),
    /// Those that answer these rounds, with any answers. No other method is offered.
    Interactive(Vec<Round>),
    /// As [`Login::Interactive`], after any password.
    PasswordAndInteractive(Vec<Round>),
    /// None: no request is ever replied to.
    Silent,
    /// As [`Login::Silent`], from the first password on.
    PasswordUnanswered,
}

/// One round of keyboard-interactive.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    pub(crate) name: &'static str,
    pub(crate) instruction: &'static str,
    /// Text, and the echo flag.
    pub(crate) prompts: Vec<(String, bool)>,
}

impl Round {
    pub(crate) fn of(prompts: &[(&str, bool)]) -> Self {
        Self {
            name: "",
            instruction: "",
            prompts: prompts.iter().map(|(t, e)| ((*t).to_owned(), *e)).collect(),
        }
    }
}

/// First output of [`Start::Echo`].
pub(crate) const GREETING: &[u8] = b"[cat]";

/// Replies to the requests for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Accept,
    /// As [`Start::Accept`]; sends [`GREETING`] and echoes all input, as `cat` on a raw terminal.
    Echo,
    RefuseChannel,
    RefuseTerminal,
    RefuseShell,
    /// The request for the shell gets no reply.
    Silent,
}

impl Default for SshScript {
    /// Accepts every login and request.
    fn default() -> Self {
        Self {
            login: Login::Anyone,
            banner: None,
            start: Start::Accept,
            window: 2 * 1024 * 1024,
            version: None,
        }
    }
}

impl SshScript {
    pub(crate) fn login(login: Login) -> Self {
        Self {
            login,
            ..Self::default()
        }
    }

    pub(crate) fn start(start: Start) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }
}

/// Event of a client, other than input, which is in [`ScriptedSsh::input`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Received {
    Connected,
    /// User and password.
    Password(String, String),
    Answers(Vec<String>),
    /// TERM, columns, rows, width and height in pixels.
    Terminal(String, [u32; 4]),
    Env(String, String),
    Shell,
    Exec(String),
    Resize([u32; 4]),
    Signal(String),
    Eof,
    /// The connection has ended.
    Gone,
}

#[derive(Default)]
struct State {
    seen: Vec<Received>,
    input: Vec<u8>,
    sessions: Vec<(Handle, ChannelId)>,
    sockets: Vec<TcpStream>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn note(&self, seen: Received) {
        self.update(|state| state.seen.push(seen));
    }
}

/// Connections at a time; no test needs more.
const MAX_CONNECTIONS: usize = 16 * 1024;

pub(crate) struct ScriptedSsh {
    server: Server,
    shared: Arc<Shared>,
    paused: watch::Sender<bool>,
}

impl ScriptedSsh {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn start(script: SshScript) -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST.into(), script)
    }

    /// Listens on a free port of `ip`.
    pub(crate) fn start_on(ip: IpAddr, script: SshScript) -> Self {
        let listener = listen((ip, 0).into(), 128).unwrap();
        let shared = Arc::<Shared>::default();
        let (paused, is_paused) = watch::channel(false);
        let options = Options {
            name: "scripted-ssh",
            threads: 1,
            max_connections: MAX_CONNECTIONS,
            login_timeout: None,
        };
        let config = config(&script);
        let script = Arc::new(script);
        let new_handler = {
            let shared = Arc::clone(&shared);
            move |accepted: Accepted<'_>| {
                let socket = accepted.stream.as_fd().try_clone_to_owned().unwrap();
                shared.update(|state| {
                    state.sockets.push(socket.into());
                    state.seen.push(Received::Connected);
                });
                Connection {
                    script: Arc::clone(&script),
                    shared: Arc::clone(&shared),
                    paused: is_paused.clone(),
                    asked: 0,
                }
            }
        };
        Self {
            server: Server::start(listener, config, options, new_handler).unwrap(),
            shared,
            paused,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.server.address
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.state.lock().unwrap().seen.clone()
    }

    /// Returns whether such an event came.
    pub(crate) fn saw(&self, kind: impl Fn(&Received) -> bool) -> bool {
        self.received().iter().any(kind)
    }

    /// Events of this kind so far.
    pub(crate) fn count(&self, kind: &Received) -> usize {
        self.received().iter().filter(|seen| *seen == kind).count()
    }

    /// Answers of all rounds of questions so far.
    pub(crate) fn answers(&self) -> Vec<Vec<String>> {
        let answers = self.received().into_iter().filter_map(|seen| match seen {
            Received::Answers(texts) => Some(texts),
            _ => None,
        });
        answers.collect()
    }

    /// Input of all sessions so far.
    pub(crate) fn input(&self) -> Vec<u8> {
        self.shared.state.lock().unwrap().input.clone()
    }

    /// Waits for this event.
    pub(crate) fn wait_received(&self, wanted: &Received) {
        self.wait_count(wanted, 1);
    }

    /// Waits until this event came so often.
    pub(crate) fn wait_count(&self, wanted: &Received, count: usize) {
        let found = self.wait(|state| state.seen.iter().filter(|s| *s == wanted).count() >= count);
        assert!(
            found,
            "{count} times {wanted:?}; seen {:?}",
            self.received()
        );
    }

    /// Waits until so many bytes of input have arrived, and returns all.
    pub(crate) fn wait_input(&self, count: usize) -> Vec<u8> {
        let found = self.wait(|state| state.input.len() >= count);
        let input = self.input();
        assert!(found, "{} of {count} bytes of input came", input.len());
        input
    }

    fn wait(&self, reached: impl Fn(&State) -> bool) -> bool {
        let state = self.shared.state.lock().unwrap();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, DEADLINE, |state| !reached(state))
            .unwrap();
        reached(&state)
    }

    /// Stops or resumes reading input: while paused, the connection's socket is not read.
    pub(crate) fn pause_input(&self, pause: bool) {
        self.paused.send_replace(pause);
    }

    /// Sends output to the latest session.
    pub(crate) fn output(&self, bytes: &[u8]) {
        let (handle, id) = self.session();
        self.run(handle.data(id, bytes.to_vec()));
    }

    /// Sends output to every session.
    pub(crate) fn output_to_all(&self, bytes: &[u8]) {
        let sessions = self.shared.state.lock().unwrap().sessions.clone();
        for (handle, id) in sessions {
            // A session may have ended.
            let sent = async {
                let data = handle.data(id, bytes.to_vec());
                tokio::time::timeout(DEADLINE, data).await
            };
            let _ = self.server.runtime.block_on(sent);
        }
    }

    /// Sends output to every session without end, in packets of these sizes in turn. `sent` counts
    /// their bytes.
    pub(crate) fn bulk_output(&self, sizes: &'static [usize], sent: &Arc<AtomicU64>) {
        let sessions = self.shared.state.lock().unwrap().sessions.clone();
        for (handle, id) in sessions {
            let sent = Arc::clone(sent);
            self.server.runtime.spawn(async move {
                for size in sizes.iter().cycle() {
                    if handle.data(id, vec![b'x'; *size]).await.is_err() {
                        return;
                    }
                    sent.fetch_add(*size as u64, Ordering::Relaxed);
                }
            });
        }
    }

    /// Sends output on stderr.
    pub(crate) fn error_output(&self, bytes: &[u8]) {
        let (handle, id) = self.session();
        self.run(handle.extended_data(id, 1, bytes.to_vec()));
    }

    /// Sends `exit-status`, then closes the channel.
    pub(crate) fn exit(&self, status: u32) {
        let (handle, id) = self.session();
        self.run(handle.exit_status_request(id, status));
        self.run(handle.close(id));
    }

    /// Sends `exit-signal`, then closes the channel.
    pub(crate) fn exit_by_signal(&self, signal: Sig, core_dumped: bool, message: &str) {
        let (handle, id) = self.session();
        let (message, language) = (message.to_owned(), String::new());
        self.run(handle.exit_signal_request(id, signal, core_dumped, message, language));
        self.run(handle.close(id));
    }

    /// Closes the channel without an exit status.
    pub(crate) fn close(&self) {
        let (handle, id) = self.session();
        self.run(handle.close(id));
    }

    /// Sends SSH_MSG_DISCONNECT.
    pub(crate) fn disconnect(&self) {
        let (handle, _) = self.session();
        let (text, language) = ("going down".to_owned(), String::new());
        self.run(handle.disconnect(Disconnect::ByApplication, text, language));
    }

    /// Ends every TCP connection.
    pub(crate) fn break_connections(&self) {
        for socket in self.shared.state.lock().unwrap().sockets.drain(..) {
            // The peer may have been faster.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn session(&self) -> (Handle, ChannelId) {
        // Cloned, so that a panic here does not poison the lock of the server's threads.
        let latest = self.shared.state.lock().unwrap().sessions.last().cloned();
        latest.expect("no session started")
    }

    fn run<T, E: std::fmt::Debug>(&self, request: impl Future<Output = Result<T, E>>) {
        let request = async { tokio::time::timeout(DEADLINE, request).await };
        let sent = self.server.runtime.block_on(request);
        let sent = sent.map(|sent| sent.map(drop));
        assert!(matches!(sent, Ok(Ok(()))), "the session is gone: {sent:?}");
    }
}

fn config(script: &SshScript) -> Config {
    let methods: &[MethodKind] = match script.login {
        Login::Anyone | Login::Silent => &[MethodKind::None, MethodKind::Password],
        Login::AnyPassword
        | Login::Password(_)
        | Login::PasswordUnanswered
        | Login::PasswordAndInteractive(_) => &[MethodKind::Password],
        Login::Interactive(_) => &[MethodKind::KeyboardInteractive],
    };
    // Always the same key, so that a test can compare it.
    let defaults = sshard_ssh_server::config(host_key(&[7; 32]), methods);
    let version = script.version.map(|line| SshId::Raw(line.into()));
    Config {
        server_id: version.unwrap_or(defaults.server_id),
        window_size: script.window,
        ..defaults
    }
}
