//! Checks and containers that the parsers of both dialects share. Containers stop storing one
//! element past their bound, so that a message can't grow much larger in memory than it was on the
//! wire; the check after parsing then refuses it by name.

use super::bounds::{MAX_ANSWERS, MAX_ENV_BYTES, MAX_ENV_ENTRIES, MAX_USERNAME};
use super::{BadMessage, Secret};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Returns an error that names the field unless `ok`.
pub(super) fn check(
    message: &'static str,
    field: &'static str,
    ok: bool,
    accepted: &'static str,
) -> Result<(), BadMessage> {
    if ok {
        Ok(())
    } else {
        Err(BadMessage::Field {
            message,
            field,
            accepted,
        })
    }
}

/// Returns an error that names the field if it is absent or null.
pub(super) fn required<T>(
    message: &'static str,
    field: &'static str,
    value: Option<T>,
) -> Result<T, BadMessage> {
    value.ok_or(BadMessage::Field {
        message,
        field,
        accepted: "present",
    })
}

/// Returns an optional credential; an empty one is absent, because forms send empty fields.
pub(super) fn given(secret: Option<Secret>) -> Option<Secret> {
    secret.filter(|secret| !secret.expose().is_empty())
}

/// Like [`given`], for text with a form of its own: blanks alone are absent, too.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_whitespace() || c == BYTE_ORDER_MARK)
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Strips the byte-order mark that some clients put before a message (RFC 8259 section 8.1).
pub(super) fn without_mark(message: &[u8]) -> &[u8] {
    message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message)
}

/// The longest beginning of `text` that has at most `max_bytes`, cut between characters.
pub(super) fn cut(mut text: String, max_bytes: usize) -> String {
    let fits = |end: &usize| text.is_char_boundary(*end);
    let end = (0..=max_bytes.min(text.len())).rev().find(fits);
    text.truncate(end.unwrap_or_default());
    text
}

/// 1 to 256 bytes, no control characters.
pub(super) fn check_username(message: &'static str, username: &str) -> Result<(), BadMessage> {
    let fits = !username.is_empty()
        && username.len() <= MAX_USERNAME
        && !username.chars().any(char::is_control);
    check(
        message,
        "username",
        fits,
        "1 to 256 bytes without control characters",
    )
}

/// At most 32 distinct identifiers, values without NUL, at most 4 KiB in all.
pub(super) fn check_env(message: &'static str, env: &[(String, String)]) -> Result<(), BadMessage> {
    let sizes = env.iter().map(|(name, value)| name.len() + value.len());
    let small = env.len() <= MAX_ENV_ENTRIES && sizes.sum::<usize>() <= MAX_ENV_BYTES;
    check(message, "env", small, "at most 32 entries and 4 KiB")?;
    let clean = env
        .iter()
        .all(|(name, value)| is_identifier(name) && !value.contains('\0'));
    check(
        message,
        "env",
        clean,
        "names [A-Za-z_][A-Za-z0-9_]*, values without NUL",
    )?;
    let mut names: Vec<&str> = env.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    check(
        message,
        "env",
        names.len() == env.len(),
        "without duplicate names",
    )
}

fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Count of bytes: any number from 0 on, rounded down. Languages with floating numbers only write
/// `1e+06` or `1.0`.
pub(super) struct Count(pub(super) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const END: f64 = 18_446_744_073_709_551_616.0;
        let json = <&RawValue>::deserialize(deserializer)?.get();
        if let Ok(exact) = json.parse() {
            return Ok(Self(exact));
        }
        let rounded = json.parse::<f64>().ok().filter(|n| (0.0..END).contains(n));
        rounded
            .map(|n| Self(n as u64))
            .ok_or_else(|| Error::custom("not a number of 64 bits"))
    }
}

/// `answers` on the wire: an array of strings.
pub(super) struct Answers(pub(super) Vec<Secret>);

struct AnswersVisitor;

impl<'de> Visitor<'de> for AnswersVisitor {
    type Value = Answers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Answers, A::Error> {
        let mut answers = Vec::new();
        while answers.len() <= MAX_ANSWERS {
            match seq.next_element()? {
                Some(answer) => answers.push(answer),
                None => return Ok(Answers(answers)),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Answers(answers))
    }
}

impl<'de> Deserialize<'de> for Answers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(AnswersVisitor)
    }
}

/// `env` on the wire: an object of strings.
pub(super) struct Env(pub(super) Vec<(String, String)>);

struct EnvVisitor;

impl<'de> Visitor<'de> for EnvVisitor {
    type Value = Env;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Env, A::Error> {
        let mut env = Vec::new();
        while env.len() <= MAX_ENV_ENTRIES {
            match map.next_entry()? {
                Some(pair) => env.push(pair),
                None => return Ok(Env(env)),
            }
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Env(env))
    }
}

impl<'de> Deserialize<'de> for Env {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvVisitor)
    }
}
