//! A proxy as a process, with a directory of its own.

use crate::common::tls::Pair;
use crate::common::{DEADLINE, Log, free_port};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Attempts with another port each: some other program may take one before the proxy does.
const PORT_ATTEMPTS: usize = 5;

/// Files of a proxy that is to be started.
pub(crate) struct Directory(tempfile::TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file; returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.at(name), text).unwrap();
        self.at(name).display().to_string()
    }

    /// The certificate's file and the key's.
    pub(crate) fn install(&self, pair: &Pair) -> [String; 2] {
        [
            self.write("pair.pem", &pair.certificate),
            self.write("pair.key", &pair.key),
        ]
    }
}

/// A running proxy; Drop ends it.
pub(crate) struct Process {
    child: Child,
    log: Log,
    pub(crate) addr: SocketAddr,
    pub(crate) directory: Directory,
}

impl Process {
    pub(crate) fn start(mut command: Command, addr: SocketAddr, directory: Directory) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the proxy starts; run tests/setup.sh first");
        Self {
            log: Log::drain(child.stderr.take().unwrap()),
            child,
            addr,
            directory,
        }
    }

    /// Starts a proxy by `start` on a port that stays free, and waits until it logs `ready`. A
    /// connection would not prove that it listens: another program might.
    pub(crate) fn on_free_port(ready: &str, start: impl Fn(SocketAddr) -> Self) -> Self {
        for _ in 0..PORT_ATTEMPTS {
            let process = start(free_port());
            if process.log.wait_for(ready, DEADLINE) {
                return process;
            }
            let log = process.log();
            assert!(
                log.to_lowercase().contains("address already in use"),
                "{log}"
            );
        }
        panic!("none of {PORT_ATTEMPTS} ports stayed free");
    }

    pub(crate) fn log(&self) -> String {
        self.log.text()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the proxy said:\n{}", self.log.text());
        }
    }
}

pub(crate) fn replace(text: &str, what: &str, with: &str) -> String {
    assert_eq!(text.matches(what).count(), 1, "{what} in the example");
    text.replacen(what, with, 1)
}
