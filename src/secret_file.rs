//! Files that hold a secret: refused if users other than their owner could read or change them.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Bits of a file's mode that let other users read or write it.
const OTHERS: u32 = 0o077;

/// Reason why a secret cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// The file cannot be read.
    #[error("cannot read the file: {0}")]
    Read(#[from] io::Error),
    /// Others could read the file.
    #[error("other users may read or write the file (mode {0:03o}); chmod 600 it")]
    Exposed(u32),
}

/// The file's first `most` bytes at most; in memory that is wiped.
///
/// # Errors
/// [`SecretFileError`].
pub fn read(path: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    let file = File::open(path)?;
    let mode = file.metadata()?.mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(SecretFileError::Exposed(mode));
    }
    // Its whole room at once: a buffer that grows leaves copies behind.
    let mut secret = Zeroizing::new(Vec::with_capacity(most));
    file.take(most as u64).read_to_end(&mut secret)?;
    Ok(secret)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assertion is a failed test")]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    fn file(mode: u32) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"secret").unwrap();
        let mode = std::fs::Permissions::from_mode(mode);
        file.as_file().set_permissions(mode).unwrap();
        file
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        for mode in [0o644, 0o640, 0o602, 0o601] {
            let refused = read(file(mode).path(), 9);
            assert!(matches!(refused, Err(SecretFileError::Exposed(seen)) if seen == mode));
        }
        for mode in [0o600, 0o400] {
            assert_eq!(read(file(mode).path(), 9).unwrap().as_slice(), b"secret");
        }
        assert_eq!(read(file(0o600).path(), 3).unwrap().as_slice(), b"sec");
        let gone = read(Path::new("/nonexistent/secret"), 9);
        assert!(matches!(gone, Err(SecretFileError::Read(_))));
    }
}
