//! Algorithms that sshd and the bridge have in common, or not. Other targets that are not reached
//! are in `protocol_v1/failures.rs`.

use crate::common::{DEADLINE, account};
use crate::{OpensshFixture, expect_error, expect_shell};
use serde_json::json;

#[test]
fn the_offers_are_reported_where_no_algorithm_is_in_common() {
    for (line, told) in [
        (
            "KexAlgorithms diffie-hellman-group1-sha1",
            "key exchange: the bridge offers mlkem768x25519-sha256,curve25519-sha256,\
             curve25519-sha256@libssh.org; the target offers diffie-hellman-group1-sha1",
        ),
        (
            "Ciphers 3des-cbc,aes256-cbc",
            "; the target offers 3des-cbc,aes256-cbc",
        ),
    ] {
        let fixture = OpensshFixture::with(&[line], &[]);
        let mut client = fixture.auth(&json!({ "username": account().user }));
        let error = expect_error(&mut client, "handshake", "no-common-algorithm", 4502);
        assert!(error["message"].as_str().unwrap().contains(told), "{error}");
        fixture.bridge.wait_stderr(told, DEADLINE);
    }
}

#[test]
fn old_algorithms_are_agreed_on_where_they_are_enabled() {
    for line in [
        "KexAlgorithms diffie-hellman-group14-sha256",
        "KexAlgorithms ecdh-sha2-nistp256",
        "KexAlgorithms ecdh-sha2-nistp384",
        "KexAlgorithms ecdh-sha2-nistp521",
        "Ciphers aes128-ctr",
        "Ciphers aes192-ctr\nMACs hmac-sha2-256",
        "Ciphers aes256-ctr\nMACs hmac-sha2-512",
        "Ciphers aes256-ctr\nMACs hmac-sha2-256-etm@openssh.com",
        "Ciphers aes256-ctr\nMACs hmac-sha2-512-etm@openssh.com",
        "KexAlgorithms diffie-hellman-group14-sha256\nCiphers aes128-ctr\nMACs hmac-sha2-256",
    ] {
        println!("{line}");
        let fixture = OpensshFixture::with(&[line], &["ssh.legacy_algorithms=true"]);
        expect_shell(&mut fixture.ready(json!({})));
        let modern = OpensshFixture::with(&[line], &[]);
        let mut client = modern.auth(&json!({ "username": account().user }));
        expect_error(&mut client, "handshake", "no-common-algorithm", 4502);
    }
}
