//! `--open`: shows the link in the user's browser.
//!
//! Every user of the machine can read command lines, and the link gives a shell to the first who
//! follows it. So the browser gets a file that redirects to the link and that the user alone can
//! read. It is in the home directory, under a plain name, because browsers in a sandbox (snap) see
//! nothing else.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use tempfile::NamedTempFile;

/// Reason why no browser could be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum BrowserError {
    #[error(
        "$BROWSER is not set, and xdg-open, which knows the desktop's browser, is not installed"
    )]
    None,
    #[error("{}: {source}", .program.display())]
    Start {
        program: OsString,
        source: io::Error,
    },
    #[error("{} ended with {status}", .program.display())]
    Failed {
        program: OsString,
        status: ExitStatus,
    },
    #[error("the temporary file with the link for the browser cannot be written: {0}")]
    File(#[source] io::Error),
    #[error("no thread can be created: {0}")]
    Thread(#[source] io::Error),
}

/// Writes the file that redirects to `link`. Drop removes it.
pub(super) fn lead_to(link: &str, home: &Path) -> Result<NamedTempFile, BrowserError> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("sshard-demo-").suffix(".html");
    let file = builder.tempfile_in(home).or_else(|_| builder.tempfile());
    let mut file = file.map_err(BrowserError::File)?;
    // The link has letters, digits and `:/#=-_.[]` alone.
    let page = format!(
        "<!doctype html><meta charset=utf-8><meta name=referrer content=no-referrer>\
         <meta http-equiv=refresh content=\"0;url={link}\"><title>sshard demo</title>\n"
    );
    file.write_all(page.as_bytes())
        .map_err(BrowserError::File)?;
    Ok(file)
}

/// Opens the file. Returns when the program that was asked to has ended, or sooner if it is the
/// browser itself.
pub(super) fn open(file: &Path, browser: Option<&OsStr>) -> Result<(), BrowserError> {
    let browsers = browser.map(std::env::split_paths).into_iter().flatten();
    let named = browsers.map(|path| (path.into_os_string(), true));
    let usual = [("xdg-open".into(), false)];
    let mut last = BrowserError::None;
    for (program, is_browser) in named.chain(usual) {
        match start(&program, file, is_browser) {
            Ok(()) => return Ok(()),
            Err(BrowserError::Start { source, .. })
                if !is_browser && source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Starts a program in a process group of its own, so that Ctrl-C at the demo does not reach it.
fn start(program: &OsStr, file: &Path, is_browser: bool) -> Result<(), BrowserError> {
    let failed = |source| BrowserError::Start {
        program: program.to_owned(),
        source,
    };
    let mut command = Command::new(program);
    command
        .arg(file)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    if is_browser {
        // The browser may run as long as its window.
        return Ok(());
    }
    let status = child.wait().map_err(failed)?;
    match status.success() {
        true => Ok(()),
        false => Err(BrowserError::Failed {
            program: program.to_owned(),
            status,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_that_cannot_be_written_is_no_obstacle() {
        let file = lead_to("http://127.0.0.1:1/", Path::new("/nonexistent"));
        assert!(file.unwrap().path().exists());
    }
}
