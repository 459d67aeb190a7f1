//! The servers as processes. Libraries have a program each, beside this file.

use crate::common::{Account, DEADLINE, KeyPair, Log, Sshd, account, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use std::any::Any;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// Paths to which `tests/setup.sh` installs AsyncSSH and Paramiko, ssh2, and MINA.
const PYTHON: &str = "/opt/sshard-test-python/bin/python";
const NODE_MODULES: &str = "/opt/sshard-test-node/node_modules";
const MINA_JARS: &str = "/opt/sshard-test-mina/*";

/// The user of the servers that are libraries, and a password.
const USER: &str = "interop";
const PASSWORD: &str = "correct horse";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    OpenSsh,
    Dropbear,
    TinySsh,
    AsyncSsh,
    Paramiko,
    NodeSsh2,
    Erlang,
    Libssh,
    Mina,
}

/// A server that listens. Ended, with all its processes, when dropped.
pub(crate) struct Server {
    addr: SocketAddr,
    credentials: Value,
    /// Ends it when dropped.
    _running: Box<dyn Any>,
    _directory: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start(kind: Kind) -> Self {
        Self::with(kind, &[])
    }

    /// One that begins a key exchange after each MiB; not for TinySSH and Dropbear.
    pub(crate) fn rekeying(kind: Kind) -> Self {
        Self::with(kind, &["rekey"])
    }

    fn with(kind: Kind, rest: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
        let path = |name: &str| here.join(name).into_os_string().into_string().unwrap();
        let host_key = |name| {
            let key = KeyPair::generate_in(directory.path(), name, &["-t", "ed25519"], "");
            key.path().to_str().unwrap().to_owned()
        };
        let terminal = path("terminal.py");
        let command = match kind {
            Kind::OpenSsh => return Self::openssh(directory, rest),
            Kind::Dropbear => return Self::dropbear(directory),
            Kind::TinySsh => return Self::tinyssh(directory),
            Kind::AsyncSsh => program(PYTHON, &[&path("asyncssh_server.py"), PASSWORD, &terminal]),
            Kind::Paramiko => program(PYTHON, &[&path("paramiko_server.py"), PASSWORD, &terminal]),
            Kind::NodeSsh2 => {
                let mut command = program("node", &[&path("node_ssh2.js"), PASSWORD, &terminal]);
                command.env("NODE_PATH", NODE_MODULES);
                command
            }
            Kind::Erlang => {
                host_key("ssh_host_ed25519_key");
                let home = directory.path().to_str().unwrap();
                program(
                    "escript",
                    &[&path("erlang_ssh.escript"), PASSWORD, &terminal, home],
                )
            }
            Kind::Libssh => {
                let server = directory.path().join("libssh_server");
                let key = host_key("host_key");
                compile(&path("libssh_server.c"), &server);
                program(server.to_str().unwrap(), &[PASSWORD, &key])
            }
            Kind::Mina => {
                let source = path("MinaServer.java");
                program("java", &["-cp", MINA_JARS, &source, PASSWORD, &terminal])
            }
        };
        let mut command = command;
        command.args(rest);
        let process = Process::start(command);
        Self {
            addr: process.announced(),
            credentials: json!({ "username": USER, "password": PASSWORD }),
            _running: Box::new(process),
            _directory: directory,
        }
    }

    fn openssh(directory: tempfile::TempDir, rest: &[&str]) -> Self {
        let lines: &[&str] = if rest.is_empty() {
            &[]
        } else {
            &["RekeyLimit 1M"]
        };
        let sshd = Sshd::with(lines);
        Self {
            addr: sshd.addr(),
            credentials: of_account(),
            _running: Box::new(sshd),
            _directory: directory,
        }
    }

