//! Caddy, with its example; the certificate is the test's.

use crate::NAME;
use crate::common::tls::Pair;
use crate::process::{Directory, Process, replace};
use std::net::SocketAddr;
use std::process::Command;

const SITE: &str = include_str!("Caddyfile");

pub(crate) fn start(bridge: SocketAddr, pair: &Pair) -> Process {
    // Logged once its sockets are bound.
    let ready = "serving initial configuration";
    Process::on_free_port(ready, |addr| start_at(addr, bridge, pair))
}

fn start_at(addr: SocketAddr, bridge: SocketAddr, pair: &Pair) -> Process {
    let directory = Directory::new();
    let [certificate, key] = directory.install(pair);
    // The test's client names no host in TLS, and needs neither port 80 nor Caddy's own API.
    let own =
        format!("{{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_sni {NAME}\n}}\n\n");
    let site = format!(
        "https://{NAME}:{} {{\n\tbind {}\n\ttls {certificate} {key}\n",
        addr.port(),
        addr.ip()
    );
    let config = replace(SITE, "\nssh.example.org {\n", &format!("\n{own}{site}"));
    let config = replace(
        &config,
        "reverse_proxy 127.0.0.1:8022",
        &format!("reverse_proxy {bridge}"),
    );
    let config = directory.write("Caddyfile", &config);
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config", &config]);
    for variable in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(variable, directory.at("home"));
    }
    Process::start(command, addr, directory)
}
