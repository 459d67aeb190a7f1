//! Errors of storing a new host key and of a reload.

use std::io;
use std::time::Duration;
use thiserror::Error;

/// Reason why a key was not stored.
#[derive(Debug, Error)]
pub enum RememberError {
    /// Another session has stored another key for the host.
    #[error("another key was stored for this host in the meantime (line {line})")]
    Changed {
        /// Line of that key, counted from 1.
        line: usize,
    },
    /// The key is revoked.
    #[error("the key is marked as revoked (line {line})")]
    Revoked {
        /// Line of the mark, counted from 1.
        line: usize,
    },
    /// The host's name would have another meaning in the file.
    #[error("the host's name cannot be written to a known_hosts file")]
    BadHost,
    /// The client, or all clients together, have stored as many new keys as they may.
    #[error("too many new keys lately; the next can be stored in {} s", wait.as_secs())]
    TooMany {
        /// Time until the next can be stored.
        wait: Duration,
    },
    /// The file has as many lines or bytes as it may have, or the key is too long for a line.
    #[error("{0}")]
    NoRoom(&'static str),
    /// The file is missing, and lines of it are in force: every key would be unknown, and a revoked
    /// or changed one new.
    #[error(
        "the file is missing, and its keys and revocations are in force; put it back, or make an \
         empty one to drop them at a reload"
    )]
    Missing,
    /// The file could not be written.
    #[error("the file of known hosts could not be read or written: {0}")]
    Io(#[from] io::Error),
    /// The writer thread has ended.
    #[error("the thread that writes the known hosts has ended")]
    Ended,
}
