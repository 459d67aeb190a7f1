//! From a connected socket to a running shell: key exchange, login, channel,
//! terminal. Each step is one call, so that the caller can name the stage and
//! keep its deadline; nothing here has a clock.

use super::SshEvents;
use super::algorithms::{ClientConfigs, MAX_PACKET};
use super::auth::{self, LoginRules};
use super::channel::{self, SshChannel, Started};
use super::gate::Gate;
use super::handler::{HandlerError, SessionHandler};
use super::host_keys::HostKeyCheck;
use super::keys::Identity;
use super::ledger::Ledger;
use super::stream::SshStream;
use crate::config;
use crate::error::SessionError;
use crate::message::{Credentials, TerminalRequest, WindowSize};
use crate::sockets::TcpStream;
use crate::workers::Workers;
use bytes::Bytes;
use russh::client::{self, Handle, Msg};
use russh::{AlgorithmKind, Channel, ChannelMsg};
use std::collections::VecDeque;
use std::rc::Rc;

/// What every connection of a shard needs.
pub struct SshSettings {
    /// The `ssh` section.
    pub config: config::Ssh,
    /// Where private keys are decrypted, off the shard.
    pub workers: Workers,
    russh: ClientConfigs,
}

impl SshSettings {
    /// The settings of a configuration.
    pub fn new(config: config::Ssh, workers: Workers) -> Self {
        Self {
            config,
            workers,
            russh: ClientConfigs::new(),
        }
    }
}

/// An SSH connection, before or after login. Dropping it ends the connection;
/// the gate's kill switch ends it even while russh is stuck.
pub struct SshClient {
    handle: Handle<SessionHandler>,
    gate: Rc<Gate>,
    ledger: Rc<Ledger>,
}

impl SshClient {
    /// Key exchange and the host-key check.
    ///
    /// Dropping the future does not end russh's task; killing `gate` does.
    ///
    /// # Errors
    /// `NotSsh`, `NoCommonAlgorithm`, `HostKey`, `HandshakeFailed`,
    /// `ServerMisbehaved`.
    pub async fn handshake(
        socket: TcpStream,
        settings: &SshSettings,
        host_keys: HostKeyCheck,
        events: Rc<dyn SshEvents>,
        gate: Rc<Gate>,
    ) -> Result<Self, SessionError> {
        let config = settings.russh.get(
            &settings.config,
            &host_keys.known_algorithms(),
            host_keys.wants_certificate(),
        );
        let ledger = Ledger::new(MAX_PACKET, crate::clock::now);
        let ledger = Rc::new(ledger);
        let stream = SshStream::new(socket, Rc::clone(&gate), Rc::clone(&ledger));
        let handler = SessionHandler::new(events, host_keys, Rc::clone(&ledger));
        match client::connect_stream(config, stream, handler).await {
            Ok(handle) => Ok(Self {
                handle,
                gate,
                ledger,
            }),
            Err(HandlerError::HostKey(problem)) => Err(problem.into()),
            Err(HandlerError::Fault(fault)) => Err(SessionError::ServerMisbehaved(fault)),
            Err(HandlerError::Russh(error)) => Err(match ledger.fault() {
                Some(fault) => SessionError::ServerMisbehaved(fault),
                None => handshake_error(&error, &gate),
            }),
        }
    }

