//! The servers as processes. Libraries have a program each, beside this file.

use crate::common::{Account, Dropbear, KeyPair, Program, account, serve};
use serde_json::{Value, json};
use std::any::Any;
use std::io::Write;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Paths to which `tests/setup.sh` installs ssh2 and MINA.
const NODE_MODULES: &str = "/opt/sshard-test-node/node_modules";
const MINA_JARS: &str = "/opt/sshard-test-mina/*";

/// The user of the servers that are libraries, and a password.
const USER: &str = "interop";
const PASSWORD: &str = "correct horse";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
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
}

impl Server {
    pub(crate) fn start(kind: Kind) -> Self {
        Self::with(kind, &[])
    }

    /// One that begins a key exchange after each MiB; not for TinySSH and Dropbear.
    pub(crate) fn rekeying(kind: Kind) -> Self {
        Self::with(kind, &["rekey"])
    }

    /// A server that ends when `running` is dropped.
    fn of(addr: SocketAddr, credentials: Value, running: impl Any) -> Self {
        Self {
            addr,
            credentials,
            _running: Box::new(running),
        }
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
        let python =
            |script: &str| Program::python(script, &[&[PASSWORD, &terminal], rest].concat());
        let start = |name: &str, arguments: &[&str]| {
            let mut command = Command::new(name);
            command.args(arguments).args(rest);
            command.env("NODE_PATH", NODE_MODULES);
            Program::start(command)
        };
        let program = match kind {
            Kind::Dropbear => {
                let dropbear = Dropbear::start(&[]);
                let Account { user, password, .. } = account();
                let credentials = json!({ "username": user, "password": password });
                return Self::of(dropbear.addr(), credentials, dropbear);
            }
            Kind::TinySsh => return Self::tinyssh(directory),
            Kind::AsyncSsh => python("interop/asyncssh_server.py"),
            Kind::Paramiko => python("interop/paramiko_server.py"),
            Kind::NodeSsh2 => start("node", &[&path("node_ssh2.js"), PASSWORD, &terminal]),
            Kind::Erlang => {
                host_key("ssh_host_ed25519_key");
                let home = directory.path().to_str().unwrap();
                let script = path("erlang_ssh.escript");
                start("escript", &[&script, PASSWORD, &terminal, home])
            }
            Kind::Libssh => {
                let server = directory.path().join("libssh_server");
                let key = host_key("host_key");
                compile(&path("libssh_server.c"), &server);
                start(server.to_str().unwrap(), &[PASSWORD, &key])
            }
            Kind::Mina => {
                let source = path("MinaServer.java");
                start("java", &["-cp", MINA_JARS, &source, PASSWORD, &terminal])
            }
        };
        let credentials = json!({ "username": USER, "password": PASSWORD });
        Self::of(program.addr(), credentials, (program, directory))
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
        let credentials = json!({ "username": user, "private_key": key.private_pem() });
        Self::of(serve_tinyssh(keys), credentials, directory)
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

/// Makes `key` the only one in the account's own file.
fn authorise(user: &str, key: &KeyPair) {
    let script = r#"umask 077; cd && mkdir -p .ssh && cat > .ssh/authorized_keys"#;
    let mut child = Command::new("su")
        .args(["-s", "/bin/sh", "-", user, "-c", script])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(key.public_line().as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
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

/// Starts a tinysshd for each connection, as inetd does, for as long as the tests run.
fn serve_tinyssh(keys: PathBuf) -> SocketAddr {
    serve(move |stream| {
        let stream = OwnedFd::from(stream);
        let mut child = Command::new("tinysshd")
            .arg(&keys)
            .stdin(stream.try_clone().unwrap())
            .stdout(stream)
            .spawn()
            .unwrap();
        child.wait().unwrap();
    })
}
