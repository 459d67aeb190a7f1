//! The old process's side: a thread that waits for a next one.

use super::wire::{DONE, READY, check_peer, expect, say, send_sockets};
use super::{ANSWER_TIMEOUT, START_TIMEOUT, Sockets, TakeoverError, unix_socket};
use crate::control::admin::AdminHandle;
use crate::control::supervise::{Event, EventSender};
use crate::shard::{Lifecycle, Mail, MailSender};
use crate::telemetry::LogLimiter;
use async_channel::{Receiver, TryRecvError};
use rustix::fs::Mode;
use socket2::{SockAddr, Socket};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Who may connect: the owner. Who does is looked at again (SO_PEERCRED).
const MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Pause when a taker cannot be accepted (no descriptors left).
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// How often it is looked whether a shard has stopped accepting.
const LOOK: Duration = Duration::from_millis(1);

/// Listens beside the path, where the old process may still listen.
pub struct Giver {
    listener: Socket,
    file: SocketFile,
    path: PathBuf,
}

/// The file of a listening socket; Drop removes it, unless another process's
/// has taken its place.
#[must_use = "dropping it removes the socket"]
pub struct SocketFile {
    path: PathBuf,
    inode: u64,
}

/// What is given, and who must stop then.
pub struct Estate {
    /// The listening sockets.
    pub sockets: Sockets,
    /// The administrator's listener, which the next process has, too.
    pub admin: AdminHandle,
    /// The shards' mailboxes.
    pub mail: Arc<[MailSender]>,
    /// Where the shards see that they accept no more.
    pub lifecycle: Arc<Lifecycle>,
    /// The control thread.
    pub events: EventSender,
}

impl Giver {
    /// Listens beside `path`, until [`Giver::start`].
    ///
    /// # Errors
    /// The system's.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}", std::process::id()));
        let beside = PathBuf::from(beside);
        // A process of this number that was killed right here has left it.
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = unix_socket()?;
        // Before there is a name, so that nobody can put something else in its place meanwhile:
        // what is bound has the socket's mode.
        rustix::fs::fchmod(&listener, MODE)?;
        listener.bind(&SockAddr::unix(&beside)?)?;
        let file = SocketFile {
            inode: beside.symlink_metadata()?.ino(),
            path: beside,
        };
        listener.listen(1)?;
        Ok(Self {
            listener,
            file,
            path: path.to_owned(),
        })
    }

    /// Takes the path itself, in one step, so that the next process finds this
    /// one; waits for it on a thread of its own, which ends once the estate is
    /// given.
    ///
    /// # Errors
    /// The system's. The estate is dropped then.
    pub fn start(self, estate: Estate) -> io::Result<SocketFile> {
        let Self {
            listener,
            mut file,
            path,
        } = self;
        std::fs::rename(&file.path, &path)?;
        file.path = path;
        thread::Builder::new()
            .name("sshard-takeover".to_owned())
            .spawn(move || {
                wait(&listener, &estate);
                let events = estate.events.clone();
                // The new process has these, too.
                drop((listener, estate));
                // Nobody to tell: the process ends already.
                let _ = events.send(Event::TakenOver);
            })?;
        Ok(file)
    }
}

/// Returns once the sockets are given.
fn wait(listener: &Socket, estate: &Estate) {
    let exhausted = LogLimiter::default();
    loop {
        let connection = match listener.accept() {
            Ok((connection, _)) => connection,
            Err(error) => {
                if let Some(others) = exhausted.may_log(crate::clock::now()) {
                    tracing::warn!(%error, others, "cannot accept a takeover for now");
                }
                thread::park_timeout(EXHAUSTED_PAUSE);
                continue;
            }
        };
        match hand_over(&connection, estate) {
            Ok(()) => {
                tracing::info!("handed over to a new process");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "not handed over; this process goes on");
            }
        }
    }
}

fn hand_over(connection: &Socket, estate: &Estate) -> Result<(), TakeoverError> {
    connection.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    connection.set_read_timeout(Some(START_TIMEOUT))?;
    check_peer(connection)?;
    send_sockets(connection, &estate.sockets)?;
    expect(connection, READY)?;
    // The new one accepts: from here on there is no way back, and none is
    // needed. A shard that is stuck accepts nothing, either.
    if let Err(error) = stop_accepting(estate) {
        tracing::warn!(%error, "handing over all the same");
    }
    if let Err(error) = say(connection, DONE) {
        tracing::warn!(%error, "the new process did not hear that it may go on");
    }
    Ok(())
}

/// Every shard has placed its last connection when this returns in order. One
/// that does not hear of it in time sees it before it accepts again.
fn stop_accepting(estate: &Estate) -> Result<(), TakeoverError> {
    estate.lifecycle.stop_accepting();
    let deadline = crate::clock::now() + ANSWER_TIMEOUT;
    let mut waiting: Vec<_> = estate.mail.iter().map(|shard| (shard, None)).collect();
    loop {
        waiting.retain_mut(|(shard, answer)| !has_stopped(shard, answer));
        if waiting.is_empty() {
            return Ok(());
        }
        if crate::clock::now() >= deadline {
            return Err(TakeoverError::Stuck);
        }
        thread::park_timeout(LOOK);
    }
}

/// Asks the shard as soon as its mailbox has room. One that is gone has stopped.
fn has_stopped(shard: &MailSender, asked: &mut Option<Receiver<()>>) -> bool {
    if let Some(answer) = asked {
        return !matches!(answer.try_recv(), Err(TryRecvError::Empty));
    }
    let (reply, answer) = async_channel::bounded(1);
    match shard.try_send(Mail::StopAccepting { reply }) {
        Ok(()) => {
            *asked = Some(answer);
            false
        }
        Err(error) => error.is_closed(),
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
