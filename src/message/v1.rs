//! Parser of `sshard.v1` text messages: JSON to bounded values. It knows the fields and their
//! bounds, and of the order only what `auth_seen` says.
//!
//! Two passes over the text: the first finds `type` wherever it stands, the second reads the
//! fields of that type. So secrets go straight from the text to their place and are never held
//! in a generic JSON tree. What is skipped is skipped without recursion.

use super::bounds::{
    MAX_ANSWER, MAX_ANSWERS, MAX_CERTIFICATE, MAX_COMMAND, MAX_PASSPHRASE, MAX_PASSWORD,
    MAX_PING_DATA, MAX_PRIVATE_KEY, MAX_TERM, MAX_TICKET, MIN_FLOW_WINDOW,
};
use super::client::{
    AuthRequest, ClientMessage, Credentials, SignalName, TerminalRequest, WindowSize,
};
use super::fields::{Answers, Env, check, check_env, check_secret, check_username, required};
use super::{BadMessage, Incoming, Secret};
use bytes::Bytes;
use serde::Deserialize;
use std::borrow::Cow;

/// Reads one text message.
pub(super) fn parse(text: &[u8], auth_seen: bool) -> Result<Incoming, BadMessage> {
    let control = match (message_type(text)?.as_ref(), auth_seen) {
        ("auth", false) => return Ok(Incoming::Auth(Box::new(auth(text)?), Bytes::new())),
        ("auth", true) => return Err(BadMessage::SecondAuth),
        ("ping", _) => ping(text)?,
        ("close", _) => ClientMessage::Close,
        (
            "answer" | "host_key_answer" | "resize" | "signal" | "eof" | "ack" | "hold" | "release",
            false,
        ) => return Err(BadMessage::BeforeAuth),
        ("answer", true) => answer(text)?,
        ("host_key_answer", true) => host_key_answer(text)?,
        ("resize", true) => resize(text)?,
        ("signal", true) => signal(text)?,
        ("eof", true) => ClientMessage::Eof,
        ("ack", true) => ack(text)?,
        ("hold", true) => ClientMessage::Hold,
        ("release", true) => ClientMessage::Release,
        _ => return Err(BadMessage::UnknownType),
    };
    Ok(Incoming::Control(control))
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

fn message_type(text: &[u8]) -> Result<Cow<'_, str>, BadMessage> {
    // A derived struct also reads from an array; the protocol knows only objects.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(BadMessage::NotAnObject);
    }
    match serde_json::from_slice::<Tag<'_>>(text) {
        Ok(tag) => Ok(tag.kind),
        Err(error) if error.is_data() => Err(BadMessage::NoType),
        Err(_) => Err(BadMessage::NotAnObject),
    }
}

/// Reads the fields of one type. serde's own words are dropped: they quote the client.
fn fields<'a, T: Deserialize<'a>>(
    text: &'a [u8],
    message: &'static str,
    accepted: &'static str,
) -> Result<T, BadMessage> {
    serde_json::from_slice(text).map_err(|_| BadMessage::Malformed { message, accepted })
}

#[derive(Deserialize)]
struct AuthFields {
    username: Option<String>,
    password: Option<Secret>,
    private_key: Option<Secret>,
    passphrase: Option<Secret>,
    certificate: Option<String>,
    ticket: Option<Secret>,
    term: Option<String>,
    cols: Option<u64>,
    rows: Option<u64>,
    env: Option<Env>,
    command: Option<String>,
    flow_window: Option<u64>,
}

fn auth(text: &[u8]) -> Result<AuthRequest, BadMessage> {
    const M: &str = "auth";
    let f: AuthFields = fields(
        text,
        M,
        "strings username, password, private_key, passphrase, certificate, ticket, term, command; \
         integers cols, rows, flow_window; env, an object of strings",
    )?;
    let username = required(M, "username", f.username)?;
    check_username(M, &username)?;
    for (field, secret, max_bytes, accepted) in [
        ("password", &f.password, MAX_PASSWORD, "at most 1 KiB"),
        (
            "private_key",
            &f.private_key,
            MAX_PRIVATE_KEY,
            "at most 16 KiB",
        ),
        ("passphrase", &f.passphrase, MAX_PASSPHRASE, "at most 1 KiB"),
        ("ticket", &f.ticket, MAX_TICKET, "at most 4 KiB"),
    ] {
        check_secret(M, field, secret.as_ref(), max_bytes, accepted)?;
    }
    let certificate_len = f.certificate.as_ref().map_or(0, String::len);
    check(
        M,
        "certificate",
        certificate_len <= MAX_CERTIFICATE,
        "at most 16 KiB",
    )?;
    let credentials = Credentials {
        username,
        password: f.password,
        private_key: f.private_key,
        passphrase: f.passphrase,
        certificate: f.certificate,
        ticket: f.ticket,
    };
    let terminal = terminal(f.term, f.cols, f.rows, f.env, f.command, f.flow_window)?;
    Ok(AuthRequest {
        credentials,
        terminal,
    })
}

