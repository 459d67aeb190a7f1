//! The new process's side.

use super::wire::{DONE, READY, check_peer, expect, receive_sockets, say};
use super::{ANSWER_TIMEOUT, Sockets, TakeoverError, unix_socket};
use socket2::{SockAddr, Socket};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The old process, which still accepts, and the sockets it has passed.
#[must_use = "dropping it lets the old process go on"]
pub struct Taken {
    connection: Socket,
    /// What it has passed.
    pub sockets: Sockets,
}

/// Asks the process that listens at `path` for its sockets. `None` if nobody
/// does; a file that a dead process has left is removed.
///
/// # Errors
/// [`TakeoverError`]; the old process goes on.
pub fn take_over(path: &Path) -> Result<Option<Taken>, TakeoverError> {
    let Ok(metadata) = path.symlink_metadata() else {
        return Ok(None);
    };
    if !metadata.file_type().is_socket() {
        return Err(TakeoverError::NotASocket(path.to_owned()));
    }
    let connection = unix_socket()?;
    match connection.connect(&SockAddr::unix(path)?) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)?;
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    }
    connection.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    connection.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    check_peer(&connection)?;
    let sockets = receive_sockets(&connection)?;
    Ok(Some(Taken {
        connection,
        sockets,
    }))
}

impl Taken {
    /// This process accepts: the old one may stop. Returns when it has, and
    /// has given up the path. If it died meanwhile, that does for both.
    pub fn finish(self) {
        let told = say(&self.connection, READY).and_then(|()| expect(&self.connection, DONE));
        match told {
            Ok(()) => tracing::info!("the old process has handed over, and drains"),
            Err(error) => tracing::warn!(
                %error,
                "the old process did not say that it has handed over; this one serves anyway"
            ),
        }
    }
}
