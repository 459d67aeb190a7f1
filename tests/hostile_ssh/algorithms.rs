//! Algorithms that the bridge offers in its key exchange: as received by a plain TCP server, and by
//! ssh-audit's rating.

use crate::asyncssh;
use crate::common::fixture::{auth_at, bridge_to};
use crate::common::{Bridge, Client, DEADLINE, Log, PYTHON_BIN, free_port, poll};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};

const LISTS: [&str; 10] = [
    "kex",
    "host key",
    "cipher out",
    "cipher in",
    "mac out",
    "mac in",
    "compression out",
    "compression in",
    "language out",
    "language in",
];

/// Returns the name-lists of the KEXINIT that a bridge with these settings sends (RFC 4253 section
/// 7.1).
fn offer(settings: &[&str]) -> BTreeMap<&'static str, Vec<String>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let bridge = bridge_to(&[addr], settings);
    let _client = login(&bridge, addr);
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(b"SSH-2.0-Listener\r\n").unwrap();
    let mut reader = BufReader::new(stream);
    let mut id = String::new();
    reader.read_line(&mut id).unwrap();
    assert!(id.starts_with("SSH-2.0-sshard_"), "{id:?}");
    let mut length = [0; 4];
    reader.read_exact(&mut length).unwrap();
    let mut packet = vec![0; u32::from_be_bytes(length) as usize];
    reader.read_exact(&mut packet).unwrap();
    // Padding length, the message's number, the cookie.
    assert_eq!(packet[1], 20, "KEXINIT");
    let mut rest = &packet[18..];
    LISTS
        .iter()
        .map(|name| {
            let (length, after) = rest.split_at(4);
            let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
            let (list, after) = after.split_at(length);
            rest = after;
            let list = String::from_utf8(list.to_vec()).unwrap();
            (*name, list.split(',').map(str::to_owned).collect())
        })
        .collect()
}

fn login(bridge: &Bridge, target: SocketAddr) -> Client {
    let fields = json!({ "username": "u", "password": "p" });
    auth_at(bridge, target, &fields)
}

/// Parts of names of old algorithms.
const OLD: &[&str] = &[
    "sha1",
    "ssh-rsa",
    "ssh-dss",
    "cbc",
    "3des",
    "arcfour",
    "md5",
    "umac-64",
    "-96",
    "group1-",
    "group14",
    "group-exchange",
    "nistp256,",
    "none",
];

#[test]
fn old_algorithms_are_not_offered_by_default() {
    let offered = offer(&[]);
    for (list, names) in &offered {
        if list.starts_with("compression") {
            assert_eq!(names, &["none"], "{list}");
            continue;
        }
        for name in names {
            for old in OLD {
                assert!(!name.contains(old), "{list}: {name}");
            }
        }
    }
    let kex = &offered["kex"];
    assert!(
        kex.contains(&"kex-strict-c-v00@openssh.com".to_owned()),
        "{kex:?}"
    );
    assert!(kex.contains(&"ext-info-c".to_owned()), "{kex:?}");
    assert_eq!(kex[0], "mlkem768x25519-sha256");
    assert!(!kex.iter().any(|name| name.contains("nistp")), "{kex:?}");
    for direction in ["cipher out", "cipher in"] {
        for cipher in &offered[direction] {
            let aead = cipher.contains("gcm") || cipher.contains("poly1305");
            assert!(aead, "{cipher}");
        }
    }
}

#[test]
fn old_algorithms_come_last_where_they_are_enabled() {
    let (modern, legacy) = (offer(&[]), offer(&["ssh.legacy_algorithms=true"]));
    let kex = &legacy["kex"];
    assert!(
        kex.contains(&"diffie-hellman-group14-sha256".to_owned()),
        "{kex:?}"
    );
    assert!(legacy["cipher out"].contains(&"aes128-ctr".to_owned()));
    for (list, modern) in &modern {
        assert_eq!(legacy[list][0], modern[0], "{list}");
    }
    let last = |list: &str| legacy[list].last().unwrap().as_str();
    assert_eq!(last("host key"), "ssh-rsa");
    assert_eq!(last("cipher out"), "3des-cbc");
    assert!(last("mac out").contains("sha1"));
    // Never enabled: broken, or not implemented by russh.
    for names in legacy.values() {
        for name in names {
            for old in ["ssh-dss", "arcfour", "md5", "-96", "umac-64"] {
                assert!(!name.contains(old), "{name}");
            }
        }
    }
    assert!(kex.contains(&"kex-strict-c-v00@openssh.com".to_owned()));
}

