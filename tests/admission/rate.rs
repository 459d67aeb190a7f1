//! `rate_limit.enabled`: requests per client.

use crate::common::raw::{Answer, exchange};
use crate::common::{Admin, Bridge, wait_until};
use crate::{BEHIND_PROXY, bridge, upgrade};
use std::time::Instant;

/// Three at once, and no more for the duration of a test.
const SLOW: [&str; 4] = [
    BEHIND_PROXY,
    "rate_limit.enabled=true",
    "rate_limit.connections=3",
    "rate_limit.period=1h",
];

fn of(bridge: &Bridge, client: &str) -> Answer {
    upgrade(bridge, &format!("X-Forwarded-For: {client}\r\n"))
}

/// Counts the requests of one client until one is refused.
fn allowed(bridge: &Bridge, client: &str) -> usize {
    let answered = (0..10).find(|_| of(bridge, client).status == 429);
    answered.unwrap_or(10)
}

#[test]
fn a_client_over_its_rate_gets_429_and_no_other_client() {
    let bridge = bridge(&[&SLOW[..], &["server.shards=2"]].concat());
    let start = Instant::now();
    assert_eq!(allowed(&bridge, "198.51.100.7"), 3);
    let answer = of(&bridge, "198.51.100.7");
    assert_eq!(answer.status, 429);
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("application/problem+json"));
    assert_eq!(answer.json()["status"], 429);
    let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    // One of three in an hour, rounded up to seconds.
    let passed = start.elapsed().as_secs() + 1;
    assert!((1200 - passed..=1200).contains(&after), "{after}");
    // What was not asked for a session counts as well, and comes before any other refusal.
    let health = "GET /healthz HTTP/1.1\r\nHost: nowhere\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n";
    assert_eq!(exchange(bridge.addr(), health).status, 429);

    assert_eq!(allowed(&bridge, "198.51.100.8"), 3);
    // IPv6 by /64.
    assert_eq!(of(&bridge, "2001:db8::1").status, 101);
    assert_eq!(of(&bridge, "2001:db8::2").status, 101);
    assert_eq!(allowed(&bridge, "2001:db8::3"), 1);
    assert_eq!(allowed(&bridge, "2001:db8:0:1::1"), 3);

    let admin = Admin::of(&bridge);
    assert_eq!(admin.metric("sshard_http_responses_total", "\"429\""), 6);
}

#[test]
fn the_rate_limit_is_off_by_default_and_for_exempt_clients() {
    let open = bridge(&[BEHIND_PROXY, "rate_limit.connections=1"]);
    assert_eq!(allowed(&open, "198.51.100.7"), 10);
    let some = bridge(&[&SLOW[..], &["rate_limit.exempt=198.51.100.0/24"]].concat());
    assert_eq!(allowed(&some, "198.51.100.7"), 10);
    assert_eq!(allowed(&some, "198.51.101.7"), 3);
}

#[test]
fn a_client_that_waits_for_retry_after_is_served() {
    let bridge = bridge(&[
        "rate_limit.enabled=true",
        "rate_limit.connections=1",
        "rate_limit.period=50ms",
    ]);
    // A machine that is slow may need more than 50 ms for one request.
    let refused = (0..1000).map(|_| upgrade(&bridge, ""));
    let refused = refused.into_iter().find(|answer| answer.status == 429);
    let refused = refused.expect("never refused");
    assert_eq!(refused.header("retry-after"), Some("1"));
    wait_until("never served again", || upgrade(&bridge, "").status == 101);
}
