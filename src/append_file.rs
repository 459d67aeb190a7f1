//! Files that this process appends to and others rely on: the audit log, the known hosts. Refused
//! if another user could have chosen the file, or may write to it.
//!
//! Does not look at the directories on the way; a file in one that others may write to can be taken
//! away by them.

use rustix::fs::{Access, AtFlags, CWD, OFlags, accessat, fcntl_getfl, fcntl_setfl};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Mode of a file that is made.
const MODE: u32 = 0o600;

/// Bits of a file's mode that let other users write to it.
const OTHERS_WRITE: u32 = 0o022;

/// Reason why a file is not appended to. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Error of the system.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The name is a symbolic link's.
    #[error("it is a symbolic link, which is not followed; name the file itself")]
    SymbolicLink,
    /// A directory, a disk, a socket.
    #[error("it is not a regular file; name one, or none")]
    NotAFile,
    /// The file has another name elsewhere.
    #[error(
        "it has {0} names (hard links), so that it may be another program's file; use a new one"
    )]
    Linked(u64),
    /// Others may write to it.
    #[error("other users may write to it (mode {0:03o}); chmod 600 it")]
    Exposed(u32),
    /// It is another user's.
    #[error(
        "it belongs to user {0}, and neither to root nor to the user this process runs as; chown it, \
         or name another"
    )]
    Foreign(u32),
}

impl From<AppendError> for io::Error {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Io(error) => error,
            other => Self::new(io::ErrorKind::PermissionDenied, other),
        }
    }
}

/// Opens a file to append to it, made with mode 0600 if it is not there. A named pipe must have a
/// reader.
///
/// # Errors
/// [`AppendError`]; the file is as it was.
pub fn open(path: &Path) -> Result<File, AppendError> {
    open_with(OpenOptions::new().append(true), path)
}

/// Opens like [`open`], and for reading, too.
///
/// # Errors
/// [`AppendError`]; the file is as it was.
pub fn open_readable(path: &Path) -> Result<File, AppendError> {
    open_with(OpenOptions::new().append(true).read(true), path)
}

/// Opens like [`open`], and returns whether the last line was cut short, as by a full disk. That is
/// known of regular files that may be read.
///
/// # Errors
/// [`AppendError`]; the file is as it was.
pub fn open_after_line(path: &Path) -> Result<(File, bool), AppendError> {
    // A pipe that is opened for reading has a reader.
    if path.is_file()
        && let Ok(file) = open_readable(path)
    {
        let is_cut = ends_within_line(&file)?;
        return Ok((file, is_cut));
    }
    Ok((open(path)?, false))
}

/// Returns whether the last line has no line break.
///
/// # Errors
/// The system's: `file` is not open for reading.
pub fn ends_within_line(file: &File) -> io::Result<bool> {
    let Some(last) = file.metadata()?.len().checked_sub(1) else {
        return Ok(false);
    };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    Ok(byte != *b"\n")
}

/// Finds out whether [`open`] would open a file. None is made: where it is not there, its directory
/// is asked.
///
/// # Errors
/// [`AppendError`].
pub fn check(path: &Path) -> Result<(), AppendError> {
    let opened = open_now(OpenOptions::new().append(true), path);
    match opened {
        Err(AppendError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
            let may_make = Access::WRITE_OK | Access::EXEC_OK;
            accessat(CWD, directory(path), may_make, AtFlags::EACCESS).map_err(io::Error::from)?;
            Ok(())
        }
        opened => opened.map(drop),
    }
}

/// Returns the directory of a path: `.` where the path names none.
pub fn directory(path: &Path) -> &Path {
    let parent = path.parent();
    let parent = parent.filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

fn open_with(options: &mut OpenOptions, path: &Path) -> Result<File, AppendError> {
    open_now(options.create(true).mode(MODE), path)
}

fn open_now(options: &mut OpenOptions, path: &Path) -> Result<File, AppendError> {
    // Not to wait for the reader of a pipe.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = options.custom_flags(flags.bits().cast_signed()).open(path);
    let file = match opened {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(AppendError::SymbolicLink);
        }
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            return Err(AppendError::NotAFile);
        }
        opened => opened?,
    };
    inspect(&file)?;
    let flags = fcntl_getfl(&file).map_err(io::Error::from)?;
    fcntl_setfl(&file, flags - OFlags::NONBLOCK).map_err(io::Error::from)?;
    Ok(file)
}

