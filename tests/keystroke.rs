//! Cost of a key and its echo that meet no queue, in allocations and polls of the shard that serves
//! them. The shard is whole, and runs on a thread of this process; client and SSH server are on
//! others, over real sockets.
#![cfg(test)]

mod common;

use common::shard::{Shard, on_a_thread};
use common::{Event, SshScript, Start};
use serde_json::json;
use sshard::runtime;
use sshard::shard::{self, Command};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::mpsc::sync_channel;
use std::task::Poll;

/// Work of a shard from its start to its end.
#[derive(Debug)]
struct Work {
    allocations: u64,
    polls: u64,
}

/// A session in which so many keys are typed, each when the one before has its echo.
fn type_keys(keys: u32) -> Work {
    // Nothing else is to wake it.
    let quiet = ["websocket.ping_interval=1h", "ssh.keepalive_interval=1h"];
    let mut shard = Shard::new(SshScript::start(Start::Echo), &quiet.map(str::to_owned));
    let (setup, context) = shard.setup();
    let (tell, told) = sync_channel(1);
    let thread = on_a_thread(move || async move {
        let mut allocations = 0;
        let mut run = pin!(runtime::run(async {
            shard::run(setup, context).await.unwrap();
            runtime::poll_number()
        }));
        let polls = poll_fn(|cx| {
            let mut polled = Poll::Pending;
            let counted = allocation_counter::measure(|| polled = run.as_mut().poll(cx));
            allocations += counted.count_total;
            polled
        });
        let polls = polls.await.unwrap();
        tell.send(Work { allocations, polls }).unwrap();
    });
    let mut client = shard.connect();
    client.auth_v1(&json!({ "username": "u" }));
    client.wait_type("ready");
    for _ in 0..keys {
        client.send_binary(b"k");
        // A greeting may come first, and acknowledgements between.
        while !matches!(client.recv(), Event::Output(echo) if echo.ends_with(b"k")) {}
    }
    client.send_json(&json!({ "type": "close" }));
    assert_eq!(client.until_close().0, 1000);
    shard.commands.try_send(Command::Stop).ok().unwrap();
    let work = told.recv().unwrap();
    thread.join().unwrap();
    work
}

/// Allocations of russh 0.65 for a packet of output: room for its length, a copy that would be
/// decompressed, its data, and the data's count of owners.
const OF_RUSSH: u64 = 4;

#[test]
fn a_key_and_its_echo_take_no_allocation_of_ours_and_two_polls() {
    const MORE: u32 = 2000;
    // Timers, and set-ups that differ.
    let most = |per_key| u64::from(MORE) * per_key + u64::from(MORE / 20);
    // A busy machine, where packets come in parts, adds polls, and takes none away.
    let holds = (0..5).any(|_| {
        let (few, many) = (type_keys(500), type_keys(500 + MORE));
        println!("500 keys: {few:?}; {MORE} more: {many:?}");
        assert!(many.allocations < few.allocations + most(OF_RUSSH));
        many.polls < few.polls + most(2)
    });
    assert!(holds, "each of five tries took more polls: see above");
}
