//! Key of ticket signatures, from a file that only its owner can read.

use crate::secret_file::{self, SecretFileError};
use std::ops::RangeInclusive;
use std::path::Path;
use zeroize::Zeroizing;

/// Length of a key in bytes: at least that of the hash (RFC 7518 section 3.2).
const LENGTH: RangeInclusive<usize> = 32..=1024;

/// Reason for which a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read, or other users can read it.
    #[error("admission.ticket_key_file: {0}")]
    File(#[from] SecretFileError),
    /// The content is too short to be safe, or too long to be a key.
    #[error(
        "admission.ticket_key_file: the file must hold one key of {} to {} bytes, such as \
         `openssl rand -hex 32` prints",
        LENGTH.start(), LENGTH.end()
    )]
    NotAKey,
}

/// Reads the bytes of the file, without a line break at the end.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    // One byte more than a key with a line break, to detect that it is too long.
    let mut key = secret_file::read(path, LENGTH.end() + 3)?;
    for line_break in [b'\n', b'\r'] {
        if key.last() == Some(&line_break) {
            key.pop();
        }
    }
    if LENGTH.contains(&key.len()) {
        Ok(key)
    } else {
        Err(KeyError::NotAKey)
    }
}
