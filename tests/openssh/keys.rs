//! Logging in by key and by user certificate, and keys that cannot be used.

use crate::common::{KeyPair, account, wait_until};
use crate::{OpensshFixture, expect_error, expect_ready, expect_shell, with_password};
use serde_json::{Value, json};

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

fn expect_login(fixture: &OpensshFixture, auth: &Value) {
    let mut client = fixture.auth(auth);
    expect_ready(&mut client);
    expect_shell(&mut client);
}

/// Returns the message of the error.
fn refused(fixture: &OpensshFixture, auth: &Value, code: &str) -> String {
    let error = expect_error(&mut fixture.auth(auth), "login", code, 4401);
    error["message"].as_str().unwrap().to_owned()
}

/// The formats have unit tests; this is for the whole path.
#[test]
fn keys_of_all_kinds_and_formats_log_in() {
    let fixture = OpensshFixture::with(KEYS_ONLY, &[]);
    let plain: &[&[&str]] = &[
        ED25519,
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "ecdsa", "-b", "521"],
        // Sizes of no whole number of words or bytes too: a signature is as long as the modulus.
        RSA,
        &["-t", "rsa", "-b", "2050"],
        &["-t", "rsa", "-b", "2056"],
        &["-t", "rsa", "-b", "3000"],
        &["-t", "rsa", "-b", "4096"],
        &["-t", "rsa", "-b", "2050", "-m", "PEM"],
        &["-t", "ecdsa", "-m", "PEM"],
        &["-t", "ecdsa", "-m", "PKCS8"],
    ];
    let encrypted: &[&[&str]] = &[
        // A high number of rounds, which the default allows.
        &["-t", "ed25519", "-a", "100"],
        &["-t", "ed25519", "-Z", "aes256-gcm@openssh.com"],
        &["-t", "ed25519", "-Z", "aes256-cbc"],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "ecdsa", "-b", "521"],
        RSA,
        &["-t", "rsa", "-b", "4096"],
        &["-t", "rsa", "-b", "2048", "-m", "PEM"],
        &["-t", "rsa", "-b", "3000", "-m", "PKCS8"],
    ];
    let made = [(plain, ""), (encrypted, "pass phräse")];
    let made = made.into_iter().flat_map(|(kinds, passphrase)| {
        let make = move |kind: &&[&str]| (KeyPair::generate(kind, passphrase), passphrase);
        kinds.iter().map(make)
    });
    for (key, passphrase) in made.chain([(KeyPair::large_rsa("8192"), "")]) {
        println!("{}", key.public_line());
        fixture.sshd.authorise(&key);
        let mut auth = auth_with(&key);
        auth["passphrase"] = passphrase.into();
        expect_login(&fixture, &auth);
        let accepted = format!("Accepted publickey for {}", account().user);
        let fingerprint = key.fingerprint();
        wait_until("the key is accepted", || {
            let log = fixture.sshd.log();
            let mut lines = log.lines();
            lines.any(|line| line.contains(&accepted) && line.contains(&fingerprint))
        });
    }
}

#[test]
fn rsa_keys_out_of_bounds_are_refused_by_their_size() {
    let fixture = OpensshFixture::with(KEYS_ONLY, &[]);
    for (key, bound) in [
        (KeyPair::generate(&["-t", "rsa", "-b", "1024"], ""), "2048"),
        (KeyPair::generate(&["-t", "rsa", "-b", "2040"], ""), "2048"),
        (KeyPair::large_rsa("12288"), "8192"),
        (KeyPair::large_rsa("16384"), "8192"),
    ] {
        let told = refused(&fixture, &auth_with(&key), "unusable-key");
        assert!(told.contains(bound), "{told}");
    }
    assert!(!fixture.sshd.log().contains("Connection from"));
}

#[test]
fn an_unusable_key_beside_a_good_password_is_ignored() {
    let fixture = OpensshFixture::start();
    let auth = json!({ "username": account().user, "private_key": "not a key" });
    expect_login(&fixture, &with_password(auth.clone()));
    fixture.sshd.wait_log("Accepted password");
    let mut wrong = auth;
    wrong["password"] = "wrong".into();
    let told = refused(&fixture, &wrong, "unusable-key");
    assert!(told.contains("not a private key"), "{told}");
}

#[test]
fn a_refused_key_ends_the_login() {
    let fixture = OpensshFixture::with(KEYS_ONLY, &[]);
    let key = KeyPair::generate(ED25519, "");
    refused(&fixture, &auth_with(&key), "login-failed");
}

#[test]
fn after_a_refused_key_the_password_is_tried() {
    let fixture = OpensshFixture::start();
    let key = KeyPair::generate(ED25519, "");
    expect_login(&fixture, &with_password(auth_with(&key)));
    fixture.sshd.wait_log("Accepted password");
}

#[test]
fn a_key_is_tried_before_the_password() {
    let fixture = OpensshFixture::start();
    let key = KeyPair::generate(ED25519, "");
    fixture.sshd.authorise(&key);
    expect_login(&fixture, &with_password(auth_with(&key)));
    fixture.sshd.wait_log("Accepted publickey");
}

#[test]
fn an_encrypted_key_needs_its_passphrase() {
    let fixture = OpensshFixture::with(KEYS_ONLY, &[]);
    let key = KeyPair::generate(ED25519, "right horse");
    fixture.sshd.authorise(&key);
    let mut auth = auth_with(&key);
    assert!(refused(&fixture, &auth, "unusable-key").contains("no passphrase"));
    auth["passphrase"] = "wrong horse".into();
    assert!(refused(&fixture, &auth, "unusable-key").contains("is wrong"));
    assert!(!fixture.bridge.stderr().contains("horse"));
}

