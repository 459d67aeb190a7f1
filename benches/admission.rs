//! Cost of admitting a connection: Origin check, client address from proxy headers, rate limit,
//! login throttle, ticket.
//!
//! On one thread. Does NOT measure refusals, nor what HTTP itself costs.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros make an undocumented function; a bench fails by panicking"
)]

use std::hint::black_box;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use criterion::{Criterion, criterion_group, criterion_main};
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use jsonwebtoken::{EncodingKey, Header, encode};
use sshard::config::{Admission, ClientIpHeader, Origin};
use sshard::limits::{ClientKey, Rate, RateTable, TargetKey};
use sshard::net::Net;
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

criterion_group!(benches, origin, forwarded, rate, ticket);
criterion_main!(benches);
