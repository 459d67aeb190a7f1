//! Decides which targets may be reached. Two steps: [`Policy::plan`] before
//! the name is looked up, [`Plan::filter`] on the addresses that were found.
//! Connects to nothing; the entries are read by `rule`.
//!
//! - An address is allowed if a network rule holds it, or if a rule allows
//!   the name it was found under.
//! - Loopback, link-local, metadata and the other ranges of `net` are opened
//!   only by a rule that names an address or network inside the range, by an
//!   exact host rule, or by a named target; never by `*.suffix` or `0.0.0.0/0`.
//! - A deny rule wins over all of these: what it names is neither looked up
//!   nor dialled, under whatever name, the named targets' included.
//! - The bridge's own listeners, the administrator's among them, are opened
//!   only by an entry for that very port: a named target, or a rule with one
//!   port and an exact host or a single address. A network, a range of ports
//!   or `*` does not open them.
//! - IPv6 addresses that stand for an IPv4 address are judged as that address.
//! - Known keys, quotas and throttles go by one spelling of a host: [`Plan::host`],
//!   [`Plan::counted_as`].

use super::address::{Host, Requested};
use super::net::{ends, special_range};
use super::own::OwnListeners;
use super::rule::{Subject, parse_named, without_dot};
use super::rules::{PolicyErrors, Rules};
use crate::config::{self, Fixed};
use crate::net::{canonical_host, canonical_ip};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use thiserror::Error;

/// Why a target is refused. For the operator's log; clients are told only
/// that the target is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// `Requested::Named` with a name that is not configured.
    #[error("no target of this name is configured")]
    UnknownName,
    /// Not a host at all.
    #[error("this is not a host name or an address")]
    NotAHost,
    /// No rule could allow this name with this port.
    #[error("no rule allows this host and port")]
    NoRule,
    /// The name leads to an address that no rule allows.
    #[error("no rule allows the address {0}")]
    Address(SocketAddr),
    /// A rule denies this name or address.
    #[error("a rule of targets.deny forbids {0}")]
    Denied(String),
    /// The address needs an entry of its own.
    #[error("{address} is {what}; it needs an entry of its own")]
    Special {
        /// The address as it would be dialled.
        address: SocketAddr,
        /// What it is, with its article.
        what: &'static str,
    },
    /// The bridge itself listens there.
    #[error("the bridge itself listens at {0}; it needs an entry of its own, with this one port")]
    OwnListener(SocketAddr),
}

/// The rules in force. Cheap to clone; the clones share the rules.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: Arc<Rules>,
    /// What named targets fix beside their addresses, by name.
    fixed: Arc<HashMap<String, Arc<Fixed>>>,
    own: OwnListeners,
}

impl Policy {
    /// Reads the section `targets`.
    ///
    /// # Errors
    /// As [`Policy::parse`].
    pub fn read(targets: &config::Targets) -> Result<Self, PolicyErrors> {
        let named: Vec<String> = targets.named.iter().map(|t| t.address.clone()).collect();
        let mut policy = Self::parse(&targets.allow, &targets.deny, &named)?;
        let fixed = targets.named.iter().filter_map(|target| {
            let (name, _) = parse_named(&target.address).ok()?;
            Some((name, Arc::new(target.fixed.clone())))
        });
        policy.fixed = Arc::new(fixed.collect());
        Ok(policy)
    }

    /// Reads `targets.allow`, `targets.deny` and the addresses of `targets.named`.
    ///
    /// # Errors
    /// Every entry that cannot be read, and every name given twice.
    pub fn parse(
        allow: &[String],
        deny: &[String],
        named: &[String],
    ) -> Result<Self, PolicyErrors> {
        Ok(Self {
            rules: Arc::new(Rules::parse(allow, deny, named)?),
            fixed: Arc::default(),
            own: OwnListeners::default(),
        })
    }

    /// With the listeners of this process, which broad rules do not open.
    #[must_use]
    pub fn with_own(self, own: OwnListeners) -> Self {
        Self { own, ..self }
    }

    /// Whether nothing at all is allowed.
    pub fn is_empty(&self) -> bool {
        self.rules.allow.is_empty() && self.rules.named.is_empty()
    }

    /// Whether `targets.named` has this name.
    pub fn is_configured(&self, name: &str) -> bool {
        self.rules.named.contains_key(name)
    }

    /// The first step, before anything is looked up. An address that is not
    /// allowed, and a name that could not lead to an allowed one, end here.
    ///
    /// # Errors
    /// [`Refused`]: the target must not even be resolved.
    pub fn plan(&self, requested: &Requested) -> Result<Plan, Refused> {
        let (host, port, named) = match requested {
            Requested::Named(name) => {
                let endpoint = self.rules.named.get(name).ok_or(Refused::UnknownName)?;
                (endpoint.host.clone(), endpoint.port, true)
            }
            Requested::Host { host, port } => {
                let host = Host::parse(host).map_err(|_| Refused::NotAHost)?;
                (host, *port, false)
            }
        };
        if let Host::Name(name) = &host
            && self.rules.denies_name(without_dot(name), port)
        {
            return Err(Refused::Denied(canonical_host(&host.to_string())));
        }
        let grant = match &host {
            _ if named => Grant::Named,
            Host::Ip(_) => Grant::Networks,
            Host::Name(name) => self.grant(without_dot(name), port).ok_or(Refused::NoRule)?,
        };
        let fixed = match requested {
            Requested::Named(name) => self.fixed.get(name).cloned(),
            Requested::Host { .. } => None,
        };
        let plan = Plan {
            fixed: fixed.unwrap_or_default(),
            canonical: canonical_host(&host.to_string()),
            host,
            port,
            grant,
            rules: self.rules.clone(),
            own: self.own.clone(),
        };
        if let Host::Ip(ip) = plan.host {
            plan.permits(SocketAddr::new(ip, port))?;
        }
        Ok(plan)
    }

