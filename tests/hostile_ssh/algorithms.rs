//! What the bridge offers in its key exchange: as bytes at a server that only listens, and as
//! ssh-audit judges it.

use crate::common::scene::{bridge_to, path_to};
use crate::common::{Client, DEADLINE, Log, Options, free_port, poll};
use crate::python::BIN;
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

/// The name-lists of the KEXINIT that a bridge with these settings sends (RFC 4253 section 7.1).
fn offer(settings: &[&str]) -> BTreeMap<&'static str, Vec<String>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let bridge = bridge_to(&[addr], settings);
    let _client = login(bridge.addr(), addr);
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

fn login(bridge: SocketAddr, target: SocketAddr) -> Client {
    let mut client = Client::connect(bridge, &path_to(target), &Options::v1());
    client.auth_v1(&json!({ "username": "u", "password": "p" }));
    client
}

/// Parts of names of what is old.
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
fn what_is_old_is_never_offered_unless_asked_for() {
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
fn what_is_old_stands_last_where_it_is_asked_for() {
    let (modern, legacy) = (offer(&[]), offer(&["ssh.legacy_algorithms=true"]));
    let kex = &legacy["kex"];
    assert!(
        kex.contains(&"diffie-hellman-group14-sha256".to_owned()),
        "{kex:?}"
    );
    assert!(legacy["cipher out"].contains(&"aes128-ctr".to_owned()));
    for list in ["cipher out", "cipher in"] {
        // Which of the modern ones is first depends on the machine.
        let modern = &modern[list];
        assert!(
            legacy[list][..modern.len()]
                .iter()
                .all(|name| modern.contains(name))
        );
    }
    for names in legacy.values() {
        for name in names {
            for old in [
                "sha1",
                "ssh-rsa",
                "ssh-dss",
                "cbc",
                "3des",
                "group-exchange",
                "group1-",
            ] {
                assert!(!name.contains(old), "{name}");
            }
        }
    }
    assert!(kex.contains(&"kex-strict-c-v00@openssh.com".to_owned()));
}

/// What ssh-audit says of a bridge with these settings.
fn audit(settings: &[&str]) -> String {
    // It tells no port of its own.
    for _ in 0..20 {
        let addr = free_port();
        let mut audit = Command::new(format!("{BIN}/ssh-audit"))
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
        let _client = login(bridge.addr(), addr);
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
fn ssh_audit_complains_of_nothing_but_ecdsa_host_keys() {
    let text = audit(&[]);
    println!("{text}");
    for kind in ["(kex)", "(key)", "(enc)", "(mac)"] {
        assert!(text.contains(kind), "{kind} is not in:\n{text}");
    }
    // Its one complaint: it takes NIST's curves for suspect. Many hosts have no other key on
    // record, and it is the host's to choose.
    let complaint =
        |line: &&str| line.contains("[fail]") && !line.starts_with("(key) ecdsa-sha2-nistp");
    let failures: Vec<&str> = text.lines().filter(complaint).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}
