//! Private keys that the workers have no room for. Shard and workers are threads of this process.

use crate::common::KeyPair;
use crate::common::shard::Shard;
use crate::expect_refused;
use futures_lite::future::block_on;
use serde_json::json;
use sshard::workers::Workers;
use std::net::Ipv4Addr;

/// Runs `work` while the tests' own client has one job at work and its share of the queue, a
/// quarter of [`Shard`]'s sixteen, full of others.
fn while_busy(workers: &Workers, work: impl FnOnce()) {
    let (release, released) = async_channel::bounded::<()>(1);
    let jobs: Vec<_> = (0..5)
        .map(|_| {
            let released = released.clone();
            workers.run(Ipv4Addr::LOCALHOST.into(), move || {
                // Fails when the sender is dropped.
                let _ = released.recv_blocking();
            })
        })
        .collect();
    work();
    drop(release);
    for job in jobs {
        block_on(job).unwrap();
    }
}

#[test]
fn a_key_that_was_not_read_because_the_workers_are_busy_is_no_wrong_passphrase() {
    let settings = ["rate_limit.login_failures=2", "rate_limit.login_period=1h"];
    let shard = Shard::running(&settings.map(str::to_owned));
    let key = KeyPair::generate(&["-t", "ed25519", "-a", "1"], "right");
    let login = |passphrase: &str| {
        let mut client = shard.connect();
        client.auth_v1(&json!({
            "username": "u",
            "private_key": key.private_pem(),
            "passphrase": passphrase,
        }));
        client
    };
    let workers = shard.snapshot.load().ssh.workers.clone();
    while_busy(&workers, || {
        for _ in 0..4 {
            expect_refused(&mut login("wrong"), "crypto-busy", 1013);
        }
    });
    for (code, close) in [
        ("unusable-key", 4401),
        ("unusable-key", 4401),
        ("throttled", 4429),
    ] {
        expect_refused(&mut login("wrong"), code, close);
    }
}
