//! Side of the old process: a thread that waits for a next process at a Unix socket with two names.
//! The common path leads to the newest process; the other name is this process's until it exits.

use super::wire::{DONE, HANDED_OVER, READY, check_peer, expect, send, send_sockets};
use super::{ANSWER_TIMEOUT, START_TIMEOUT, SocketSet, TakeoverError, beside, unix_socket};
use crate::append_file::directory;
use crate::control::admin::AdminHandle;
use crate::control::events::{Event, EventSender};
use crate::registry::InstanceId;
use crate::shard::{Command, CommandSender, ProcessLifecycle};
use crate::telemetry::LogLimiter;
use async_channel::{Receiver, TryRecvError};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use socket2::{SockAddr, Socket};
use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Mode of the socket: the owner may connect. The peer is checked again (SO_PEERCRED).
const MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Pause when a connection cannot be accepted (no descriptors left).
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Interval at which the shards are polled for having stopped to accept.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Unix socket for the next process, bound beside the path, where the old process may still listen.
pub struct HandoverServer {
    listener: Socket,
    own: SocketFile,
    /// Temporary name, to be renamed to the path.
    common: SocketFile,
    path: PathBuf,
}

/// Both names of a listening socket.
#[must_use = "dropping it removes the socket"]
pub struct SocketFiles {
    _common: SocketFile,
    _own: SocketFile,
}

/// One name of a listening socket; Drop removes it, unless another process's socket has it now.
struct SocketFile {
    path: PathBuf,
    inode: u64,
}

/// Sockets that are handed over, and the parts that stop accepting then.
pub struct HandoverState {
    /// Duplicates of the listening sockets.
    pub sockets: SocketSet,
    /// Admin listener, which the next process gets, too.
    pub admin: AdminHandle,
    /// The shards' command channels.
    pub commands: Arc<[CommandSender]>,
    /// State by which the shards know that they accept no more.
    pub lifecycle: Arc<ProcessLifecycle>,
    /// Channel to the control thread.
    pub events: EventSender,
}

impl HandoverServer {
    /// Listens beside `path`, at the name of this process.
    ///
    /// # Errors
    /// Error of the system.
    pub fn bind(path: &Path, instance: InstanceId) -> io::Result<Self> {
        // Its name before it has one of its own.
        let temporary = beside(path, std::process::id());
        // A process of this number that was killed right here has left it.
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = unix_socket()?;
        // Before there is a name, so that no other process can put something else in its place:
        // what is bound has the socket's mode.
        rustix::fs::fchmod(&listener, MODE)?;
        listener.bind(&SockAddr::unix(&temporary)?)?;
        let mut own = SocketFile {
            inode: temporary.symlink_metadata()?.ino(),
            path: temporary.clone(),
        };
        listener.listen(1)?;
        // Only now: at such a name a socket that refuses is a dead process's.
        own.rename(beside(path, instance))?;
        std::fs::hard_link(&own.path, &temporary)?;
        Ok(Self {
            listener,
            common: SocketFile {
                path: temporary,
                inode: own.inode,
            },
            own,
            path: path.to_owned(),
        })
    }

    /// Renames the socket to the path in one step, so that the next process finds this one, and
    /// removes names that dead processes have left. Waits for the next process on a thread.
    ///
    /// # Errors
    /// Error of the system. The state is dropped then.
    pub fn start(self, state: HandoverState) -> io::Result<SocketFiles> {
        let Self {
            listener,
            own,
            mut common,
            path,
        } = self;
        common.rename(path.clone())?;
        remove_stale(&path, &own.path);
        thread::Builder::new()
            .name("sshard-takeover".to_owned())
            .spawn(move || {
                wait(&listener, &state);
                let events = state.events.clone();
                // The new process has these, too.
                drop(state);
                // Fails only if the control thread has ended, and the process with it.
                let _ = events.send(Event::TakenOver);
                // Nothing is left to hand over; a process that connects is told so.
                let exhausted = LogLimiter::default();
                loop {
                    let connection = accept(&listener, &exhausted);
                    // Fails if the peer has closed.
                    let _ = send(&connection, HANDED_OVER);
                }
            })?;
        Ok(SocketFiles {
            _common: common,
            _own: own,
        })
    }
}

/// Removes names beside `path` of sockets that no process listens at. One that stays does no harm.
/// Leaves `own` alone: its connections are takeovers.
fn remove_stale(path: &Path, own: &Path) {
    let Some(name) = path.file_name() else {
        return;
    };
    let files = std::fs::read_dir(directory(path));
    for file in files.into_iter().flatten().flatten() {
        let is_socket = file.file_type().is_ok_and(|kind| kind.is_socket());
        let file_name = file.file_name();
        let is_other = own.file_name() != Some(&file_name);
        let may_be_left = is_socket && is_other && is_takeover_socket(name, &file_name);
        if may_be_left && is_stale(&file.path()) {
            let _ = std::fs::remove_file(file.path());
        }
    }
}

