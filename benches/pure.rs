//! Time of every pure part of a session (`parts/`): decoding and encoding of messages, the state
//! machine, the downlink, a poll without its sockets, the configuration.
//!
//! On one thread. Does NOT measure sockets, crypto, or the executor; those are `perf/`'s.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros make an undocumented function; a bench fails by panicking"
)]

mod parts;

use criterion::{Criterion, criterion_group, criterion_main};

fn pure(c: &mut Criterion) {
    for (name, make) in parts::PARTS {
        let mut step = make();
        c.bench_function(name, |b| b.iter(&mut step));
    }
}

criterion_group!(benches, pure);
criterion_main!(benches);
