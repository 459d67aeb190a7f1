//! One SSH connection of the demo server: the login, and the requests of its session channels.
//! It moves no terminal bytes; each channel's program is a task of its own, and ends with the
//! connection.

use super::channel::{Inbox, Output};
use super::gate::Gate;
use super::login::Login;
use super::relay;
use super::signals;
use super::terminal::Builtin;
use crate::tools::demo::pty::{self, Ended, Size, Terminal};
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, Session};
use russh::{Channel, ChannelId, ChannelOpenFailure, Pty, Sig};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::debug;

/// Most open channels of one connection.
const MAX_CHANNELS: usize = 10;
/// Most environment variables of one channel, and most bytes of their names and values.
const MAX_ENV: (usize, usize) = (32, 4 * 1024);
/// Longest TERM and longest command line, in bytes.
const MAX_TERM: usize = 64;
const MAX_COMMAND: usize = 8 * 1024;
/// The size of a terminal whose client does not know it (RFC 4254 section 6.2: 0).
const DEFAULT_SIZE: Size = Size {
    columns: 80,
    rows: 24,
};

/// The handler of one connection.
pub(super) struct Connection {
    login: Arc<Login>,
    shell: Option<PathBuf>,
    gate: Arc<Gate>,
    /// Told when the login is done.
    logged_in: Arc<Notify>,
    channels: HashMap<ChannelId, SessionChannel>,
    programs: JoinSet<()>,
}

struct SessionChannel {
    inbox: Arc<Inbox>,
    /// Until a program was started: what it will get.
    request: Option<Request>,
}

struct Request {
    output: Output,
    terminal: Option<Terminal>,
    env: Vec<(String, String)>,
}

impl Connection {
    pub(super) fn new(
        login: Arc<Login>,
        shell: Option<PathBuf>,
        gate: Arc<Gate>,
        logged_in: Arc<Notify>,
    ) -> Self {
        Self {
            login,
            shell,
            gate,
            logged_in,
            channels: HashMap::new(),
            programs: JoinSet::new(),
        }
    }

    /// The channel's request, while no program was started.
    fn request(&mut self, id: ChannelId) -> Option<&mut Request> {
        self.channels.get_mut(&id)?.request.as_mut()
    }

    /// Starts the channel's one program. `false`: there is one already, or it can't be started.
    fn start(&mut self, id: ChannelId, command: Option<String>) -> bool {
        let Some(channel) = self.channels.get_mut(&id) else {
            return false;
        };
        let Some(request) = channel.request.take() else {
            return false;
        };
        let inbox = channel.inbox.clone();
        let Request {
            output,
            terminal,
            env,
        } = request;
        let Some(shell) = &self.shell else {
            let size = terminal.map(|terminal| terminal.size);
            let builtin = Builtin::new(inbox, output, size, env);
            self.programs.spawn(builtin.run(command));
            return true;
        };
        match pty::spawn(shell, command.as_deref(), &env, terminal.as_ref()) {
            Ok(process) => {
                let program = async move { relay::run(process, &inbox, output).await };
                self.programs.spawn(program);
                true
            }
            Err(error) => {
                debug!(%error, "the shell of the demo can't be started");
                // What shells say of a program that can't be run.
                self.programs.spawn(output.finish(Ended::Status(126)));
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

    /// Takes what describes the client's language and colours, no more: other variables could
    /// change what the shell runs.
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
        for channel in self.channels.values() {
            channel.inbox.close();
        }
    }
}

/// Answers a request whose client wants an answer.
fn answer(session: &mut Session, id: ChannelId, success: bool) -> Result<(), russh::Error> {
    match success {
        true => session.channel_success(id),
        false => session.channel_failure(id),
    }
}

fn size(columns: u32, rows: u32) -> Size {
    let cells = |given: u32, default| match u16::try_from(given) {
        Ok(0) => default,
        Ok(given) => given,
        Err(_) => u16::MAX,
    };
    Size {
        columns: cells(columns, DEFAULT_SIZE.columns),
        rows: cells(rows, DEFAULT_SIZE.rows),
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        Ok(match self.login.accepts(user, password) {
            true => Auth::Accept,
            false => Auth::reject(),
        })
    }

    async fn auth_succeeded(&mut self, _: &mut Session) -> Result<(), Self::Error> {
        self.logged_in.notify_one();
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        while self.programs.try_join_next().is_some() {}
        self.channels.retain(|_, other| !other.inbox.is_closed());
        if self.channels.len() >= MAX_CHANNELS {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let id = channel.id();
        let inbox = Inbox::new(self.gate.clone());
        // The read half goes: russh's own queue would block its loop when full.
        let (_, write_half) = channel.split();
        let output = Output::new(write_half, session.handle(), inbox.clone());
        let request = Request {
            output,
            terminal: None,
            env: Vec::new(),
        };
        let request = Some(request);
        self.channels.insert(id, SessionChannel { inbox, request });
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        if let Some(channel) = self.channels.remove(&id) {
            channel.inbox.close();
        }
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        if let Some(channel) = self.channels.get(&id) {
            channel.inbox.push_eof();
        }
        Ok(())
    }

    async fn data(
        &mut self,
        id: ChannelId,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(channel) = self.channels.get(&id) {
            channel.inbox.push_input(data);
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        term: &str,
        columns: u32,
        rows: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let done = self.set_terminal(id, term, size(columns, rows));
        answer(session, id, done)
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let done = self.set_env(id, name, value);
        answer(session, id, done)
    }

    async fn shell_request(
        &mut self,
        id: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let done = self.start(id, None);
        answer(session, id, done)
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let clean = command.len() <= MAX_COMMAND && !command.contains(&0);
        let done = clean && self.start(id, Some(String::from_utf8_lossy(command).into_owned()));
        answer(session, id, done)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        _: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }

    async fn window_change_request(
        &mut self,
        id: ChannelId,
        columns: u32,
        rows: u32,
        _: u32,
        _: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let size = size(columns, rows);
        if let Some(channel) = self.channels.get_mut(&id) {
            let waiting = channel.request.as_mut();
            match waiting.and_then(|request| request.terminal.as_mut()) {
                Some(terminal) => terminal.size = size,
                None => channel.inbox.push_size(size),
            }
        }
        session.channel_success(id)
    }

    async fn signal(
        &mut self,
        id: ChannelId,
        signal: Sig,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        // An unknown name asks for no answer (RFC 4254 section 6.9).
        if let (Some(channel), Some(signal)) = (self.channels.get(&id), signals::from_name(&signal))
        {
            channel.inbox.push_signal(signal);
        }
        Ok(())
    }
}
