//! Target policy: decides which hosts may be looked up and which addresses may be connected to.
//!
//! Two steps: [`Policy::evaluate`] on the request, before the name is looked up, and
//! [`Resolution::filter`] on the addresses that were found.
//!
//! - An address is allowed if a network rule contains it, or if a rule allows the name it was found
//!   under.
//! - Loopback, link-local, metadata and the other ranges of `net` are opened only by a rule for an
//!   address or network inside the range, by an exact host rule, or by a named target; never by
//!   `*.suffix` or `0.0.0.0/0`.
//! - A deny rule wins over all of these: the bridge neither looks up nor connects to what it
//!   matches, under whatever name, the named targets' included.
//! - The bridge's own listeners, the admin listeners among them, are opened only by an entry for
//!   that very port: a named target, or a rule with one port and an exact host or a single address.
//!   A network, a range of ports or `*` does not open them.
//! - An IPv6 address that embeds an IPv4 address is canonicalised to it before any rule is applied.
//! - Known host keys, quotas and throttles use one spelling of a host: [`Resolution::host`],
//!   [`Resolution::counted_as`].
//!
//! Does not connect; does not parse the entries (`rule` does).

use super::address::{Host, TargetRequest};
use super::net::{Net, endpoints, special_range};
use super::own::OwnListeners;
use super::rule::{Subject, without_dot};
use super::rules::{Endpoint, PolicyErrors, Rules};
use crate::config::{self, TargetOverrides};
use crate::net::{canonical_host, canonical_ip};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use thiserror::Error;

/// Reason for which the policy denies a target. For the operator's log: a client only learns that
/// the target is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyDenial {
    /// `targets.named` has no such name.
    #[error("no target of this name is configured")]
    UnknownName,
    /// The text is no host name and no address.
    #[error("this is not a host name or an address")]
    NotAHost,
    /// No rule matches the name and the port, and none could match an address of it.
    #[error("no rule allows this host and port")]
    NoRule,
    /// No rule allows an address of the name.
    #[error("no rule allows the address {0}")]
    Address(SocketAddr),
    /// A rule denies this name or address.
    #[error("a rule of targets.deny forbids {0}")]
    Denied(String),
    /// The address needs an entry of its own.
    #[error("{address} is {what}; it needs an entry of its own")]
    Special {
        /// Canonical address.
        address: SocketAddr,
        /// Name of its range, with the article.
        what: &'static str,
    },
    /// The bridge itself listens there.
    #[error("the bridge itself listens at {0}; it needs an entry of its own, with this one port")]
    OwnListener(SocketAddr),
}

/// Rules in force. Cheap to clone; the clones share the rules.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: Arc<Rules>,
    own: OwnListeners,
}

impl Policy {
    /// Parses the section `targets`.
    ///
    /// # Errors
    /// Every entry that cannot be parsed, and every name given twice.
    pub fn parse(targets: &config::Targets) -> Result<Self, PolicyErrors> {
        Ok(Self {
            rules: Arc::new(Rules::parse(targets)?),
            own: OwnListeners::default(),
        })
    }

    /// Adds the listeners of this process, which broad rules do not open.
    #[must_use]
    pub fn with_own(self, own: OwnListeners) -> Self {
        Self { own, ..self }
    }

    /// Returns whether `targets.named` has this name.
    pub fn is_configured(&self, name: &str) -> bool {
        self.rules.named.contains_key(name)
    }

    /// Returns the canonical host and the port that a request is for, allowed or not; `None` if
    /// `targets.named` has no such name.
    pub fn endpoint(&self, request: &TargetRequest) -> Option<(String, u16)> {
        match request {
            TargetRequest::Named(name) => {
                let Endpoint { host, port, .. } = self.rules.named.get(name)?;
                Some((canonical_host(&host.to_string()), *port))
            }
            TargetRequest::Host { host, port } => Some((canonical_host(host), *port)),
        }
    }

    /// First step, before the look-up: denies an address that is not allowed, and a name of which
    /// no address could be.
    ///
    /// # Errors
    /// [`PolicyDenial`]: the name must not be looked up.
    pub fn evaluate(&self, request: &TargetRequest) -> Result<Resolution, PolicyDenial> {
        let (host, port, overrides) = match request {
            TargetRequest::Named(name) => {
                let named = self.rules.named.get(name);
                let Endpoint {
                    host,
                    port,
                    overrides,
                } = named.ok_or(PolicyDenial::UnknownName)?;
                (host.clone(), *port, Some(overrides.clone()))
            }
            TargetRequest::Host { host, port } => {
                let host = Host::parse(host).map_err(|_| PolicyDenial::NotAHost)?;
                (host, *port, None)
            }
        };
        if let Host::Name(name) = &host
            && self.rules.denies_name(without_dot(name), port)
        {
            return Err(PolicyDenial::Denied(canonical_host(&host.to_string())));
        }
        let matched = match &host {
            _ if overrides.is_some() => Match::Named,
            Host::Ip(_) => Match::Networks,
            Host::Name(name) => self
                .match_name(without_dot(name), port)
                .ok_or(PolicyDenial::NoRule)?,
        };
        let resolution = Resolution {
            overrides: overrides.unwrap_or_default(),
            canonical: canonical_host(&host.to_string()),
            host,
            port,
            matched,
            rules: self.rules.clone(),
            own: self.own.clone(),
        };
        if let Host::Ip(ip) = resolution.host {
            resolution.check_address(SocketAddr::new(ip, port))?;
        }
        Ok(resolution)
    }

