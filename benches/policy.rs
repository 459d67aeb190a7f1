//! Cost of the target policy per connection: the rules before name resolution, and the check of the
//! resolved addresses, with 10 and with 1,000 rules.
//!
//! The rule that matches stands last, so that every rule is looked at. Does NOT measure look-ups.
#![allow(
    missing_docs,
    reason = "criterion's macros make an undocumented function"
)]

use std::hint::black_box;
use std::net::SocketAddr;

use criterion::{Criterion, criterion_group, criterion_main};
use sshard::targets::{OwnListeners, Policy, TargetRequest};

/// `count` rules: a third exact hosts, a third suffixes, a third networks; then those the measured
/// targets match. As many deny rules, a tenth of them.
fn policy(count: usize) -> Option<Policy> {
    let rule = |n: usize| match n % 3 {
        0 => format!("host{n}.example.com:22"),
        1 => format!("*.zone{n}.example.net:22-2299"),
        _ => format!("10.{}.{}.0/24:22", n / 250 % 250, n % 250),
    };
    let mut allow: Vec<String> = (0..count.saturating_sub(2)).map(rule).collect();
    allow.extend([
        "wanted.example.org:22".to_owned(),
        "192.0.2.0/24:22".to_owned(),
    ]);
    let deny: Vec<String> = (0..count / 10)
        .map(|n| format!("172.16.{}.0/24:*", n % 250))
        .collect();
    let policy = Policy::parse(&allow, &deny, &[]).ok()?;
    let own = OwnListeners::default();
    own.set(vec![
        SocketAddr::from(([0, 0, 0, 0], 8022)),
        SocketAddr::from(([127, 0, 0, 1], 8023)),
    ]);
    Some(policy.with_own(own))
}

fn host(host: &str) -> TargetRequest {
    TargetRequest::Host {
        host: host.to_owned(),
        port: 22,
    }
}

fn policies(c: &mut Criterion) {
    for count in [10, 1000] {
        let Some(policy) = policy(count) else {
            continue;
        };
        let found = [1, 2].map(|n| SocketAddr::from(([192, 0, 2, n], 22)));
        for (what, target, allowed) in [
            ("a name", host("wanted.example.org"), true),
            ("a name of a network rule", host("other.example.org"), true),
            ("an address", host("192.0.2.1"), true),
            ("a refused address", host("198.51.100.1"), false),
        ] {
            c.bench_function(&format!("policy/{count} rules/{what}"), |b| {
                b.iter(|| {
                    let resolution = policy.evaluate(black_box(&target));
                    let checked = resolution
                        .and_then(|resolution| resolution.filter(black_box(found.to_vec())));
                    // A run of refusals can't pass for a fast one.
                    assert_eq!(checked.is_ok(), allowed);
                });
            });
        }
        // The kernel is asked, because the port is one of ours.
        let own = TargetRequest::Host {
            host: "192.0.2.1".to_owned(),
            port: 8022,
        };
        c.bench_function(&format!("policy/{count} rules/a port of ours"), |b| {
            b.iter(|| assert!(policy.evaluate(black_box(&own)).is_err()));
        });
    }
}

criterion_group!(benches, policies);
criterion_main!(benches);
