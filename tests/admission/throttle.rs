//! Failed logins: a client with too many at a target must wait, and no other client.

use crate::common::fixture::{bridge_to, path_to};
use crate::common::{
    Admin, Bridge, Client, KeyPair, Login, Options, Received, ScriptedSsh, SshScript, Sshd,
    account, closed_port, wait_until,
};
use crate::{BEHIND_PROXY, SLOW_LOGINS, auth, connected, expect_refused};
use serde_json::json;
use std::net::SocketAddr;
use std::thread;

const GOOD: &str = "right";

fn passwords() -> ScriptedSsh {
    ScriptedSsh::start(SshScript::login(Login::Password(GOOD)))
}

fn slow_bridge(target: SocketAddr) -> Bridge {
    bridge_to(&[target], &SLOW_LOGINS)
}

fn login(bridge: &Bridge, target: SocketAddr, client: &str, password: &str) -> Client {
    let fields = json!({ "username": "u", "password": password });
    auth(bridge, target, client, &fields)
}

const ONE: &str = "198.51.100.7";
const OTHER: &str = "198.51.100.8";

#[test]
fn the_third_failure_in_a_row_reaches_no_sshd() {
    let sshd = Sshd::start();
    let bridge = slow_bridge(sshd.addr());
    let user = account().user;
    let wrong = json!({ "username": user, "password": "wrong" });
    let right = json!({ "username": user, "password": account().password });
    for _ in 0..2 {
        let mut client = auth(&bridge, sshd.addr(), ONE, &wrong);
        expect_refused(&mut client, "login-failed", 4401);
    }
    // The right password, too: the target must not see who else guesses.
    for fields in [&wrong, &right] {
        let mut client = auth(&bridge, sshd.addr(), ONE, fields);
        let error = expect_refused(&mut client, "throttled", 4429);
        assert_eq!(error["retryable"], true, "{error}");
        assert_eq!(error["stage"], "connect", "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(
            message
                .starts_with("too many failed or unfinished logins at this target; try again in 3"),
            "{message}"
        );
    }
    // Another client is not concerned.
    auth(&bridge, sshd.addr(), OTHER, &right).wait_type("ready");
    // sshd answers before it logs.
    sshd.wait_log("Accepted password");
    sshd.wait_log_count("Failed password", 2);
    assert_eq!(
        sshd.log().matches("Connection from ").count(),
        3,
        "{}",
        sshd.log()
    );
    assert_eq!(sshd.log().matches("Failed password").count(), 2);
}

#[test]
fn other_targets_and_other_clients_are_not_throttled() {
    let (first, second) = (passwords(), passwords());
    let bridge = bridge_to(&[first.addr(), second.addr()], &SLOW_LOGINS);
    for _ in 0..2 {
        let mut client = login(&bridge, first.addr(), ONE, "wrong");
        expect_refused(&mut client, "login-failed", 4401);
    }
    let mut client = login(&bridge, first.addr(), ONE, GOOD);
    expect_refused(&mut client, "throttled", 4429);
    login(&bridge, second.addr(), ONE, GOOD).wait_type("ready");
    login(&bridge, first.addr(), OTHER, GOOD).wait_type("ready");
    assert_eq!((connected(&first), connected(&second)), (3, 1));
}

#[test]
fn the_compatible_dialect_gets_the_close_code() {
    let ssh = passwords();
    let bridge = slow_bridge(ssh.addr());
    for code in [4401, 4401, 4429] {
        let options = Options::compatible().header("X-Forwarded-For", ONE);
        let mut client = Client::connect(bridge.addr(), &path_to(ssh.addr()), &options);
        client.login_compatible("u", "wrong");
        assert_eq!(client.until_close().0, code);
    }
    assert_eq!(connected(&ssh), 2);
}

#[test]
fn concurrent_wrong_logins_do_not_all_pass_the_check() {
    let ssh = passwords();
    let bridge = slow_bridge(ssh.addr());
    let codes: Vec<u16> = thread::scope(|scope| {
        let attempt = || login(&bridge, ssh.addr(), ONE, "wrong").until_close().0;
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(attempt)).collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    let count = |code| codes.iter().filter(|c| **c == code).count();
    assert_eq!((count(4401), count(4429)), (2, 6), "{codes:?}");
    assert_eq!(connected(&ssh), 2);
}

#[test]
fn concurrent_valid_logins_all_succeed() {
    let ssh = passwords();
    let bridge = slow_bridge(ssh.addr());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| login(&bridge, ssh.addr(), ONE, GOOD).wait_type("ready"));
        }
    });
    assert_eq!(connected(&ssh), 8);
}

