//! Many sessions that all end the same way and must leave nothing behind.

use crate::common::{Bridge, Client, DEADLINE, Options, poll};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Number of concurrent clients.
pub(crate) const CROWD: usize = 20;

/// Settings, as for `--set`, under which no deadline but the one under test passes.
const LONG_DEADLINES: &[&str] = &[
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

/// Starts a bridge that may connect to `targets` (as in `--allow`, separated by blanks), with long
/// deadlines but for `settings`.
pub(crate) fn bridge(targets: &str, settings: &[&str], env: &[(&str, &str)]) -> Bridge {
    let mut args = vec!["--shards", "1"];
    for target in targets.split(' ') {
        args.extend(["--allow", target]);
    }
    for setting in LONG_DEADLINES.iter().chain(settings) {
        args.extend(["--set", setting]);
    }
    Bridge::start(&args, env)
}

/// Calls `run` with one client and then with a whole crowd. After each, the bridge must be back to
/// the descriptors and threads that it had at rest.
pub(crate) fn leaves_nothing(bridge: &Bridge, mut run: impl FnMut(usize)) {
    let (fds, threads) = (bridge.fds(), bridge.threads());
    for count in [1, CROWD] {
        run(count);
        let back = || (bridge.fds() <= fds && bridge.threads() <= threads).then_some(());
        assert!(
            poll(DEADLINE, back).is_some(),
            "{count} clients: of {fds} descriptors {} are left, of {threads} threads {}",
            bridge.fds(),
            bridge.threads()
        );
    }
}

/// Connects clients to `path` and sends `auth` with these fields.
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

/// Expects the error of the deadline of `stage`, and a close.
pub(crate) fn expect_deadline(client: &mut Client, stage: &str) {
    let error = client.wait_type("error");
    assert_eq!(error["code"], "deadline", "{error}");
    assert_eq!(error["stage"], stage, "{error}");
    assert_eq!(error["retryable"], true, "{error}");
    assert_eq!(client.until_close().0, 4408);
}

/// Expects `end` of all clients that send `auth` with these fields, and nothing left behind.
pub(crate) fn all_end_with(bridge: &Bridge, path: &str, fields: &Value, end: impl Fn(&mut Client)) {
    leaves_nothing(bridge, |count| {
        let mut clients = logging_in(bridge, path, fields, count);
        clients.iter_mut().for_each(&end);
    });
}

/// Expects that all sessions to `target` end by the deadline of `stage`.
pub(crate) fn all_end_in(bridge: &Bridge, target: SocketAddr, stage: &str) {
    all_end_with(bridge, &path(target), &password(), |client| {
        expect_deadline(client, stage);
    });
}
