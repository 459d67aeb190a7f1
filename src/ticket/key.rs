//! The key tickets are signed with, from a file that nobody else can read.

use crate::secret_file::{self, SecretFileError};
use std::ops::RangeInclusive;
use std::path::Path;
use zeroize::Zeroizing;

/// Bytes of a key: at least the hash's own (RFC 7518 section 3.2).
const LENGTH: RangeInclusive<usize> = 32..=1024;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read, or others could read it.
    #[error("admission.ticket_key_file: {0}")]
    File(#[from] SecretFileError),
    /// Too short to be safe, or far too long to be a key.
    #[error(
        "admission.ticket_key_file: the file must hold one key of {} to {} bytes, such as \
         `openssl rand -hex 32` prints",
        LENGTH.start(), LENGTH.end()
    )]
    NotAKey,
}

/// The bytes of the file, without a line break at the end.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    // One more than fits with a line break, to see that it is too long.
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