fn terminal(
    term: Option<String>,
    cols: Option<u64>,
    rows: Option<u64>,
    env: Option<Env>,
    command: Option<String>,
    flow_window: Option<u64>,
) -> Result<TerminalRequest, BadMessage> {
    const M: &str = "auth";
    let default = TerminalRequest::default();
    let term = term.unwrap_or(default.term);
    let graphic = term.bytes().all(|b| b.is_ascii_graphic());
    check(
        M,
        "term",
        graphic && term.len() <= MAX_TERM,
        "at most 64 bytes of graphic ASCII",
    )?;
    let cols = cols.unwrap_or(u64::from(default.size.cols()));
    let rows = rows.unwrap_or(u64::from(default.size.rows()));
    let size = window_size(M, cols, rows, 0, 0)?;
    let env = env.map(|env| env.0).unwrap_or_default();
    check_env(M, &env)?;
    let text = command.as_deref().unwrap_or_default();
    let fits = text.len() <= MAX_COMMAND && !text.contains('\0');
    check(M, "command", fits, "at most 8 KiB without NUL")?;
    let wide = flow_window.is_none_or(|window| window >= MIN_FLOW_WINDOW);
    check(M, "flow_window", wide, "at least 1024")?;
    Ok(TerminalRequest {
        term,
        size,
        env,
        command,
        flow_window,
    })
}

fn window_size(
    message: &'static str,
    cols: u64,
    rows: u64,
    width_px: u32,
    height_px: u32,
) -> Result<WindowSize, BadMessage> {
    let size = match (u16::try_from(cols), u16::try_from(rows)) {
        (Ok(cols), Ok(rows)) => WindowSize::new(cols, rows, width_px, height_px),
        _ => None,
    };
    size.ok_or(BadMessage::Field {
        message,
        field: "cols, rows",
        accepted: "integers from 1 to 1000",
    })
}

fn resize(text: &[u8]) -> Result<ClientMessage, BadMessage> {
    #[derive(Deserialize)]
    struct Fields {
        cols: Option<u64>,
        rows: Option<u64>,
        width_px: Option<u32>,
        height_px: Option<u32>,
    }
    const M: &str = "resize";
    let f: Fields = fields(
        text,
        M,
        "integers cols and rows from 1 to 1000; width_px and height_px, 32 bits, optional",
    )?;
    let (cols, rows) = (required(M, "cols", f.cols)?, required(M, "rows", f.rows)?);
    let (width_px, height_px) = (f.width_px.unwrap_or(0), f.height_px.unwrap_or(0));
    Ok(ClientMessage::Resize(window_size(
        M, cols, rows, width_px, height_px,
    )?))
}

fn answer(text: &[u8]) -> Result<ClientMessage, BadMessage> {
    #[derive(Deserialize)]
    struct Fields {
        id: Option<u32>,
        answers: Option<Answers>,
    }
    const M: &str = "answer";
    let f: Fields = fields(text, M, "id, 32 bits; answers, an array of strings")?;
    let id = required(M, "id", f.id)?;
    let answers = required(M, "answers", f.answers)?.0;
    let short = answers
        .iter()
        .all(|answer| answer.expose().len() <= MAX_ANSWER);
    let few = answers.len() <= MAX_ANSWERS;
    check(
        M,
        "answers",
        few && short,
        "at most 32 strings of at most 1 KiB",
    )?;
    Ok(ClientMessage::Answer { id, answers })
}

fn host_key_answer(text: &[u8]) -> Result<ClientMessage, BadMessage> {
    #[derive(Deserialize)]
    struct Fields {
        id: Option<u32>,
        accept: Option<bool>,
    }
    const M: &str = "host_key_answer";
    let f: Fields = fields(text, M, "id, 32 bits; accept, true or false")?;
    let (id, accept) = (required(M, "id", f.id)?, required(M, "accept", f.accept)?);
    Ok(ClientMessage::HostKeyAnswer { id, accept })
}

fn signal(text: &[u8]) -> Result<ClientMessage, BadMessage> {
    #[derive(Deserialize)]
    struct Fields {
        name: Option<String>,
    }
    const M: &str = "signal";
    const NAMES: &str = "ABRT, ALRM, FPE, HUP, ILL, INT, KILL, PIPE, QUIT, SEGV, TERM, USR1, USR2";
    let f: Fields = fields(text, M, "name, a string")?;
    let signal = f.name.as_deref().and_then(SignalName::parse);
    let field = "name";
    signal.map(ClientMessage::Signal).ok_or(BadMessage::Field {
        message: M,
        field,
        accepted: NAMES,
    })
}

fn ack(text: &[u8]) -> Result<ClientMessage, BadMessage> {
    #[derive(Deserialize)]
    struct Fields {
        bytes: Option<u64>,
    }
    const M: &str = "ack";
    let f: Fields = fields(text, M, "bytes, an integer of 64 bits")?;
    Ok(ClientMessage::Ack {
        bytes: required(M, "bytes", f.bytes)?,
    })
}

fn ping(text: &[u8]) -> Result<ClientMessage, BadMessage> {
    #[derive(Deserialize)]
    struct Fields {
        data: Option<String>,
    }
    const M: &str = "ping";
    let f: Fields = fields(text, M, "data, a string, optional")?;
    let data = f.data.unwrap_or_default();
    check(M, "data", data.len() <= MAX_PING_DATA, "at most 125 bytes")?;
    Ok(ClientMessage::Ping { data })
}
