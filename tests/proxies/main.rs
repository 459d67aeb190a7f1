//! Behind HAProxy, nginx and Caddy, with the configurations that the operators' guide shows:
//! `proxies/haproxy.cfg`, `nginx.conf` and `Caddyfile`, in which only addresses, files and the
//! interval of the health check are replaced.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

#[path = "../common/mod.rs"]
mod common;

mod caddy;
mod haproxy;
mod nginx;
mod process;

use common::fixture::{bridge_to, path_to};
use common::tls::{self, Pair};
use common::{Admin, Bridge, Client, DEADLINE, Event, Options, Received, ScriptedSsh, SshScript};
use futures_rustls::rustls::{ClientConfig, StreamOwned};
use haproxy::Haproxy;
use process::Process;
use rustix::process::Signal;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

/// The only name that the bridge accepts.
const NAME: &str = "ssh.example.org";

struct ProxyFixture {
    ssh: ScriptedSsh,
    bridge: Bridge,
    proxy: Haproxy,
    options: Options,
    trust: Arc<ClientConfig>,
}

impl ProxyFixture {
    fn new() -> Self {
        let ssh = ScriptedSsh::start(SshScript::default());
        let bridge = bridge(ssh.addr(), "127.0.0.1:0");
        let pair = Pair::new();
        let proxy = Haproxy::start(bridge.addr(), &pair);
        let options = Options::v1().header("Host", NAME);
        let trust = tls::trusting(&[&pair]);
        Self {
            options: options.tls(&trust),
            trust,
            ssh,
            bridge,
            proxy,
        }
    }

    fn ready(&self, options: &Options) -> Client {
        let path = path_to(self.ssh.addr());
        let mut client = Client::connect(self.proxy.addr(), &path, options);
        client.auth_v1(&json!({ "username": "u" }));
        client.wait_type("ready");
        client
    }
}

fn bridge(ssh: SocketAddr, listen: &str) -> Bridge {
    Bridge::serve(&format!(
        "--listen {listen} --allow {ssh} --set server.proxy_protocol={listen}
         --set server.public_hosts={NAME} --set ssh.host_key_policy=off"
    ))
}

#[test]
fn sessions_pass_through_the_haproxy_example_with_the_clients_address() {
    let fixture = ProxyFixture::new();
    fixture.proxy.wait_health("UP");
    // Another address of this machine than the proxy's own.
    let options = fixture.options.clone().from("127.0.0.77");
    let mut client = fixture.ready(&options);
    works(&mut client, &fixture.bridge, &fixture.ssh);
    page_loads(fixture.proxy.addr(), &fixture.trust, "/");
}

/// Checks both directions, and the client's address as the bridge has it.
fn works(client: &mut Client, bridge: &Bridge, ssh: &ScriptedSsh) {
    let sessions = Admin::of(bridge).sessions();
    assert_eq!(sessions[0]["client_ip"], "127.0.0.77", "{sessions:?}");
    client.send_binary(b"typed");
    ssh.wait_input(5);
    ssh.output(b"answered");
    client.output_until("answered");
    let much = vec![b'x'; 4 << 20];
    ssh.output(&much);
    while client.output.len() < much.len() {
        match client.recv() {
            Event::Output(bytes) => client.output.extend(bytes),
            other => panic!("{other:?}"),
        }
    }
    ssh.exit(3);
    assert_eq!(client.wait_type("exit")["status"], 3);
    assert_eq!(client.until_close(), (1000, "exit=3".to_owned()));
    ssh.wait_received(&Received::Gone);
}

