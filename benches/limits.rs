//! Cost of the limits per connection: admit, target, release.
//!
//! On one thread and with a second one doing the same beside it, for the same target
//! and for another one; with the counters padded to cache lines and packed together.
//! Does NOT measure refusals.
#![allow(
    missing_docs,
    reason = "criterion's macros make an undocumented function"
)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use criterion::{Criterion, criterion_group, criterion_main};
use sshard::limits::{Layout, LimitTable, Limits, Padded, TargetKey};

const LIMITS: Limits = Limits {
    max_connections: 1000,
    max_per_target: 1000,
    max_unauthenticated: 1000,
    max_per_client: 0,
};
/// Few, so that the slots of two targets lie side by side.
const TARGET_SLOTS: usize = 2;

/// The layout the table does not use: counters packed as tightly as they go.
struct Packed;

struct Bare<T>(T);

impl<T> From<T> for Bare<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Bare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Layout for Packed {
    type Of<T> = Bare<T>;
}

fn target(number: u8) -> TargetKey {
    SocketAddr::from(([198, 51, 100, number], 22)).into()
}

/// One connection: in at the upgrade, a target at `auth`, logged in, gone. Says whether
/// it was admitted, so that a run of refusals can't pass for a fast one.
fn connection<L: Layout>(table: &Arc<LimitTable<L>>, key: TargetKey) -> bool {
    let Ok(admission) = table.admit(IpAddr::V4(Ipv4Addr::LOCALHOST)) else {
        return false;
    };
    let permit = admission.target(key);
    drop(admission.logged_in());
    black_box(&permit).is_ok()
}

fn measure<L: Layout>(c: &mut Criterion, name: &str, key: TargetKey, table: &Arc<LimitTable<L>>) {
    c.bench_function(name, |b| {
        b.iter(|| assert!(connection(table, black_box(key))));
    });
}

fn layout<L: Layout>(c: &mut Criterion, layout: &str)
where
    LimitTable<L>: Send + Sync,
{
    let table = LimitTable::<L>::with_layout(LIMITS, TARGET_SLOTS);
    measure(c, &format!("limits/{layout}/one thread"), target(1), &table);

    for (beside, other) in [("same target", 1), ("other target", 2)] {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    connection(&table, target(other));
                }
            });
            let name = format!("limits/{layout}/two threads, {beside}");
            measure(c, &name, target(1), &table);
            stop.store(true, Ordering::Relaxed);
        });
    }
}

fn limits(c: &mut Criterion) {
    layout::<Padded>(c, "padded");
    layout::<Packed>(c, "packed");
}

criterion_group!(benches, limits);
criterion_main!(benches);
