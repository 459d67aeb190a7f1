//! Handler of one SSH connection of the sink, with one session channel.

use super::Mode;
use bytes::Bytes;
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, Session};
use russh::{Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf};
use sshard_ssh_server::Done;
use std::sync::{Arc, LazyLock};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;

/// Start of the line that `flood` prints when it is interrupted; the time at which the Ctrl-C
/// arrived follows, in nanoseconds since 1970.
pub const CTRL_C_MARKER: &str = "\r\n^C at ";

const CTRL_C: u8 = 0x03;
const CHUNK: usize = 32 * 1024;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * 1024;
/// Echo that a client may leave unread before the sink closes the channel, in bytes.
const MAX_UNREAD: usize = 4 * 1024 * 1024;
/// Exit status of an unknown command, as of a shell.
const UNKNOWN_COMMAND: u32 = 127;

/// Lines of printable text, the same for every session.
static OUTPUT: LazyLock<Bytes> = LazyLock::new(|| {
    let line = b"0123456789abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\n";
    line.iter().copied().cycle().take(CHUNK).collect()
});

/// The handler of one connection.
#[derive(Default)]
pub(super) struct Connection {
    user: String,
    /// Write half of the channel. The read half is dropped, because russh waits for a reader that
    /// does not read.
    output: Option<ChannelWriteHalf<Msg>>,
    mode: Option<Mode>,
    /// Ends the output of `flood`.
    interrupted: Arc<Notify>,
    was_interrupted: bool,
    unread: usize,
}

impl Connection {
    fn start(&mut self, id: ChannelId, mode: Option<Mode>, session: &mut Session) -> Done {
        let output = self.output.take();
        if self.mode.is_some() || output.is_none() {
            return session.channel_failure(id);
        }
        session.channel_success(id)?;
        let Some(mode) = mode else {
            session.extended_data(id, 1, &b"sink: unknown command\r\n"[..])?;
            return end(id, UNKNOWN_COMMAND, session);
        };
        self.mode = Some(mode);
        match (mode, output) {
            (Mode::Bulk(mib), Some(output)) => {
                tokio::spawn(async move {
                    if write(&output, mib.saturating_mul(MIB)).await
                        && output.exit_status(0).await.is_ok()
                    {
                        let _ = output.close().await;
                    }
                });
            }
            (Mode::Burst(kib), Some(output)) => {
                tokio::spawn(async move { write(&output, kib.saturating_mul(KIB)).await });
            }
            (Mode::Flood, Some(output)) => {
                let interrupted = Arc::clone(&self.interrupted);
                tokio::spawn(write_until_interrupted(output, interrupted));
            }
            (Mode::Exit(status), _) => end(id, status, session)?,
            _ => {}
        }
        Ok(())
    }

    fn echo(&mut self, id: ChannelId, data: &[u8], session: &mut Session) -> Done {
        // russh queues what does not fit into the client's window, without bound.
        if session.has_pending_data(id) {
            self.unread = self.unread.saturating_add(data.len());
            if self.unread > MAX_UNREAD {
                return session.close(id);
            }
        } else {
            self.unread = 0;
        }
        session.data(id, Bytes::copy_from_slice(data))
    }
}

fn end(id: ChannelId, status: u32, session: &mut Session) -> Done {
    session.exit_status_request(id, status)?;
    session.close(id)
}

/// Writes `left` bytes, one chunk at a time as the client's window opens. Returns false when the
/// connection ended.
async fn write(output: &ChannelWriteHalf<Msg>, mut left: u64) -> bool {
    while left > 0 {
        let count = OUTPUT.len().min(usize::try_from(left).unwrap_or(CHUNK));
        if output.data_bytes(OUTPUT.slice(..count)).await.is_err() {
            return false;
        }
        left = left.saturating_sub(count as u64);
    }
    true
}

async fn write_until_interrupted(output: ChannelWriteHalf<Msg>, interrupted: Arc<Notify>) {
    loop {
        tokio::select! {
            biased;
            () = interrupted.notified() => return,
            sent = output.data_bytes(OUTPUT.clone()) => if sent.is_err() {
                return;
            },
        }
    }
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos())
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_none(&mut self, user: &str) -> Result<Auth, Self::Error> {
        // Clients without a password ask for the methods first.
        user.clone_into(&mut self.user);
        Ok(Auth::reject())
    }

    async fn auth_password(&mut self, user: &str, _: &str) -> Result<Auth, Self::Error> {
        user.clone_into(&mut self.user);
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Done {
        if self.output.is_some() || self.mode.is_some() {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        reply.accept().await;
        // Input comes to `data`.
        let (_, output) = channel.split();
        self.output = Some(output);
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(russh::Pty, u32)],
        session: &mut Session,
    ) -> Done {
        session.channel_success(id)
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        _: &str,
        _: &str,
        session: &mut Session,
    ) -> Done {
        session.channel_success(id)
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Done {
        let mode = Mode::parse(&self.user).unwrap_or(Mode::Echo);
        self.start(id, Some(mode), session)
    }

    async fn exec_request(&mut self, id: ChannelId, command: &[u8], session: &mut Session) -> Done {
        let mode = std::str::from_utf8(command).ok().and_then(Mode::parse);
        self.start(id, mode, session)
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], session: &mut Session) -> Done {
        match self.mode {
            Some(Mode::Echo | Mode::Burst(_)) => self.echo(id, data, session),
            Some(Mode::Flood) if !self.was_interrupted && data.contains(&CTRL_C) => {
                self.was_interrupted = true;
                self.interrupted.notify_one();
                session.data(id, format!("{CTRL_C_MARKER}{}\n", now()).into_bytes())
            }
            _ => Ok(()),
        }
    }

    async fn channel_eof(&mut self, id: ChannelId, session: &mut Session) -> Done {
        match self.mode {
            Some(Mode::Echo | Mode::Burst(_) | Mode::Null) => end(id, 0, session),
            _ => Ok(()),
        }
    }
}
