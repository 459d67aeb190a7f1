//! A text that must not be seen: wiped when dropped, absent from `Debug` output.
//!
//! It does not encrypt or lock memory. Out of its reach are: serde_json's own scratch buffer, used
//! when the JSON string contains an escape (a PEM key always does); buffers that the WebSocket
//! layer still holds when it hands a message over; the copies of a password and of answers that
//! russh takes for its packets, wiped by nobody; and what is typed or shown once the shell runs.

use bytes::{Bytes, BytesMut};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// A secret text of the client. Not `Clone`, not `Display`, not `Serialize`, on purpose.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; its heap buffer is wiped when the secret is dropped.
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

struct SecretVisitor;

impl Visitor<'_> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::new(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SecretVisitor)
    }
}

/// Overwrites a message that may have held secrets and returns the zeros; `None`, and nothing
/// done, if somebody else holds its buffer too.
pub(super) fn wipe(message: Bytes) -> Option<BytesMut> {
    let mut owned = message.try_into_mut().ok()?;
    owned.as_mut().zeroize();
    Some(owned)
}