#[test]
fn an_abandoned_login_is_charged() {
    let ssh = ScriptedSsh::start(SshScript::login(Login::PasswordUnanswered));
    let bridge = slow_bridge(ssh.addr());
    for count in 1..=2 {
        let client = login(&bridge, ssh.addr(), ONE, "wrong");
        let password = Received::Password("u".to_owned(), "wrong".to_owned());
        ssh.wait_count(&password, count);
        drop(client);
        Admin::of(&bridge).wait_empty();
    }
    let mut client = login(&bridge, ssh.addr(), ONE, "wrong");
    expect_refused(&mut client, "throttled", 4429);
    assert_eq!(connected(&ssh), 2);
}

#[test]
fn other_ends_are_not_counted_as_failed_logins() {
    let closed = closed_port();
    let bridge = slow_bridge(closed);
    for _ in 0..4 {
        let mut client = login(&bridge, closed, ONE, GOOD);
        expect_refused(&mut client, "unreachable", 4502);
    }
    let ssh = passwords();
    let bridge = slow_bridge(ssh.addr());
    for _ in 0..4 {
        let fields = json!({ "username": "u", "private_key": "nonsense" });
        let mut client = auth(&bridge, ssh.addr(), ONE, &fields);
        expect_refused(&mut client, "unusable-key", 4401);
    }
    for _ in 0..4 {
        login(&bridge, ssh.addr(), ONE, GOOD).wait_type("ready");
    }
}

/// Servers count connections that end without a login, and ban who makes them (OpenSSH's
/// PerSourcePenalties): a key that cannot be used must make none.
#[test]
fn a_key_that_cannot_be_used_reaches_no_target() {
    let ssh = passwords();
    let settings = [
        BEHIND_PROXY,
        "rate_limit.login_failures=0",
        "ssh.max_kdf_rounds=8",
    ];
    let bridge = bridge_to(&[ssh.addr()], &settings);
    let key = |rounds| {
        let pair = KeyPair::generate(&["-t", "ed25519", "-a", rounds], "passphrase");
        pair.private_pem()
    };
    let (encrypted, expensive) = (key("4"), key("9"));
    let plain = KeyPair::generate(&["-t", "ed25519"], "").private_pem();
    for (field, fields) in [
        ("nonsense", json!({ "private_key": "nonsense" })),
        ("no passphrase", json!({ "private_key": &encrypted })),
        (
            "wrong passphrase",
            json!({ "private_key": &encrypted, "passphrase": "wrong" }),
        ),
        (
            "rounds",
            json!({ "private_key": expensive, "passphrase": "passphrase" }),
        ),
        (
            "cut",
            json!({ "private_key": &encrypted[..encrypted.len() / 2], "passphrase": "passphrase" }),
        ),
        (
            "no certificate",
            json!({ "private_key": plain, "certificate": "nonsense" }),
        ),
        ("no key", json!({ "certificate": "nonsense" })),
    ] {
        for _ in 0..8 {
            let mut fields = fields.clone();
            fields["username"] = "u".into();
            let mut client = auth(&bridge, ssh.addr(), ONE, &fields);
            let error = expect_refused(&mut client, "unusable-key", 4401);
            assert_eq!(error["stage"], "login", "{field}: {error}");
        }
    }
    assert_eq!(connected(&ssh), 0);
}

#[test]
fn one_more_login_is_allowed_after_the_period() {
    let ssh = passwords();
    let settings = [&SLOW_LOGINS[..], &["rate_limit.login_period=5s"]].concat();
    let bridge = bridge_to(&[ssh.addr()], &settings);
    for _ in 0..2 {
        let mut client = login(&bridge, ssh.addr(), ONE, "wrong");
        expect_refused(&mut client, "login-failed", 4401);
    }
    let mut refused = 0;
    wait_until("no login is allowed again", || {
        let code = login(&bridge, ssh.addr(), ONE, "wrong").until_close().0;
        refused += usize::from(code == 4429);
        code == 4401
    });
    assert!(refused > 0, "no login had to wait");
}
