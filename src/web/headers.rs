//! Security headers of every response of the pages: code and connections of the bridge's own origin
//! only, frames of configured origins only, no referrer.

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

/// Content-Security-Policy of the operator's page, which connects to its own listener only.
const OPERATOR: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                        img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                        require-trusted-types-for 'script'; trusted-types 'none'";

/// Sets the headers of the admin listener, on every response: no page may frame or read
/// it.
pub(crate) fn secure_operator(headers: &mut HeaderMap) {
    for (name, value) in &STRICT_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(OPERATOR));
}

/// Sets the headers of the terminal page. The policy names the host, because `connect-src 'self'`
/// excludes WebSockets in older Safari, with both schemes, because TLS may end at a proxy.
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

/// Returns the sources of `frame-ancestors`, which alone can express a list: X-Frame-Options is
/// left out then.
fn ancestors(embedders: &[Origin]) -> String {
    if embedders.is_empty() {
        return "'none'".to_owned();
    }
    let origins: Vec<String> = embedders.iter().map(Origin::to_string).collect();
    origins.join(" ")
}
