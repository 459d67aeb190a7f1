//! The headers that every answer of the pages carries: no code and no connection but the bridge's
//! own, no frame around it but those of the origins that the operator names, no referrer.

use super::Asked;
use crate::config::Origin;
use hyper::HeaderMap;
use hyper::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

static STRICT_HEADERS: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "clipboard-read=(self), clipboard-write=(self), fullscreen=(self), \
         camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=(), payment=(), midi=(), \
         display-capture=(), screen-wake-lock=()",
    ),
];

/// The policy of the operator's page, which speaks to its own listener alone and opens no
/// WebSocket.
const OPERATOR: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                        img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                        require-trusted-types-for 'script'; trusted-types 'none'";

/// Sets those of the administrator's listener, whatever it answers: no page frames it or reads it.
pub(crate) fn secure_operator(headers: &mut HeaderMap) {
    for (name, value) in &STRICT_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(OPERATOR));
}

/// Sets those of the terminal page. The host stands in the policy, because `connect-src 'self'`
/// leaves out WebSockets in older Safari; both schemes stand there, because TLS may end at a proxy.
pub(super) fn secure(headers: &mut HeaderMap, asked: &Asked<'_>) {
    for (name, value) in &STRICT_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let embedders = &asked.config.web.embed_origins;
    if embedders.is_empty() {
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    let ancestors = ancestors(embedders);
    // An accepted Host has letters, digits and `.-_:[]` alone.
    let host = asked.host.to_str().unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; \
         connect-src 'self' ws://{host} wss://{host}; img-src 'self'; font-src 'self'; manifest-src 'self'; \
         worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
}

/// Returns the sources of `frame-ancestors`. X-Frame-Options has no list; where there is one, this
/// alone says it.
fn ancestors(embedders: &[Origin]) -> String {
    if embedders.is_empty() {
        return "'none'".to_owned();
    }
    let origins: Vec<String> = embedders.iter().map(Origin::to_string).collect();
    origins.join(" ")
}
