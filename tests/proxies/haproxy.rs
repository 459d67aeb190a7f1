//! HAProxy, with its example, and its opinion of the bridge.

use crate::common::tls::Pair;
use crate::common::{DEADLINE, poll};
use crate::process::{Directory, Process, replace};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::Command;

const CONFIG: &str = include_str!("haproxy.cfg");

/// Open files of the host on which the example must start as it stands.
const FILES: u32 = 20_000;

pub(crate) struct Haproxy(Process);

impl Haproxy {
    /// Starts HAProxy in front of `bridge`, with this certificate.
    pub(crate) fn start(bridge: SocketAddr, pair: &Pair) -> Self {
        let directory = Directory::new();
        let both = directory.write("both.pem", &format!("{}{}", pair.certificate, pair.key));
        // Bound here and passed on: the port is known, and no other process can take it.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::empty()).unwrap();
        let passed = format!("fd@{}", listener.as_raw_fd());
        let config = replace(CONFIG, "0.0.0.0:443", &passed);
        let config = replace(&config, "/etc/haproxy/ssh.example.org.pem", &both);
        let bridge = format!("server bridge1 {bridge}");
        let config = replace(&config, "server bridge1 127.0.0.1:8022", &bridge);
        // The test does not wait for seconds. Without a time of their own, checks would time out
        // after `inter`.
        let config = replace(&config, "inter 2s", "inter 50ms");
        let defaults = "\ndefaults\n    timeout check 10s";
        let config = replace(&config, "\ndefaults", defaults);
        let socket = directory.at("stats").display().to_string();
        let stats = format!("\nglobal\n    stats socket {socket} mode 600");
        let config = replace(&config, "\nglobal", &stats);
        let config = directory.write("haproxy.cfg", &config);
        let mut command = Command::new("bash");
        let script = format!("ulimit -n {FILES} && exec /usr/sbin/haproxy -db -f \"$0\"");
        command.args(["-c", &script, &config]);
        let addr = listener.local_addr().unwrap();
        Self(Process::start(command, addr, directory))
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.0.addr
    }

    /// Waits until it thinks this of the bridge: UP or DOWN.
    pub(crate) fn wait_health(&self, wanted: &str) {
        let mut last = String::new();
        let reached = poll(DEADLINE, || {
            last = self.health().unwrap_or_default();
            (last == wanted).then_some(())
        });
        let log = self.0.log();
        assert!(
            reached.is_some(),
            "the bridge is {last:?}, not {wanted}\n{log}"
        );
    }

    fn health(&self) -> Option<String> {
        let mut socket = UnixStream::connect(self.0.directory.at("stats")).ok()?;
        socket.write_all(b"show stat terminals 4 -1\n").ok()?;
        let mut table = String::new();
        socket.read_to_string(&mut table).ok()?;
        let mut lines = table.lines();
        let names = lines.next()?.split(',');
        let column = names.into_iter().position(|name| name == "status")?;
        let row = lines.find(|line| line.starts_with("terminals,bridge1,"))?;
        // "UP 1/2" is neither.
        row.split(',').nth(column).map(str::to_owned)
    }
}