    fn match_name(&self, name: &str, port: u16) -> Option<Match> {
        let rules = &self.rules;
        if rules.any(port, |s| matches!(s, Subject::Exact(n) if n == name)) {
            Some(Match::Explicit)
        } else if rules.any(
            port,
            |s| matches!(s, Subject::Suffix(n) if name.ends_with(n)),
        ) {
            Some(Match::Suffix)
        } else if rules.any(port, |s| matches!(s, Subject::Net(_))) {
            Some(Match::Networks)
        } else {
            None
        }
    }
}

/// Kind of entry that matches the requested host; decides which of its addresses are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    /// Named target: any address, the bridge's own listeners included.
    Named,
    /// Exact host rule: any address.
    Explicit,
    /// Suffix rule: ordinary addresses, and those of the network rules.
    Suffix,
    /// None of these: the addresses of the network rules alone.
    Networks,
}

/// Allowed host, to be looked up, with the rules for its addresses.
#[derive(Debug, Clone)]
pub struct Resolution {
    host: Host,
    port: u16,
    matched: Match,
    canonical: String,
    overrides: Arc<TargetOverrides>,
    rules: Arc<Rules>,
    own: OwnListeners,
}

impl Resolution {
    /// Canonical host name ([`canonical_host`]), which known hosts, certificates and tickets use,
    /// so that no other spelling of a host escapes the key on record for it.
    pub fn host(&self) -> &str {
        &self.canonical
    }

    /// Port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the address that quotas and throttles count `address` under, the same for all forms
    /// of an address.
    pub fn counted_as(&self, address: SocketAddr) -> SocketAddr {
        match canonical_ip(address.ip()) {
            // As it is, with its scope.
            IpAddr::V6(_) => address,
            ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        }
    }

    /// Overrides of a named target; empty for other targets.
    pub fn overrides(&self) -> &TargetOverrides {
        &self.overrides
    }

    pub(super) fn lookup_host(&self) -> &Host {
        &self.host
    }

    /// Checks one address. Returns the address to connect to: IPv4 in place of IPv4-mapped, and no
    /// flow label.
    ///
    /// # Errors
    /// [`PolicyDenial`] if the address, or its port, is not allowed.
    pub fn check_address(&self, address: SocketAddr) -> Result<SocketAddr, PolicyDenial> {
        let address = connect_address(address);
        if address.port() != self.port {
            return Err(PolicyDenial::Address(address));
        }
        let ip = canonical_ip(address.ip());
        if endpoints(address.ip()).any(|end| self.rules.denies_address(end, self.port)) {
            return Err(PolicyDenial::Denied(address.to_string()));
        }
        if self.own.contains(address) && !self.allows_own_listener(ip) {
            return Err(PolicyDenial::OwnListener(address));
        }
        if matches!(self.matched, Match::Named | Match::Explicit) {
            return Ok(address);
        }
        if let Some((range, what, end)) = special_range(address.ip()) {
            let opens = |rule: &Net| rule.contains(end) && rule.is_within(range);
            let opened = |s: &Subject| matches!(s, Subject::Net(rule) if opens(rule));
            if !self.rules.any(self.port, opened) {
                return Err(PolicyDenial::Special { address, what });
            }
            if end == ip {
                return Ok(address);
            }
        }
        let in_network = |s: &Subject| matches!(s, Subject::Net(net) if net.contains(ip));
        if self.matched == Match::Suffix || self.rules.any(self.port, in_network) {
            Ok(address)
        } else {
            Err(PolicyDenial::Address(address))
        }
    }

    /// Returns whether an entry names exactly this host and this port.
    fn allows_own_listener(&self, ip: IpAddr) -> bool {
        self.matched == Match::Named
            || self.rules.allow.iter().any(|rule| {
                let host = match (&rule.subject, &self.host) {
                    (Subject::Exact(allowed), Host::Name(name)) => allowed == without_dot(name),
                    (Subject::Net(net), _) => net.is_single() && net.contains(ip),
                    (Subject::Exact(_) | Subject::Suffix(_), _) => false,
                };
                host && rule.ports == (self.port..=self.port)
            })
    }

    /// Second step: checks all addresses of a name, and returns them in their order, each once.
    ///
    /// # Errors
    /// [`PolicyDenial`] if any of them is not allowed: a name that mixes allowed and forbidden
    /// addresses is trusted with neither.
    pub fn filter(&self, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, PolicyDenial> {
        let mut allowed = Vec::with_capacity(addresses.len());
        for address in addresses {
            let address = self.check_address(address)?;
            if !allowed.contains(&address) {
                allowed.push(address);
            }
        }
        Ok(allowed)
    }
}

/// Normalises an address for the connect call. Keeps the scope, without which a link-local address
/// is ambiguous.
fn connect_address(address: SocketAddr) -> SocketAddr {
    match (address.ip().to_canonical(), address) {
        (IpAddr::V6(ip), SocketAddr::V6(v6)) => {
            SocketAddrV6::new(ip, v6.port(), 0, v6.scope_id()).into()
        }
        (ip, _) => SocketAddr::new(ip, address.port()),
    }
}
