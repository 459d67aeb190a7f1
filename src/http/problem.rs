//! Refusals: `application/problem+json` (RFC 9457), always before the upgrade.
//!
//! Does not log: the caller does.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE,
    WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use std::time::Duration;

/// Value of Retry-After with a 503, in seconds: capacity frees up as soon as one login succeeds or
/// times out.
const RETRY_SECONDS: u32 = 2;

/// Refusal of a request.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// Cause and remedy. Text of the client in it is quoted and escaped.
    pub(crate) detail: String,
    pub(super) retry_after: Option<u32>,
    /// Methods that are allowed (with 405).
    pub(super) allow: Option<&'static str>,
}

/// Complete response.
pub(crate) type Reply = Response<Full<Bytes>>;

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            retry_after: None,
            allow: None,
        }
    }

    /// 400: the request is malformed or not supported.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 503: the same request may succeed in a moment.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(RETRY_SECONDS),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// 429: the client exceeds its rate, and may try again after `wait`.
    pub(crate) fn too_often(wait: Duration) -> Self {
        // Rounded up: a client that retries a moment too early is refused again.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self {
            retry_after: Some(u32::try_from(seconds).unwrap_or(u32::MAX).max(1)),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "this client connects too often; try again after the seconds in Retry-After",
            )
        }
    }

    /// 401: the bearer token is missing or wrong (RFC 6750 section 3).
    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "send the token of admin.token_file, as `Authorization: Bearer TOKEN`",
        )
    }

    fn body(&self) -> String {
        let body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        body.to_string()
    }

    /// Serialises the response, for a connection that is closed with it.
    fn into_bytes(self) -> Vec<u8> {
        let (status, body) = (self.status, self.body());
        let mut bytes = format!("HTTP/1.1 {status}\r\n").into_bytes();
        for (name, value) in self.into_response().headers() {
            bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        let length = body.len();
        bytes.extend(format!("content-length: {length}\r\nconnection: close\r\n\r\n").bytes());
        bytes.extend(body.bytes());
        bytes
    }

    pub(crate) fn into_response(self) -> Reply {
        let mut response = Response::new(Full::new(Bytes::from(self.body())));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UPGRADE_REQUIRED {
            // Required by RFC 9110 section 15.5.22 and RFC 6455 section 4.4.
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(methods) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        response
    }
}

/// Response for a connection without a handshake slot.
pub(crate) fn raw_busy() -> Vec<u8> {
    Problem::unavailable(
        "too many connections have not sent their request yet; try again in a few seconds",
    )
    .into_bytes()
}

/// Response to a plaintext request on a port that serves TLS.
pub(crate) fn raw_speaks_tls() -> Vec<u8> {
    let detail = "this port speaks TLS: use https:// or wss://";
    Problem::new(StatusCode::BAD_REQUEST, detail).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_answer_is_a_whole_response() {
        let text = String::from_utf8(raw_busy()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{head}"
        );
        for line in [
            "content-type: application/problem+json",
            "retry-after: 2",
            "connection: close",
            &format!("content-length: {}", body.len()),
        ] {
            assert!(head.lines().any(|seen| seen == line), "{line}: {head}");
        }
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["status"], 503);
    }
}
