//! Host certificates (`@cert-authority`): those that are accepted, and those that are refused
//! before any packet of a login is sent.

use crate::common::fixture::auth_at;
use crate::common::{Bridge, Client, DEADLINE, KeyPair, Sshd};
use crate::{bridge_to, expect_error, expect_ready, expect_shell, next_json, with_password};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

const ED25519: &[&str] = &["-t", "ed25519"];
const RSA: &[&str] = &["-t", "rsa", "-b", "2048"];

/// Text in sshd's log of each request of a login.
const AUTHENTICATION: &str = "userauth-request";

/// Options of a certificate for sshd's host.
const FOR_HOST: &str = "-h -n 127.0.0.1";

/// A host key and its certificate.
struct Host {
    key: KeyPair,
    certificate: PathBuf,
}

impl Host {
    /// `options` are ssh-keygen's, with a space between them, `-h` for a host among them.
    fn certified(authority: &KeyPair, kind: &[&str], options: &str) -> Self {
        let key = KeyPair::generate(kind, "");
        let options: Vec<&str> = options.split(' ').collect();
        let certificate = key.certify(authority, &options);
        Self { key, certificate }
    }

    fn serve(&self) -> Sshd {
        let key = format!("HostKey {}", self.key.path().display());
        let certificate = format!("HostCertificate {}", self.certificate.display());
        Sshd::with(&["LogLevel DEBUG1", &key, &certificate])
    }
}

/// Logs in with `known_hosts` as the record, `PORT` in it replaced, by this policy.
fn attempt(sshd: &Sshd, known_hosts: &str, policy: &str) -> (Client, Bridge) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = known_hosts.replace("PORT", &sshd.port().to_string());
    fs::write(file.path(), text).unwrap();
    let settings = [
        format!("ssh.known_hosts={}", file.path().display()),
        format!("ssh.host_key_policy={policy}"),
    ];
    let bridge = bridge_to(sshd, &settings);
    let client = auth_at(&bridge, sshd.addr(), &with_password(json!({})));
    (client, bridge)
}

fn accepts(sshd: &Sshd, known_hosts: &str) {
    let (mut client, _bridge) = attempt(sshd, known_hosts, "strict");
    expect_ready(&mut client);
    expect_shell(&mut client);
    sshd.wait_log(AUTHENTICATION);
}

fn refuses(sshd: &Sshd, known_hosts: &str, code: &str, words: &str) {
    for policy in ["strict", "accept-new", "ask"] {
        let (mut client, bridge) = attempt(sshd, known_hosts, policy);
        let error = expect_error(&mut client, "handshake", code, 4409);
        let told = error["message"].as_str().unwrap();
        assert!(told.contains(words), "{policy}: {error}");
        bridge.wait_stderr("host key", DEADLINE);
    }
    // No packet of a login came: `accepts` asserts that sshd would log it.
    let log = sshd.log();
    assert!(!log.contains(AUTHENTICATION), "{log}");
}

fn authority_line(authority: &KeyPair) -> String {
    format!(
        "@cert-authority [127.0.0.1]:PORT {}\n",
        authority.public_line()
    )
}

#[test]
fn certificates_of_an_authority_on_record_are_accepted() {
    let kinds = [ED25519, RSA, &["-t", "ecdsa"]];
    for authority in kinds {
        let authority = KeyPair::generate(authority, "");
        for kind in kinds {
            let host = Host::certified(&authority, kind, FOR_HOST);
            accepts(&host.serve(), &authority_line(&authority));
        }
    }
}

#[test]
fn one_of_several_principals_is_enough() {
    let authority = KeyPair::generate(ED25519, "");
    let options = "-h -n other.example,127.0.0.1 -V -1h:+1h";
    let host = Host::certified(&authority, ED25519, options);
    accepts(&host.serve(), &authority_line(&authority));
}

#[test]
fn a_host_without_a_certificate_is_checked_by_its_key() {
    let authority = KeyPair::generate(ED25519, "");
    let sshd = Sshd::with(&["LogLevel DEBUG1"]);
    let known = sshd.known_hosts() + &authority_line(&authority);
    accepts(&sshd, &known);
    let (mut client, _bridge) = attempt(&sshd, &authority_line(&authority), "strict");
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
    let host = Host::certified(&authority, ED25519, FOR_HOST);
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
    let rsa = KeyPair::generate(RSA, "");
    let wrong_name = "not for this host name";
    let cases = [
        (&authority, "-n 127.0.0.1", "not one for hosts"),
        (&authority, "-h -n other.example", wrong_name),
        (&authority, "-h -n 127.0.0.*", wrong_name),
        (&authority, "-h -n *", wrong_name),
        // No principals at all.
        (&authority, "-h", wrong_name),
        (
            &authority,
            "-h -n 127.0.0.1 -V 20200101:20200102",
            "has expired",
        ),
        (&authority, "-h -n 127.0.0.1 -V +1d:+2d", "not valid yet"),
        (
            &authority,
            "-h -n 127.0.0.1 -O critical:x@example.org=y",
            "critical options",
        ),
        (&rsa, "-h -n 127.0.0.1 -t ssh-rsa", "SHA-1"),
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
    let host = Host::certified(&other, ED25519, FOR_HOST);
    let (known, code) = (authority_line(&authority), "host-certificate-invalid");
    refuses(&host.serve(), &known, code, "not on record");
    // An authority for another host is none for this.
    let elsewhere = format!("@cert-authority *.example {}\n", other.public_line());
    refuses(&host.serve(), &(elsewhere + &known), code, "not on record");
}

#[test]
fn revoked_authorities_and_revoked_keys_are_refused() {
    let authority = KeyPair::generate(ED25519, "");
    let host = Host::certified(&authority, ED25519, FOR_HOST);
    let sshd = host.serve();
    for revoked in [&authority, &host.key] {
        let known = authority_line(&authority) + &format!("@revoked * {}\n", revoked.public_line());
        refuses(&sshd, &known, "host-key-revoked", "revoked");
    }
}
