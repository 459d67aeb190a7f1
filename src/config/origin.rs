//! Web origins (RFC 6454): scheme, host and port of a page, and nothing else of its address.
//!
//! One parser serves the setting and the header, so that both have one spelling.

use std::fmt;
use std::net::Ipv6Addr;

use super::value::Element;

/// Longest host name (RFC 1035 section 2.3.4).
pub(super) const MAX_HOST: usize = 253;

/// Scheme of an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Default port of the scheme.
    pub const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Origin of a page. Two are equal exactly when browsers treat the pages as same-origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    /// In lower case; an IPv6 address in its canonical spelling, in brackets.
    host: String,
    port: u16,
}

impl Origin {
    /// Parses `scheme://host` or `scheme://host:port`, as browsers write it: `http` or `https` in
    /// lower case; no user, path or space; no dot at the end of the host. Upper case in the host
    /// and the default port are accepted and normalised.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = if let Some(rest) = text.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else {
            (Scheme::Http, text.strip_prefix("http://")?)
        };
        let (host, port) = split_host(rest, is_host)?;
        let port = match port {
            Some(digits) => parse_port(digits).filter(|_| !digits.starts_with('0'))?,
            None => scheme.port(),
        };
        Some(Self { scheme, host, port })
    }

    /// Scheme of the page.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host in lower case; an IPv6 address in its canonical spelling, in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port; the default of the scheme where none is written.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        write!(f, "{}://{host}", scheme.as_str())?;
        if *port == scheme.port() {
            return Ok(());
        }
        write!(f, ":{port}")
    }
}

/// Splits `host` or `host:port`. The host is in lower case; an IPv6 address, whose colons stand in
/// brackets, in its canonical spelling.
pub(super) fn split_host(
    text: &str,
    is_name: impl Fn(&str) -> bool,
) -> Option<(String, Option<&str>)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let host = match host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(address) => format!("[{}]", address.parse::<Ipv6Addr>().ok()?),
        None => is_name(host).then(|| host.to_ascii_lowercase())?,
    };
    Some((host, port))
}

/// Parses a port in plain digits; `u16::from_str` alone would accept a sign.
pub(super) fn parse_port(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| plain && *port > 0)
}

/// Returns whether every label has only letters, digits, `-` and `_`. Names in other scripts are
/// sent as `xn--`.
fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        !label.is_empty() && label.bytes().all(plain)
    };
    text.len() <= MAX_HOST && text.split('.').all(label)
}

impl Element for Origin {
    const ACCEPTS: &'static str = "an origin such as https://app.example.org or \
         https://app.example.org:8443, without a path";

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn spell(&self) -> String {
        self.to_string()
    }
}