    fn grant(&self, name: &str, port: u16) -> Option<Grant> {
        let rules = &self.rules;
        if rules.any(port, |s| matches!(s, Subject::Exact(n) if n == name)) {
            Some(Grant::Explicit)
        } else if rules.any(
            port,
            |s| matches!(s, Subject::Suffix(n) if name.ends_with(n)),
        ) {
            Some(Grant::Suffix)
        } else if rules.any(port, |s| matches!(s, Subject::Net(_))) {
            Some(Grant::Networks)
        } else {
            None
        }
    }
}

/// What the name that was asked for allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grant {
    /// Wherever it leads, even to ourselves: the operator named the target.
    Named,
    /// Wherever it leads: the operator wrote this very name.
    Explicit,
    /// Ordinary addresses, and those of the network rules.
    Suffix,
    /// Nothing but the addresses of the network rules.
    Networks,
}

/// A target that may be looked up. Says which of its addresses may be dialled.
#[derive(Debug, Clone)]
pub struct Plan {
    host: Host,
    port: u16,
    grant: Grant,
    canonical: String,
    fixed: Arc<Fixed>,
    rules: Arc<Rules>,
    own: OwnListeners,
}

impl Plan {
    /// The host as known hosts, certificates and tickets name it
    /// ([`canonical_host`]), so that no other spelling of a host escapes the
    /// key on record for it.
    pub fn host(&self) -> &str {
        &self.canonical
    }

    /// The port that is dialled.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address that quotas and throttles count `dialled` under: one for all
    /// forms of an address.
    pub fn counted_as(&self, dialled: SocketAddr) -> SocketAddr {
        match canonical_ip(dialled.ip()) {
            // As it is, with its scope.
            IpAddr::V6(_) => dialled,
            ip @ IpAddr::V4(_) => SocketAddr::new(ip, dialled.port()),
        }
    }

    /// What the target fixes beside its address; nothing for one without a name.
    pub fn fixed(&self) -> &Fixed {
        &self.fixed
    }

    pub(super) fn lookup_host(&self) -> &Host {
        &self.host
    }

    /// Judges one address. Returns it as it is to be dialled: IPv4-mapped
    /// addresses as IPv4, without a flow label.
    ///
    /// # Errors
    /// [`Refused`] if the address, or its port, is not what was planned.
    pub fn permits(&self, address: SocketAddr) -> Result<SocketAddr, Refused> {
        let dialled = dialled(address);
        if dialled.port() != self.port {
            return Err(Refused::Address(dialled));
        }
        let ip = canonical_ip(dialled.ip());
        if ends(dialled.ip()).any(|end| self.rules.denies_address(end, self.port)) {
            return Err(Refused::Denied(dialled.to_string()));
        }
        if self.own.holds(dialled) && !self.opens_own(ip) {
            return Err(Refused::OwnListener(dialled));
        }
        if matches!(self.grant, Grant::Named | Grant::Explicit) {
            return Ok(dialled);
        }
        if let Some((special, end)) = special_range(dialled.ip()) {
            let opened = |s: &Subject| matches!(s, Subject::Net(net) if net.contains(end) && net.is_within(&special.net));
            if !self.rules.any(self.port, opened) {
                return Err(Refused::Special {
                    address: dialled,
                    what: special.what,
                });
            }
            if end == ip {
                return Ok(dialled);
            }
        }
        let in_network = |s: &Subject| matches!(s, Subject::Net(net) if net.contains(ip));
        if self.grant == Grant::Suffix || self.rules.any(self.port, in_network) {
            Ok(dialled)
        } else {
            Err(Refused::Address(dialled))
        }
    }

    /// Whether an entry was written for this port of this very host.
    fn opens_own(&self, ip: IpAddr) -> bool {
        self.grant == Grant::Named
            || self.rules.allow.iter().any(|rule| {
                let host = match (&rule.subject, &self.host) {
                    (Subject::Exact(allowed), Host::Name(name)) => allowed == without_dot(name),
                    (Subject::Net(net), _) => net.is_single() && net.contains(ip),
                    (Subject::Exact(_) | Subject::Suffix(_), _) => false,
                };
                host && rule.ports.is_single() && rule.ports.contains(self.port)
            })
    }

    /// The second step: judges all addresses a name has, and returns them in
    /// their order, each once.
    ///
    /// # Errors
    /// [`Refused`] if any one of them is not allowed. A name that mixes
    /// allowed and forbidden addresses is not to be trusted with either.
    pub fn filter(&self, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
        let mut allowed = Vec::with_capacity(addresses.len());
        for address in addresses {
            let address = self.permits(address)?;
            if !allowed.contains(&address) {
                allowed.push(address);
            }
        }
        Ok(allowed)
    }
}

/// The scope is kept: without it a link-local address leads nowhere.
fn dialled(address: SocketAddr) -> SocketAddr {
    match (address.ip().to_canonical(), address) {
        (IpAddr::V6(ip), SocketAddr::V6(v6)) => {
            SocketAddrV6::new(ip, v6.port(), 0, v6.scope_id()).into()
        }
        (ip, _) => SocketAddr::new(ip, address.port()),
    }
}
