//! Servers that keep the rules in unusual ways. OpenSSH has tests of its own: `openssh`, and key
//! exchanges under load in `backpressure`.

use crate::common::fixture::{bridge_to, path_to};
use crate::common::{Account, Client, Event, KeyPair, Log, Options, Sshd, account, poll};
use serde_json::json;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MIB: usize = 1024 * 1024;

/// Reads output to the end; returns its length and the exit status.
fn drain(client: &mut Client) -> (usize, i64) {
    let (mut bytes, mut status) = (0, -1);
    loop {
        match client.recv() {
            Event::Output(output) => bytes += output.len(),
            Event::Json(message) if message["type"] == "exit" => {
                status = message["status"].as_i64().unwrap();
            }
            Event::Json(message) => assert_ne!(message["type"], "error", "{message}"),
            Event::Close(code, reason) => {
                assert_eq!(code, 1000, "{reason}");
                return (bytes, status);
            }
            Event::Reset => panic!("reset after {bytes} bytes"),
        }
    }
}

/// AsyncSSH puts an IGNORE in front of each.
#[test]
fn output_in_many_tiny_packets_is_within_the_budget() {
    let ssh = crate::asyncssh(&[]);
    let bridge = bridge_to(&[ssh.addr()], &[]);
    let mut client = Client::connect(bridge.addr(), &path_to(ssh.addr()), &Options::v1());
    client.auth_v1(&json!({ "username": "one_byte_packets" }));
    client.wait_type("ready");
    let before = client.output.len();
    assert_eq!(drain(&mut client).0 + before, 8 * 1024);
}

/// Lines, each echoed, faster and longer than the cap on unsolicited packets alone would admit.
#[test]
fn typing_into_asyncssh_is_within_the_budget() {
    let ssh = crate::asyncssh(&[]);
    let bridge = bridge_to(&[ssh.addr()], &[]);
    let mut client = Client::connect(bridge.addr(), &path_to(ssh.addr()), &Options::v1());
    client.auth_v1(&json!({ "username": "honest" }));
    client.wait_type("ready");
    client.output_until("ready");
    for round in 0..250 {
        client.send_binary(format!("{round}.\n").as_bytes());
        client.output_until(&format!("{round}."));
    }
}

struct Dropbear {
    process: Child,
    addr: SocketAddr,
    _directory: tempfile::TempDir,
    log: Log,
}

impl Dropbear {
    fn start(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key");
        let made = Command::new("dropbearkey")
            .args(["-t", "ed25519", "-f"])
            .arg(&key)
            .output()
            .expect("dropbearkey starts; run tests/setup.sh first");
        assert!(made.status.success(), "{made:?}");
        // It does not report its port: one that is free now, as for sshd.
        for _ in 0..20 {
            let addr = crate::common::free_port();
            let mut process = Command::new("dropbear")
                .args(["-F", "-E", "-m", "-r"])
                .arg(&key)
                .args(["-p", &addr.to_string()])
                .args(options)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("dropbear starts; run tests/setup.sh first");
            let log = Log::drain(process.stderr.take().unwrap());
            let up = poll(Duration::from_secs(10), || {
                std::net::TcpStream::connect(addr).ok()
            });
            if up.is_some() && process.try_wait().unwrap().is_none() {
                return Self {
                    process,
                    addr,
                    _directory: directory,
                    log,
                };
            }
            let _ = process.kill();
            process.wait().unwrap();
        }
        panic!("dropbear does not start");
    }
}

impl Drop for Dropbear {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("dropbear said:\n{}", self.log.text());
        }
    }
}

fn with_password(fields: serde_json::Value) -> serde_json::Value {
    let Account { user, password, .. } = account();
    let mut fields = fields;
    fields["username"] = (*user).into();
    fields["password"] = password.as_str().into();
    fields
}

/// Authorised keys of the tests' account, the only ones that Dropbear reads. Removed at the end.
struct AuthorisedKeys(std::path::PathBuf);

impl AuthorisedKeys {
    fn new() -> Self {
        let home = format!("/home/{}/.ssh", account().user);
        let made = Command::new("install")
            .args(["-d", "-m", "700", "-o", account().user, &home])
            .status();
        assert!(made.unwrap().success());
        Self(format!("{home}/authorized_keys").into())
    }

