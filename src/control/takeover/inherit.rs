//! Side of the new process: connects to the old one, takes its listening sockets, and tells it when
//! to stop accepting.

use super::wire::{DONE, READY, check_peer, expect, receive_sockets, send};
use super::{ANSWER_TIMEOUT, FINISH_TIMEOUT, SocketSet, TakeoverError, beside, unix_socket};
use crate::append_file::directory;
use crate::registry::InstanceId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::socket_peercred;
use rustix::process::{PidfdFlags, pidfd_open};
use socket2::{SockAddr, Socket};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Longest wait for a process that has closed the connection to exit, in which case it was killed.
const EXIT_TIMEOUT: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// Sockets of the old process, which still accepts from them, and the connection to it.
#[must_use = "dropping it lets the old process go on"]
pub struct InheritedSockets {
    connection: Socket,
    /// Sockets that it has passed.
    pub sockets: SocketSet,
}

/// Checks that a socket is at `path`, or could be made there.
///
/// # Errors
/// [`TakeoverError::NotASocket`], [`TakeoverError::TooLong`], [`TakeoverError::NoDirectory`].
pub fn check(path: &Path) -> Result<(), TakeoverError> {
    if SockAddr::unix(beside(path, InstanceId::default())).is_err() {
        return Err(TakeoverError::TooLong(path.to_owned()));
    }
    let there = path.symlink_metadata();
    if there.is_ok_and(|there| !there.file_type().is_socket()) {
        return Err(TakeoverError::NotASocket(path.to_owned()));
    }
    let directory = directory(path);
    let may_make = Access::WRITE_OK | Access::EXEC_OK;
    accessat(CWD, directory, may_make, AtFlags::EACCESS).map_err(|errno| {
        TakeoverError::NoDirectory {
            directory: directory.to_owned(),
            source: errno.into(),
        }
    })
}

/// Asks the process that listens at `path` for its sockets. `None` if none listens, or one that has
/// handed over already. A socket that a dead process has left stays until this one's replaces it:
/// meanwhile another new process may have put its own there.
///
/// # Errors
/// [`TakeoverError`]; the old process goes on.
pub fn take_over(path: &Path) -> Result<Option<InheritedSockets>, TakeoverError> {
    let Ok(metadata) = path.symlink_metadata() else {
        return Ok(None);
    };
    if !metadata.file_type().is_socket() {
        return Err(TakeoverError::NotASocket(path.to_owned()));
    }
    let connection = unix_socket()?;
    connection.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    // Of connecting, too, while the queue of the old process is full.
    connection.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    match connection.connect(&SockAddr::unix(path)?) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    check_peer(&connection)?;
    let sockets = receive_sockets(&connection)?;
    Ok(sockets.map(|sockets| InheritedSockets {
        connection,
        sockets,
    }))
}

impl InheritedSockets {
    /// Tells the old process to stop accepting, since this one accepts. Returns when it has. If it
    /// has died or does not answer, this process serves anyway.
    ///
    /// # Errors
    /// [`TakeoverError::TooLate`]: the old process lives and has stopped waiting. Both must not
    /// serve.
    pub fn finish(self) -> Result<(), TakeoverError> {
        self.connection.set_read_timeout(Some(FINISH_TIMEOUT))?;
        let confirmed = send(&self.connection, READY).and_then(|()| expect(&self.connection, DONE));
        match confirmed {
            Ok(()) => tracing::info!("the old process has handed over and drains"),
            Err(error) if self.peer_closed() && self.is_alive() => {
                tracing::error!(%error, "the old process has closed the connection and goes on");
                return Err(TakeoverError::TooLate);
            }
            Err(error) => tracing::warn!(
                %error,
                "the old process did not confirm the hand-over; this one serves anyway"
            ),
        }
        Ok(())
    }

    /// Returns whether the other end of the connection is closed.
    fn peer_closed(&self) -> bool {
        let mut byte = [MaybeUninit::uninit(); 1];
        let seen = self.connection.set_nonblocking(true);
        seen.is_ok() && matches!(self.connection.peek(&mut byte), Ok(0))
    }

    /// Returns whether the process that listened there runs on. One that is killed closes its
    /// connections before it has exited.
    fn is_alive(&self) -> bool {
        let Ok(peer) = socket_peercred(&self.connection) else {
            return false;
        };
        let process = match pidfd_open(peer.pid, PidfdFlags::empty()) {
            Ok(process) => process,
            // Its parent has seen it exit already. Other errors say nothing about it.
            Err(error) => return error != Errno::SRCH,
        };
        let mut exited = [PollFd::new(&process, PollFlags::IN)];
        let ready = retry_on_intr(|| poll(&mut exited, Some(&EXIT_TIMEOUT)));
        !matches!(ready, Ok(1..))
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::send_sockets;
    use super::*;

    /// Takes over from an old process that passes no sockets and then does `then`.
    fn finish(then: impl FnOnce(Socket) + Send) -> Result<(), TakeoverError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = unix_socket().unwrap();
        listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        listener.listen(1).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let (connection, _) = listener.accept().unwrap();
                send_sockets(&connection, &SocketSet::default()).unwrap();
                then(connection);
            });
            take_over(&path).unwrap().unwrap().finish()
        })
    }

    #[test]
    fn a_process_that_says_done_has_handed_over() {
        let done = finish(|connection| {
            expect(&connection, READY).unwrap();
            send(&connection, DONE).unwrap();
        });
        assert!(done.is_ok(), "{done:?}");
    }

    /// This process plays both sides, so that the old one is alive.
    #[test]
    fn a_process_that_lives_and_has_closed_goes_on() {
        for wait in [true, false] {
            let refused = finish(|connection| {
                if wait {
                    expect(&connection, READY).unwrap();
                }
            });
            assert!(
                matches!(refused, Err(TakeoverError::TooLate)),
                "{wait}: {refused:?}"
            );
        }
    }
}
