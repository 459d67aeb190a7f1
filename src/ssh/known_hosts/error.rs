//! Reasons why a new host key is not put on record.

use std::io;
use std::time::Duration;
use thiserror::Error;

/// Reason why a key was not remembered.
#[derive(Debug, Error)]
pub enum RememberError {
    /// Another key is on record by now.
    #[error("another key was recorded for this host in the meantime (line {line})")]
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
    /// The name would mean something else in the file.
    #[error("the host's name cannot be written to the known hosts")]
    BadHost,
    /// The client, or all clients together, have had as many new keys
    /// remembered as they may.
    #[error("too many new keys lately; the next may be remembered in {} s", wait.as_secs())]
    TooMany {
        /// Until the next one may be.
        wait: Duration,
    },
    /// The file has as many lines or bytes as it may; or the key is too long
    /// for one.
    #[error("{0}")]
    NoRoom(&'static str),
    /// The file could not be written.
    #[error("the known hosts could not be written: {0}")]
    Io(#[from] io::Error),
    /// The writer is gone.
    #[error("the writer of the known hosts has ended")]
    Ended,
}
