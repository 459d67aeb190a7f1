//! Logging in by key and by user certificate, and keys that cannot be used.

use crate::common::{Client, KeyPair, account};
use crate::{Rig, expect_error, expect_shell, next_json, with_password};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const ED25519: &[&str] = &["-t", "ed25519"];
const RSA: &[&str] = &["-t", "rsa", "-b", "2048"];

/// sshd takes keys and nothing else.
const KEYS_ONLY: &[&str] = &[
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
];

fn auth_with(key: &KeyPair) -> Value {
    json!({ "username": account().user, "private_key": key.private_pem() })
}

fn expect_login(rig: &Rig, auth: &Value) {
    let mut client = rig.v1();
    client.auth_v1(auth);
    let ready = next_json(&mut client);
    assert_eq!(ready["type"], "ready", "{ready}");
    expect_shell(&mut client);
}

fn refused(rig: &Rig, auth: &Value, code: &str) -> Value {
    let mut client: Client = rig.v1();
    client.auth_v1(auth);
    expect_error(&mut client, "login", code, 4401)
}

fn accepts(key: &KeyPair) {
    let rig = Rig::with(KEYS_ONLY, &[]);
    rig.sshd.authorise(key);
    expect_login(&rig, &auth_with(key));
    let accepted = format!("Accepted publickey for {}", account().user);
    rig.sshd.wait_log(&accepted);
    assert!(rig.sshd.log().contains(&key.fingerprint()));
}

#[test]
fn an_ed25519_key_logs_in() {
    accepts(&KeyPair::generate(ED25519, ""));
}

#[test]
fn ecdsa_keys_log_in() {
    for bits in ["256", "384", "521"] {
        accepts(&KeyPair::generate(&["-t", "ecdsa", "-b", bits], ""));
    }
}

#[test]
fn rsa_keys_log_in() {
    for bits in ["2048", "4096"] {
        accepts(&KeyPair::generate(&["-t", "rsa", "-b", bits], ""));
    }
}

#[test]
fn rsa_signs_with_sha2_and_never_with_sha1() {
    let key = KeyPair::generate(RSA, "");
    // Not rsa-sha2-256 alone: this sshd claims to take both whatever it is told.
    for (algorithm, works) in [("rsa-sha2-512", true), ("ssh-rsa", false)] {
        let line = format!("PubkeyAcceptedAlgorithms {algorithm}");
        let rig = Rig::with(&[KEYS_ONLY, &[&line]].concat(), &[]);
        rig.sshd.authorise(&key);
        if works {
            expect_login(&rig, &auth_with(&key));
        } else {
            refused(&rig, &auth_with(&key), "login-failed");
        }
    }
}

#[test]
fn a_refused_key_ends_the_login() {
    let rig = Rig::with(KEYS_ONLY, &[]);
    let key = KeyPair::generate(ED25519, "");
    refused(&rig, &auth_with(&key), "login-failed");
}

#[test]
fn after_a_refused_key_the_password_is_tried() {
    let rig = Rig::start();
    let key = KeyPair::generate(ED25519, "");
    expect_login(&rig, &with_password(auth_with(&key)));
    rig.sshd.wait_log("Accepted password");
}

#[test]
fn a_key_goes_before_the_password() {
    let rig = Rig::start();
    let key = KeyPair::generate(ED25519, "");
    rig.sshd.authorise(&key);
    expect_login(&rig, &with_password(auth_with(&key)));
    rig.sshd.wait_log("Accepted publickey");
}

#[test]
fn encrypted_keys_log_in() {
    let rig = Rig::with(KEYS_ONLY, &[]);
    // 64 rounds are the most that the default allows.
    for args in [
        &["-t", "ed25519", "-a", "64"][..],
        &["-t", "ed25519", "-Z", "aes256-gcm@openssh.com"],
        &["-t", "ed25519", "-Z", "aes256-cbc"],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "ecdsa", "-b", "521"],
        &["-t", "rsa", "-b", "2048"],
        &["-t", "rsa", "-b", "4096"],
    ] {
        let key = KeyPair::generate(args, "pass phräse");
        rig.sshd.authorise(&key);
        let mut auth = auth_with(&key);
        auth["passphrase"] = "pass phräse".into();
        expect_login(&rig, &auth);
    }
}

#[test]
fn an_encrypted_key_needs_its_passphrase() {
    let rig = Rig::with(KEYS_ONLY, &[]);
    let key = KeyPair::generate(ED25519, "right horse");
    rig.sshd.authorise(&key);
    let mut auth = auth_with(&key);
    let error = refused(&rig, &auth, "unusable-key");
    assert!(error["message"].as_str().unwrap().contains("no passphrase"));
    auth["passphrase"] = "wrong horse".into();
    let error = refused(&rig, &auth, "unusable-key");
    assert!(error["message"].as_str().unwrap().contains("is wrong"));
    assert!(!rig.bridge.stderr_contains("horse"));
}