    fn dropbear(directory: tempfile::TempDir) -> Self {
        let key = directory.path().join("key");
        let made = Command::new("dropbearkey")
            .args(["-t", "ed25519", "-f"])
            .arg(&key)
            .output()
            .expect("dropbearkey starts; run tests/setup.sh first");
        assert!(made.status.success(), "{made:?}");
        // It does not report its port.
        for _ in 0..20 {
            let addr = crate::common::free_port();
            let listen = addr.to_string();
            let key = key.to_str().unwrap();
            let mut process = Process::start(program(
                "dropbear",
                &["-F", "-E", "-m", "-r", key, "-p", &listen],
            ));
            if process.listens_at(addr) {
                return Self {
                    addr,
                    credentials: of_account(),
                    _running: Box::new(process),
                    _directory: directory,
                };
            }
        }
        panic!("dropbear does not start");
    }

    /// A server for inetd that accepts only keys.
    fn tinyssh(directory: tempfile::TempDir) -> Self {
        let keys = directory.path().join("keys");
        let made = Command::new("tinysshd-makekey")
            .arg(&keys)
            .output()
            .expect("tinysshd-makekey starts; run tests/setup.sh first");
        assert!(made.status.success(), "{made:?}");
        // One for all tests: the account has one file of keys.
        static KEY: OnceLock<KeyPair> = OnceLock::new();
        let Account { user, .. } = account();
        let key = KEY.get_or_init(|| {
            let key = KeyPair::generate(&["-t", "ed25519"], "");
            authorise(user, &key);
            key
        });
        Self {
            addr: serve_tinyssh(keys),
            credentials: json!({ "username": user, "private_key": key.private_pem() }),
            _running: Box::new(()),
            _directory: directory,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns an `auth` message's fields: the credentials, together with these.
    pub(crate) fn auth(&self, fields: Value) -> Value {
        let mut auth = fields;
        for (name, value) in self.credentials.as_object().unwrap() {
            auth[name] = value.clone();
        }
        auth
    }
}

fn of_account() -> Value {
    let Account { user, password, .. } = account();
    json!({ "username": user, "password": password })
}

/// Makes `key` the only one in the account's own file.
fn authorise(user: &str, key: &KeyPair) {
    let script = r#"umask 077; cd && mkdir -p .ssh && cat > .ssh/authorized_keys"#;
    let mut child = Command::new("su")
        .args(["-s", "/bin/sh", "-", user, "-c", script])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, key.public_line().as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

fn program(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments);
    command
}

fn compile(source: &str, to: &Path) {
    let made = Command::new("cc")
        .args(["-O1", "-o"])
        .arg(to)
        .args([source, "-lssh", "-lutil"])
        .output()
        .expect("cc starts; run tests/setup.sh first");
    assert!(made.status.success(), "{made:?}");
}

/// A program in a group of processes of its own.
struct Process {
    child: Child,
    stdout: Log,
    stderr: Log,
}

impl Process {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; run tests/setup.sh first"));
        let stdout = Log::drain(child.stdout.take().unwrap());
        let stderr = Log::drain(child.stderr.take().unwrap());
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// The port on its first line.
    fn announced(&self) -> SocketAddr {
        let port = self
            .stdout
            .wait(DEADLINE, |text| text.lines().next()?.parse::<u16>().ok());
        let port = port.unwrap_or_else(|| panic!("no server: {}", self.stderr.text()));
        (Ipv4Addr::LOCALHOST, port).into()
    }

    fn listens_at(&mut self, addr: SocketAddr) -> bool {
        let up = poll(Duration::from_secs(10), || TcpStream::connect(addr).ok());
        up.is_some() && self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.stderr.text());
        }
    }
}

/// Starts a tinysshd for each connection, as inetd does, for as long as the tests run.
fn serve_tinyssh(keys: PathBuf) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = OwnedFd::from(stream.unwrap());
            let mut child = Command::new("tinysshd")
                .arg(&keys)
                .stdin(stream.try_clone().unwrap())
                .stdout(stream)
                .spawn()
                .unwrap();
            std::thread::spawn(move || child.wait());
        }
    });
    addr
}
