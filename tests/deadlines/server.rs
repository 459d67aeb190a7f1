//! Servers that keep the bridge waiting, one stage after the other.

use crate::common::{HostileServer, KeyPair, Proxy, Script, Sshd, Stop, account};
use crate::crowd::{
    all_end_in, all_end_with, bridge, expect_deadline, leaves_nothing, logging_in, password, path,
};
use crate::full::FullListener;
use crate::libc_shim;
use serde_json::json;
use std::time::Duration;

#[test]
fn a_name_that_is_never_resolved_ends_at_its_deadline() {
    let shim = libc_shim::slow_resolver();
    let settings = ["targets.resolve_timeout=500ms"];
    let bridge = bridge("lost.example:22", &settings, &[shim.preload()]);
    all_end_with(&bridge, "/ws/lost.example/22", &password(), |client| {
        expect_deadline(client, "resolve");
    });
}

#[test]
fn a_host_that_never_accepts_ends_at_its_deadline() {
    let full = FullListener::start();
    let settings = ["ssh.connect_timeout=500ms"];
    let bridge = bridge(&full.addr.to_string(), &settings, &[]);
    all_end_in(&bridge, full.addr, "connect");
}

#[test]
fn a_server_that_never_completes_the_handshake_ends_at_its_deadline() {
    for script in [
        Script::Silent,
        Script::BannerDrip,
        Script::BannerThenSilence,
        Script::KexInitThenSilence,
        Script::IgnoreDrip,
    ] {
        println!("{script:?}");
        let hostile = HostileServer::start(script);
        let settings = ["ssh.handshake_timeout=500ms"];
        let bridge = bridge(&hostile.addr().to_string(), &settings, &[]);
        all_end_in(&bridge, hostile.addr(), "handshake");
        hostile.wait_open(0);
    }
}

/// No deadline is needed once the received text shows that this is not SSH.
#[test]
fn endless_lines_before_the_version_line_end_the_session_early() {
    let hostile = HostileServer::start(Script::EndlessBanner);
    let bridge = bridge(&hostile.addr().to_string(), &[], &[]);
    all_end_with(&bridge, &path(hostile.addr()), &password(), |client| {
        let error = client.wait_type("error");
        assert_eq!(error["code"], "not-ssh", "{error}");
        assert_eq!(error["stage"], "handshake", "{error}");
        assert_eq!(client.until_close().0, 4502);
    });
    hostile.wait_open(0);
}

/// A real server whose output stops within its version line or within its KEXINIT.
#[test]
fn a_server_that_falls_silent_before_the_key_exchange_ends_at_its_deadline() {
    let sshd = Sshd::start();
    for bytes in [1, 20, 45, 300] {
        cut_handshake(&sshd, Stop::AfterServer(bytes));
    }
}

/// A client sends its version line and KEXINIT unasked, and more only after the server's KEXINIT.
#[test]
fn a_server_that_falls_silent_in_the_key_exchange_ends_at_its_deadline() {
    let sshd = Sshd::start();
    let unasked = cut_handshake(&sshd, Stop::AfterServer(300));
    let whole = cut_handshake(&sshd, Stop::AfterClient(unasked + 1));
    assert!(whole > unasked, "the key exchange did not begin");
}

/// Handshakes with `sshd` behind a proxy, and the most that a client said in one of them: on a
/// slow machine, some end before they have said all.
fn cut_handshake(sshd: &Sshd, stop: Stop) -> u64 {
    let proxy = Proxy::start(sshd.addr(), stop);
    let settings = ["ssh.handshake_timeout=500ms"];
    let bridge = bridge(&proxy.addr().to_string(), &settings, &[]);
    all_end_in(&bridge, proxy.addr(), "handshake");
    proxy.wait_closed();
    let said = proxy.counts().into_iter().map(|counts| counts.from_client);
    said.max().unwrap()
}

/// The connection is past the key exchange when the question about the host key comes.
#[test]
fn a_server_that_falls_silent_in_the_login_ends_at_its_deadline() {
    let sshd = Sshd::start();
    let proxy = Proxy::start(sshd.addr(), Stop::Never);
    let settings = ["ssh.auth_timeout=500ms", ASK, NO_KNOWN_HOSTS];
    let bridge = bridge(&proxy.addr().to_string(), &settings, &[]);
    leaves_nothing(&bridge, |count| {
        proxy.set_stop(Stop::Never);
        let mut clients = logging_in(&bridge, &path(proxy.addr()), &password(), count);
        let asked: Vec<_> = clients
            .iter_mut()
            .map(|client| client.wait_type("host_key")["id"].clone())
            .collect();
        proxy.set_stop(Stop::AfterServer(0));
        for (client, id) in clients.iter_mut().zip(&asked) {
            client.send_json(&json!({ "type": "host_key_answer", "id": id, "accept": true }));
        }
        for client in &mut clients {
            expect_deadline(client, "login");
        }
    });
    proxy.wait_closed();
}

const ASK: &str = "ssh.host_key_policy=ask";
const NO_KNOWN_HOSTS: &str = "ssh.known_hosts=/dev/null";

