//! nginx, with its example as the one site.

use crate::common::tls::Pair;
use crate::process::{Directory, Process, replace};
use std::net::SocketAddr;
use std::process::Command;

const SITE: &str = include_str!("nginx.conf");

pub(crate) fn start(bridge: SocketAddr, pair: &Pair) -> Process {
    // Logged once its sockets are bound.
    Process::on_free_port("event method", |addr| start_at(addr, bridge, pair))
}

fn start_at(addr: SocketAddr, bridge: SocketAddr, pair: &Pair) -> Process {
    let directory = Directory::new();
    let [certificate, key] = directory.install(pair);
    let site = replace(SITE, "listen 443 ssl", &format!("listen {addr} ssl"));
    let site = replace(&site, "/etc/nginx/ssh.example.org.pem", &certificate);
    let site = replace(&site, "/etc/nginx/ssh.example.org.key", &key);
    let site = replace(&site, "http://127.0.0.1:8022", &format!("http://{bridge}"));
    let site = directory.write("sshard.conf", &site);
    let of = |name: &str| directory.at(name).display().to_string();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};", of(kind)));
    // What Debian's own file has, but for paths and numbers.
    let main = format!(
        "daemon off;\nmaster_process off;\npid {};\nerror_log stderr info;\n\
         events {{ worker_connections 100; }}\n\
         http {{\naccess_log off;\n{}\ninclude {site};\n}}\n",
        of("pid"),
        temporary.join("\n"),
    );
    let main = directory.write("nginx.conf", &main);
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-e", "stderr", "-c", &main]);
    Process::start(command, addr, directory)
}