    fn write(&self, key: &KeyPair) {
        std::fs::write(&self.0, format!("{}\n", key.public_line())).unwrap();
        let own = Command::new("chown")
            .arg(account().user)
            .arg(&self.0)
            .status();
        assert!(own.unwrap().success());
    }
}

impl Drop for AuthorisedKeys {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Servers check that a signature is exactly as long as the modulus.
#[test]
fn rsa_keys_of_any_size_log_in_to_dropbear_and_asyncssh() {
    let asyncssh = crate::asyncssh(&[]);
    let dropbear = Dropbear::start(&[]);
    let bridge = bridge_to(&[asyncssh.addr(), dropbear.addr], &[]);
    let Account { user, .. } = account();
    let authorised = AuthorisedKeys::new();
    for bits in ["2048", "2050", "2056", "3000"] {
        let key = KeyPair::generate(&["-t", "rsa", "-b", bits], "");
        authorised.write(&key);
        for (addr, user) in [(asyncssh.addr(), "keys"), (dropbear.addr, user)] {
            let mut client = Client::connect(bridge.addr(), &path_to(addr), &Options::v1());
            client.auth_v1(&json!({ "username": user, "private_key": key.private_pem() }));
            let told = client.wait_type("ready");
            assert_eq!(told["type"], "ready", "{bits} bits at {addr}");
        }
    }
}

/// With one attempt it closes the connection without a DISCONNECT.
#[test]
fn a_wrong_password_at_dropbear_is_not_retryable() {
    for tries in ["1", "2"] {
        let ssh = Dropbear::start(&["-T", tries]);
        let bridge = bridge_to(&[ssh.addr], &[]);
        let mut client = Client::connect(bridge.addr(), &path_to(ssh.addr), &Options::v1());
        client.auth_v1(&json!({ "username": account().user, "password": "wrong" }));
        let error = client.wait_type("error");
        assert_eq!(error["code"], "login-failed", "{error}");
        assert_eq!(error["retryable"], false, "{error}");
    }
}

#[test]
fn dropbear_logs_in_runs_and_transfers_both_ways() {
    let ssh = Dropbear::start(&[]);
    let bridge = bridge_to(&[ssh.addr], &[]);
    let connect = |command: &str| {
        let mut client = Client::connect(bridge.addr(), &path_to(ssh.addr), &Options::v1());
        client.auth_v1(&with_password(json!({ "command": command })));
        client.wait_type("ready");
        client
    };
    let mut client = connect(&format!("stty raw; head -c {} /dev/zero", 50 * MIB));
    assert_eq!(drain(&mut client), (50 * MIB, 0));
    // Its window is small, so it sends many adjustments.
    let mut client = connect(&format!(
        "stty raw -echo; echo GO; head -c {} | wc -c",
        5 * MIB
    ));
    client.output_until("GO");
    for _ in 0..5 * MIB / (32 * 1024) {
        client.send_binary(&[b'x'; 32 * 1024]);
    }
    client.output_until(&(5 * MIB).to_string());
    assert_eq!(drain(&mut client).1, 0);
}

#[test]
fn openssh_with_frequent_key_exchanges_and_keep_alives_is_within_the_budget() {
    let sshd = Sshd::with(&["RekeyLimit 1M", "ClientAliveInterval 1"]);
    let key = KeyPair::generate(&["-t", "ed25519"], "");
    sshd.authorise(&key);
    let bridge = bridge_to(&[sshd.addr()], &[]);
    let mut client = Client::connect(bridge.addr(), &path_to(sshd.addr()), &Options::v1());
    let command = format!("stty raw; head -c {} /dev/zero; sleep 3", 50 * MIB);
    client.auth_v1(&json!({
        "username": account().user,
        "private_key": key.private_pem(),
        "command": command,
    }));
    client.wait_type("ready");
    let start = Instant::now();
    assert_eq!(drain(&mut client), (50 * MIB, 0));
    assert!(start.elapsed() >= Duration::from_secs(3));
}
