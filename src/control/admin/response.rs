//! Answers of the admin listener, as text or JSON.

use crate::http::{Problem, Reply};
use crate::plain_text;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// Makes an answer of JSON.
///
/// # Errors
/// If `value` cannot be written; the log says why.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Result<Reply, Problem> {
    let text = serde_json::to_string(value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal error of the bridge; please report it with its log",
        )
    })?;
    // curl prints it on a terminal.
    let text = plain_text::escaped_json(&text).into_owned() + "\n";
    Ok(text_response(status, "application/json", text))
}

/// Makes an answer of the media type `kind`.
pub(super) fn text_response(status: StatusCode, kind: &'static str, text: String) -> Reply {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
