//! Parser of the entries of `targets.allow`, `targets.deny` and `targets.named`.
//!
//! `targets.allow`: `host`, `*.suffix`, `1.2.3.4`, `10.0.0.0/8`, `[2001:db8::1]` or
//! `[2001:db8::/32]`, then `:port`, `:first-last`, `:*`, or nothing for 22. `targets.named`:
//! `name=host`, or `name=host:port` with a single port.
//!
//! Does not apply the rules to requests: `policy` does.

use super::address::{AddressError, Host, is_target_name, parse_port};
use super::net::Net;
use crate::net::canonical_ip;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use thiserror::Error;

/// Port of an entry that has none.
const DEFAULT_PORT: u16 = 22;

/// Error of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{setting}: {entry:?}: {problem}")]
pub struct PolicyError {
    /// Key of the setting with the entry.
    pub setting: &'static str,
    /// Entry as written.
    pub entry: String,
    /// Problem, and the entries that are accepted.
    pub problem: &'static str,
}

/// Hosts that a rule matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// One DNS name, in lower case, without a trailing dot.
    Exact(String),
    /// Every name with this suffix, in lower case; it begins with a dot.
    Suffix(String),
    /// Every address in a network.
    Net(Net),
}

/// One entry of `targets.allow` or `targets.deny`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) subject: Subject,
    pub(super) ports: RangeInclusive<u16>,
}

/// Parses one entry of `targets.allow` or `targets.deny`.
pub(super) fn parse_rule(entry: &str) -> Result<Rule, &'static str> {
    let (host, port) = split_port(entry.trim())?;
    let ports = port.map_or(Ok(DEFAULT_PORT..=DEFAULT_PORT), parse_ports)?;
    let subject = if let Some(suffix) = host.strip_prefix('*') {
        parse_suffix(suffix)?
    } else if host.contains('/') {
        Subject::Net(parse_net(host)?)
    } else {
        match parse_host(host)? {
            Host::Ip(ip) => Subject::Net(Net::single(canonical(ip)?)),
            Host::Name(name) => Subject::Exact(without_dot(&name).to_owned()),
        }
    };
    Ok(Rule { subject, ports })
}

/// Parses the address of one entry of `targets.named`: name, host and port.
pub(super) fn parse_named(entry: &str) -> Result<(String, Host, u16), &'static str> {
    let (name, target) = entry
        .split_once('=')
        .ok_or("expected name=host or name=host:port")?;
    let name = name.trim();
    if !is_target_name(name) {
        return Err("the name must be 1 to 64 letters, digits, '.', '_' and '-'");
    }
    let (host, port) = split_port(target.trim())?;
    if host.contains(['*', '/']) {
        return Err("a named target is one host: no wildcard and no network");
    }
    let host = match parse_host(host)? {
        Host::Ip(ip) => Host::Ip(canonical(ip)?),
        host @ Host::Name(_) => host,
    };
    let port = match port {
        None => DEFAULT_PORT,
        Some(text) => parse_port(text).ok_or("the port must be a number from 1 to 65535")?,
    };
    Ok((name.to_owned(), host, port))
}

/// Removes the trailing dot, which only excludes the search list of the resolver.
pub(super) fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Splits at the colon before the port; the colons of IPv6 are inside brackets.
fn split_port(text: &str) -> Result<(&str, Option<&str>), &'static str> {
    const BRACKETS: &str = "an IPv6 address or network stands in brackets: [2001:db8::/32]:22";
    if text.contains("://") {
        return Err("a target is host:port, without a scheme such as ssh://");
    }
    if text.starts_with('[') {
        let end = text.find(']').ok_or(BRACKETS)?;
        let (host, rest) = text.split_at(end.saturating_add(1));
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(BRACKETS),
        };
    }
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((_, port)) if port.contains(':') => Err(BRACKETS),
        Some((host, port)) => Ok((host, Some(port))),
    }
}

fn parse_ports(text: &str) -> Result<RangeInclusive<u16>, &'static str> {
    if text == "*" {
        return Ok(1..=u16::MAX);
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (parse_port(first), parse_port(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        (Some(_), Some(_)) => Err("the range of ports ends before it begins"),
        _ => Err("the port must be 1 to 65535, a range like 2200-2299, or *"),
    }
}

fn parse_host(text: &str) -> Result<Host, &'static str> {
    Host::parse_bracketed(text).map_err(|error| match error {
        AddressError::Number => {
            "this looks like an IPv4 address; write all four numbers in decimal, without a final dot"
        }
        _ => "expected a DNS name, *.suffix, an IPv4 address or network, or [IPv6] in brackets",
    })
}

fn parse_suffix(text: &str) -> Result<Subject, &'static str> {
    const ACCEPTED: &str =
        "a wildcard is *.suffix; to allow every address write 0.0.0.0/0 or [::/0]";
    let name = text.strip_prefix('.').ok_or(ACCEPTED)?;
    match parse_host(name) {
        Ok(Host::Name(name)) => Ok(Subject::Suffix(format!(".{}", without_dot(&name)))),
        Ok(Host::Ip(_)) | Err(_) => Err(ACCEPTED),
    }
}

fn parse_net(text: &str) -> Result<Net, &'static str> {
    const ACCEPTED: &str = "a network is 10.0.0.0/8 or [2001:db8::/32]";
    let bracketed = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let (addr, prefix) = bracketed.unwrap_or(text).split_once('/').ok_or(ACCEPTED)?;
    let addr: IpAddr = addr.parse().map_err(|_| ACCEPTED)?;
    if addr.is_ipv6() != bracketed.is_some() {
        return Err(ACCEPTED);
    }
    let digits = prefix.bytes().all(|b| b.is_ascii_digit());
    let prefix = prefix.parse().ok().filter(|_| digits).ok_or(ACCEPTED)?;
    let net = Net::new(addr, prefix).ok_or("the prefix is longer than the address")?;
    if net.addr() != addr {
        return Err("the address has bits set after the prefix; write the network's first address");
    }
    // A network that only begins with such addresses contains others, too.
    canonical(addr).or_else(|problem| canonical(net.last()).map_err(|_| problem))?;
    Ok(net)
}

/// Refuses IPv6 addresses that embed IPv4 ones: requests are canonicalised to the IPv4 address, so
/// that such an entry would never match.
fn canonical(ip: IpAddr) -> Result<IpAddr, &'static str> {
    if canonical_ip(ip) == ip {
        Ok(ip)
    } else {
        Err("this IPv6 address embeds an IPv4 address; write the IPv4 address or network")
    }
}