/// Old equipment has one algorithm of each kind.
#[test]
fn old_equipment_is_reached_with_legacy_algorithms_only() {
    for old in [
        "kex=diffie-hellman-group1-sha1 cipher=aes128-cbc mac=hmac-sha1 key=ssh-rsa",
        "kex=diffie-hellman-group14-sha1 cipher=aes128-cbc mac=hmac-sha1 key=ssh-rsa",
        "kex=diffie-hellman-group-exchange-sha1 cipher=aes256-cbc mac=hmac-sha1",
        "kex=diffie-hellman-group-exchange-sha256 cipher=aes128-ctr mac=hmac-sha2-256",
        "kex=ecdh-sha2-nistp256 cipher=aes192-cbc mac=hmac-sha2-512 not-strict",
        "kex=curve25519-sha256 cipher=aes256-ctr mac=hmac-sha2-256-etm@openssh.com",
        "kex=curve25519-sha256 cipher=3des-cbc mac=hmac-sha2-256",
        "kex=diffie-hellman-group14-sha1 cipher=3des-cbc mac=hmac-sha1",
    ] {
        println!("{old}");
        let ssh = asyncssh(&old.split(' ').collect::<Vec<_>>());
        let bridge = bridge_to(&[ssh.addr()], &["ssh.legacy_algorithms=true"]);
        login(&bridge, ssh.addr()).wait_type("ready");
        let bridge = bridge_to(&[ssh.addr()], &[]);
        let error = login(&bridge, ssh.addr()).wait_type("error");
        assert_eq!(error["code"], "no-common-algorithm", "{old}: {error}");
    }
}

/// Terrapin, CVE-2023-48795.
#[test]
fn algorithms_that_need_strict_key_exchange_are_refused_without_it() {
    const CHACHA: &str = "cipher=chacha20-poly1305@openssh.com";
    const ETM: &str = "mac=hmac-sha2-256-etm@openssh.com";
    for (arguments, legacy, works) in [
        (&[CHACHA][..], "false", true),
        (&[CHACHA, "not-strict"], "false", false),
        (&[CHACHA, "not-strict"], "true", true),
        (&["cipher=aes128-ctr", ETM], "true", true),
        (&["cipher=aes128-ctr", ETM, "not-strict"], "true", true),
        (
            &["cipher=aes128-gcm@openssh.com", ETM, "not-strict"],
            "false",
            true,
        ),
        // Others are agreed on.
        (&["not-strict"], "false", true),
        (&["not-strict"], "true", true),
    ] {
        let ssh = asyncssh(arguments);
        let legacy = format!("ssh.legacy_algorithms={legacy}");
        let bridge = bridge_to(&[ssh.addr()], &[&legacy]);
        let mut client = login(&bridge, ssh.addr());
        if works {
            client.wait_type("ready");
            continue;
        }
        let error = client.wait_type("error");
        assert_eq!(
            error["code"], "no-common-algorithm",
            "{arguments:?}: {error}"
        );
        assert_eq!(error["retryable"], false);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("strict key exchange"), "{message}");
    }
}

#[test]
fn a_host_that_signs_with_another_algorithm_than_agreed_is_refused() {
    let ssh = asyncssh(&["sha1-signature"]);
    for legacy in ["false", "true"] {
        let legacy = format!("ssh.legacy_algorithms={legacy}");
        let bridge = bridge_to(&[ssh.addr()], &[&legacy]);
        let error = login(&bridge, ssh.addr()).wait_type("error");
        assert_eq!(error["code"], "server-misbehaved", "{error}");
        assert_eq!(error["stage"], "handshake", "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("another algorithm than agreed"),
            "{message}"
        );
    }
}

/// Returns ssh-audit's report on a bridge with these settings.
fn audit(settings: &[&str]) -> String {
    // It does not report its port.
    for _ in 0..20 {
        let addr = free_port();
        let mut audit = Command::new(format!("{PYTHON_BIN}/ssh-audit"))
            .args(["--no-colors", "--client-audit", "--timeout=60", "-p"])
            .arg(addr.port().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ssh-audit starts; run tests/setup.sh first");
        let stdout = Log::drain(audit.stdout.take().unwrap());
        let bridge = bridge_to(&[addr], settings);
        let listening = poll(DEADLINE, || {
            let tables = std::fs::read_to_string("/proc/net/tcp").unwrap()
                + &std::fs::read_to_string("/proc/net/tcp6").unwrap();
            let port = format!(":{:04X} ", addr.port());
            let ended = audit.try_wait().unwrap().is_some();
            (ended || tables.contains(&port)).then_some(())
        });
        assert!(listening.is_some(), "ssh-audit does not listen");
        let _client = login(&bridge, addr);
        let _ = poll(DEADLINE, || audit.try_wait().unwrap());
        let _ = audit.kill();
        audit.wait().unwrap();
        let text = stdout.whole();
        if text.contains("key exchange algorithms") {
            return text;
        }
    }
    panic!("ssh-audit audits nothing");
}

#[test]
fn ssh_audit_fails_nothing_but_ecdsa_host_keys() {
    let text = audit(&[]);
    println!("{text}");
    for kind in ["(kex)", "(key)", "(enc)", "(mac)"] {
        assert!(text.contains(kind), "{kind} is not in:\n{text}");
    }
    // It distrusts NIST's curves. Many hosts have no other key on record, and the host chooses.
    let complaint =
        |line: &&str| line.contains("[fail]") && !line.starts_with("(key) ecdsa-sha2-nistp");
    let failures: Vec<&str> = text.lines().filter(complaint).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}
