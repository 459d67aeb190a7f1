//! Cost of the limits per connection: admit, target, release.
//!
//! Does NOT measure refusals.
#![allow(
    missing_docs,
    reason = "criterion's macros make an undocumented function"
)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use criterion::{Criterion, criterion_group, criterion_main};
use sshard::limits::{LimitTable, Limits, TargetKey};

const LIMITS: Limits = Limits {
    max_connections: 1000,
    max_per_target: 1000,
    max_unauthenticated: 1000,
    max_per_client: 0,
};

fn target(number: u8) -> TargetKey {
    SocketAddr::from(([198, 51, 100, number], 22)).into()
}

/// One connection: admitted, target, logged in, gone. Returns whether it was admitted, so that a
/// run of refusals cannot pass for a fast one.
fn connection(table: &Arc<LimitTable>, key: TargetKey) -> bool {
    let Ok(admission) = table.admit(IpAddr::V4(Ipv4Addr::LOCALHOST)) else {
        return false;
    };
    let permit = admission.target(key);
    drop(admission.logged_in());
    black_box(&permit).is_ok()
}

fn measure(c: &mut Criterion, name: &str, key: TargetKey, table: &Arc<LimitTable>) {
    c.bench_function(name, |b| {
        b.iter(|| assert!(connection(table, black_box(key))));
    });
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

criterion_group!(benches, limits);
criterion_main!(benches);
