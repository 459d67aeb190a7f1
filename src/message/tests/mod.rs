//! Tests of the wire messages. What they share stands here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assertion is a failed test"
)]

mod auth;
mod compat;
mod properties;
mod server;
mod v1;

use super::*;
use serde_json::{Value, json};

fn text(message: impl Into<String>) -> Frame {
    Frame::Text(Bytes::from(message.into()))
}

/// A `sshard.v1` processor that has seen `auth`.
fn after_auth() -> MessageProcessor {
    let mut processor = MessageProcessor::new(Dialect::V1);
    let auth = json!({"type": "auth", "username": "u"});
    processor.decode(text(auth.to_string())).unwrap();
    processor
}

/// Decodes `auth` with these fields over a minimal one; a null takes a field away.
fn auth(fields: Value) -> Result<Box<AuthRequest>, BadMessage> {
    let mut message = json!({"type": "auth", "username": "u"});
    for (name, value) in fields.as_object().unwrap() {
        message[name] = value.clone();
    }
    match MessageProcessor::new(Dialect::V1).decode(text(message.to_string()))? {
        Incoming::Auth(request, rest) => {
            assert!(rest.is_empty());
            Ok(request)
        }
        other => panic!("not an auth: {other:?}"),
    }
}

/// Asserts that `auth` with these fields is refused, for one of them.
fn assert_refused(fields: Value, field: &str) {
    assert_eq!(refused_field(auth(fields.clone())), field, "{fields}");
}

/// Decodes a control message after `auth`.
fn control(message: impl Into<String>) -> Result<ClientMessage, BadMessage> {
    match after_auth().decode(text(message))? {
        Incoming::Control(message) => Ok(message),
        other => panic!("not control: {other:?}"),
    }
}

/// The field that a refusal names.
fn refused_field<T: std::fmt::Debug>(result: Result<T, BadMessage>) -> &'static str {
    match result {
        Err(BadMessage::Field { field, .. }) => field,
        other => panic!("not refused for a field: {other:?}"),
    }
}

/// The message that a refusal names as malformed.
fn malformed<T: std::fmt::Debug>(result: Result<T, BadMessage>) -> &'static str {
    match result {
        Err(BadMessage::Malformed { message, .. }) => message,
        other => panic!("not malformed: {other:?}"),
    }
}