    /// Proves who the user is, by `identity` and the methods of `credentials`
    /// that `rules` allow and, where the server asks, by questions to the user through
    /// `events`. Returns the names of the methods the server accepted, in their
    /// order.
    ///
    /// # Errors
    /// `LoginFailed`, `UnusableKey`, `ConnectionLost`, `ServerMisbehaved`.
    pub async fn login(
        &mut self,
        credentials: Credentials,
        identity: Option<Identity>,
        rules: LoginRules,
        can_ask: bool,
        events: &dyn SshEvents,
    ) -> Result<Vec<&'static str>, SessionError> {
        auth::login(
            &mut self.handle,
            credentials,
            identity,
            rules,
            can_ask,
            events,
        )
        .await
        .map_err(|error| self.blame(error))
    }

    /// Opens the session channel and starts the shell or command in a
    /// terminal of the size that `size` gives when it is asked for.
    ///
    /// # Errors
    /// `StartRefused`, `ConnectionLost`, `ServerMisbehaved`.
    pub async fn start(
        self,
        terminal: &TerminalRequest,
        size: impl Fn() -> WindowSize,
    ) -> Result<SshChannel, SessionError> {
        let started = self
            .open(terminal, size)
            .await
            .map_err(|error| self.blame(error))?;
        let Self {
            handle,
            gate,
            ledger,
        } = self;
        Ok(SshChannel::new(handle, started, gate, ledger))
    }

    /// A broken rule is the cause of what else went wrong.
    fn blame(&self, error: SessionError) -> SessionError {
        let fault = self.ledger.fault();
        fault.map_or(error, SessionError::ServerMisbehaved)
    }

    async fn open(
        &self,
        terminal: &TerminalRequest,
        size: impl Fn() -> WindowSize,
    ) -> Result<Started, SessionError> {
        let mut channel = match self.handle.channel_open_session().await {
            Ok(channel) => channel,
            Err(russh::Error::ChannelOpenFailure(_)) => {
                return Err(SessionError::StartRefused("a session channel"));
            }
            Err(_) => return Err(SessionError::ConnectionLost),
        };
        let now = size();
        channel
            .request_pty(
                true,
                &terminal.term,
                u32::from(now.cols()),
                u32::from(now.rows()),
                now.width_px(),
                now.height_px(),
                &[],
            )
            .await
            .map_err(|_| SessionError::ConnectionLost)?;
        let mut early = VecDeque::new();
        // A login shell needs no answer about the terminal before it is asked for
        // (OpenSSH's client waits for neither). A command might do its work without
        // one, unseen.
        let waits = terminal.command.is_some();
        if waits {
            confirm(&mut channel, "a terminal", &mut early).await?;
        }
        for (name, value) in &terminal.env {
            // No reply wanted: servers refuse most names, which is no error.
            channel
                .set_env(false, name.as_str(), value.as_str())
                .await
                .map_err(|_| SessionError::ConnectionLost)?;
        }
        match &terminal.command {
            None => channel.request_shell(true).await,
            Some(command) => channel.exec(true, command.as_str()).await,
        }
        .map_err(|_| SessionError::ConnectionLost)?;
        if !waits {
            confirm(&mut channel, "a terminal", &mut early).await?;
        }
        confirm(&mut channel, "the shell or command", &mut early).await?;
        let (read, write) = channel.split();
        Ok(Started { early, read, write })
    }
}

/// Waits for the reply to the last request; output before it goes to `early`.
async fn confirm(
    channel: &mut Channel<Msg>,
    what: &'static str,
    early: &mut VecDeque<Bytes>,
) -> Result<(), SessionError> {
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => return Ok(()),
            Some(ChannelMsg::Failure | ChannelMsg::Close) => {
                return Err(SessionError::StartRefused(what));
            }
            // What is no output reaches the handler, too.
            Some(message) => early.extend(channel::output_of(message)),
            None => return Err(SessionError::ConnectionLost),
        }
    }
}

/// `key exchange: the bridge offers A,B; the target offers C,D`.
fn no_common_algorithm(kind: &AlgorithmKind, ours: &[String], theirs: &[String]) -> String {
    let kind = match kind {
        AlgorithmKind::Kex => "key exchange",
        AlgorithmKind::Key => "host key",
        AlgorithmKind::Cipher => "cipher",
        AlgorithmKind::Compression => "compression",
        AlgorithmKind::Mac => "MAC",
    };
    let theirs = crate::message::escape_remote_text(&theirs.join(","));
    let ours = ours.join(",");
    format!("{kind}: the bridge offers {ours}; the target offers {theirs}")
}

fn handshake_error(error: &russh::Error, gate: &Gate) -> SessionError {
    if !gate.is_identified() {
        tracing::info!(%error, "the target does not speak SSH");
        return SessionError::NotSsh;
    }
    if let russh::Error::NoCommonAlgo { kind, ours, theirs } = error {
        let text = no_common_algorithm(kind, ours, theirs);
        tracing::warn!("no algorithm in common: {text}");
        return SessionError::NoCommonAlgorithm(text);
    }
    tracing::info!(%error, "the SSH key exchange failed");
    SessionError::HandshakeFailed
}