#[test]
fn too_many_kdf_rounds_are_refused() {
    let fixture = OpensshFixture::with(KEYS_ONLY, &["ssh.max_kdf_rounds=16"]);
    for (rounds, works) in [("16", true), ("17", false)] {
        let key = KeyPair::generate(&["-t", "ed25519", "-a", rounds], "passphrase");
        fixture.sshd.authorise(&key);
        let mut auth = auth_with(&key);
        auth["passphrase"] = "passphrase".into();
        if works {
            expect_login(&fixture, &auth);
        } else {
            assert!(refused(&fixture, &auth, "unusable-key").contains("KDF rounds"));
        }
    }
}

#[test]
fn a_text_without_a_private_key_is_described() {
    let fixture = OpensshFixture::with(KEYS_ONLY, &[]);
    let key = KeyPair::generate(ED25519, "");
    let ppk = "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\n".to_owned();
    for (text, named) in [
        (key.public_line(), "it is a public key"),
        (certify(&key, &key, "me", &[]), "it is a certificate"),
        (ppk, "puttygen key.ppk -O private-openssh -o key"),
        ("not a key".to_owned(), "not a private key"),
    ] {
        let auth = json!({ "username": account().user, "private_key": text });
        let told = refused(&fixture, &auth, "unusable-key");
        assert!(told.contains(named), "{told}");
    }
}

/// `key`'s certificate by `authority`, for these principals; `extra` are options of ssh-keygen.
fn certify(authority: &KeyPair, key: &KeyPair, principals: &str, extra: &[&str]) -> String {
    let certificate = key.certify(authority, &[&["-n", principals], extra].concat());
    std::fs::read_to_string(certificate).unwrap()
}

/// With these lines for sshd_config, too.
fn trusting(authority: &KeyPair, lines: &[&str]) -> OpensshFixture {
    let authority = authority.path().with_extension("pub");
    let trust = format!("TrustedUserCAKeys {}", authority.display());
    OpensshFixture::with(&[KEYS_ONLY, &[&trust], lines].concat(), &[])
}

fn auth_with_certificate(key: &KeyPair, certificate: &str) -> Value {
    let mut auth = auth_with(key);
    auth["certificate"] = certificate.into();
    auth
}

#[test]
fn user_certificates_log_in() {
    let authority = KeyPair::generate(ED25519, "");
    let fixture = trusting(&authority, &[]);
    let odd: &[&str] = &["-t", "rsa", "-b", "2050"];
    let kinds = [ED25519, &["-t", "ecdsa"], RSA, odd];
    for (accepted, kind) in kinds.into_iter().enumerate() {
        let key = KeyPair::generate(kind, "");
        let certificate = certify(&authority, &key, account().user, &[]);
        expect_login(&fixture, &auth_with_certificate(&key, &certificate));
        fixture.sshd.wait_log_count("CA ED25519", accepted + 1);
    }
}

#[test]
fn rsa_keys_and_certificates_sign_with_sha2_and_never_with_sha1() {
    let authority = KeyPair::generate(ED25519, "");
    let key = KeyPair::generate(RSA, "");
    let certificate = certify(&authority, &key, account().user, &[]);
    let (plain, certified) = (auth_with(&key), auth_with_certificate(&key, &certificate));
    // Not rsa-sha2-256 alone: this sshd claims to take both whatever it is told.
    let sha2 = "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-512";
    for (algorithms, auth, works) in [
        ("rsa-sha2-512", &plain, true),
        ("ssh-rsa", &plain, false),
        (sha2, &certified, true),
        ("ssh-rsa-cert-v01@openssh.com,ssh-rsa", &certified, false),
    ] {
        println!("{algorithms}");
        let line = format!("PubkeyAcceptedAlgorithms {algorithms}");
        let fixture = trusting(&authority, &[&line]);
        if auth == &plain {
            fixture.sshd.authorise(&key);
        }
        if works {
            expect_login(&fixture, auth);
        } else {
            refused(&fixture, auth, "login-failed");
        }
    }
}

#[test]
fn certificates_for_another_user_time_authority_or_key_are_refused() {
    let authority = KeyPair::generate(ED25519, "");
    let other = KeyPair::generate(ED25519, "");
    let fixture = trusting(&authority, &[]);
    let user = account().user;
    let key = KeyPair::generate(ED25519, "");
    for certificate in [
        certify(&authority, &key, "somebody-else", &[]),
        certify(&authority, &key, user, &["-V", "20200101:20200102"]),
        certify(&other, &key, user, &[]),
        // Of another key than the one that signs.
        certify(&authority, &KeyPair::generate(ED25519, ""), user, &[]),
    ] {
        let auth = auth_with_certificate(&key, &certificate);
        refused(&fixture, &auth, "login-failed");
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_reported() {
    let fixture = OpensshFixture::with(KEYS_ONLY, &[]);
    let key = KeyPair::generate(ED25519, "");
    let certificate = certify(&key, &key, account().user, &[]);
    let auth = json!({ "username": account().user, "certificate": certificate });
    assert!(refused(&fixture, &auth, "unusable-key").contains("private key"));
    let auth = auth_with_certificate(&key, &key.public_line());
    assert!(refused(&fixture, &auth, "unusable-key").contains("certificate"));
}

#[test]
fn the_plain_key_is_tried_after_a_refused_certificate() {
    let fixture = OpensshFixture::with(KEYS_ONLY, &[]);
    let key = KeyPair::generate(ED25519, "");
    fixture.sshd.authorise(&key);
    let untrusted = certify(&key, &key, account().user, &[]);
    expect_login(&fixture, &auth_with_certificate(&key, &untrusted));
}
