//! One SSH connection of the demo server: the login, and the requests of its session channel. It
//! moves no terminal bytes; the channel's program is a task of its own, which ends soon after the
//! connection.

use super::Sessions;
use super::inbox::{Inbox, Output, WindowExceeded};
use super::relay;
use super::signals;
use crate::tools::demo::pty::{self, Ended, Request, Size, Terminal};
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, Session};
use russh::{Channel, ChannelId, ChannelOpenFailure, Pty, Sig};
use sshard_ssh_server::Done;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tracing::{debug, warn};

/// Most environment variables of one channel, and most bytes of their names and values.
const MAX_ENV: (usize, usize) = (32, 4 * 1024);
/// Longest TERM and longest command line, in bytes.
const MAX_TERM: usize = 64;
const MAX_COMMAND: usize = 8 * 1024;
/// Size of a terminal whose client does not know it (RFC 4254 section 6.2: 0).
const DEFAULT_COLUMNS: u16 = 80;
const DEFAULT_ROWS: u16 = 24;
/// Window of a client whose program is behind, in bytes. russh gives window back upon receipt, up
/// to a size it asks for each time: at this size the client still sends, so that its requests are
/// handled, but next to nothing.
const TRICKLE: u32 = 2;
/// Longest time for which such a packet holds russh's loop, and with it the client's next one.
const TRICKLE_PAUSE: Duration = Duration::from_millis(50);

/// The handler of one connection.
pub(super) struct Connection {
    pub(super) sessions: Arc<Sessions>,
    /// Ends the deadline for the login.
    pub(super) logged_in: Arc<Notify>,
    /// Addresses and ports of both sides, as sshd puts them into the environment.
    pub(super) peers: String,
    pub(super) channel: Option<SessionChannel>,
}

pub(super) struct SessionChannel {
    id: ChannelId,
    inbox: Arc<Inbox>,
    /// Output of the program, until it is started.
    output: Option<Output>,
    request: Request,
}

impl Connection {
    fn channel(&mut self, id: ChannelId) -> Option<&mut SessionChannel> {
        self.channel.as_mut().filter(|channel| channel.id == id)
    }

    /// The channel's request, while no program was started.
    fn request(&mut self, id: ChannelId) -> Option<&mut Request> {
        let waiting = self.channel(id).filter(|channel| channel.output.is_some());
        waiting.map(|channel| &mut channel.request)
    }

    /// Starts the channel's one program. `false`: there is one already, or it cannot be started.
    fn start(&mut self, id: ChannelId, command: Option<String>) -> bool {
        let connection = ("SSH_CONNECTION".to_owned(), self.peers.clone());
        let sessions = Arc::clone(&self.sessions);
        let Some(channel) = self.channel(id) else {
            return false;
        };
        let Some(output) = channel.output.take() else {
            return false;
        };
        let mut request = std::mem::take(&mut channel.request);
        request.command = command;
        request.env.push(connection);
        match pty::spawn(&sessions.program, &request) {
            Ok(process) => {
                let stop = sessions.stop.subscribe();
                sessions.spawn(relay::run(process, output, stop));
                true
            }
            Err(error) => {
                let program = sessions.program.path.display();
                warn!(%error, %program, "a program of the demo cannot be started");
                // Exit status of shells for a program that cannot be run.
                sessions.spawn(output.finish(Ended::Status(126)));
                false
            }
        }
    }

    fn set_terminal(&mut self, id: ChannelId, term: &str, size: Size) -> bool {
        let fits = term.len() <= MAX_TERM && term.bytes().all(|byte| byte.is_ascii_graphic());
        let request = self.request(id).filter(|_| fits);
        request.is_some_and(|request| {
            request.terminal = Some(Terminal {
                term: term.to_owned(),
                size,
            });
            true
        })
    }

