//! Placement of sessions on shards, read from the log.

use crate::common::{Client, DEADLINE, Fixture, poll};
use crate::fixture::{self, json_lines};

const SESSIONS: usize = 24;

/// Returns the number of sessions of each of two shards, once there are `total`.
fn per_shard(fixture: &Fixture, total: usize) -> [usize; 2] {
    let counted = poll(DEADLINE, || {
        let mut counts = [0; 2];
        for line in json_lines(&fixture.bridge.stderr()) {
            if line["message"] == "session created" {
                let shard = line["span"]["shard"].as_u64();
                let shard = shard.unwrap_or_else(|| panic!("no shard: {line}"));
                counts[usize::try_from(shard).unwrap()] += 1;
            }
        }
        (counts.iter().sum::<usize>() >= total).then_some(counts)
    });
    counted.unwrap_or_else(|| panic!("fewer than {total} sessions are logged"))
}

fn fixture(placement: &str) -> Fixture {
    let args = format!("--shards 2 --placement {placement} --log-level debug --log-format json");
    fixture::fixture(&args)
}

/// Checks that a line through each session arrives.
fn use_all(fixture: &Fixture, clients: &mut [Client]) {
    for client in clients.iter_mut() {
        client.send_binary(b"0123456789");
    }
    let input = fixture.ssh.wait_input(10 * clients.len());
    assert_eq!(input, b"0123456789".repeat(clients.len()));
}

#[test]
fn balanced_gives_the_next_session_to_the_shard_with_fewer() {
    let fixture = fixture("balanced");
    let mut clients = Vec::new();
    for total in 1..=SESSIONS {
        clients.push(fixture.ready());
        let [a, b] = per_shard(&fixture, total);
        assert!(a.abs_diff(b) <= 1, "{a} and {b} of {total}");
    }
    assert_eq!(per_shard(&fixture, SESSIONS), [SESSIONS / 2; 2]);
    use_all(&fixture, &mut clients);
}

#[test]
fn balanced_keeps_the_shards_even_under_a_burst() {
    let fixture = fixture("balanced");
    let mut clients: Vec<Client> = std::thread::scope(|scope| {
        let come = || {
            (0..SESSIONS / 4)
                .map(|_| fixture.ready())
                .collect::<Vec<_>>()
        };
        let crowd: Vec<_> = (0..4).map(|_| scope.spawn(come)).collect();
        crowd.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(per_shard(&fixture, SESSIONS), [SESSIONS / 2; 2]);
    use_all(&fixture, &mut clients);
}

/// The kernel's hash decides: that all go to one shard has a probability of one in eight million.
#[test]
fn kernel_placement_serves_on_both_shards() {
    let fixture = fixture("kernel");
    let mut clients: Vec<Client> = (0..SESSIONS).map(|_| fixture.ready()).collect();
    let [a, b] = per_shard(&fixture, SESSIONS);
    assert_eq!(a + b, SESSIONS);
    assert!(a > 0 && b > 0, "{a} and {b}");
    use_all(&fixture, &mut clients);
}
