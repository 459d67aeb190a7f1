//! Parser of the lines that a server sends before the first packet: any number of lines of text,
//! then its version line (RFC 4253 section 4.2). Pure: the stream pushes bytes into it and passes
//! only the version line to russh, because russh accepts no more than 20 lines of 255 bytes before
//! it.
//!
//! Guarantees that at most [`MAX_TEXT`] bytes are taken and held. Has no deadline: the session's
//! for the handshake applies.

use thiserror::Error;

#[cfg(test)]
mod tests;

/// Bytes before the version line, line ends included. OpenSSH's client accepts more (1024 lines of
/// 8 KiB); no more than this may be passed on as banners.
const MAX_TEXT: usize = 64 * 1024;

/// Most control characters of kinds that no text for people contains. With more it is binary data.
const MAX_CONTROLS: usize = 64;

/// Longest version line, in bytes, without its end (RFC 4253 section 4.2 includes that). A longer
/// one cannot be passed on to russh, and cannot be cut, because the key exchange signs it.
const MAX_VERSION: usize = 253;

/// Reason why no SSH version 2 can follow, whatever the server sends next.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum NoVersion {
    #[error("more than 64 KiB came before a version line")]
    TooMuchText,
    #[error("binary data came before a version line")]
    Binary,
    #[error("the version line is longer than 255 bytes")]
    TooLong,
    #[error("the version line is not UTF-8")]
    NotUtf8,
    #[error("the version line is of another version: {0}")]
    OtherVersion(String),
}

/// Identification of the server, as far as it was received.
#[derive(Debug, Default)]
pub(super) struct Identification {
    /// Lines before the version line, each ended by a line feed.
    text: Vec<u8>,
    /// Line whose end has not come yet.
    line: Vec<u8>,
    /// Bytes taken in all.
    taken: usize,
    controls: usize,
    found: bool,
    problem: Option<NoVersion>,
}

impl Identification {
    /// Takes bytes up to the end of the version line. Returns the number of bytes taken, and the
    /// version line with CR LF once it is complete.
    ///
    /// # Errors
    /// The error that [`Self::problem`] returns from then on.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(usize, Option<Vec<u8>>), NoVersion> {
        for (index, byte) in bytes.iter().enumerate() {
            match self.push_byte(*byte) {
                Ok(None) => {}
                Ok(version) => return Ok((index + 1, version)),
                Err(problem) => {
                    self.problem = Some(problem.clone());
                    return Err(problem);
                }
            }
        }
        Ok((bytes.len(), None))
    }

    fn push_byte(&mut self, byte: u8) -> Result<Option<Vec<u8>>, NoVersion> {
        self.taken += 1;
        if self.taken > MAX_TEXT {
            return Err(NoVersion::TooMuchText);
        }
        self.controls += usize::from(is_binary(char::from(byte)));
        if self.controls > MAX_CONTROLS {
            return Err(NoVersion::Binary);
        }
        let is_version = is_version(&self.line);
        // A version line may end at its CR: the LF might never come, and the server may wait for
        // our first packet. In text, a CR ends a line where no LF follows it.
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
            let escaped = crate::message::escape_remote_text(&decode(&line));
            return Err(NoVersion::OtherVersion(escaped));
        }
        if std::str::from_utf8(&line).is_err() {
            return Err(NoVersion::NotUtf8);
        }
        self.found = true;
        line.extend_from_slice(b"\r\n");
        Ok(line)
    }

    /// Returns the number of bytes at the beginning of `bytes` that still belong to the version
    /// line's end: no packet begins with CR or LF.
    pub(super) fn rest_of_line_end(bytes: &[u8]) -> usize {
        let end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
        bytes.iter().take_while(end).count()
    }

    /// Returns whether the version line is complete.
    pub(super) fn is_found(&self) -> bool {
        self.found
    }

    /// Returns the reason why none can come any more.
    pub(super) fn problem(&self) -> Option<&NoVersion> {
        self.problem.as_ref()
    }

    /// Takes the lines before the version line, decoded, and their size as they came.
    pub(super) fn take_text(&mut self) -> (String, usize) {
        let text = std::mem::take(&mut self.text);
        (decode(&text), text.len())
    }

    /// Returns the text that came in place of a version line, decoded, on one line; `None` for
    /// binary data and the greeting of another protocol.
    pub(super) fn refusal_text(&self) -> Option<String> {
        let text = decode(&[self.text.as_slice(), self.line.as_slice()].concat());
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let text = lines.collect::<Vec<_>>().join(" ");
        if text.chars().any(is_binary) || is_other_protocol(&text) {
            return None;
        }
        Some(text)
    }
}

/// Returns whether a line is a version line: "SSH-" and a digit.
fn is_version(line: &[u8]) -> bool {
    line.strip_prefix(b"SSH-")
        .and_then(<[u8]>::first)
        .is_some_and(u8::is_ascii_digit)
}

/// Returns whether a character is a control character that neither ends lines nor moves a
/// terminal's cursor.
fn is_binary(c: char) -> bool {
    c.is_ascii_control() && !matches!(c, '\x07'..='\r' | '\x1b')
}

/// Recognises greetings of HTTP, IMAP, POP3, FTP, SMTP, VNC and Redis.
fn is_other_protocol(text: &str) -> bool {
    let starts = ["HTTP/", "<", "* ", "+OK", "-ERR", "RFB "];
    let code = text.bytes().take_while(u8::is_ascii_digit).count();
    starts.iter().any(|start| text.starts_with(start))
        || code == 3 && matches!(text.as_bytes().get(3), Some(b' ' | b'-'))
}

/// Decodes text of a server: lines of valid UTF-8 as they are, others as ISO 8859-1, in which every
/// byte is a character.
fn decode(text: &[u8]) -> String {
    let line = |line: &[u8]| match std::str::from_utf8(line) {
        Ok(text) => text.to_owned(),
        Err(_) => line.iter().map(|byte| char::from(*byte)).collect(),
    };
    text.split_inclusive(|byte| *byte == b'\n')
        .map(line)
        .collect()
}
