//! From a connection that is logged in to a running shell or command: the requests, all
//! at once, and the wait for what the server makes of them.

use super::channel::WriteHalf;
use super::farewell::Farewell;
use super::handler::SessionHandler;
use super::shell_start::{ShellStart, State};
use super::terminal::MODES;
use super::{SshEvent, SshEvents};
use crate::error::SessionError;
use crate::message::{TerminalRequest, WindowSize};
use crate::runtime;
use futures_lite::future;
use russh::client::Handle;
use std::time::Duration;

/// Time for further output of a server that refuses the shell, before the refusal is reported: it
/// closes the channel once all is sent, or never.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Name, in the error, of what a server refused to start.
const SHELL: &str = "the shell or command";

fn refused(what: String) -> SessionError {
    SessionError::StartRefused(what)
}

/// Asks for a terminal of the size that `size` gives when it is asked for, and for the
/// shell or command.
///
/// # Errors
/// `StartRefused`, `ConnectionLost`.
pub(super) async fn start(
    handle: &Handle<SessionHandler>,
    terminal: &TerminalRequest,
    size: impl Fn() -> WindowSize,
    events: &dyn SshEvents,
    farewell: &Farewell,
    progress: &ShellStart,
) -> Result<WriteHalf, SessionError> {
    let channel = match handle.channel_open_session().await {
        Ok(channel) => channel,
        Err(russh::Error::ChannelOpenFailure(_)) => {
            let words = farewell.refusal();
            return Err(refused(format!("a session channel{words}")));
        }
        Err(_) => return Err(SessionError::ConnectionLost),
    };
    // What comes for the channel comes to the handler as well; russh's queue of it goes.
    let (_, channel) = channel.split();
    request(&channel, terminal, size())
        .await
        .map_err(|_| SessionError::ConnectionLost)?;
    wait_running(progress, events).await?;
    Ok(channel)
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
        // No reply wanted: servers refuse most names, which is no error.
        channel
            .set_env(false, name.as_str(), value.as_str())
            .await?;
    }
    match &terminal.command {
        None => channel.request_shell(true).await,
        Some(command) => channel.exec(true, command.as_str()).await,
    }
}

/// Waits until the shell runs: the server says so, or something comes of it.
async fn wait_running(progress: &ShellStart, events: &dyn SshEvents) -> Result<(), SessionError> {
    let state = progress.wait(|state| state != State::Requested).await?;
    if matches!(state, State::Refused { .. }) {
        // If the server says something of it, the user is to see that.
        let over = progress.wait(|state| !matches!(state, State::Refused { .. }));
        let patience = async {
            runtime::sleep(LAST_WORDS).await;
            Ok(progress.state())
        };
        // Of a connection that is lost meanwhile, the words count.
        let _ = future::or(over, patience).await;
    }
    match progress.state() {
        State::Requested | State::Runs => Ok(()),
        State::Refused { talked: false } | State::Closed { talked: false } => {
            Err(refused(SHELL.to_owned()))
        }
        State::Refused { talked: true } | State::Closed { talked: true } => {
            events.event(SshEvent::StartRefused);
            events.event(SshEvent::ChannelClosed);
            Ok(())
        }
    }
}
