//! Connections that reach a server and end without a login, counted at the server: sshd bans an
//! address that makes too many (PerSourcePenalties), and the bridge has one for all its clients.

use crate::common::fixture::bridge_to;
use crate::common::{
    Admin, Bridge, Client, Event, HostileServer, KeyPair, Login, Round, Script, ScriptedSsh,
    SshScript, wait_until,
};
use crate::{BEHIND_PROXY, SLOW_LOGINS, auth, connected, expect_refused};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::thread;
use std::time::Instant;

/// Attempts of each kind.
const TIMES: usize = 8;

fn password(user: &str, password: &str) -> Value {
    json!({ "username": user, "password": password })
}

fn prompting() -> ScriptedSsh {
    let rounds = vec![Round::of(&[("Code: ", false)])];
    ScriptedSsh::start(SshScript::login(Login::Interactive(rounds)))
}

fn client(number: usize) -> String {
    format!("198.51.100.{number}")
}

/// Ends that the client does not cause. `settings` beside [`SLOW_LOGINS`], and the code of the
/// first two.
#[test]
fn every_connection_that_ends_without_a_login_counts() {
    let key = KeyPair::generate(&["-t", "ed25519"], "").private_pem();
    let key = json!({ "username": "u", "private_key": key });
    let wrong = password("u", "wrong");
    let asked = "session.prompt_timeout=300ms";
    let scripted: [(Login, &Value, &[&str], &str); 6] = [
        (Login::Password("right"), &wrong, &[], "login-failed"),
        (Login::Password("right"), &key, &[], "login-failed"),
        (
            Login::Silent,
            &wrong,
            &["ssh.auth_timeout=300ms"],
            "deadline",
        ),
        (
            Login::Anyone,
            &wrong,
            &["ssh.host_key_policy=strict", "ssh.known_hosts=/dev/null"],
            "host-key-unknown",
        ),
        (
            Login::Anyone,
            &wrong,
            &[
                "ssh.host_key_policy=ask",
                "ssh.known_hosts=/dev/null",
                asked,
            ],
            "deadline",
        ),
        (
            Login::Interactive(vec![Round::of(&[("Code: ", false), ("PIN: ", false)])]),
            &wrong,
            &[asked],
            "deadline",
        ),
    ];
    for (login, fields, settings, code) in scripted {
        let what = format!("{login:?} {settings:?}");
        let ssh = ScriptedSsh::start(SshScript::login(login));
        let bridge = bridge_to(&[ssh.addr()], &[&SLOW_LOGINS, settings].concat());
        refused_after_two(&bridge, ssh.addr(), fields, code, &what);
        assert_eq!(connected(&ssh), 2, "{what}");
    }
    let soon: &[&str] = &["ssh.handshake_timeout=300ms"];
    for (script, settings, code) in [
        (Script::Silent, soon, "deadline"),
        (Script::BannerThenSilence, soon, "deadline"),
        (Script::KexInitThenSilence, soon, "deadline"),
        (Script::BannerThenJunk, &[], "handshake-failed"),
        (Script::HttpThenEnd, &[], "not-ssh"),
        (Script::Hangup, &[], "server-refused"),
    ] {
        let server = HostileServer::start(script);
        let settings = [&SLOW_LOGINS[..], settings].concat();
        let bridge = bridge_to(&[server.addr()], &settings);
        refused_after_two(&bridge, server.addr(), &wrong, code, &format!("{script:?}"));
        assert_eq!(server.accepted(), 2, "{script:?}");
    }
}

/// Expects `code` of the first two attempts, and that the others are throttled.
fn refused_after_two(bridge: &Bridge, target: SocketAddr, fields: &Value, code: &str, what: &str) {
    let attempt = |_| {
        let error = auth(bridge, target, &client(7), fields).wait_type("error");
        error["code"].as_str().unwrap().to_owned()
    };
    let codes: Vec<String> = (0..TIMES).map(attempt).collect();
    let mut expected = vec![code; 2];
    expected.resize(TIMES, "throttled");
    assert_eq!(codes, expected, "{what}");
}

