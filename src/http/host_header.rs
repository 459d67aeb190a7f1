//! Checks of Host and Origin against the names of a listener, which stop DNS rebinding (Host) and
//! cross-site pages (Origin).

use crate::config::{Admin, HostPort, Origin, Scheme, Server};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Value of a Host header: a host with an optional port.
#[derive(Debug, PartialEq, Eq)]
struct Authority {
    /// In lower case; an IPv6 address in its usual spelling, in brackets.
    host: String,
    port: Option<u16>,
}

impl Authority {
    /// `None` for anything with userinfo, an empty host, or a bad port.
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']')?;
                // Only an IPv6 address may stand in brackets.
                (format!("[{}]", host.parse::<Ipv6Addr>().ok()?), after)
            }
            None => {
                let (host, after) = text.split_at(text.find(':').unwrap_or(text.len()));
                let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
                let valid = !host.is_empty() && host.chars().all(is_name);
                (valid.then(|| host.to_ascii_lowercase())?, after)
            }
        };
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
            None => port.is_empty().then_some(None)?,
        };
        Some(Self { host, port })
    }
}

/// Listener on which a connection was accepted.
#[derive(Debug, Clone, Copy)]
pub struct ListenerInfo {
    /// Local address of the connection.
    pub local: SocketAddr,
    /// True if the listener serves TLS.
    pub tls: bool,
}

/// Names that a listener accepts.
pub(crate) struct AcceptedNames<'a> {
    /// Names besides the listener's own address.
    listed: &'a [HostPort],
    /// Setting that lists them.
    pub(super) listed_in: &'static str,
    /// `server.allowed_origins`.
    origins: &'a [Origin],
    /// Scheme of the listener's own pages. `None` is either: a proxy in front may terminate TLS.
    own_scheme: Option<Scheme>,
    listener: ListenerInfo,
}

impl<'a> AcceptedNames<'a> {
    /// Names of the public listener.
    pub(crate) fn of_server(server: &'a Server, listener: ListenerInfo) -> Self {
        Self {
            listed: &server.public_hosts,
            listed_in: "server.public_hosts",
            origins: &server.allowed_origins,
            own_scheme: None,
            listener,
        }
    }

    /// Names of the admin listener, without the public names and without pages of other
    /// sites.
    pub(crate) fn of_admin(admin: &'a Admin, listener: ListenerInfo) -> Self {
        Self {
            listed: &admin.allowed_hosts,
            listed_in: "admin.allowed_hosts",
            origins: &[],
            own_scheme: Some(Scheme::Http),
            listener,
        }
    }
}

impl AcceptedNames<'_> {
    /// Returns the remedy for a page that is refused: what to add to which setting.
    pub(super) fn origin_remedy(&self) -> String {
        let listed = self.listed_in;
        match self.own_scheme {
            None => {
                format!("it to server.allowed_origins, or to {listed} if it is this server's own")
            }
            Some(_) => format!("its host and port to {listed} if it is this listener's own"),
        }
    }

    /// Returns whether a Host header names this server.
    pub(super) fn accepts_host(&self, host: &str) -> bool {
        let Some(authority) = Authority::parse(host) else {
            return false;
        };
        let default = if self.listener.tls { 443 } else { 80 };
        self.is_own(&authority.host, authority.port.unwrap_or(default))
            || self
                .listed
                .iter()
                .any(|name| self.is_name(name, &authority))
    }

    /// Returns whether an Origin header is a page of this server's own, or of those on the list.
    /// `null` and everything with a path is not.
    pub(super) fn accepts_origin(&self, origin: &str) -> bool {
        let Some(origin) = Origin::parse(origin) else {
            return false;
        };
        let own_scheme = self.own_scheme.is_none_or(|own| own == origin.scheme());
        (own_scheme && self.is_own(origin.host(), origin.port()))
            || self.listed.iter().any(|name| name.is_page(&origin))
            || self.origins.contains(&origin)
    }

    /// Returns whether it is the literal address the client connected to, in any spelling, or on
    /// loopback `localhost`; with the listener's port.
    fn is_own(&self, host: &str, port: u16) -> bool {
        let local = self.listener.local.ip().to_canonical();
        if port != self.listener.local.port() {
            return false;
        }
        if host == "localhost" {
            return local.is_loopback();
        }
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        address.is_ok_and(|ip| ip.to_canonical() == local)
    }

    /// Compares a listed name with the header. A header without a port means the scheme's, which is
    /// unknown where a proxy in front may terminate TLS.
    fn is_name(&self, name: &HostPort, authority: &Authority) -> bool {
        let port = match (name.port, authority.port) {
            (None, _) => true,
            (Some(listed), Some(port)) => listed == port,
            (Some(listed), None) => listed == 443 || (listed == 80 && !self.listener.tls),
        };
        port && name.host == authority.host
    }
}

#[cfg(test)]
mod tests;