/// The first login measures how much a client sends up to its request for a command; the others are
/// cut off exactly there.
#[test]
fn a_server_that_falls_silent_before_the_shell_ends_at_its_deadline() {
    let sshd = Sshd::start();
    let key = KeyPair::generate(&["-t", "ed25519"], "");
    sshd.authorise(&key);
    let proxy = Proxy::start(sshd.addr(), Stop::Never);
    let settings = ["ssh.handshake_timeout=10s"];
    let bridge = bridge(&proxy.addr().to_string(), &settings, &[]);
    let login = json!({
        "username": "sshard-test",
        "private_key": key.private_pem(),
        "command": "sleep 1000",
    });
    let mut first = logging_in(&bridge, &path(proxy.addr()), &login, 1).remove(0);
    first.wait_type("ready");
    let said = proxy.counts()[0].from_client;
    first.send_json(&json!({ "type": "close" }));
    first.until_close();
    proxy.wait_closed();
    proxy.set_stop(Stop::AfterClient(said));
    all_end_with(&bridge, &path(proxy.addr()), &login, |client| {
        expect_deadline(client, "shell");
    });
    proxy.wait_closed();
}

/// Each stage alone has as long as all together. One session loses two seconds of them in the first
/// stage; another begins when that one comes to the second, and must outlive it.
#[test]
fn all_stages_together_have_one_deadline() {
    let hostile = HostileServer::start(Script::BannerThenSilence);
    let shim = libc_shim::slow_resolver();
    let settings = ALL_STAGES.map(|stage| format!("{stage}=5s"));
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let targets = format!("slow.example:{} {}", hostile.port(), hostile.addr());
    let bridge = bridge(&targets, &settings, &[shim.preload()]);
    leaves_nothing(&bridge, |count| {
        let slow = format!("/ws/slow.example/{}", hostile.port());
        let before = hostile.accepted();
        let mut late = logging_in(&bridge, &slow, &password(), count.min(RESOLVERS));
        hostile.wait_accepted(before + late.len());
        let mut fresh = logging_in(&bridge, &path(hostile.addr()), &password(), 1).remove(0);
        for client in &mut late {
            expect_deadline(client, "handshake");
        }
        let event = fresh.recv_within(QUIET);
        assert_eq!(event, None, "the later session ended with the earlier");
        expect_deadline(&mut fresh, "handshake");
    });
    hostile.wait_open(0);
}

/// Number of names that are looked up at the same time for one client (half of
/// `targets.resolver_threads`).
const RESOLVERS: usize = 4;

/// Far below what the earlier session is ahead of the later.
const QUIET: Duration = Duration::from_millis(300);

const ALL_STAGES: [&str; 5] = [
    "targets.resolve_timeout",
    "ssh.connect_timeout",
    "ssh.handshake_timeout",
    "ssh.auth_timeout",
    "limits.connection_timeout",
];

#[test]
fn a_prompt_that_is_not_answered_ends_at_its_deadline() {
    let sshd = Sshd::with(&["PasswordAuthentication no", "PubkeyAuthentication no"]);
    let settings = ["session.prompt_timeout=500ms"];
    let bridge = bridge(&sshd.addr().to_string(), &settings, &[]);
    let login = json!({ "username": account().user });
    all_end_with(&bridge, &path(sshd.addr()), &login, |client| {
        client.wait_type("prompt");
        expect_deadline(client, "login");
    });
}

#[test]
fn a_host_key_that_is_not_confirmed_ends_at_its_deadline() {
    let sshd = Sshd::start();
    let settings = ["session.prompt_timeout=500ms", ASK, NO_KNOWN_HOSTS];
    let bridge = bridge(&sshd.addr().to_string(), &settings, &[]);
    all_end_with(&bridge, &path(sshd.addr()), &password(), |client| {
        client.wait_type("host_key");
        expect_deadline(client, "host_key");
    });
}

/// While a question is open, only the prompt's own deadline runs.
#[test]
fn stage_deadlines_are_suspended_while_the_user_is_prompted() {
    let sshd = Sshd::start();
    let key = KeyPair::generate(&["-t", "ed25519"], "");
    sshd.authorise(&key);
    let login = json!({ "username": "sshard-test", "private_key": key.private_pem() });
    let stages = ALL_STAGES.map(|stage| format!("{stage}=5s"));
    let mut settings = vec!["session.prompt_timeout=12s", ASK, NO_KNOWN_HOSTS];
    settings.extend(stages.iter().map(String::as_str));
    let bridge = bridge(&sshd.addr().to_string(), &settings, &[]);
    let open = || {
        let mut client = logging_in(&bridge, &path(sshd.addr()), &login, 1).remove(0);
        let id = client.wait_type("host_key")["id"].clone();
        (client, id)
    };
    let (mut asked, id) = open();
    let event = asked.recv_within(Duration::from_millis(5500));
    assert_eq!(event, None, "the question ended by itself");
    asked.send_json(&json!({ "type": "host_key_answer", "id": id, "accept": true }));
    asked.wait_type("ready");
    let (mut unanswered, _) = open();
    expect_deadline(&mut unanswered, "host_key");
}
