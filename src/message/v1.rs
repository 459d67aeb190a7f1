//! Parser of `sshard.v1` text messages: JSON to bounded values. It knows the fields and their
//! bounds, and of the order only `auth_seen`.
//!
//! Two passes over the text: the first finds `type` at any position, the second parses the fields
//! of that type. So secrets go directly from the text to their field and are never held in a
//! generic JSON tree. Unknown fields are skipped without recursion.

use super::bounds::{
    MAX_ANSWER, MAX_ANSWERS, MAX_CERTIFICATE, MAX_COMMAND, MAX_PASSPHRASE, MAX_PASSWORD,
    MAX_PING_DATA, MAX_PRIVATE_KEY, MAX_TERM, MAX_TICKET, MIN_FLOW_WINDOW,
};
use super::client::{
    AuthRequest, ClientMessage, Credentials, SignalName, TerminalRequest, WindowSize,
};
use super::fields::{
    Answers, Count, Env, check, check_env, check_username, cut, given, is_blank, required,
};
use super::kind::Kind;
use super::size::{Cells, SizeFields};
use super::{BadMessage, Incoming, Secret};
use bytes::Bytes;
use serde::Deserialize;
use std::borrow::Cow;

/// Reads one text message.
pub(super) fn parse(text: &[u8], auth_seen: bool) -> Result<Incoming, BadMessage> {
    let kind = Kind::parse(&message_type(text)?).ok_or(BadMessage::UnknownType)?;
    if !auth_seen && !kind.is_before_auth() {
        return Err(BadMessage::BeforeAuth);
    }
    let control = match kind {
        Kind::Auth if auth_seen => return Err(BadMessage::SecondAuth),
        Kind::Auth => return Ok(Incoming::Auth(Box::new(auth(text)?), Bytes::new())),
        Kind::Answer => Some(answer(text)?),
        Kind::HostKeyAnswer => Some(host_key_answer(text)?),
        Kind::Resize => resize(text),
        Kind::Signal => signal(text)?,
        Kind::Eof => Some(ClientMessage::Eof),
        Kind::Ack => Some(ack(text)?),
        Kind::Hold => Some(ClientMessage::Hold),
        Kind::Release => Some(ClientMessage::Release),
        Kind::Ping => Some(ping(text)?),
        Kind::Close => Some(ClientMessage::Close),
    };
    Ok(control.map_or(Incoming::Ignored, Incoming::Control))
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

/// Reads the fields of one type. serde's error texts are dropped: they quote the client.
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
    #[serde(default)]
    cols: Cells,
    #[serde(default)]
    rows: Cells,
    env: Option<Env>,
    command: Option<String>,
    flow_window: Option<u64>,
    progress: Option<bool>,
}

fn auth(text: &[u8]) -> Result<AuthRequest, BadMessage> {
    const M: &str = Kind::Auth.as_str();
    let mut f: AuthFields = fields(
        text,
        M,
        "strings username, password, private_key, passphrase, certificate, ticket, term, command; \
         an integer flow_window; env, an object of strings; progress, true or false",
    )?;
    let username = required(M, "username", f.username.take())?;
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
        let length = secret.as_ref().map_or(0, |secret| secret.expose().len());
        check(M, field, length <= max_bytes, accepted)?;
    }
    let certificate_len = f.certificate.as_ref().map_or(0, String::len);
    check(
        M,
        "certificate",
        certificate_len <= MAX_CERTIFICATE,
        "at most 16 KiB",
    )?;
    let terminal = terminal(&mut f)?;
    let credentials = Credentials {
        username,
        password: given(f.password),
        private_key: f.private_key.filter(|key| !is_blank(key.expose())),
        passphrase: given(f.passphrase),
        certificate: f.certificate.filter(|text| !is_blank(text)),
        ticket: f.ticket.filter(|ticket| !is_blank(ticket.expose())),
    };
    Ok(AuthRequest {
        credentials,
        terminal,
        progress: f.progress.unwrap_or_default(),
    })
}

fn terminal(f: &mut AuthFields) -> Result<TerminalRequest, BadMessage> {
    const M: &str = Kind::Auth.as_str();
    let default = TerminalRequest::default();
    let term = f.term.take().filter(|term| !is_blank(term));
    let term = term.unwrap_or(default.term);
    let graphic = term.bytes().all(|b| b.is_ascii_graphic());
    check(
        M,
        "term",
        graphic && term.len() <= MAX_TERM,
        "at most 64 bytes of graphic ASCII",
    )?;
    let cols = f.cols.0.unwrap_or(default.size.cols());
    let rows = f.rows.0.unwrap_or(default.size.rows());
    let size = WindowSize::new(cols, rows, 0, 0).unwrap_or_default();
    let env = f.env.take().map(|env| env.0).unwrap_or_default();
    check_env(M, &env)?;
    let command = f.command.take().filter(|command| !command.is_empty());
    let text = command.as_deref().unwrap_or_default();
    let fits = text.len() <= MAX_COMMAND && !text.contains('\0');
    check(M, "command", fits, "at most 8 KiB without NUL")?;
    let wide = f.flow_window.is_none_or(|window| window >= MIN_FLOW_WINDOW);
    check(M, "flow_window", wide, "at least 1024")?;
    Ok(TerminalRequest {
        term,
        size,
        env,
        command,
        flow_window: f.flow_window,
    })
}

/// Parses a size. Never an error: a bad size is no reason to lose a shell.
fn resize(text: &[u8]) -> Option<ClientMessage> {
    let fields: SizeFields = serde_json::from_slice(text).ok()?;
    fields.size().map(ClientMessage::Resize)
}

fn answer(text: &[u8]) -> Result<ClientMessage, BadMessage> {
    #[derive(Deserialize)]
    struct Fields {
        id: Option<u32>,
        answers: Option<Answers>,
    }
    const M: &str = Kind::Answer.as_str();
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
    const M: &str = Kind::HostKeyAnswer.as_str();
    let f: Fields = fields(text, M, "id, 32 bits; accept, true or false")?;
    let (id, accept) = (required(M, "id", f.id)?, required(M, "accept", f.accept)?);
    Ok(ClientMessage::HostKeyAnswer { id, accept })
}

/// Parses a signal. `None` for a name that SSH does not have: it cannot be delivered, and is no
/// reason to end the session.
fn signal(text: &[u8]) -> Result<Option<ClientMessage>, BadMessage> {
    #[derive(Deserialize)]
    struct Fields {
        name: Option<String>,
    }
    const M: &str = Kind::Signal.as_str();
    let f: Fields = fields(text, M, "name, a string")?;
    let name = required(M, "name", f.name)?.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    Ok(SignalName::parse(name).map(ClientMessage::Signal))
}

fn ack(text: &[u8]) -> Result<ClientMessage, BadMessage> {
    #[derive(Deserialize)]
    struct Fields {
        bytes: Option<Count>,
    }
    const M: &str = Kind::Ack.as_str();
    let f: Fields = fields(text, M, "bytes, a number of 64 bits")?;
    Ok(ClientMessage::Ack {
        bytes: required(M, "bytes", f.bytes)?.0,
    })
}

fn ping(text: &[u8]) -> Result<ClientMessage, BadMessage> {
    #[derive(Deserialize)]
    struct Fields {
        data: Option<String>,
    }
    const M: &str = Kind::Ping.as_str();
    let f: Fields = fields(text, M, "data, a string, optional")?;
    let data = f.data.unwrap_or_default();
    Ok(ClientMessage::Ping {
        data: cut(data, MAX_PING_DATA),
    })
}