    /// Takes variables of the client's language and colours alone: others could change what the
    /// shell runs.
    fn set_env(&mut self, id: ChannelId, name: &str, value: &str) -> bool {
        let known = name == "LANG" || name.starts_with("LC_") || name == "COLORTERM";
        let clean =
            name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !value.contains('\0');
        let request = self.request(id).filter(|_| known && clean);
        request.is_some_and(|request| {
            request.env.retain(|(other, _)| other != name);
            let bytes: usize = request.env.iter().map(|(n, v)| n.len() + v.len()).sum();
            let fits =
                request.env.len() < MAX_ENV.0 && bytes + name.len() + value.len() <= MAX_ENV.1;
            if fits {
                request.env.push((name.to_owned(), value.to_owned()));
            }
            fits
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel {
            channel.inbox.close();
        }
    }
}

/// Answers a request whose client wants an answer.
fn answer(session: &mut Session, id: ChannelId, success: bool) -> Done {
    match success {
        true => session.channel_success(id),
        false => session.channel_failure(id),
    }
}

fn size(columns: u32, rows: u32, width: u32, height: u32) -> Size {
    let cells = |given: u32, default| match u16::try_from(given) {
        Ok(0) => default,
        Ok(given) => given,
        Err(_) => u16::MAX,
    };
    Size {
        columns: cells(columns, DEFAULT_COLUMNS),
        rows: cells(rows, DEFAULT_ROWS),
        width: u16::try_from(width).unwrap_or(0),
        height: u16::try_from(height).unwrap_or(0),
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let now = crate::clock::now();
        Ok(match self.sessions.login.accepts(user, password, now) {
            true => Auth::Accept,
            false => Auth::reject(),
        })
    }

    async fn auth_succeeded(&mut self, _: &mut Session) -> Done {
        self.logged_in.notify_one();
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Done {
        let open = self.channel.as_ref();
        if open.is_some_and(|channel| !channel.inbox.is_closed()) {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let id = channel.id();
        let inbox = Arc::<Inbox>::default();
        // The read half goes: russh's own queue would block its loop when full.
        let (_, half) = channel.split();
        let output = Output {
            half,
            handle: session.handle(),
            inbox: Arc::clone(&inbox),
        };
        self.channel = Some(SessionChannel {
            id,
            inbox,
            output: Some(output),
            request: Request::default(),
        });
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut Session) -> Done {
        if let Some(channel) = self.channel(id) {
            channel.inbox.close();
        }
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, _: &mut Session) -> Done {
        if let Some(channel) = self.channel(id) {
            channel.inbox.push_eof();
        }
        Ok(())
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _: &mut Session) -> Done {
        let Some(channel) = self.channel(id) else {
            return Ok(());
        };
        if let Err(WindowExceeded) = channel.inbox.push_input(data) {
            debug!("a client of the demo's SSH server sends more than its window allows");
            return Err(russh::Error::Disconnect);
        }
        if data.len() <= TRICKLE as usize && channel.inbox.is_full() {
            // Out of time, the next packet waits as long.
            let _ = tokio::time::timeout(TRICKLE_PAUSE, channel.inbox.room()).await;
        }
        Ok(())
    }

    fn adjust_window(&mut self, id: ChannelId, _: u32) -> u32 {
        let channel = self.channel(id);
        match channel.is_some_and(|channel| channel.inbox.is_full()) {
            true => TRICKLE,
            false => super::WINDOW,
        }
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        term: &str,
        columns: u32,
        rows: u32,
        width: u32,
        height: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Done {
        let done = self.set_terminal(id, term, size(columns, rows, width, height));
        answer(session, id, done)
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Done {
        let done = self.set_env(id, name, value);
        answer(session, id, done)
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Done {
        let done = self.start(id, None);
        answer(session, id, done)
    }

    async fn exec_request(&mut self, id: ChannelId, command: &[u8], session: &mut Session) -> Done {
        let clean = command.len() <= MAX_COMMAND && !command.contains(&0);
        let done = clean && self.start(id, Some(String::from_utf8_lossy(command).into_owned()));
        answer(session, id, done)
    }

    async fn subsystem_request(&mut self, id: ChannelId, _: &str, session: &mut Session) -> Done {
        session.channel_failure(id)
    }

    async fn window_change_request(
        &mut self,
        id: ChannelId,
        columns: u32,
        rows: u32,
        width: u32,
        height: u32,
        session: &mut Session,
    ) -> Done {
        let size = size(columns, rows, width, height);
        if let Some(channel) = self.channel(id) {
            let waiting = channel.output.is_some();
            match channel.request.terminal.as_mut().filter(|_| waiting) {
                Some(terminal) => terminal.size = size,
                None => channel.inbox.push_size(size),
            }
        }
        session.channel_success(id)
    }

    async fn signal(&mut self, id: ChannelId, signal: Sig, _: &mut Session) -> Done {
        // An unknown name asks for no answer (RFC 4254 section 6.9).
        if let (Some(channel), Some(signal)) = (self.channel(id), signals::from_name(&signal)) {
            channel.inbox.push_signal(signal);
        }
        Ok(())
    }
}
