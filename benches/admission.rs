//! Cost of admitting a connection: Origin check, client address from proxy headers, rate limit,
//! login throttle, ticket; the limits (admit, target, login, release); and the target policy, which
//! is the rules before name resolution and the check of the resolved addresses.
//!
//! Does NOT measure what HTTP itself costs, nor look-ups of names.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros make an undocumented function; a bench fails by panicking"
)]

use std::hint::black_box;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use criterion::{Criterion, criterion_group, criterion_main};
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use jsonwebtoken::{EncodingKey, Header, encode};
use sshard::config::{Admission, ClientIpHeader, Origin, Targets};
use sshard::limits::{ClientKey, LimitTable, Limits, Rate, RateTable, TargetKey};
use sshard::net::Net;
use sshard::targets::{OwnListeners, Policy, TargetRequest};
use sshard::ticket::Tickets;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn origin(c: &mut Criterion) {
    let listed: Vec<_> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| Origin::parse(&format!("https://{name}.example.org:8443")).unwrap())
        .collect();
    c.bench_function("admission/origin, the last of four", |b| {
        b.iter(|| {
            let origin = Origin::parse(black_box("https://d.example.org:8443"));
            assert!(origin.is_some_and(|origin| listed.contains(&origin)));
        });
    });
}

fn forwarded(c: &mut Criterion) {
    let proxies = ["10.0.0.0/8", "2001:db8::/32"].map(|net| Net::parse(net).unwrap());
    let peer: IpAddr = [10, 0, 0, 1].into();
    let client: IpAddr = [198, 51, 100, 7].into();
    for (header, value) in [
        (
            ClientIpHeader::XForwardedFor,
            "203.0.113.9, 198.51.100.7, 10.0.0.3, 10.0.0.2",
        ),
        (
            ClientIpHeader::Forwarded,
            "for=203.0.113.9, for=198.51.100.7;proto=https, for=10.0.0.3, for=\"10.0.0.2:1\"",
        ),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header.as_str(), HeaderValue::from_static(value));
        let name = format!("admission/{}, three hops", header.as_str());
        c.bench_function(&name, |b| {
            b.iter(|| {
                let found = sshard::http::client_ip(black_box(&headers), peer, &proxies, header);
                assert_eq!(found, client);
            });
        });
    }
}

/// A clock that runs fast enough for the rate never to refuse.
fn now(start: Instant, count: &mut u32) -> Instant {
    *count += 1;
    start + Duration::from_millis(1) * *count
}

#[allow(clippy::disallowed_methods, reason = "the start of the bench")]
fn rate(c: &mut Criterion) {
    let start = Instant::now();
    let rate = Rate::new(10, Duration::from_millis(1));
    let mut count = 0;
    let table = RateTable::new(65_536, start);
    let client = ClientKey::from(IpAddr::from([198, 51, 100, 7]));
    c.bench_function("admission/rate, one client", |b| {
        b.iter(|| {
            let taken = table.take(black_box(client), rate, now(start, &mut count));
            assert!(taken.is_ok());
        });
    });
    let mut number = 0u32;
    c.bench_function("admission/rate, a client never seen", |b| {
        b.iter(|| {
            number = number.wrapping_add(1);
            let client = ClientKey::from(IpAddr::from(number.to_be_bytes()));
            let taken = table.take(black_box(client), rate, now(start, &mut count));
            assert!(taken.is_ok());
        });
    });
    let target: SocketAddr = ([192, 0, 2, 1], 22).into();
    let key = (client, TargetKey::from(target));
    c.bench_function("admission/login, taken and given back", |b| {
        b.iter(|| {
            let now = now(start, &mut count);
            let taken = table.take(black_box(key), rate, now);
            table.give_back(taken.unwrap(), now);
        });
    });
}

fn ticket(c: &mut Criterion) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(KEY.as_bytes()).unwrap();
    let tickets = Tickets::from_settings(&Admission {
        ticket_key_file: Some(file.path().to_owned()),
        ..Admission::default()
    });
    let tickets = tickets.unwrap().unwrap();
    let claims = serde_json::json!({
        "target": "db.example.org:22", "sub": "alice", "iat": 1_900_000_000, "exp": 1_900_000_060,
    });
    let key = EncodingKey::from_secret(KEY.as_bytes());
    let ticket = encode(&Header::default(), &claims, &key).unwrap();
    let now: SystemTime = UNIX_EPOCH + Duration::from_secs(1_900_000_001);
    c.bench_function("admission/ticket", |b| {
        b.iter(|| {
            let admitted = tickets.verify(black_box(&ticket), "alice", now).unwrap();
            assert!(admitted.is_for(None, "db.example.org", 22));
        });
    });
}

const LIMITS: Limits = Limits {
    max_connections: 1000,
    max_per_target: 1000,
    max_unauthenticated: 1000,
    max_per_client: 0,
};

fn target(number: u8) -> TargetKey {
    SocketAddr::from(([198, 51, 100, number], 22)).into()
}

/// One connection: admitted, target, logged in, gone. A run of refusals cannot pass for a fast one.
fn connection(table: &Arc<LimitTable>, key: TargetKey) {
    let admission = table.admit(IpAddr::V4(Ipv4Addr::LOCALHOST)).ok().unwrap();
    let permit = admission.target(key);
    drop(admission.logged_in());
    assert!(black_box(&permit).is_ok());
}

fn measure(c: &mut Criterion, name: &str, key: TargetKey, table: &Arc<LimitTable>) {
    c.bench_function(name, |b| b.iter(|| connection(table, black_box(key))));
}

fn limits(c: &mut Criterion) {
    let table = LimitTable::new(LIMITS, 2);
    measure(c, "limits/one thread", target(1), &table);
    for (beside, other) in [("same target", 1), ("other target", 2)] {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    connection(&table, target(other));
                }
            });
            let name = format!("limits/two threads, {beside}");
            measure(c, &name, target(1), &table);
            stop.store(true, Ordering::Relaxed);
        });
    }
}

/// `count` rules: a third exact hosts, a third suffixes, a third networks; then those the measured
/// targets match, so that every rule is looked at. A tenth as many deny rules.
fn policy(count: usize) -> Policy {
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
    let targets = Targets {
        allow,
        deny,
        ..Targets::default()
    };
    let own = OwnListeners::default();
    own.set(vec![
        SocketAddr::from(([0, 0, 0, 0], 8022)),
        SocketAddr::from(([127, 0, 0, 1], 8023)),
    ]);
    Policy::parse(&targets).unwrap().with_own(own)
}

fn host(host: &str) -> TargetRequest {
    TargetRequest::Host {
        host: host.to_owned(),
        port: 22,
    }
}

fn policies(c: &mut Criterion) {
    for count in [10, 1000] {
        let policy = policy(count);
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

criterion_group!(benches, origin, forwarded, rate, ticket, limits, policies);
criterion_main!(benches);
