//! HAProxy as a process, and what it thinks of the bridge.

use crate::common::tls::Pair;
use crate::common::{DEADLINE, Log, poll};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

const CONFIG: &str = include_str!("haproxy.cfg");

pub(crate) struct Haproxy {
    process: Child,
    addr: SocketAddr,
    log: Log,
    directory: tempfile::TempDir,
}

impl Haproxy {
    /// In front of `bridge`, with this certificate.
    pub(crate) fn start(bridge: SocketAddr, pair: &Pair) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let pem = path("pair.pem");
        fs::write(&pem, format!("{}{}", pair.certificate, pair.key)).unwrap();
        // Bound here and passed on: the port is known, and nobody else's.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::empty()).unwrap();
        let socket = path("stats");
        let config = replace(
            CONFIG,
            "0.0.0.0:443",
            &format!("fd@{}", listener.as_raw_fd()),
        );
        let config = replace(
            &config,
            "/etc/haproxy/ssh.example.org.pem",
            &pem.display().to_string(),
        );
        let config = replace(
            &config,
            "server bridge1 127.0.0.1:8022",
            &format!("server bridge1 {bridge}"),
        );
        let config = replace(&config, "maxconn 20000", "maxconn 100");
        let config = replace(&config, "inter 2s", "inter 50ms");
        let stats = format!("global\n    stats socket {} mode 600", socket.display());
        let config = replace(&config, "\nglobal", &format!("\n{stats}"));
        fs::write(path("haproxy.cfg"), config).unwrap();
        let mut process = Command::new("/usr/sbin/haproxy")
            .args(["-db", "-f"])
            .arg(path("haproxy.cfg"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("haproxy starts; run tests/setup.sh first");
        Self {
            log: Log::drain(process.stderr.take().unwrap()),
            addr: listener.local_addr().unwrap(),
            process,
            directory,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits until it thinks this of the bridge: UP or DOWN.
    pub(crate) fn wait_health(&self, wanted: &str) {
        let mut last = String::new();
        let reached = poll(DEADLINE, || {
            last = self.health().unwrap_or_default();
            (last == wanted).then_some(())
        });
        let log = self.log.text();
        assert!(
            reached.is_some(),
            "the bridge is {last:?}, not {wanted}\n{log}"
        );
    }

    fn health(&self) -> Option<String> {
        let mut socket = UnixStream::connect(self.directory.path().join("stats")).ok()?;
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

impl Drop for Haproxy {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("haproxy said:\n{}", self.log.text());
        }
    }
}

fn replace(text: &str, what: &str, with: &str) -> String {
    assert_eq!(text.matches(what).count(), 1, "{what} in haproxy.cfg");
    text.replacen(what, with, 1)
}