/// Returns whether `file` is `name` with the id of an instance, or with the number of a process
/// that is gone: one that starts has its socket there before it listens.
fn is_takeover_socket(name: &OsStr, file: &OsStr) -> bool {
    let rest = file
        .as_encoded_bytes()
        .strip_prefix(name.as_encoded_bytes());
    let rest = rest.and_then(|rest| std::str::from_utf8(rest.strip_prefix(b".")?).ok());
    let is_gone = |process: &str| {
        let process = process.parse::<u32>().ok()?.try_into().ok()?;
        Some(test_kill_process(Pid::from_raw(process)?) == Err(Errno::SRCH))
    };
    rest.is_some_and(|rest| rest.parse::<InstanceId>().is_ok() || is_gone(rest) == Some(true))
}

fn is_stale(path: &Path) -> bool {
    let refused = || {
        let probe = unix_socket()?;
        // A process that does not accept for now is there all the same.
        probe.set_nonblocking(true)?;
        probe.connect(&SockAddr::unix(path)?)
    };
    refused().is_err_and(|error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Returns once the sockets are handed over.
fn wait(listener: &Socket, state: &HandoverState) {
    let exhausted = LogLimiter::default();
    loop {
        let connection = accept(listener, &exhausted);
        match hand_over(&connection, state) {
            Ok(()) => {
                tracing::info!("handed over to a new process");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "not handed over; this process goes on, and another can try again")
            }
        }
    }
}

fn accept(listener: &Socket, exhausted: &LogLimiter) -> Socket {
    loop {
        match listener.accept() {
            Ok((connection, _)) => return connection,
            Err(error) => {
                if let Some(suppressed) = exhausted.take(crate::clock::now()) {
                    tracing::warn!(%error, suppressed, "cannot accept a takeover for now");
                }
                thread::park_timeout(EXHAUSTED_PAUSE);
            }
        }
    }
}

fn hand_over(connection: &Socket, state: &HandoverState) -> Result<(), TakeoverError> {
    connection.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    connection.set_read_timeout(Some(START_TIMEOUT))?;
    check_peer(connection)?;
    send_sockets(connection, &state.sockets)?;
    expect(connection, READY)?;
    // The new process accepts: from here on the hand-over is final. A shard that is stuck accepts
    // nothing, either.
    if stop_accepting(&state.lifecycle, &state.commands).is_err() {
        tracing::warn!("a shard did not stop accepting in time; handing over anyway");
    }
    if let Err(error) = send(connection, DONE) {
        tracing::warn!(%error, "the new process could not be told that this one has stopped accepting");
    }
    Ok(())
}

/// Returns when every shard has placed its last connection. A shard that does not answer in time
/// sees the state of the process before it accepts again.
fn stop_accepting(
    lifecycle: &ProcessLifecycle,
    commands: &[CommandSender],
) -> Result<(), TakeoverError> {
    lifecycle.stop_accepting();
    let deadline = crate::clock::now() + ANSWER_TIMEOUT;
    let mut waiting: Vec<_> = commands.iter().map(|shard| (shard, None)).collect();
    loop {
        waiting.retain_mut(|(shard, answer)| !has_stopped(shard, answer));
        if waiting.is_empty() {
            return Ok(());
        }
        if crate::clock::now() >= deadline {
            return Err(TakeoverError::Stuck);
        }
        thread::park_timeout(POLL_INTERVAL);
    }
}

/// Asks the shard as soon as its channel has room. One that is gone has stopped.
fn has_stopped(shard: &CommandSender, asked: &mut Option<Receiver<()>>) -> bool {
    if let Some(answer) = asked {
        return !matches!(answer.try_recv(), Err(TryRecvError::Empty));
    }
    let (reply, answer) = async_channel::bounded(1);
    match shard.try_send(Command::StopAccepting { reply }) {
        Ok(()) => {
            *asked = Some(answer);
            false
        }
        Err(error) => error.is_closed(),
    }
}

impl SocketFile {
    fn rename(&mut self, to: PathBuf) -> io::Result<()> {
        std::fs::rename(&self.path, &to)?;
        self.path = to;
        Ok(())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let there = self.path.symlink_metadata();
        if there.is_ok_and(|file| file.ino() == self.inode) {
            // A file that stays is removed by the next process.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_cannot_be_told_sees_that_it_must_not_accept() {
        let lifecycle = ProcessLifecycle::new(2);
        let (gone, _) = crate::shard::command_channel();
        let (full, _commands) = crate::shard::command_channel();
        let ask = || {
            let (reply, _) = async_channel::bounded(1);
            full.try_send(Command::StopAccepting { reply })
        };
        while ask().is_ok() {}
        let stopped = stop_accepting(&lifecycle, &[gone, full]);
        assert!(matches!(stopped, Err(TakeoverError::Stuck)), "{stopped:?}");
        assert!(lifecycle.has_stopped_accepting());
    }

    #[test]
    fn sockets_are_named_by_instances_and_by_processes_that_are_gone() {
        let is_socket = |file: &str| is_takeover_socket(OsStr::new("takeover"), OsStr::new(file));
        let alive = format!("takeover.{}", std::process::id());
        let bad = [
            "takeover",
            "takeover.",
            "takeover.notes",
            "takeover.0",
            "takeover.-1",
            "other.sock",
            "takeover0123456789abcdef",
            "takeover.0123456789abcde",
            &alive,
        ];
        assert_eq!(bad.map(is_socket), [false; 9]);
        // The kernel numbers up to 2^22 (proc(5)).
        for good in ["takeover.0123456789abcdef", "takeover.99999999"] {
            assert!(is_socket(good), "{good}");
        }
    }
}
