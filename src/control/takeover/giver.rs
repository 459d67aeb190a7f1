//! The old process's side: a thread that waits for a next one.

use super::wire::{DONE, READY, check_peer, expect, say, send_sockets};
use super::{ANSWER_TIMEOUT, START_TIMEOUT, Sockets, TakeoverError, unix_socket};
use crate::control::admin::AdminHandle;
use crate::control::supervise::{Event, EventSender};
use crate::shard::{Mail, MailSender};
use socket2::{SockAddr, Socket};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Who may connect: the owner. Who does is looked at again (SO_PEERCRED).
const MODE: u32 = 0o600;

/// Pause when a taker cannot be accepted (no descriptors left).
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Waits at the path for a next process.
pub struct Giver {
    listener: Socket,
    path: PathBuf,
}

/// The waiting thread's file; Drop removes it, unless it is the next
/// process's by then.
#[must_use = "dropping it removes the socket"]
pub struct GiverHandle {
    path: PathBuf,
    given: Arc<AtomicBool>,
}

impl Giver {
    /// Listens at `path`. What was there is removed: nobody listened there
    /// when [`super::take_over`] was called, or has stopped since.
    ///
    /// # Errors
    /// The system's.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = unix_socket()?;
        listener.bind(&SockAddr::unix(path)?)?;
        std::fs::set_permissions(path, Permissions::from_mode(MODE))?;
        listener.listen(1)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    /// Waits on a thread of its own, which ends once `sockets` are given, and
    /// then closes `admin`.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        self,
        sockets: Sockets,
        admin: AdminHandle,
        mail: Arc<[MailSender]>,
        events: EventSender,
    ) -> io::Result<GiverHandle> {
        let given = Arc::new(AtomicBool::new(false));
        let handle = GiverHandle {
            path: self.path.clone(),
            given: Arc::clone(&given),
        };
        thread::Builder::new()
            .name("sshard-takeover".to_owned())
            .spawn(move || {
                self.wait(&sockets, &mail, &given);
                // The new process has these, too.
                drop((sockets, admin));
                // Nobody to tell: the process ends already.
                let _ = events.send(Event::TakenOver);
            })?;
        Ok(handle)
    }

    /// Returns once the sockets are given.
    fn wait(self, sockets: &Sockets, mail: &[MailSender], given: &AtomicBool) {
        loop {
            let connection = match self.listener.accept() {
                Ok((connection, _)) => connection,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a takeover for now");
                    thread::park_timeout(EXHAUSTED_PAUSE);
                    continue;
                }
            };
            match self.hand_over(&connection, sockets, mail, given) {
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

    fn hand_over(
        &self,
        connection: &Socket,
        sockets: &Sockets,
        mail: &[MailSender],
        given: &AtomicBool,
    ) -> Result<(), TakeoverError> {
        connection.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        connection.set_read_timeout(Some(START_TIMEOUT))?;
        check_peer(connection)?;
        send_sockets(connection, sockets)?;
        expect(connection, READY)?;
        // The new one accepts: from here on there is no way back, and none is
        // needed. A shard that is stuck accepts nothing, either.
        if let Err(error) = stop_accepting(mail) {
            tracing::warn!(%error, "handing over all the same");
        }
        given.store(true, Ordering::Release);
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the socket of the takeover was gone");
        }
        if let Err(error) = say(connection, DONE) {
            tracing::warn!(%error, "the new process did not hear that it may go on");
        }
        Ok(())
    }
}

/// Every shard has placed its last connection when this returns.
fn stop_accepting(mail: &[MailSender]) -> Result<(), TakeoverError> {
    let mut answers = Vec::new();
    for shard in mail {
        let (reply, answer) = async_channel::bounded(1);
        shard
            .try_send(Mail::StopAccepting { reply })
            .map_err(|_| TakeoverError::Stuck)?;
        answers.push(answer);
    }
    let deadline = crate::clock::now() + ANSWER_TIMEOUT;
    for answer in answers {
        // A closed channel is a shard that is gone.
        while let Err(async_channel::TryRecvError::Empty) = answer.try_recv() {
            if crate::clock::now() >= deadline {
                return Err(TakeoverError::Stuck);
            }
            thread::park_timeout(Duration::from_millis(1));
        }
    }
    Ok(())
}

impl Drop for GiverHandle {
    fn drop(&mut self) {
        if !self.given.load(Ordering::Acquire) {
            // A file that stays is removed by the next process.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
