//! Tables: what is a target, what is a rule, and what the rules allow.

mod address;
mod forbidden;
mod own;
mod policy;
mod properties;
mod rules;

use super::{Policy, PolicyDenial, Resolution, TargetRequest};
use std::net::SocketAddr;

fn strings(entries: &[&str]) -> Vec<String> {
    entries.iter().map(|e| (*e).to_owned()).collect()
}

fn policy(allow: &[&str]) -> Policy {
    Policy::parse(&strings(allow), &[], &[]).unwrap()
}

/// Requests as they come from a URL: `host` with brackets and encoding.
fn evaluate(policy: &Policy, host: &str, port: u16) -> Result<Resolution, PolicyDenial> {
    let requested = TargetRequest::from_segments(&[host, &port.to_string()]).unwrap();
    policy.evaluate(&requested)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}
