//! Secret text: wiped when dropped, absent from `Debug` output.
//!
//! Read from the JSON text itself, because serde_json unescapes into a buffer of its own that
//! nobody wipes, and a key in PEM always has escapes.
//!
//! Does not encrypt or lock memory. Does not wipe the copies of a password and of answers that
//! russh makes for its packets, nor input and output of the shell.

use bytes::{Bytes, BytesMut};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::value::RawValue;
use std::fmt;
use std::str::Chars;
use zeroize::{Zeroize, Zeroizing};

/// A secret text of the client. Not `Clone`, not `Display`, not `Serialize`, on purpose.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of the text; its heap buffer is wiped when the secret is dropped.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Callers keep no copy of it longer than the call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        let text = unescape(raw.get()).ok_or_else(|| D::Error::custom("not a string"))?;
        Ok(Self(text))
    }
}

/// The text of a JSON string (RFC 8259 section 7), whose syntax serde_json has checked; `None` for
/// another value, and for half a surrogate pair.
fn unescape(json: &str) -> Option<Zeroizing<String>> {
    let quoted = json.strip_prefix('"')?.strip_suffix('"')?;
    // One allocation: no escape is shorter than what it stands for.
    let mut text = Zeroizing::new(String::with_capacity(quoted.len()));
    let mut rest = quoted;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = escaped.chars();
        let c = match chars.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => unicode(&mut chars)?,
            // A quote, a slash, a backslash.
            other => other,
        };
        text.push(c);
        rest = chars.as_str();
    }
    text.push_str(rest);
    Some(text)
}

/// The character of `\uXXXX`, of which four digits are left, or of a surrogate pair of them.
fn unicode(chars: &mut Chars<'_>) -> Option<char> {
    let first = hex(chars)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first);
    }
    *chars = chars.as_str().strip_prefix("\\u")?.chars();
    let second = hex(chars)?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    char::from_u32(0x10000 + ((first - 0xd800) << 10) + second)
}

fn hex(chars: &mut Chars<'_>) -> Option<u32> {
    let (digits, rest) = chars.as_str().split_at_checked(4)?;
    *chars = rest.chars();
    u32::from_str_radix(digits, 16).ok()
}

/// Maximum number of messages kept in [`Unwiped`]; each keeps its buffer alive.
const MAX_UNWIPED: usize = 4;

/// Messages that held secrets and whose buffers the WebSocket layer still shares. They are wiped
/// once it has released them, when it needs room or ends; so this must be dropped after it.
#[derive(Default)]
pub(super) struct Unwiped(Vec<Bytes>);

impl Unwiped {
    /// Wipes `message` now, or, with `held_secrets`, once its buffer is not shared any more.
    pub(super) fn push(&mut self, message: Bytes, held_secrets: bool) {
        if let Err(shared) = wipe(message)
            && held_secrets
            && self.0.len() < MAX_UNWIPED
        {
            self.0.push(shared);
        }
    }

    /// Wipes the messages whose buffers are not shared any more.
    pub(super) fn wipe(&mut self) {
        if self.0.is_empty() {
            return;
        }
        self.0 = std::mem::take(&mut self.0)
            .into_iter()
            .filter_map(|message| wipe(message).err())
            .collect();
    }
}

impl Drop for Unwiped {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl fmt::Debug for Unwiped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unwiped({} messages)", self.0.len())
    }
}

/// Overwrites a message that may have held secrets and returns the zeros; returns it unchanged if
/// its buffer is shared.
pub(super) fn wipe(message: Bytes) -> Result<BytesMut, Bytes> {
    let mut owned = message.try_into_mut()?;
    owned.as_mut().zeroize();
    Ok(owned)
}