#[test]
fn a_client_that_disconnects_during_a_login_is_charged() {
    for script in [
        Script::Silent,
        Script::BannerThenSilence,
        Script::KexInitThenSilence,
    ] {
        let server = HostileServer::start(script);
        let bridge = bridge_to(&[server.addr()], &SLOW_LOGINS);
        for count in 1..=2 {
            let leaves = auth(&bridge, server.addr(), &client(7), &password("u", "p"));
            server.wait_accepted(count);
            drop(leaves);
            Admin::of(&bridge).wait_empty();
        }
        for _ in 2..TIMES {
            let mut client = auth(&bridge, server.addr(), &client(7), &password("u", "p"));
            expect_refused(&mut client, "throttled", 4429);
        }
        assert_eq!(server.accepted(), 2, "{script:?}");
    }
}

/// Forty clients guess at once, twice. sshd counts 5 s of penalty for each, and bans above 15 s.
#[test]
fn all_clients_together_stay_below_the_servers_ban() {
    let ssh = ScriptedSsh::start(SshScript::login(Login::Password("right")));
    let bridge = bridge_to(
        &[ssh.addr()],
        &[BEHIND_PROXY, "rate_limit.login_failures=2"],
    );
    // Somebody who was here before, and is not concerned.
    auth(&bridge, ssh.addr(), &client(200), &password("ann", "right")).wait_type("ready");
    let start = Instant::now();
    thread::scope(|scope| {
        for number in 1..=40 {
            let (bridge, ssh) = (&bridge, &ssh);
            scope.spawn(move || {
                for _ in 0..3 {
                    let client = client(number);
                    auth(bridge, ssh.addr(), &client, &password("ann", "wrong")).until_close();
                }
            });
        }
    });
    let failed = connected(&ssh) - 1;
    let most = 3 + start.elapsed().as_secs() / 5 + 1;
    assert!(failed as u64 <= most, "{failed} in {:?}", start.elapsed());
    auth(&bridge, ssh.addr(), &client(200), &password("ann", "right")).wait_type("ready");
    // A new client with the right password waits for the next second of it, at most.
    wait_until("a new client never gets in", || {
        let mut new = auth(&bridge, ssh.addr(), &client(201), &password("bob", "right"));
        matches!(new.recv(), Event::Json(value) if value["type"] == "ready")
    });
}

#[test]
fn one_client_does_not_delay_others() {
    let ssh = ScriptedSsh::start(SshScript::login(Login::Password("right")));
    let settings = [BEHIND_PROXY, "rate_limit.login_failures=1000"];
    let bridge = bridge_to(&[ssh.addr()], &settings);
    let start = Instant::now();
    for _ in 0..20 {
        auth(&bridge, ssh.addr(), &client(1), &password("u", "wrong")).until_close();
    }
    // The third login's worth of the target's budget is left to the others.
    let failed = connected(&ssh);
    let most = 2 + start.elapsed().as_secs() / 5 + 1;
    assert!(failed as u64 <= most, "{failed} in {:?}", start.elapsed());
    auth(&bridge, ssh.addr(), &client(2), &password("u", "right")).wait_type("ready");
}

#[test]
fn a_successful_login_does_not_help_to_guess_other_users() {
    let ssh = ScriptedSsh::start(SshScript::login(Login::Password("right")));
    let bridge = bridge_to(&[ssh.addr()], &SLOW_LOGINS);
    let good = || {
        auth(&bridge, ssh.addr(), &client(7), &password("alice", "right")).wait_type("ready");
    };
    good();
    let codes: Vec<u16> = thread::scope(|scope| {
        let guess = || {
            auth(&bridge, ssh.addr(), &client(7), &password("bob", "wrong"))
                .until_close()
                .0
        };
        let guesses: Vec<_> = (0..12).map(|_| scope.spawn(guess)).collect();
        guesses
            .into_iter()
            .map(|guess| guess.join().unwrap())
            .collect()
    });
    assert_eq!(
        codes.iter().filter(|code| **code == 4401).count(),
        2,
        "{codes:?}"
    );
    for _ in 0..4 {
        good();
        let mut guess = auth(&bridge, ssh.addr(), &client(7), &password("bob", "wrong"));
        expect_refused(&mut guess, "throttled", 4429);
    }
    assert_eq!(connected(&ssh), 1 + 2 + 4);
}

