//! Parser of the compatible dialect (no subprotocol). Refuses nothing after the first message: a
//! text that is not control is terminal input, as clients without a subprotocol expect
//! (PROTOCOL.md, compatible dialect).

use super::bounds::MAX_PASSWORD;
use super::client::{AuthRequest, ClientMessage, Credentials, TerminalRequest};
use super::fields::{check, check_username, given, without_mark};
use super::size::SizeFields;
use super::{BadMessage, Incoming, Secret};
use bytes::Bytes;
use serde::Deserialize;

const MESSAGE: &str = "credentials";
const MALFORMED: BadMessage = BadMessage::Malformed {
    message: MESSAGE,
    accepted: "a JSON object with the strings username and password",
};

#[derive(Deserialize)]
struct First {
    username: String,
    password: Secret,
}

/// Reads the first message: credentials, then bytes of input. The input is copied, so that it
/// doesn't keep the password's buffer alive.
pub(super) fn parse_first(message: &[u8]) -> Result<Incoming, BadMessage> {
    let message = without_mark(message);
    // A derived struct also reads from an array; the dialect knows only an object.
    if message.trim_ascii_start().first() != Some(&b'{') {
        return Err(MALFORMED);
    }
    let mut objects = serde_json::Deserializer::from_slice(message).into_iter::<First>();
    let Some(Ok(First { username, password })) = objects.next() else {
        return Err(MALFORMED);
    };
    let input = message.get(objects.byte_offset()..).unwrap_or_default();
    check_username(MESSAGE, &username)?;
    let fits = password.expose().len() <= MAX_PASSWORD;
    check(MESSAGE, "password", fits, "at most 1 KiB")?;
    let credentials = Credentials {
        username,
        password: given(Some(password)),
        ..Credentials::default()
    };
    let request = AuthRequest {
        credentials,
        terminal: TerminalRequest::default(),
        progress: false,
    };
    Ok(Incoming::Auth(
        Box::new(request),
        Bytes::copy_from_slice(input),
    ))
}

/// Distinguishes control from input in a later text message.
pub(super) fn classify(text: Bytes) -> Incoming {
    let json = without_mark(&text);
    // Looks at the first byte before anything else: most text is keystrokes.
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Incoming::Input(text);
    }
    let Ok(fields) = serde_json::from_slice::<SizeFields>(json) else {
        return Incoming::Input(text);
    };
    match fields.action.as_deref() {
        Some("ping") => Incoming::Control(ClientMessage::Ping {
            data: String::new(),
        }),
        Some("resize") => {
            let resize = fields.size().map(ClientMessage::Resize);
            resize.map_or(Incoming::Ignored, Incoming::Control)
        }
        _ => Incoming::Input(text),
    }
}
