//! Scripted AsyncSSH server as a process. See `server.py`.

use crate::common::{DEADLINE, Log};
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// Directory in which `tests/setup.sh` installs AsyncSSH and ssh-audit.
pub(crate) const BIN: &str = "/opt/sshard-test-python/bin";

pub(crate) struct AsyncSsh {
    process: Child,
    addr: SocketAddr,
    stderr: Log,
}

impl AsyncSsh {
    /// Starts a script that prints its port, and whose user names select its behaviour; the script
    /// describes `arguments`.
    pub(crate) fn start(script: &[u8], arguments: &[&str]) -> Self {
        let mut process = Command::new(format!("{BIN}/python"))
            .arg("-")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python starts; run tests/setup.sh first");
        let mut stdin = process.stdin.take().unwrap();
        stdin.write_all(script).unwrap();
        drop(stdin);
        let stdout = Log::drain(process.stdout.take().unwrap());
        let stderr = Log::drain(process.stderr.take().unwrap());
        let port = stdout.wait(DEADLINE, |text| text.trim().parse::<u16>().ok());
        let port = port.unwrap_or_else(|| panic!("no server: {}", stderr.text()));
        Self {
            process,
            addr: ([127, 0, 0, 1], port).into(),
            stderr,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for AsyncSsh {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("the scripted server said:\n{}", self.stderr.text());
        }
    }
}
