//! A client that vanishes without a close, behind a link that is down, while the bridge does not
//! read from it because its remote process reads no input.

use crate::common::fixture::path_to;
use crate::common::{Bridge, Client, DEADLINE, Options, ScriptedSsh, SshScript};
use serde_json::json;
use std::net::Ipv4Addr;
use std::process::Command;

/// A link between this process and the bridge, which runs in a network namespace of its own.
struct VethLink {
    namespace: String,
    device: String,
    /// This end, and the bridge's.
    here: Ipv4Addr,
    there: Ipv4Addr,
}

fn ip(args: &str) {
    let done = Command::new("ip").args(args.split(' ')).output();
    let done = done.expect("ip starts; run tests/setup.sh first");
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "ip {args}: {error}");
}

impl VethLink {
    /// `number` distinguishes the links of this process.
    fn new(number: u8) -> Self {
        let id = std::process::id();
        let [.., high, low] = id.to_be_bytes();
        let end = |last| Ipv4Addr::new(10, 128 | (high & 0x7f), low, 4 * number + last);
        let link = Self {
            namespace: format!("sshard-{id}-{number}"),
            device: format!("far{id}-{number}"),
            here: end(1),
            there: end(2),
        };
        let Self {
            namespace,
            device,
            here,
            there,
        } = &link;
        ip(&format!("netns add {namespace}"));
        let peer = format!("type veth peer name far netns {namespace}");
        ip(&format!("link add {device} {peer}"));
        ip(&format!("addr add {here}/30 dev {device}"));
        ip(&format!("link set {device} up"));
        ip(&format!("-n {namespace} addr add {there}/30 dev far"));
        ip(&format!("-n {namespace} link set far up"));
        ip(&format!("-n {namespace} link set lo up"));
        link
    }

    /// Drops all packets from now on.
    fn cut(&self) {
        ip(&format!("link set {} down", self.device));
    }
}

impl Drop for VethLink {
    fn drop(&mut self) {
        // Its devices and their peers go with it.
        let mut delete = Command::new("ip");
        let _ = delete.args(["netns", "del", &self.namespace]).status();
    }
}

/// A client pastes so many bytes, which the remote process does not take, and vanishes; the reason
/// the session ends with.
fn vanish(number: u8, paste: usize, reasons: &[&str]) {
    let link = VethLink::new(number);
    let ssh = ScriptedSsh::start_on(
        link.here.into(),
        SshScript {
            window: 4096,
            ..SshScript::default()
        },
    );
    let settings = [
        "ssh.host_key_policy=off",
        "server.allow_plaintext=true",
        "websocket.ping_interval=500ms",
        "websocket.max_missed_pongs=3",
        "websocket.stall_timeout=5s",
    ];
    let target = ssh.addr().to_string();
    let listen = format!("{}:0", link.there);
    let mut args = vec!["serve", "--listen", listen.as_str(), "--allow", &target];
    args.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
    let starter = ["ip", "netns", "exec", link.namespace.as_str()];
    let bridge = Bridge::under(&starter, &args, &[]);
    let mut client = Client::connect(bridge.addr(), &path_to(ssh.addr()), &Options::v1());
    client.auth_v1(&json!({ "username": "u" }));
    client.wait_type("ready");
    ssh.pause_input(true);
    let mut left = paste;
    while left > 0 {
        let count = left.min(32 * 1024);
        client.send_binary(&vec![b'x'; count]);
        left -= count;
    }
    link.cut();
    bridge.wait_stderr("session ended", DEADLINE);
    let log = bridge.stderr();
    assert!(
        reasons
            .iter()
            .any(|reason| log.contains(&format!("reason=\"{reason}\""))),
        "{log}"
    );
}

/// Little waits, or nothing: then a pong would show.
#[test]
fn a_client_that_vanishes_while_it_is_not_read_is_found() {
    vanish(0, 80 * 1024, &["no-pong", "client-gone"]);
}

/// TCP holds the client back, so that no pong could come.
#[test]
fn a_client_that_vanishes_behind_a_long_paste_is_found_by_tcp() {
    vanish(1, 160 * 1024, &["client-gone"]);
}
