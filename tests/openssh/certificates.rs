//! Host certificates (`@cert-authority`): those that are accepted, and those that are refused
//! before any packet of a login is sent.

use crate::common::{Client, Options};
use crate::common::{KeyPair, Sshd};
use crate::{allow, bridge_to, expect_error, expect_shell, next_json, path, with_password};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const ED25519: &[&str] = &["-t", "ed25519"];

/// Text in sshd's log of each request of a login.
const AUTHENTICATION: &str = "userauth-request";

/// Name of sshd's host in these tests.
const NAME: &str = "127.0.0.1";

/// A host key and its certificate.
struct Host {
    key: KeyPair,
    certificate: PathBuf,
}

impl Host {
    /// `options` are ssh-keygen's, `-h` for a host among them.
    fn certified(authority: &KeyPair, kind: &[&str], options: &[&str]) -> Self {
        let key = KeyPair::generate(kind, "");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-I", "test"])
            .args(options)
            .arg("-s")
            .arg(authority.path())
            .arg(key.path().with_extension("pub"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let certificate = key.path().with_file_name("key-cert.pub");
        Self { key, certificate }
    }

    fn serve(&self) -> Sshd {
        let key = format!("HostKey {}", self.key.path().display());
        let certificate = format!("HostCertificate {}", self.certificate.display());
        Sshd::with(&["LogLevel DEBUG1", &key, &certificate])
    }
}

/// Logs in with `known_hosts` as the record, `PORT` in it replaced, by this policy.
fn attempt(sshd: &Sshd, known_hosts: &str, policy: &str) -> (Client, crate::common::Bridge) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = known_hosts.replace("PORT", &sshd.port().to_string());
    fs::write(file.path(), text).unwrap();
    let settings = [
        format!("ssh.known_hosts={}", file.path().display()),
        format!("ssh.host_key_policy={policy}"),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let bridge = bridge_to(&allow(sshd.port()), &settings);
    let mut client = Client::connect(bridge.addr(), &path(sshd.port()), &Options::v1());
    client.auth_v1(&with_password(json!({})));
    (client, bridge)
}

fn accepts(sshd: &Sshd, known_hosts: &str) {
    let (mut client, _bridge) = attempt(sshd, known_hosts, "strict");
    let ready = next_json(&mut client);
    assert_eq!(ready["type"], "ready", "{ready}");
    expect_shell(&mut client);
    assert!(sshd.log().contains(AUTHENTICATION));
}

/// Asserts that no packet of a login came; [`accepts`] asserts that sshd would log it.
fn assert_nothing_was_tried(sshd: &Sshd) {
    let log = sshd.log();
    assert!(!log.contains(AUTHENTICATION), "{log}");
}

fn refuses(sshd: &Sshd, known_hosts: &str, code: &str, words: &str) {
    for policy in ["strict", "accept-new", "ask"] {
        let (mut client, bridge) = attempt(sshd, known_hosts, policy);
        let error = expect_error(&mut client, "handshake", code, 4409);
        let told = error["message"].as_str().unwrap();
        assert!(told.contains(words), "{policy}: {error}");
        bridge.wait_stderr("host key", crate::common::DEADLINE);
    }
    assert_nothing_was_tried(sshd);
}

fn authority_line(authority: &KeyPair) -> String {
    format!(
        "@cert-authority [127.0.0.1]:PORT {}\n",
        authority.public_line()
    )
}

#[test]
fn certificates_of_an_authority_on_record_are_accepted() {
    for authority in [ED25519, &["-t", "rsa", "-b", "2048"], &["-t", "ecdsa"]] {
        let authority = KeyPair::generate(authority, "");
        let kinds: [&[&str]; 3] = [ED25519, &["-t", "rsa", "-b", "2048"], &["-t", "ecdsa"]];
        for kind in kinds {
            let host = Host::certified(&authority, kind, &["-h", "-n", NAME]);
            accepts(&host.serve(), &authority_line(&authority));
        }
    }
}

#[test]
fn one_of_several_principals_is_enough() {
    let authority = KeyPair::generate(ED25519, "");
    let names = format!("other.example,{NAME}");
    let host = Host::certified(&authority, ED25519, &["-h", "-n", &names, "-V", "-1h:+1h"]);
    accepts(&host.serve(), &authority_line(&authority));
}

#[test]
fn a_host_without_a_certificate_is_checked_by_its_key() {
    let authority = KeyPair::generate(ED25519, "");
    let sshd = Sshd::with(&["LogLevel DEBUG1"]);
    let known = sshd.known_hosts() + &authority_line(&authority);
    accepts(&sshd, &known);
    refuses_plain_key(&sshd, &authority_line(&authority));
}

/// Asserts that the plain key is unknown.
fn refuses_plain_key(sshd: &Sshd, known_hosts: &str) {
    let (mut client, _bridge) = attempt(sshd, known_hosts, "strict");
    expect_error(&mut client, "handshake", "host-key-unknown", 4409);
}

/// The record holds an authority and no key.
#[test]
fn a_question_about_a_plain_key_says_that_an_authority_is_on_record() {
    let authority = KeyPair::generate(ED25519, "");
    let sshd = Sshd::with(&["LogLevel DEBUG1"]);
    for (known_hosts, known) in [
        (authority_line(&authority), "changed"),
        (String::new(), "new"),
    ] {
        let (mut client, _bridge) = attempt(&sshd, &known_hosts, "ask");
        let question = next_json(&mut client);
        assert_eq!(
            (&question["type"], &question["known"]),
            (&json!("host_key"), &json!(known)),
            "{question}"
        );
    }
}

#[test]
fn certificates_are_not_offered_where_no_authority_is_on_record() {
    let authority = KeyPair::generate(ED25519, "");
    let host = Host::certified(&authority, ED25519, &["-h", "-n", NAME]);
    let sshd = host.serve();
    let known = format!("[127.0.0.1]:PORT {}\n", host.key.public_line());
    accepts(&sshd, &known);
    let elsewhere = format!(
        "@cert-authority other.example {}\n",
        authority.public_line()
    );
    accepts(&sshd, &(elsewhere + &known));
}

#[test]
fn invalid_certificates_are_refused() {
    let authority = KeyPair::generate(ED25519, "");
    let rsa = KeyPair::generate(&["-t", "rsa", "-b", "2048"], "");
    let cases: [(&KeyPair, &[&str], &str); 9] = [
        (&authority, &["-n", NAME], "not one for hosts"),
        (
            &authority,
            &["-h", "-n", "other.example"],
            "not for this host name",
        ),
        (
            &authority,
            &["-h", "-n", "127.0.0.*"],
            "not for this host name",
        ),
        (&authority, &["-h", "-n", "*"], "not for this host name"),
        // No principals at all.
        (&authority, &["-h"], "not for this host name"),
        (
            &authority,
            &["-h", "-n", NAME, "-V", "20200101:20200102"],
            "has expired",
        ),
        (
            &authority,
            &["-h", "-n", NAME, "-V", "+1d:+2d"],
            "not valid yet",
        ),
        (
            &authority,
            &["-h", "-n", NAME, "-O", "critical:x@example.org=y"],
            "critical options",
        ),
        (&rsa, &["-h", "-n", NAME, "-t", "ssh-rsa"], "SHA-1"),
    ];
    for (signer, options, words) in cases {
        let host = Host::certified(signer, ED25519, options);
        // Its plain key is known: there is no fallback to it.
        let known =
            authority_line(signer) + &format!("[127.0.0.1]:PORT {}\n", host.key.public_line());
        refuses(&host.serve(), &known, "host-certificate-invalid", words);
    }
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let (authority, other) = (
        KeyPair::generate(ED25519, ""),
        KeyPair::generate(ED25519, ""),
    );
    let host = Host::certified(&other, ED25519, &["-h", "-n", NAME]);
    let (known, code) = (authority_line(&authority), "host-certificate-invalid");
    refuses(&host.serve(), &known, code, "not on record");
    // An authority for another host is none for this.
    let elsewhere = format!("@cert-authority *.example {}\n", other.public_line());
    refuses(&host.serve(), &(elsewhere + &known), code, "not on record");
}

#[test]
fn revoked_authorities_and_revoked_keys_are_refused() {
    let authority = KeyPair::generate(ED25519, "");
    let host = Host::certified(&authority, ED25519, &["-h", "-n", NAME]);
    let sshd = host.serve();
    for revoked in [&authority, &host.key] {
        let known = authority_line(&authority) + &format!("@revoked * {}\n", revoked.public_line());
        refuses(&sshd, &known, "host-key-revoked", "revoked");
    }
}
