//! Servers that keep the rules in unusual ways. OpenSSH has tests of its own: `openssh`, and key
//! exchanges under load in `backpressure`.

use crate::common::fixture::{auth_at, bridge_to};
use crate::common::{Account, Bridge, Client, Dropbear, KeyPair, Sshd, account};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

const MIB: usize = 1024 * 1024;

fn ready(bridge: &Bridge, target: SocketAddr, fields: &Value) -> Client {
    let mut client = auth_at(bridge, target, fields);
    client.wait_type("ready");
    client
}

/// Reads output to the end; returns its length and the exit status.
fn drain(client: &mut Client) -> (usize, i64) {
    let end = client.transcript();
    (end.output.len(), end.status())
}

/// AsyncSSH puts an IGNORE in front of each.
#[test]
fn output_in_many_tiny_packets_is_within_the_budget() {
    let ssh = crate::asyncssh(&[]);
    let bridge = bridge_to(&[ssh.addr()], &[]);
    let fields = json!({ "username": "one_byte_packets" });
    let mut client = ready(&bridge, ssh.addr(), &fields);
    assert_eq!(drain(&mut client), (8 * 1024, 0));
}

/// Lines, each echoed, faster and longer than the cap on unsolicited packets alone would admit.
#[test]
fn typing_into_asyncssh_is_within_the_budget() {
    let ssh = crate::asyncssh(&[]);
    let bridge = bridge_to(&[ssh.addr()], &[]);
    let mut client = ready(&bridge, ssh.addr(), &json!({ "username": "honest" }));
    client.output_until("ready");
    for round in 0..250 {
        client.send_binary(format!("{round}.\n").as_bytes());
        client.output_until(&format!("{round}."));
    }
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
    let bridge = bridge_to(&[asyncssh.addr(), dropbear.addr()], &[]);
    let Account { user, .. } = account();
    let authorised = AuthorisedKeys::new();
    for bits in ["2048", "2050", "2056", "3000"] {
        let key = KeyPair::generate(&["-t", "rsa", "-b", bits], "");
        authorised.write(&key);
        for (addr, user) in [(asyncssh.addr(), "keys"), (dropbear.addr(), user)] {
            println!("{bits} bits of {user}");
            let fields = json!({ "username": user, "private_key": key.private_pem() });
            ready(&bridge, addr, &fields);
        }
    }
}

/// With one attempt it closes the connection without a DISCONNECT.
#[test]
fn a_wrong_password_at_dropbear_is_not_retryable() {
    for tries in ["1", "2"] {
        let ssh = Dropbear::start(&["-T", tries]);
        let bridge = bridge_to(&[ssh.addr()], &[]);
        let fields = json!({ "username": account().user, "password": "wrong" });
        let error = auth_at(&bridge, ssh.addr(), &fields).wait_type("error");
        assert_eq!(error["code"], "login-failed", "{error}");
        assert_eq!(error["retryable"], false, "{error}");
    }
}

#[test]
fn dropbear_logs_in_runs_and_transfers_both_ways() {
    let ssh = Dropbear::start(&[]);
    let bridge = bridge_to(&[ssh.addr()], &[]);
    let Account { user, password, .. } = account();
    let connect = |command: &str| {
        let fields = json!({ "username": user, "password": password, "command": command });
        ready(&bridge, ssh.addr(), &fields)
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
    let fields = json!({
        "username": account().user,
        "private_key": key.private_pem(),
        "command": format!("stty raw; head -c {} /dev/zero; sleep 3", 50 * MIB),
    });
    let mut client = ready(&bridge, sshd.addr(), &fields);
    let start = Instant::now();
    assert_eq!(drain(&mut client), (50 * MIB, 0));
    assert!(start.elapsed() >= Duration::from_secs(3));
}
