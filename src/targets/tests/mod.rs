//! Tables: what is a target, what is a rule, and what the rules allow.

mod address;
mod forbidden;
mod own;
mod policy;
mod properties;
mod rules;

use super::{Policy, PolicyDenial, PolicyErrors, Resolution, TargetRequest};
use crate::config::{NamedTarget, Targets};
use std::net::SocketAddr;

/// Parses entries of `targets.allow`, `targets.deny` and `targets.named`.
fn parse<T: AsRef<str>>(allow: &[T], deny: &[T], named: &[T]) -> Result<Policy, PolicyErrors> {
    let strings = |entries: &[T]| entries.iter().map(|e| e.as_ref().to_owned()).collect();
    Policy::parse(&Targets {
        allow: strings(allow),
        deny: strings(deny),
        named: named
            .iter()
            .map(|e| NamedTarget::short(e.as_ref()))
            .collect(),
        ..Targets::default()
    })
}

pub(super) fn policy(allow: &[&str]) -> Policy {
    parse(allow, &[], &[]).unwrap()
}

fn named(name: &str) -> TargetRequest {
    TargetRequest::Named(name.to_owned())
}

/// Requests as they come from a URL: `host` with brackets and encoding.
fn evaluate(policy: &Policy, host: &str, port: u16) -> Result<Resolution, PolicyDenial> {
    let requested = TargetRequest::from_segments(&[host, &port.to_string()]).unwrap();
    policy.evaluate(&requested)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}