#[test]
fn too_many_kdf_rounds_are_refused() {
    let rig = Rig::with(KEYS_ONLY, &["ssh.max_kdf_rounds=16"]);
    for (rounds, works) in [("16", true), ("17", false)] {
        let key = KeyPair::generate(&["-t", "ed25519", "-a", rounds], "passphrase");
        rig.sshd.authorise(&key);
        let mut auth = auth_with(&key);
        auth["passphrase"] = "passphrase".into();
        if works {
            expect_login(&rig, &auth);
        } else {
            let error = refused(&rig, &auth, "unusable-key");
            assert!(error["message"].as_str().unwrap().contains("KDF rounds"));
        }
    }
}

#[test]
fn what_is_no_openssh_key_is_refused() {
    let rig = Rig::with(KEYS_ONLY, &[]);
    let pkcs1 = KeyPair::generate(&["-t", "rsa", "-b", "2048", "-m", "PEM"], "");
    for pem in [
        pkcs1.private_pem(),
        pkcs1.public_line(),
        "not a key".to_owned(),
        String::new(),
    ] {
        let auth = json!({ "username": account().user, "private_key": pem });
        refused(&rig, &auth, "unusable-key");
    }
}

/// `key`'s certificate by `authority`, for these principals; `extra` are options of ssh-keygen.
fn certify(authority: &KeyPair, key: &KeyPair, principals: &str, extra: &[&str]) -> String {
    let public = key.path().with_extension("pub");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-I", "test", "-n", principals])
        .args(extra)
        .arg("-s")
        .arg(authority.path())
        .arg(&public)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let mut name = key.path().file_name().unwrap().to_owned();
    name.push("-cert.pub");
    std::fs::read_to_string(key.path().with_file_name(name)).unwrap()
}

fn trusting(authority: &Path) -> Rig {
    let line = format!(
        "TrustedUserCAKeys {}",
        authority.with_extension("pub").display()
    );
    Rig::with(&[KEYS_ONLY, &[&line]].concat(), &[])
}

fn auth_with_certificate(key: &KeyPair, certificate: &str) -> Value {
    let mut auth = auth_with(key);
    auth["certificate"] = certificate.into();
    auth
}

#[test]
fn user_certificates_log_in() {
    let authority = KeyPair::generate(ED25519, "");
    let rig = trusting(authority.path());
    for (accepted, kind) in [ED25519, &["-t", "ecdsa"], RSA].into_iter().enumerate() {
        let key = KeyPair::generate(kind, "");
        let certificate = certify(&authority, &key, account().user, &[]);
        expect_login(&rig, &auth_with_certificate(&key, &certificate));
        let count = rig.sshd.log().matches("CA ED25519").count();
        assert!(count > accepted, "{kind:?}");
    }
}

#[test]
fn rsa_certificates_sign_with_sha2_and_never_with_sha1() {
    let authority = KeyPair::generate(ED25519, "");
    let key = KeyPair::generate(RSA, "");
    let certificate = certify(&authority, &key, account().user, &[]);
    for (algorithm, works) in [
        ("rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-512", true),
        ("ssh-rsa-cert-v01@openssh.com,ssh-rsa", false),
    ] {
        let trust = authority.path().with_extension("pub");
        let trust = format!("TrustedUserCAKeys {}", trust.display());
        let accepted = format!("PubkeyAcceptedAlgorithms {algorithm}");
        let rig = Rig::with(&[KEYS_ONLY, &[&trust, &accepted]].concat(), &[]);
        let auth = auth_with_certificate(&key, &certificate);
        if works {
            expect_login(&rig, &auth);
        } else {
            refused(&rig, &auth, "login-failed");
        }
    }
}

#[test]
fn certificates_that_do_not_fit_are_refused() {
    let authority = KeyPair::generate(ED25519, "");
    let stranger = KeyPair::generate(ED25519, "");
    let rig = trusting(authority.path());
    let user = account().user;
    let key = KeyPair::generate(ED25519, "");
    for certificate in [
        certify(&authority, &key, "somebody-else", &[]),
        certify(&authority, &key, user, &["-V", "20200101:20200102"]),
        certify(&stranger, &key, user, &[]),
        // Of another key than the one that signs.
        certify(&authority, &KeyPair::generate(ED25519, ""), user, &[]),
    ] {
        let auth = auth_with_certificate(&key, &certificate);
        refused(&rig, &auth, "login-failed");
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_told() {
    let rig = Rig::with(KEYS_ONLY, &[]);
    let key = KeyPair::generate(ED25519, "");
    let certificate = certify(&key, &key, account().user, &[]);
    let auth = json!({ "username": account().user, "certificate": certificate });
    let error = refused(&rig, &auth, "unusable-key");
    assert!(error["message"].as_str().unwrap().contains("private key"));
    let auth = auth_with_certificate(&key, &key.public_line());
    let error = refused(&rig, &auth, "unusable-key");
    assert!(error["message"].as_str().unwrap().contains("certificate"));
}

#[test]
fn a_useless_certificate_leaves_the_key_a_chance() {
    let rig = Rig::with(KEYS_ONLY, &[]);
    let key = KeyPair::generate(ED25519, "");
    rig.sshd.authorise(&key);
    let untrusted = certify(&key, &key, account().user, &[]);
    expect_login(&rig, &auth_with_certificate(&key, &untrusted));
}
