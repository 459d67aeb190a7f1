//! From a connection that is logged in to a running shell or command: the requests, all
//! at once, and what the server makes of them. A server may refuse the terminal (the
//! shell then runs without, as under `ssh`), or answer nothing and talk.

use super::channel::{Started, output_of};
use super::farewell::Farewell;
use super::handler::SessionHandler;
use super::terminal::MODES;
use super::{SshEvent, SshEvents};
use crate::error::SessionError;
use crate::message::{TerminalRequest, WindowSize};
use crate::runtime;
use futures_lite::future;
use russh::client::{Handle, Msg};
use russh::{Channel, ChannelMsg};
use std::time::Duration;

/// Time for further output of a server that refuses the shell, before the refusal is reported: it
/// closes the channel once all is sent, or never.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Name, in the error, of what a server refused to start.
const SHELL: &str = "the shell or command";

fn refused(what: String) -> SessionError {
    SessionError::StartRefused(what)
}

/// The replies to the two requests, which come in the order of these (RFC 4254
/// section 5.4) and name none of them.
#[derive(Debug, Default)]
pub(super) struct Replies {
    terminal: Option<bool>,
    shell: Option<bool>,
}

/// Meaning of a reply, by its place among the server's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    Terminal,
    NoTerminal,
    Shell,
    NoShell,
    /// One that nobody asked for.
    Stray,
}

impl Replies {
    /// Returns whether the server has refused a terminal.
    pub(super) fn no_terminal(&self) -> bool {
        self.terminal == Some(false)
    }

    /// The next reply has come.
    pub(super) fn note(&mut self, granted: bool) -> Reply {
        match (self.terminal, self.shell) {
            (None, _) => {
                self.terminal = Some(granted);
                if granted {
                    Reply::Terminal
                } else {
                    Reply::NoTerminal
                }
            }
            (_, None) => {
                self.shell = Some(granted);
                if granted {
                    Reply::Shell
                } else {
                    Reply::NoShell
                }
            }
            _ => Reply::Stray,
        }
    }
}

/// Asks for a terminal of the size that `size` gives when it is asked for, and for the
/// shell or command. Output that comes before the server has agreed goes to `events`.
///
/// # Errors
/// `StartRefused`, `ConnectionLost`.
pub(super) async fn start(
    handle: &Handle<SessionHandler>,
    terminal: &TerminalRequest,
    size: impl Fn() -> WindowSize,
    events: &dyn SshEvents,
    farewell: &Farewell,
) -> Result<Started, SessionError> {
    let channel = match handle.channel_open_session().await {
        Ok(channel) => channel,
        Err(russh::Error::ChannelOpenFailure(_)) => {
            let words = farewell.refusal();
            return Err(refused(format!("a session channel{words}")));
        }
        Err(_) => return Err(SessionError::ConnectionLost),
    };
    request(&channel, terminal, size())
        .await
        .map_err(|_| SessionError::ConnectionLost)?;
    watch(channel, events).await
}

async fn request(
    channel: &Channel<Msg>,
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
async fn watch(mut channel: Channel<Msg>, events: &dyn SshEvents) -> Result<Started, SessionError> {
    let mut replies = Replies::default();
    loop {
        let Some(message) = channel.wait().await else {
            return Err(SessionError::ConnectionLost);
        };
        let reply = match message {
            ChannelMsg::Success => replies.note(true),
            ChannelMsg::Failure => replies.note(false),
            ChannelMsg::Close => {
                return Err(refused(SHELL.to_owned()));
            }
            // It has run; how it ended reaches the handler, too.
            ChannelMsg::ExitStatus { .. } | ChannelMsg::ExitSignal { .. } => Reply::Shell,
            message => match output_of(message).filter(|output| !output.is_empty()) {
                Some(output) => {
                    events.early_output(output);
                    Reply::Shell
                }
                None => Reply::Stray,
            },
        };
        match reply {
            Reply::Terminal | Reply::Stray => {}
            Reply::NoTerminal => events.event(SshEvent::NoTerminal),
            Reply::Shell => break,
            Reply::NoShell => {
                last_words(&mut channel, events).await?;
                break;
            }
        }
    }
    let (read, write) = channel.split();
    Ok(Started {
        replies,
        read,
        write,
    })
}

/// The shell is refused; if the server says something of it, the user is to see that.
async fn last_words(
    channel: &mut Channel<Msg>,
    events: &dyn SshEvents,
) -> Result<(), SessionError> {
    let mut talked = false;
    let mut runs = false;
    let listen = async {
        while let Some(message) = channel.wait().await {
            match message {
                ChannelMsg::Close => break,
                // The refusal was of a variable: some servers answer unasked.
                ChannelMsg::Success => {
                    runs = true;
                    break;
                }
                _ => {}
            }
            if let Some(output) = output_of(message).filter(|output| !output.is_empty()) {
                talked = true;
                events.early_output(output);
            }
        }
    };
    let patience = async {
        runtime::sleep(LAST_WORDS).await;
    };
    future::or(listen, patience).await;
    if runs {
        return Ok(());
    }
    if !talked {
        return Err(refused(SHELL.to_owned()));
    }
    events.event(SshEvent::StartRefused);
    events.event(SshEvent::ChannelClosed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_belong_to_the_requests_in_their_order() {
        let told = |granted: &[bool]| {
            let mut replies = Replies::default();
            granted.iter().map(|g| replies.note(*g)).collect::<Vec<_>>()
        };
        use Reply as R;
        for (granted, wanted) in [
            (
                &[true, true, true][..],
                &[R::Terminal, R::Shell, R::Stray][..],
            ),
            (&[false, true], &[R::NoTerminal, R::Shell]),
            (&[true, false, false], &[R::Terminal, R::NoShell, R::Stray]),
            (&[false, false], &[R::NoTerminal, R::NoShell]),
        ] {
            assert_eq!(told(granted), wanted, "{granted:?}");
        }
    }
}