/// Sends one request over TLS and returns the answer.
fn get(proxy: SocketAddr, trust: &Arc<ClientConfig>, path: &str) -> String {
    let tcp = TcpStream::connect(proxy).unwrap();
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut stream = StreamOwned::new(*tls::client(trust, proxy), tcp);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // Not every proxy sends a close_notify.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Checks the page, which may connect to the name that the browser requested.
fn page_loads(proxy: SocketAddr, trust: &Arc<ClientConfig>, path: &str) {
    let answer = get(proxy, trust, path);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let policy = format!("connect-src 'self' ws://{NAME} wss://{NAME};");
    assert!(answer.contains(&policy), "{answer}");
    assert!(answer.contains("<title>sshard</title>"), "{answer}");
    // A build without Node has a page without a script.
    if let Some((_, script)) = answer.split_once("<script type=\"module\" src=\"") {
        let script = script.split('"').next().unwrap();
        let answer = get(proxy, trust, &format!("{path}{script}"));
        assert!(
            answer.starts_with("HTTP/1.1 200 "),
            "{script}: {answer:.400}"
        );
    }
}

/// Checks a session and the page below a prefix, behind a proxy that sends X-Forwarded-For.
fn below_a_prefix(start: fn(SocketAddr, &Pair) -> Process) {
    let ssh = ScriptedSsh::start(SshScript::default());
    let name = format!("server.public_hosts={NAME}");
    let prefix = "server.path_prefix=/ssh";
    let settings = [prefix, "server.trusted_proxies=127.0.0.1", &name];
    let bridge = bridge_to(&[ssh.addr()], &settings);
    let pair = Pair::new();
    let proxy = start(bridge.addr(), &pair);
    let trust = tls::trusting(&[&pair]);
    let options = Options::v1()
        .tls(&trust)
        .from("127.0.0.77")
        .header("Host", NAME)
        .header("Origin", &format!("https://{NAME}"))
        // Headers that a client sends are not trusted.
        .header("X-Forwarded-For", "192.0.2.1")
        .header("Forwarded", "for=192.0.2.2")
        .header("X-Real-IP", "192.0.2.3");
    let path = format!("/ssh{}", path_to(ssh.addr()));
    let mut client = Client::connect(proxy.addr, &path, &options);
    client.auth_v1(&json!({ "username": "u" }));
    client.wait_type("ready");
    works(&mut client, &bridge, &ssh);
    page_loads(proxy.addr, &trust, "/ssh/");
    let redirected = get(proxy.addr, &trust, "/ssh");
    assert!(redirected.starts_with("HTTP/1.1 308 "), "{redirected}");
    let location = redirected.to_ascii_lowercase();
    assert!(location.contains("/ssh/\r\n"), "{redirected}");
    // Origins of others are refused through the proxy, too.
    let foreign = Options::v1()
        .tls(&trust)
        .header("Host", NAME)
        .header("Origin", "https://example.net");
    let refused = Client::try_connect(proxy.addr, &path, &foreign);
    assert_eq!(refused.err().map(|refused| refused.status), Some(403));
}

#[test]
fn sessions_pass_through_the_nginx_example() {
    below_a_prefix(nginx::start);
}

#[test]
fn sessions_pass_through_the_caddy_example() {
    below_a_prefix(caddy::start);
}

/// The bridge's listener requires the header of the PROXY protocol.
#[test]
fn a_direct_connection_without_a_proxy_header_is_closed() {
    let fixture = ProxyFixture::new();
    fixture.proxy.wait_health("UP");
    let mut raw = common::Raw::connect(fixture.bridge.addr());
    raw.send(format!("GET /readyz HTTP/1.1\r\nHost: {NAME}\r\n\r\n").as_bytes());
    assert_eq!(raw.rest(), b"");
}

#[test]
fn haproxy_detects_a_drain_and_a_restart_and_sessions_continue() {
    let mut fixture = ProxyFixture::new();
    fixture.proxy.wait_health("UP");
    let mut client = fixture.ready(&fixture.options);
    let address = fixture.bridge.addr();
    fixture.bridge.signal(Signal::TERM);
    assert_eq!(client.wait_type("notice")["kind"], "drain");
    fixture.proxy.wait_health("DOWN");
    // The proxy refuses new connections; existing sessions continue.
    let refused = Client::try_connect(fixture.proxy.addr(), "/ws/x", &fixture.options);
    assert_eq!(refused.err().map(|refused| refused.status), Some(503));
    client.send_binary(b"still here");
    fixture.ssh.wait_input(10);
    fixture.ssh.exit(0);
    assert_eq!(client.until_close().0, 1000);
    assert_eq!(fixture.bridge.wait_exit(DEADLINE).code(), Some(0));
    fixture.bridge = bridge(fixture.ssh.addr(), &address.to_string());
    fixture.proxy.wait_health("UP");
    fixture.ready(&fixture.options);
}
