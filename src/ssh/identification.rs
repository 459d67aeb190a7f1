//! Lines a server sends before SSH's packets begin: any number of lines of text, then its
//! version line (RFC 4253 section 4.2). Pure: the stream feeds it, and hands russh the
//! version line alone, because russh takes no more than 20 lines of 255 bytes before it.
//!
//! Promise: at most [`MAX_TEXT`] bytes are taken and held. No deadline: the session's
//! clock of the handshake is one.

use thiserror::Error;

#[cfg(test)]
mod tests;

/// Bytes before the version line, line ends included. OpenSSH takes more (1024 lines of
/// 8 KiB); no more than this may be passed on as banners.
const MAX_TEXT: usize = 64 * 1024;

/// Control characters in the text that no text for people has. More are something binary.
const MAX_CONTROLS: usize = 64;

/// Longest version line, in bytes, without its end (RFC 4253 section 4.2 counts that in).
/// A longer one cannot be passed on to russh, and not cut either: the key exchange signs it.
const MAX_VERSION: usize = 253;

/// Why no SSH version 2 follows, whatever the server sends next.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum NoVersion {
    #[error("more than 64 KiB came before a version line")]
    TooMuchText,
    #[error("what comes is no text")]
    Binary,
    #[error("the version line is longer than 255 bytes")]
    TooLong,
    #[error("the version line is not UTF-8")]
    NotUtf8,
    #[error("the version line is of another version: {0}")]
    OtherVersion(String),
}

/// Identification of the server, as far as it has been received.
#[derive(Debug, Default)]
pub(super) struct Identification {
    /// Lines before the version line, each with a line feed behind it.
    text: Vec<u8>,
    /// The line that has no end yet.
    line: Vec<u8>,
    /// Bytes taken in all.
    taken: usize,
    controls: usize,
    found: bool,
    problem: Option<NoVersion>,
}

impl Identification {
    /// Takes bytes up to the end of the version line. Returns how many of them belong to
    /// it and what is before it, and the line with CR LF behind it once it is whole.
    ///
    /// # Errors
    /// The error that [`Self::problem`] returns from then on.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(usize, Option<Vec<u8>>), NoVersion> {
        for (index, byte) in bytes.iter().enumerate() {
            if let Some(version) = self.take(*byte).map_err(|problem| self.fail(problem))? {
                return Ok((index + 1, Some(version)));
            }
        }
        Ok((bytes.len(), None))
    }

    fn fail(&mut self, problem: NoVersion) -> NoVersion {
        self.problem = Some(problem.clone());
        problem
    }

    fn take(&mut self, byte: u8) -> Result<Option<Vec<u8>>, NoVersion> {
        self.taken += 1;
        if self.taken > MAX_TEXT {
            return Err(NoVersion::TooMuchText);
        }
        self.controls += usize::from(is_binary(char::from(byte)));
        if self.controls > MAX_CONTROLS {
            return Err(NoVersion::Binary);
        }
        let is_version = is_version(&self.line);
        // A version line may end at its CR: the LF might never come, and a server may wait
        // for our first packet. In a text, a CR is an end where no LF follows it.
        let ends = byte == b'\n' || byte == b'\r' && is_version;
        let ended = self.line.last() == Some(&b'\r') && byte != b'\r' && byte != b'\n';
        if ends || ended {
            let line = std::mem::take(&mut self.line);
            if is_version {
                return self.version(line).map(Some);
            }
            self.text.extend_from_slice(line.trim_ascii_end());
            self.text.push(b'\n');
        }
        if !ends {
            self.line.push(byte);
        }
        if is_version && self.line.len() > MAX_VERSION {
            return Err(NoVersion::TooLong);
        }
        Ok(None)
    }

    fn version(&mut self, mut line: Vec<u8>) -> Result<Vec<u8>, NoVersion> {
        if !(line.starts_with(b"SSH-2.0-") || line.starts_with(b"SSH-1.99-")) {
            let shown = crate::message::escape_remote_text(&readable(&line));
            return Err(NoVersion::OtherVersion(shown));
        }
        if std::str::from_utf8(&line).is_err() {
            return Err(NoVersion::NotUtf8);
        }
        self.found = true;
        line.extend_from_slice(b"\r\n");
        Ok(line)
    }

    /// Bytes at the beginning of `bytes` that are left of the version line's end: what
    /// begins a packet is neither CR nor LF.
    pub(super) fn rest_of_line_end(bytes: &[u8]) -> usize {
        let end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
        bytes.iter().take_while(end).count()
    }

    /// Returns whether the version line has come.
    pub(super) fn is_found(&self) -> bool {
        self.found
    }

    /// Why none can come any more.
    pub(super) fn problem(&self) -> Option<&NoVersion> {
        self.problem.as_ref()
    }

    /// The lines before the version line, readable, and their size as they came. They are
    /// not kept.
    pub(super) fn take_text(&mut self) -> (String, usize) {
        let text = std::mem::take(&mut self.text);
        (readable(&text), text.len())
    }

    /// Everything that came in place of a version line, readable, on one line.
    ///
    /// `None` if it is not a text for people: bytes of something binary, or the greeting
    /// of another protocol.
    pub(super) fn words(&self) -> Option<String> {
        let text = readable(&[self.text.as_slice(), self.line.as_slice()].concat());
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let words = lines.collect::<Vec<_>>().join(" ");
        if words.chars().any(is_binary) || is_other_protocol(&words) {
            return None;
        }
        Some(words)
    }
}

/// Returns whether a line is a version line and no text: "SSH-" and a digit.
fn is_version(line: &[u8]) -> bool {
    line.strip_prefix(b"SSH-")
        .and_then(<[u8]>::first)
        .is_some_and(u8::is_ascii_digit)
}

/// A control character that neither ends lines nor moves a terminal's cursor.
fn is_binary(c: char) -> bool {
    c.is_ascii_control() && !matches!(c, '\x07'..='\r' | '\x1b')
}

/// Greetings of HTTP, IMAP, POP3, FTP, SMTP, VNC and Redis.
fn is_other_protocol(words: &str) -> bool {
    let starts = ["HTTP/", "<", "* ", "+OK", "-ERR", "RFB "];
    let code = words.bytes().take_while(u8::is_ascii_digit).count();
    starts.iter().any(|start| words.starts_with(start))
        || code == 3 && matches!(words.as_bytes().get(3), Some(b' ' | b'-'))
}

/// Text of a server: UTF-8 as it is; a line that is not, as ISO 8859-1, in which every
/// byte is a character.
fn readable(text: &[u8]) -> String {
    let line = |line: &[u8]| match std::str::from_utf8(line) {
        Ok(text) => text.to_owned(),
        Err(_) => line.iter().map(|byte| char::from(*byte)).collect(),
    };
    text.split_inclusive(|byte| *byte == b'\n')
        .map(line)
        .collect()
}