/// Many valid users behind one address, none recently authenticated.
#[test]
fn many_users_behind_one_address_log_in() {
    let ssh = ScriptedSsh::start(SshScript::login(Login::Password("right")));
    // The last ones wait for the others' logins, in the stage `connect`.
    let patient = [
        "limits.max_connections_per_host=200",
        "ssh.connect_timeout=60s",
        "limits.connection_timeout=120s",
    ];
    let bridge = bridge_to(&[ssh.addr()], &[&SLOW_LOGINS[..], &patient].concat());
    thread::scope(|scope| {
        for number in 0..100 {
            let (bridge, ssh) = (&bridge, &ssh);
            scope.spawn(move || {
                let user = format!("user-{number}");
                auth(bridge, ssh.addr(), &client(7), &password(&user, "right")).wait_type("ready");
            });
        }
    });
    assert_eq!(connected(&ssh), 100);
}

/// Unanswered prompts displace other prompts at most, the oldest first.
#[test]
fn unanswered_prompts_delay_no_other_login() {
    for throttle in ["rate_limit.login_failures=0", "rate_limit.login_failures=2"] {
        let (asks, takes) = (prompting(), ScriptedSsh::start(SshScript::default()));
        let settings = [BEHIND_PROXY, throttle, "limits.max_connections_per_host=4"];
        let bridge = bridge_to(&[asks.addr(), takes.addr()], &settings);
        let fields = json!({ "username": "u" });
        let open = |number: usize| {
            let mut client = auth(&bridge, asks.addr(), &client(number), &fields);
            let prompt = client.wait_type("prompt");
            (client, prompt["id"].clone())
        };
        let (mut oldest, _) = open(1);
        let mut others: Vec<_> = (2..=4).map(open).collect();
        let (mut new, id) = open(5);
        let error = expect_refused(&mut oldest, "target-limit", 1013);
        assert_eq!(error["retryable"], true, "{error}");
        new.send_json(&json!({ "type": "answer", "id": id, "answers": ["1"] }));
        new.wait_type("ready");
        // Those that were not the oldest still can.
        let (mut second, id) = others.remove(0);
        second.send_json(&json!({ "type": "answer", "id": id, "answers": ["1"] }));
        second.wait_type("ready");
    }
}

/// Twenty clients send keys with expensive passphrases, each many at once; a login by key of
/// another client does not wait for all of them.
#[test]
fn expensive_keys_of_others_do_not_delay_a_login() {
    let ssh = ScriptedSsh::start(SshScript::default());
    let settings = [
        BEHIND_PROXY,
        "rate_limit.login_failures=0",
        "ssh.auth_timeout=120s",
        "limits.connection_timeout=120s",
    ];
    let bridge = bridge_to(&[ssh.addr()], &settings);
    let pair = KeyPair::generate(&["-t", "ed25519", "-a", "32"], "right");
    let expensive =
        json!({ "username": "u", "private_key": pair.private_pem(), "passphrase": "wrong" });
    let pair = KeyPair::generate(&["-t", "ed25519", "-a", "1"], "right");
    let honest =
        json!({ "username": "u", "private_key": pair.private_pem(), "passphrase": "right" });
    let _flood: Vec<Client> = (0..200)
        .map(|n| auth(&bridge, ssh.addr(), &client(n % 20 + 1), &expensive))
        .collect();
    auth(&bridge, ssh.addr(), &client(99), &honest).wait_type("ready");
    let ended = Admin::of(&bridge).ended();
    let ended: u64 = ended.values().sum();
    assert!(ended < 100, "{ended} of the flood went first");
}

#[test]
fn wrong_passphrases_are_counted() {
    let ssh = ScriptedSsh::start(SshScript::default());
    let bridge = bridge_to(&[ssh.addr()], &SLOW_LOGINS);
    let pair = KeyPair::generate(&["-t", "ed25519", "-a", "1"], "right");
    let with = |passphrase: &str| json!({ "username": "u", "private_key": pair.private_pem(), "passphrase": passphrase });
    refused_after_two(
        &bridge,
        ssh.addr(),
        &with("wrong"),
        "unusable-key",
        "passphrases",
    );
    let mut client_7 = auth(&bridge, ssh.addr(), &client(7), &with("right"));
    let error = expect_refused(&mut client_7, "throttled", 4429);
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("too many passphrases were wrong; try again in"),
        "{message}"
    );
    auth(&bridge, ssh.addr(), &client(8), &with("right")).wait_type("ready");
}
