//! The key tickets are signed with, from a file that nobody else can read.

use std::fs::File;
use std::io::{self, Read};
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Bytes of a key: at least the hash's own (RFC 7518 section 3.2).
const LENGTH: RangeInclusive<usize> = 32..=1024;

/// Bits of a file's mode that let others than its owner at it.
const OTHERS: u32 = 0o077;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("admission.ticket_key_file: cannot read the file: {0}")]
    Read(#[from] io::Error),
    /// Others could read the file.
    #[error(
        "admission.ticket_key_file: others than its owner may read or write the file \
         (mode {0:03o}); chmod 600 it"
    )]
    Exposed(u32),
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
    let file = File::open(path)?;
    let mode = file.metadata()?.mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(KeyError::Exposed(mode));
    }
    // As large as it may get, so that no copy is left behind by growing.
    let most = LENGTH.end() + 3;
    let mut key = Zeroizing::new(Vec::with_capacity(most));
    file.take(most as u64).read_to_end(&mut key)?;
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
