//! Start of the shell or command on a connection that is logged in: sends the requests without
//! waiting in between, then waits for the server's replies or output.

use super::channel::{SshChannel, WriteHalf};
use super::client::SshClient;
use super::shell_start::{ShellStart, State};
use super::terminal::MODES;
use super::{SshEvent, SshEvents};
use crate::error::SessionError;
use crate::message::{TerminalRequest, WindowSize};
use crate::runtime;
use futures_lite::future;
use std::time::Duration;

/// Time for further output of a server that refuses the shell, before the refusal is reported: such
/// a server closes the channel after its output, or never.
const REFUSAL_OUTPUT_TIMEOUT: Duration = Duration::from_secs(1);

/// Name of the shell or command in the error.
const SHELL: &str = "the shell or command";

impl SshClient {
    /// Opens the session channel and starts the shell or command in a terminal; `size` is called
    /// when the terminal is asked for. A refusal after output is reported through `events`.
    ///
    /// # Errors
    /// `StartRefused`, `ConnectionLost`, `Disconnected`, `NotUtf8FromServer`, `ServerMisbehaved`.
    pub async fn start(
        self,
        terminal: &TerminalRequest,
        size: impl Fn() -> WindowSize,
        events: &dyn SshEvents,
    ) -> Result<SshChannel, SessionError> {
        let started = self.start_channel(terminal, size, events).await;
        let channel = started.map_err(|error| self.cause_of(error))?;
        Ok(SshChannel::new(self, channel))
    }

    async fn start_channel(
        &self,
        terminal: &TerminalRequest,
        size: impl Fn() -> WindowSize,
        events: &dyn SshEvents,
    ) -> Result<WriteHalf, SessionError> {
        let channel = match self.handle.channel_open_session().await {
            Ok(channel) => channel,
            Err(russh::Error::ChannelOpenFailure(_)) => {
                let text = self.disconnect_cause.refusal();
                let what = format!("a session channel{text}");
                return Err(SessionError::StartRefused(what));
            }
            Err(_) => return Err(SessionError::ConnectionLost),
        };
        // The read half is dropped: the handler gets the channel's messages as well.
        let (_, channel) = channel.split();
        let requested = request(&channel, terminal, size()).await;
        requested.map_err(|_| SessionError::ConnectionLost)?;
        wait_running(&self.shell_start, events).await?;
        Ok(channel)
    }
}

async fn request(
    channel: &WriteHalf,
    terminal: &TerminalRequest,
    size: WindowSize,
) -> Result<(), russh::Error> {
    let (cols, rows) = (u32::from(size.cols()), u32::from(size.rows()));
    let (width, height) = (size.width_px(), size.height_px());
    let term = terminal.term.as_str();
    channel
        .request_pty(true, term, cols, rows, width, height, MODES)
        .await?;
    for (name, value) in &terminal.env {
        // Without a reply: servers refuse most names, which is no error.
        channel
            .set_env(false, name.as_str(), value.as_str())
            .await?;
    }
    match &terminal.command {
        None => channel.request_shell(true).await,
        Some(command) => channel.exec(true, command.as_str()).await,
    }
}

/// Waits until the shell runs: the server confirms it, or sends output or an exit status.
async fn wait_running(progress: &ShellStart, events: &dyn SshEvents) -> Result<(), SessionError> {
    let state = progress.wait(|state| state != State::Requested).await?;
    if matches!(state, State::Refused { .. }) {
        // The user is to see a text of the server on its refusal.
        let over = progress.wait(|state| !matches!(state, State::Refused { .. }));
        let timeout = async {
            runtime::sleep(REFUSAL_OUTPUT_TIMEOUT).await;
            Ok(progress.state())
        };
        // If the connection is lost meanwhile, the output that came counts.
        let _ = future::or(over, timeout).await;
    }
    match progress.state() {
        State::Requested | State::Runs => Ok(()),
        State::Refused { had_output: false } | State::Closed { had_output: false } => {
            Err(SessionError::StartRefused(SHELL.to_owned()))
        }
        State::Refused { had_output: true } | State::Closed { had_output: true } => {
            events.event(SshEvent::StartRefused);
            events.event(SshEvent::ChannelClosed);
            Ok(())
        }
    }
}
