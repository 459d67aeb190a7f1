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

/// Descriptors and threads of the bridge, at rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Footprint {
    fds: usize,
    threads: usize,
}

impl Footprint {
    pub(crate) fn of(bridge: &Bridge) -> Self {
        Self {
            fds: bridge.fds(),
            threads: bridge.threads(),
        }
    }

    /// Waits until the bridge has no more than this.
    pub(crate) fn wait_back(self, bridge: &Bridge) {
        let mut now = self;
        let back = poll(DEADLINE, || {
            now = Self::of(bridge);
            (now.fds <= self.fds && now.threads <= self.threads).then_some(())
        });
        assert!(back.is_some(), "the bridge had {self:?} and keeps {now:?}");
    }
}

/// Runs one client and then a whole crowd through `meet`. After each, the bridge must be back to
/// what it was.
pub(crate) fn leaves_nothing(bridge: &Bridge, mut meet: impl FnMut(usize)) {
    let before = Footprint::of(bridge);
    meet(1);
    before.wait_back(bridge);
    meet(CROWD);
    before.wait_back(bridge);
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

/// The whole of it: clients that go to `target` all end by the deadline of `stage`.
pub(crate) fn all_end_in(bridge: &Bridge, target: SocketAddr, stage: &str) {
    leaves_nothing(bridge, |count| {
        let mut clients = logging_in(bridge, &path(target), &password(), count);
        for client in &mut clients {
            expect_deadline(client, stage);
        }
    });
}
