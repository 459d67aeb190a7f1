//! Limits that change while sessions run, and limits per client.

use crate::common::fixture::path_to;
use crate::common::{Admin, Fixture, Options, Raw};
use crate::fixture::{ConfigFixture, ReloadTrigger};

fn with_limits(all: u32, per_host: u32) -> String {
    format!(
        "targets.allow = [\"ALLOW\"]\nssh.host_key_policy = \"off\"\n\
         limits = {{ max_connections = {all}, max_connections_per_host = {per_host} }}\n"
    )
}

#[test]
fn a_lowered_limit_ends_no_session_and_admits_none_until_a_slot_is_free() {
    for trigger in [ReloadTrigger::Signal, ReloadTrigger::Request] {
        for (lowered, code) in [((2, 2), "limit"), ((5, 2), "target-limit")] {
            let fixture = ConfigFixture::new(&with_limits(5, 5));
            let mut clients: Vec<_> = (0..4).map(|_| fixture.ready()).collect();
            fixture.reload(&with_limits(lowered.0, lowered.1), trigger);
            assert_eq!(fixture.admin.stat("max_connections"), u64::from(lowered.0));
            assert_eq!(fixture.admin.stat("max_per_host"), u64::from(lowered.1));
            for client in &mut clients {
                fixture.works(client);
            }
            fixture.refuses(code, 1013);
            // From four to two: no free slot yet. To one: a free slot.
            clients.truncate(2);
            fixture.admin.wait_sessions(2);
            fixture.refuses(code, 1013);
            clients.truncate(1);
            fixture.admin.wait_sessions(1);
            clients.push(fixture.ready());
            fixture.refuses(code, 1013);
            fixture.reload(&with_limits(5, 5), trigger);
            clients.push(fixture.ready());
            assert_eq!(fixture.admin.stat("connections"), 3);
        }
    }
}

#[test]
fn a_limit_raised_above_that_of_the_start_admits_as_many() {
    let fixture = ConfigFixture::new(&with_limits(1, 1));
    let mut clients = vec![fixture.ready()];
    fixture.refuses("limit", 1013);
    fixture.reload(&with_limits(3, 3), ReloadTrigger::Signal);
    clients.extend((0..2).map(|_| fixture.ready()));
    fixture.refuses("limit", 1013);
    assert_eq!(fixture.admin.stat("connections"), 3);
    clients.iter_mut().for_each(|client| fixture.works(client));
}

#[test]
fn one_client_cannot_use_up_the_limit_of_others() {
    let settings = ["server.shards=2", "limits.max_connections_per_client=2"];
    let fixture = Fixture::new(&settings);
    let (addr, path) = (fixture.bridge.addr(), fixture.path());
    let from = |host: u8| {
        let mut raw = Raw::connect_from(addr, [127, 0, 0, host].into());
        (raw.ask(addr, &path, &Options::v1()).status, raw)
    };
    let first = [from(2), from(2)];
    assert!(first.iter().all(|(status, _)| *status == 101));
    assert_eq!(from(2).0, 503);
    let other = from(3);
    assert_eq!(other.0, 101);
    drop(first);
    Admin::of(&fixture.bridge).wait_sessions(1);
    assert_eq!(from(2).0, 101);
}

#[test]
fn the_limit_per_client_is_off_by_default() {
    let fixture = ConfigFixture::new(&with_limits(100, 100));
    let path = path_to(fixture.ssh.addr());
    let held: Vec<Raw> = (0..40)
        .map(|_| Raw::upgrade(fixture.bridge.addr(), &path, &Options::v1()))
        .collect();
    assert_eq!(fixture.admin.stat("unauthenticated"), held.len() as u64);
}
