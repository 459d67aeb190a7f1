//! An Origin (RFC 6454): the scheme, host and port of a page, and nothing else of its address.
//! The same reader serves the setting and the header, so that both are held to one spelling.

use std::fmt;
use std::net::Ipv6Addr;

use super::value::Element;

/// Longest host name (RFC 1035 section 2.3.4).
const MAX_HOST: usize = 253;

/// The scheme of a page that may have an Origin.
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

    /// The port of a URL that names none.
    pub const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Where a page came from. Equal exactly when a browser takes two pages for the same origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    /// In lower case; an IPv6 address in its usual spelling, in brackets.
    host: String,
    port: u16,
}

impl Origin {
    /// Reads `scheme://host` or `scheme://host:port`, as browsers write it: `http` or `https` in
    /// lower case; no user, path or blank; no dot at the end of the host. Upper case in the host
    /// and the scheme's own port are accepted and mean the same as without.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = if let Some(rest) = text.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else {
            (Scheme::Http, text.strip_prefix("http://")?)
        };
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (address, after) = rest.split_once(']')?;
                let address: Ipv6Addr = address.parse().ok()?;
                (format!("[{address}]"), after)
            }
            None => {
                let (host, after) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
                (is_host(host).then(|| host.to_ascii_lowercase())?, after)
            }
        };
        let port = match port.strip_prefix(':') {
            Some(digits) => parse_port(digits).filter(|_| !digits.starts_with('0'))?,
            None => port.is_empty().then_some(scheme.port())?,
        };
        Some(Self { scheme, host, port })
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host in lower case; an IPv6 address in its usual spelling, in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; the scheme's own where none is written.
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

/// A port in plain digits; `parse` alone would take a sign.
pub(super) fn parse_port(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| plain && *port > 0)
}

/// Labels of letters, digits, `-` and `_`. Names in other scripts come as `xn--`.
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
