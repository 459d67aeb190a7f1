//! Host and Origin: which names the bridge answers to. Stops cross-site pages
//! (Origin) and DNS rebinding (Host).

use super::routes::Door;
use crate::config::{HostPort, Origin};
use std::net::IpAddr;

/// A host with an optional port, as it stands in Host and Origin.
#[derive(Debug, PartialEq, Eq)]
struct Authority<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// `None` for anything with userinfo, an empty host, or a bad port.
    fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']')?;
                // Only an IPv6 address may stand in brackets.
                host.parse::<std::net::Ipv6Addr>().ok()?;
                match after.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if after.is_empty() => (host, None),
                    None => return None,
                }
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || !host.chars().all(is_name) {
            return None;
        }
        let port = match port {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
            None => None,
        };
        Some(Self { host, port })
    }
}

/// The names a listener answers to.
pub(super) struct Hosts<'a> {
    /// `server.public_hosts`.
    pub(super) public: &'a [HostPort],
    /// `server.allowed_origins`.
    pub(super) origins: &'a [Origin],
    /// Where the client connected to.
    pub(super) door: Door,
}

impl Hosts<'_> {
    /// Whether a Host header names this server.
    pub(super) fn accepts_host(&self, host: &str) -> bool {
        let default_port = if self.door.tls { 443 } else { 80 };
        Authority::parse(host).is_some_and(|authority| self.names_us(&authority, default_port))
    }

    /// Whether an Origin header is a page of this server's own, or of those
    /// on the list. `null` and everything with a path is not.
    pub(super) fn accepts_origin(&self, origin: &str) -> bool {
        let listed = || Origin::parse(origin).is_some_and(|it| self.origins.contains(&it));
        self.is_own_origin(origin) || (!self.origins.is_empty() && listed())
    }

    fn is_own_origin(&self, origin: &str) -> bool {
        let (rest, default_port) = if let Some(rest) = origin.strip_prefix("http://") {
            (rest, 80)
        } else if let Some(rest) = origin.strip_prefix("https://") {
            (rest, 443)
        } else {
            return false;
        };
        Authority::parse(rest).is_some_and(|authority| self.names_us(&authority, default_port))
    }

    fn names_us(&self, authority: &Authority<'_>, default_port: u16) -> bool {
        let port = authority.port.unwrap_or(default_port);
        if self.is_public(authority) {
            return true;
        }
        if port != self.door.local.port() {
            return false;
        }
        if authority.host.eq_ignore_ascii_case("localhost") {
            return self.door.local.ip().to_canonical().is_loopback();
        }
        // The literal address the client connected to, in any spelling.
        authority
            .host
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical() == self.door.local.ip().to_canonical())
    }

    /// `public_hosts` without a port stand for any port: a proxy in front
    /// decides which one the public sees.
    fn is_public(&self, authority: &Authority<'_>) -> bool {
        self.public.iter().any(|public| {
            public
                .host
                .trim_matches(['[', ']'])
                .eq_ignore_ascii_case(authority.host)
                && (public.port.is_none() || public.port == authority.port)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    fn host_port(text: &str) -> HostPort {
        match text.split_once(':') {
            Some((host, port)) => HostPort {
                host: host.to_owned(),
                port: port.parse().ok(),
            },
            None => HostPort {
                host: text.to_owned(),
                port: None,
            },
        }
    }

    fn accepts(local: &str, public: &[&str], host: &str) -> (bool, bool) {
        let public: Vec<HostPort> = public.iter().map(|p| host_port(p)).collect();
        let local = local.parse().ok().unwrap_or(SocketAddr::from(([0; 4], 0)));
        let hosts = Hosts {
            public: &public,
            origins: &[],
            door: Door { local, tls: false },
        };
        (
            hosts.accepts_host(host),
            hosts.accepts_origin(&format!("http://{host}")),
        )
    }

    #[test]
    fn own_addresses_and_public_hosts_pass() {
        for (local, public, host) in [
            ("127.0.0.1:8022", &[][..], "127.0.0.1:8022"),
            ("127.0.0.1:8022", &[], "localhost:8022"),
            ("127.0.0.1:8022", &[], "LOCALHOST:8022"),
            ("[::1]:8022", &[], "[::1]:8022"),
            ("[::1]:8022", &[], "localhost:8022"),
            ("[::ffff:127.0.0.1]:8022", &[], "127.0.0.1:8022"),
            ("10.0.0.7:80", &[], "10.0.0.7"),
            ("10.0.0.7:8022", &["ssh.example.org"], "ssh.example.org"),
            (
                "10.0.0.7:8022",
                &["ssh.example.org"],
                "SSH.example.org:8443",
            ),
            (
                "10.0.0.7:8022",
                &["ssh.example.org:81"],
                "ssh.example.org:81",
            ),
        ] {
            assert_eq!(accepts(local, public, host), (true, true), "{host}");
        }
    }

    #[test]
    fn other_names_do_not() {
        for (local, public, host) in [
            ("127.0.0.1:8022", &[][..], "evil.example:8022"),
            ("127.0.0.1:8022", &[], "127.0.0.1"),
            ("127.0.0.1:8022", &[], "127.0.0.1:8023"),
            ("127.0.0.1:8022", &[], "127.0.0.2:8022"),
            ("127.0.0.1:8022", &[], "localhost.evil.example:8022"),
            ("127.0.0.1:8022", &[], "user@localhost:8022"),
            ("127.0.0.1:8022", &[], "localhost:8022/"),
            ("127.0.0.1:8022", &[], "localhost:8022@evil.example"),
            ("127.0.0.1:8022", &[], "localhost:+8022"),
            ("127.0.0.1:8022", &[], "localhost:99999"),
            ("127.0.0.1:8022", &[], ""),
            ("127.0.0.1:8022", &[], "[127.0.0.1]:8022"),
            ("10.0.0.7:8022", &[], "localhost:8022"),
            (
                "10.0.0.7:8022",
                &["ssh.example.org"],
                "ssh.example.org.evil.net",
            ),
            ("10.0.0.7:8022", &["ssh.example.org"], "xssh.example.org"),
            ("10.0.0.7:8022", &["ssh.example.org:81"], "ssh.example.org"),
        ] {
            assert_eq!(accepts(local, public, host), (false, false), "{host}");
        }
    }

    #[test]
    fn an_origin_needs_a_web_scheme() {
        let hosts = Hosts {
            public: &[],
            origins: &[],
            door: Door {
                local: SocketAddr::from(([127, 0, 0, 1], 443)),
                tls: false,
            },
        };
        assert!(hosts.accepts_origin("https://localhost"));
        assert!(!hosts.accepts_origin("http://localhost"));
        for origin in [
            "null",
            "",
            "localhost:443",
            "file://localhost:443",
            "https://",
        ] {
            assert!(!hosts.accepts_origin(origin), "{origin}");
        }
    }

    #[test]
    fn a_host_without_a_port_has_the_port_of_its_scheme() {
        for (port, tls, accepted) in [
            (80, false, true),
            (443, false, false),
            (443, true, true),
            (80, true, false),
        ] {
            let hosts = Hosts {
                public: &[],
                origins: &[],
                door: Door {
                    local: SocketAddr::from(([127, 0, 0, 1], port)),
                    tls,
                },
            };
            assert_eq!(hosts.accepts_host("localhost"), accepted, "{port} {tls}");
        }
    }

    /// Pairs of the listed origins and what becomes of a header, also used over real sockets.
    const ORIGINS: &str = include_str!("origins.txt");

    #[test]
    fn an_origin_on_the_list_is_matched_exactly() {
        let mut rows = 0;
        let mut listed: Vec<Origin> = Vec::new();
        for line in ORIGINS.lines().filter(|line| !line.starts_with('#')) {
            let (word, origin) = line.split_once(' ').unwrap();
            if word == "list" {
                listed.push(Origin::parse(origin).unwrap());
                continue;
            }
            let hosts = Hosts {
                public: &[],
                origins: &listed,
                door: Door {
                    local: SocketAddr::from(([10, 0, 0, 7], 8022)),
                    tls: false,
                },
            };
            assert_eq!(hosts.accepts_origin(origin), word == "101", "{line}");
            rows += 1;
        }
        assert!(rows >= 20 && listed.len() >= 2, "{rows} rows");
    }
}
