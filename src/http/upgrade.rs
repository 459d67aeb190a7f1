//! WebSocket handshake (RFC 6455 section 4.2): subprotocol, checks of the request, and the 101.
//! Pure: the caller moves the socket.
//!
//! tungstenite checks only the first line of a header, and takes Upgrade and Sec-WebSocket-Version
//! for single values; only its check of the key and the answer to it are used.

use super::problem::{Problem, Reply};
use crate::config::Config;
use crate::message::{Dialect, SUBPROTOCOL_V1};
use async_tungstenite::tungstenite::handshake::server::create_response_with_body;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use hyper::{HeaderMap, Request, StatusCode};

/// Supported protocol version (RFC 6455 section 4.1).
const VERSION: &[u8] = b"13";

/// Elements of a list header (RFC 9110 section 5.6.1), of all its lines in order, without empty
/// ones.
fn elements(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(name).into_iter();
    let elements = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    elements
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// Returns whether a list header has this token, in any case.
fn lists(headers: &HeaderMap, name: HeaderName, token: &[u8]) -> bool {
    elements(headers, name).any(|element| element.eq_ignore_ascii_case(token))
}

/// Returns the dialect for the offered subprotocols: `sshard.v1`, or none for the compatible one.
///
/// # Errors
/// 400 if only other subprotocols are offered: the client would fail later.
pub(super) fn negotiate(headers: &HeaderMap, config: &Config) -> Result<Dialect, Problem> {
    let mut offered = elements(headers, SEC_WEBSOCKET_PROTOCOL).peekable();
    let is_any = offered.peek().is_some();
    if offered.any(|protocol| protocol == SUBPROTOCOL_V1.as_bytes()) {
        return Ok(Dialect::V1);
    }
    match (is_any, config.compat.enabled) {
        (true, _) => Err(Problem::bad_request(
            "none of the offered subprotocols is spoken here; offer sshard.v1",
        )),
        (false, true) => Ok(Dialect::Compatible),
        (false, false) => Err(Problem::bad_request(
            "offer the subprotocol sshard.v1; the compatible dialect is switched off",
        )),
    }
}

/// Returns the 101 to a GET request in HTTP/1.1.
///
/// # Errors
/// 426: no upgrade, or another version. 400: an invalid upgrade, or one with a body, whose end a
/// proxy in front may see elsewhere (request smuggling).
pub(super) fn handshake<B>(request: &Request<B>, dialect: Dialect) -> Result<Reply, Problem> {
    let headers = request.headers();
    if !headers.contains_key(UPGRADE) || !headers.contains_key(CONNECTION) {
        return Err(upgrade_required("this path takes WebSocket upgrades only"));
    }
    for (name, token) in [(CONNECTION, "upgrade"), (UPGRADE, "websocket")] {
        if !lists(headers, name.clone(), token.as_bytes()) {
            return Err(Problem::bad_request(format!(
                "not a WebSocket upgrade: the header {name} does not list {token}"
            )));
        }
    }
    let mut versions = elements(headers, SEC_WEBSOCKET_VERSION).peekable();
    if versions.peek().is_none() {
        return Err(Problem::bad_request(
            "not a WebSocket upgrade: there is no sec-websocket-version",
        ));
    }
    if !versions.any(|version| version == VERSION) {
        return Err(upgrade_required("sec-websocket-version must be 13"));
    }
    if has_body(headers) {
        return Err(Problem::bad_request("a WebSocket upgrade has no body"));
    }
    let mut response = accept(headers)?;
    if dialect == Dialect::V1 {
        response.headers_mut().insert(
            SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(SUBPROTOCOL_V1),
        );
    }
    Ok(response)
}

fn upgrade_required(detail: &str) -> Problem {
    Problem::new(StatusCode::UPGRADE_REQUIRED, detail)
}

/// Returns whether the headers announce a body, in any form: a proxy and this server could disagree
/// on where it ends.
fn has_body(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    headers.contains_key(TRANSFER_ENCODING) || lengths.any(|length| length.as_bytes() != b"0")
}

/// Returns the 101 if there is exactly one key, of 16 bytes in base64.
fn accept(headers: &HeaderMap) -> Result<Reply, Problem> {
    let wrong = || {
        Problem::bad_request(
            "not a WebSocket upgrade: exactly one sec-websocket-key is needed, 16 bytes in base64",
        )
    };
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return Err(wrong());
    };
    let upgrade = Request::builder()
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, VERSION)
        .header(SEC_WEBSOCKET_KEY, key)
        .body(());
    let upgrade = upgrade.map_err(|_| wrong())?;
    create_response_with_body(&upgrade, || Full::new(Bytes::new())).map_err(|_| wrong())
}
