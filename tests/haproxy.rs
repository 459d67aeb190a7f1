//! Behind HAProxy, with the configuration that OPERATIONS.md names: `haproxy/haproxy.cfg`, in which
//! only addresses, files, the number of connections and the pace of the health check are replaced.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]

mod common;

#[path = "haproxy/proxy.rs"]
mod proxy;

use common::tls::{self, Pair};
use common::{Admin, Bridge, Client, DEADLINE, Event, Options, ScriptedSsh, Seen, SshScript};
use proxy::Haproxy;
use rustix::process::Signal;
use serde_json::json;
use std::net::SocketAddr;

/// Known to the bridge by this name alone.
const NAME: &str = "ssh.example.org";

struct Site {
    ssh: ScriptedSsh,
    bridge: Bridge,
    proxy: Haproxy,
    options: Options,
}

impl Site {
    fn new() -> Self {
        let ssh = ScriptedSsh::start(SshScript::default());
        let bridge = bridge(ssh.addr(), "127.0.0.1:0");
        let pair = Pair::new();
        let proxy = Haproxy::start(bridge.addr(), &pair);
        let options = Options::v1().header("Host", NAME);
        Self {
            options: options.tls(&tls::trusting(&[&pair])),
            ssh,
            bridge,
            proxy,
        }
    }

    fn ready(&self, options: &Options) -> Client {
        let path = common::scene::path_to(self.ssh.addr());
        let mut client = Client::connect(self.proxy.addr(), &path, options);
        client.auth_v1(&json!({ "username": "u" }));
        client.wait_type("ready");
        client
    }
}

fn bridge(ssh: SocketAddr, listen: &str) -> Bridge {
    let (target, proxied) = (ssh.to_string(), format!("server.proxy_protocol={listen}"));
    let name = format!("server.public_hosts={NAME}");
    let mut args = vec!["serve", "--listen", listen, "--allow", &target];
    for setting in [&proxied, &name, "ssh.host_key_policy=off"] {
        args.extend(["--set", setting]);
    }
    Bridge::command(&args, &[])
}

#[test]
fn a_session_passes_and_the_bridge_knows_its_client() {
    let site = Site::new();
    site.proxy.wait_health("UP");
    // Another address of this machine than the proxy's own.
    let options = site.options.clone().from("127.0.0.77");
    let mut client = site.ready(&options);
    let admin = Admin::of(&site.bridge);
    let sessions = admin.sessions();
    assert_eq!(sessions[0]["client_ip"], "127.0.0.77", "{sessions:?}");
    client.send_binary(b"typed");
    site.ssh.wait_input(5);
    site.ssh.output(b"answered");
    client.output_until("answered");
    let much = vec![b'x'; 4 << 20];
    site.ssh.output(&much);
    while client.output.len() < much.len() {
        match client.recv() {
            Event::Output(bytes) => client.output.extend(bytes),
            other => panic!("{other:?}"),
        }
    }
    site.ssh.exit(3);
    assert_eq!(client.wait_type("exit")["status"], 3);
    assert_eq!(client.until_close(), (1000, "exit=3".to_owned()));
    site.ssh.wait_seen(&Seen::Gone);
}

/// Past the proxy nobody gets in: its listener wants a header.
#[test]
fn the_bridges_own_port_is_the_proxys_alone() {
    let site = Site::new();
    site.proxy.wait_health("UP");
    let mut raw = common::Raw::connect(site.bridge.addr());
    raw.send(format!("GET /readyz HTTP/1.1\r\nHost: {NAME}\r\n\r\n").as_bytes());
    assert_eq!(raw.rest(), b"");
}

#[test]
fn a_drain_and_a_restart_are_seen_and_sessions_go_on() {
    let mut site = Site::new();
    site.proxy.wait_health("UP");
    let mut client = site.ready(&site.options);
    let address = site.bridge.addr();
    site.bridge.signal(Signal::TERM);
    assert_eq!(client.wait_type("notice")["kind"], "drain");
    site.proxy.wait_health("DOWN");
    // Newcomers are told so by the proxy; who is there goes on.
    let refused = Client::try_connect(site.proxy.addr(), "/ws/x", &site.options);
    assert_eq!(refused.err().map(|refused| refused.status), Some(503));
    client.send_binary(b"still here");
    site.ssh.wait_input(10);
    site.ssh.exit(0);
    assert_eq!(client.until_close().0, 1000);
    assert_eq!(site.bridge.wait_exit(DEADLINE).code(), Some(0));
    site.bridge = bridge(site.ssh.addr(), &address.to_string());
    site.proxy.wait_health("UP");
    site.ready(&site.options);
}
