//! Many sessions that all meet the same end, and what they must leave behind: nothing.

use crate::common::{Bridge, Client, DEADLINE, Options, poll};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// So often is everything repeated, at the same time.
pub(crate) const CROWD: usize = 20;

/// Settings, as for `--set`, under which no deadline but the one that is tried passes.
const PATIENT: &[&str] = &[
    "server.upgrade_timeout=60s",
    "session.auth_timeout=60s",
    "session.prompt_timeout=60s",
    "targets.resolve_timeout=60s",
    "ssh.connect_timeout=60s",
    "ssh.handshake_timeout=60s",
    "ssh.auth_timeout=60s",
    "limits.connection_timeout=120s",
    "limits.max_connections_per_host=100",
    "ssh.host_key_policy=off",
];

/// A bridge that may go to `targets` (as in `--allow`, with a blank between them) and is patient
/// but for `settings`.
pub(crate) fn bridge(targets: &str, settings: &[&str], env: &[(&str, &str)]) -> Bridge {
    let mut args = vec!["--shards", "1"];
    for target in targets.split(' ') {
        args.extend(["--allow", target]);
    }
    for setting in PATIENT.iter().chain(settings) {
        args.extend(["--set", setting]);
    }
    Bridge::start(&args, env)
}

/// Runs one client and then a whole crowd through `meet`. After each, the bridge must be back to
/// the descriptors and threads that it had at rest.
pub(crate) fn leaves_nothing(bridge: &Bridge, mut meet: impl FnMut(usize)) {
    let (fds, threads) = (bridge.fds(), bridge.threads());
    for count in [1, CROWD] {
        meet(count);
        let back = || (bridge.fds() <= fds && bridge.threads() <= threads).then_some(());
        assert!(
            poll(DEADLINE, back).is_some(),
            "{count} clients: of {fds} descriptors {} are left, of {threads} threads {}",
            bridge.fds(),
            bridge.threads()
        );
    }
}

/// Clients that have sent `auth` with these fields, for `path`.
pub(crate) fn logging_in(bridge: &Bridge, path: &str, fields: &Value, count: usize) -> Vec<Client> {
    (0..count)
        .map(|_| {
            let mut client = Client::connect(bridge.addr(), path, &Options::v1());
            client.auth_v1(fields);
            client
        })
        .collect()
}

/// Credentials for sessions that never log in.
pub(crate) fn password() -> Value {
    json!({ "username": "nobody", "password": "never asked for" })
}

pub(crate) fn path(target: SocketAddr) -> String {
    format!("/ws/{}/{}", target.ip(), target.port())
}

/// The client is told that the deadline of `stage` passed, and the connection is closed.
pub(crate) fn expect_deadline(client: &mut Client, stage: &str) {
    let error = client.wait_type("error");
    assert_eq!(error["code"], "deadline", "{error}");
    assert_eq!(error["stage"], stage, "{error}");
    assert_eq!(error["retryable"], true, "{error}");
    assert_eq!(client.until_close().0, 4408);
}

/// Clients that send `auth` with these fields all meet `end`, and leave nothing behind.
pub(crate) fn all_meet(bridge: &Bridge, path: &str, fields: &Value, end: impl Fn(&mut Client)) {
    leaves_nothing(bridge, |count| {
        let mut clients = logging_in(bridge, path, fields, count);
        clients.iter_mut().for_each(&end);
    });
}

/// Clients that go to `target` all end by the deadline of `stage`.
pub(crate) fn all_end_in(bridge: &Bridge, target: SocketAddr, stage: &str) {
    all_meet(bridge, &path(target), &password(), |client| {
        expect_deadline(client, stage);
    });
}