fn inspect(file: &File) -> Result<(), AppendError> {
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    if !(kind.is_file() || kind.is_fifo() || kind.is_char_device()) {
        return Err(AppendError::NotAFile);
    }
    let own = rustix::process::geteuid().as_raw();
    if ![own, 0].contains(&metadata.uid()) {
        return Err(AppendError::Foreign(metadata.uid()));
    }
    if kind.is_char_device() {
        // Text written to /dev/null is lost.
        return Ok(());
    }
    let mode = metadata.mode() & 0o777;
    if mode & OTHERS_WRITE != 0 {
        return Err(AppendError::Exposed(mode));
    }
    if metadata.nlink() > 1 {
        return Err(AppendError::Linked(metadata.nlink()));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assertion is a failed test")]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    #[test]
    fn a_file_of_its_own_is_made_and_appended_to() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        for open in [open, open_readable, open] {
            open(&path).unwrap().write_all(b"line\n").unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"line\n".repeat(3));
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        for mode in [0o600, 0o640, 0o644, 0o755] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(open(&path).is_ok(), "{mode:o}");
        }
        assert!(open(Path::new("/dev/null")).is_ok());
    }

    #[test]
    fn a_check_makes_no_file_and_refuses_what_cannot_be_opened() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        check(&at("new")).unwrap();
        assert!(!at("new").exists());
        std::fs::write(at("old"), "as it was").unwrap();
        check(&at("old")).unwrap();
        assert_eq!(std::fs::read(at("old")).unwrap(), b"as it was");
        check(Path::new("/dev/null")).unwrap();
        symlink(at("nowhere"), at("link")).unwrap();
        assert!(matches!(check(&at("link")), Err(AppendError::SymbolicLink)));
        for bad in [at("no/file"), at("old/file"), directory.path().to_owned()] {
            assert!(check(&bad).is_err(), "{}", bad.display());
            assert!(open(&bad).is_err(), "{}", bad.display());
        }
    }

    #[test]
    fn what_others_could_have_put_there_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("victim"), "as it was").unwrap();
        symlink(at("victim"), at("link")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        symlink(at("link"), at("chain")).unwrap();
        for name in ["link", "dangling", "chain"] {
            for open in [open, open_readable] {
                let refused = open(&at(name));
                assert!(matches!(refused, Err(AppendError::SymbolicLink)), "{name}");
            }
        }
        assert!(!at("nowhere").exists());
        for mode in [0o666, 0o620, 0o602, 0o622, 0o777] {
            let file = at(&format!("mode-{mode:o}"));
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let refused = open(&file);
            assert!(matches!(refused, Err(AppendError::Exposed(seen)) if seen == mode));
        }
        std::fs::hard_link(at("victim"), at("second")).unwrap();
        assert!(matches!(open(&at("second")), Err(AppendError::Linked(2))));
        let (fifo, mode) = (rustix::fs::FileType::Fifo, 0o600.into());
        rustix::fs::mknodat(CWD, at("pipe"), fifo, mode, 0).unwrap();
        let without_reader = open(&at("pipe"));
        assert!(matches!(without_reader, Err(AppendError::Io(_))));
        assert!(open(directory.path()).is_err());
        assert_eq!(std::fs::read(at("victim")).unwrap(), b"as it was");
        // The tests run as root.
        chown(at("victim"), Some(4242), None).unwrap();
        std::fs::remove_file(at("second")).unwrap();
        let foreign = open(&at("victim"));
        assert!(matches!(foreign, Err(AppendError::Foreign(4242))));
    }
}
