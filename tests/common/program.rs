//! SSH servers of other projects, and scripted ones, as processes.

use super::{DEADLINE, Log, free_port, piped, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

/// Directory in which `tests/setup.sh` installs Python's packages and their programs.
pub(crate) const PYTHON_BIN: &str = "/opt/sshard-test-python/bin";

/// A program in a group of processes of its own, which ends when this is dropped.
pub(crate) struct Program {
    child: Child,
    stdout: Log,
    stderr: Log,
}

impl Program {
    pub(crate) fn start(mut command: Command) -> Self {
        let (child, stdout, stderr) = piped(command.process_group(0));
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// Starts a script below `tests/` that prints its port.
    pub(crate) fn python(script: &str, arguments: &[&str]) -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let mut command = Command::new(format!("{PYTHON_BIN}/python"));
        command.arg(tests.join(script)).args(arguments);
        Self::start(command)
    }

    /// The address at the port on its first line.
    pub(crate) fn addr(&self) -> SocketAddr {
        let port = self
            .stdout
            .wait(DEADLINE, |text| text.lines().next()?.parse::<u16>().ok());
        let port = port.unwrap_or_else(|| panic!("no server: {}", self.stderr.text()));
        (Ipv4Addr::LOCALHOST, port).into()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.stderr.text());
        }
    }
}

/// Dropbear, in which the tests' account can log in.
pub(crate) struct Dropbear {
    addr: SocketAddr,
    _program: Program,
    _directory: tempfile::TempDir,
}

impl Dropbear {
    pub(crate) fn start(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key");
        let made = Command::new("dropbearkey")
            .args(["-t", "ed25519", "-f"])
            .arg(&key)
            .output()
            .expect("dropbearkey starts; run tests/setup.sh first");
        assert!(made.status.success(), "{made:?}");
        // It does not report its port.
        for _ in 0..20 {
            let addr = free_port();
            let mut command = Command::new("dropbear");
            command.args(["-F", "-E", "-m", "-r"]).arg(&key);
            command.args(["-p", &addr.to_string()]).args(options);
            let mut program = Program::start(command);
            let up = poll(Duration::from_secs(10), || TcpStream::connect(addr).ok());
            if up.is_some() && program.child.try_wait().unwrap().is_none() {
                return Self {
                    addr,
                    _program: program,
                    _directory: directory,
                };
            }
        }
        panic!("dropbear does not start");
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}
