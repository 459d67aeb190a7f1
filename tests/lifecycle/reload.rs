//! Reload: settings in force at once, settings that wait for a restart, and bad files, which change
//! nothing.

use crate::common::{Admin, DEADLINE, wait_until};
use crate::fixture::{ConfigFixture, ReloadTrigger};
use rustix::process::Signal;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const OPEN: &str = "targets.allow = [\"ALLOW\"]\nssh.host_key_policy = \"off\"\n";

#[test]
fn a_target_that_is_no_longer_allowed_is_refused_to_new_sessions_alone() {
    for trigger in [ReloadTrigger::Signal, ReloadTrigger::Request] {
        let fixture = ConfigFixture::new(OPEN);
        let mut old = fixture.ready();
        fixture.reload("targets.allow = [\"192.0.2.1:22\"]\n", trigger);
        fixture.refuses("target-refused", 4403);
        fixture.works(&mut old);
        fixture.reload(OPEN, trigger);
        fixture.ready();
    }
}

#[test]
fn a_target_that_is_withdrawn_before_auth_is_refused() {
    for trigger in [ReloadTrigger::Signal, ReloadTrigger::Request] {
        let fixture = ConfigFixture::new(OPEN);
        let mut client = fixture.connect();
        client.wait_type("hello");
        fixture.reload("targets.allow = [\"192.0.2.1:22\"]\n", trigger);
        client.send_json(&json!({ "type": "auth", "username": "u" }));
        assert_eq!(client.wait_type("error")["code"], "target-refused");
        assert_eq!(client.until_close().0, 4403);
        assert_eq!(fixture.ssh.received(), []);
    }
}

fn with_known_hosts(file: &Path, policy: &str) -> String {
    format!(
        "targets.allow = [\"ALLOW\"]\n\
         ssh = {{ known_hosts = {file:?}, host_key_policy = \"{policy}\" }}\n"
    )
}

#[test]
fn known_hosts_are_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let known_hosts = directory.path().join("known_hosts");
    let strict = with_known_hosts(&known_hosts, "strict");
    let fixture = ConfigFixture::new(&strict);
    fixture.refuses("host-key-unknown", 4409);
    let scan = std::process::Command::new("ssh-keyscan")
        .args(["-p", &fixture.ssh.addr().port().to_string(), "127.0.0.1"])
        .output()
        .unwrap();
    assert!(!scan.stdout.is_empty(), "{scan:?}");
    fs::write(&known_hosts, scan.stdout).unwrap();
    fixture.refuses("host-key-unknown", 4409);
    fixture.reload(&strict, ReloadTrigger::Signal);
    fixture.ready();
    fs::write(&known_hosts, "").unwrap();
    fixture.reload(&strict, ReloadTrigger::Request);
    fixture.refuses("host-key-unknown", 4409);
}

#[test]
fn another_known_hosts_file_is_in_force_after_a_reload() {
    let directory = tempfile::tempdir().unwrap();
    let with = |name: &str, policy| with_known_hosts(&directory.path().join(name), policy);
    fs::write(directory.path().join("old"), "").unwrap();
    for trigger in [ReloadTrigger::Signal, ReloadTrigger::Request] {
        let fixture = ConfigFixture::new(&with("old", "strict"));
        fixture.refuses("host-key-unknown", 4409);
        fixture.reload(&with("new", "accept-new"), trigger);
        fixture.ready();
        // The key was stored in the new file, and nowhere else.
        let stored = fs::read_to_string(directory.path().join("new")).unwrap();
        assert_eq!(stored.lines().count(), 1, "{stored}");
        assert_eq!(fs::read(directory.path().join("old")).unwrap(), b"");
        fixture.reload(&with("new", "strict"), trigger);
        fixture.ready();
        fixture.reload(&with("old", "strict"), trigger);
        fixture.refuses("host-key-unknown", 4409);
        let config = fixture.admin.get("/api/v1/config").json();
        let value = config["ssh"]["known_hosts"]["value"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(value.ends_with("/old"), "{value}");
        fs::remove_file(directory.path().join("new")).unwrap();
    }
}

/// Under `accept-new`, a revoked or changed key would be new, stored and trusted.
#[test]
fn a_missing_known_hosts_file_leaves_its_keys_and_revocations_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let known_hosts = directory.path().join("known_hosts");
    let settings = with_known_hosts(&known_hosts, "accept-new");
    let fixture = ConfigFixture::new(&settings);
    fixture.ready();
    let stored = fs::read_to_string(&known_hosts).unwrap();
    let (host, key) = stored.split_once(' ').unwrap();
    let changed = "ssh-ed25519 \
        AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    for (lines, code) in [
        (format!("@revoked * {key}"), "host-key-revoked"),
        (format!("{host} {changed}\n"), "host-key-changed"),
    ] {
        fs::write(&known_hosts, &lines).unwrap();
        fixture.reload(&settings, ReloadTrigger::Request);
        fs::remove_file(&known_hosts).unwrap();
        let refused = fixture.reloads("refused");
        fixture.bridge.signal(Signal::HUP);
        wait_until("not refused", || fixture.reloads("refused") > refused);
        let answer = fixture.admin.post("/api/v1/reload");
        assert_eq!(answer.status, 422, "{answer:?}");
        let said = "ssh.known_hosts: the file is missing";
        assert!(answer.body.contains(said), "{answer:?}");
        fixture.refuses(code, 4409);
        assert!(!known_hosts.exists(), "{code}");
    }
    // An empty file says that the keys are to be dropped.
    fs::write(&known_hosts, "").unwrap();
    fixture.reload(&settings, ReloadTrigger::Request);
    fixture.ready();
}

#[test]
fn another_known_hosts_file_that_is_missing_is_warned_about() {
    let directory = tempfile::tempdir().unwrap();
    let with = |name: &str| with_known_hosts(&directory.path().join(name), "accept-new");
    let fixture = ConfigFixture::new(&with("old"));
    fixture.ready();
    let warning = "the file of ssh.known_hosts does not exist";
    fixture.bridge.wait_stderr_count(warning, 1);
    fixture.reload(&with("new"), ReloadTrigger::Request);
    fixture.bridge.wait_stderr_count(warning, 2);
}

/// The known hosts are the last that can be refused.
#[test]
fn a_reload_that_is_refused_at_its_end_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("token"), "1".repeat(32)).unwrap();
    fs::set_permissions(at("token"), fs::Permissions::from_mode(0o600)).unwrap();
    let settings = format!(
        "{}admin.token_file = {:?}\n",
        with_known_hosts(&at("known"), "accept-new"),
        at("token")
    );
    let fixture = ConfigFixture::new(&settings);
    fixture.ready();
    fs::remove_file(at("known")).unwrap();
    fs::write(at("token"), "2".repeat(32)).unwrap();
    fixture.write(&format!(
        "{settings}limits.max_connections = 5\nlimits.max_connections_per_host = 5\n"
    ));
    let admin = fixture.admin.with_token(&"1".repeat(32));
    let answer = admin.post("/api/v1/reload");
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.body.contains("the file is missing"), "{answer:?}");
    assert_eq!(admin.stat("max_connections"), 1000);
    let config = admin.get("/api/v1/config").json();
    assert_eq!(config["limits"]["max_connections"]["value"], 1000);
}

/// Files of other settings: the audit log, the token.
#[test]
fn other_files_are_in_force_after_a_reload() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for (name, token) in [("token1", "1".repeat(32)), ("token2", "2".repeat(32))] {
        fs::write(at(name), token).unwrap();
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let with = |number: u32| {
        format!(
            "{OPEN}audit.file = {:?}\nadmin.token_file = {:?}\n",
            at(&format!("audit{number}")),
            at(&format!("token{number}")),
        )
    };
    let fixture = ConfigFixture::new(&with(1));
    let [one, two] = ["1".repeat(32), "2".repeat(32)];
    let admin = |token: &str| Admin::of(&fixture.bridge).with_token(token);
    drop(fixture.ready());
    let lines = |name: &str| {
        fs::read_to_string(at(name))
            .unwrap_or_default()
            .lines()
            .count()
    };
    wait_until("three lines", || lines("audit1") == 3);
    fixture.write(&with(2));
    let answer = admin(&one).post("/api/v1/reload");
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    assert_eq!(answer["changed"], json!(["admin.token_file", "audit.file"]));
    assert_eq!(answer["needs_restart"], json!([]));
    assert_eq!(admin(&one).get("/stats").status, 401);
    assert_eq!(admin(&two).get("/stats").status, 200);
    drop(fixture.ready());
    wait_until("three lines", || lines("audit2") == 3);
    assert_eq!(lines("audit1"), 3);
    // What cannot be used changes nothing; what would switch one off waits.
    fixture.write(&with(3));
    let answer = admin(&two).post("/api/v1/reload");
    assert_eq!(answer.status, 422, "{answer:?}");
    fixture.write(&with(2).replace("audit2", "none/audit"));
    let answer = admin(&two).post("/api/v1/reload");
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.body.contains("audit.file"), "{answer:?}");
    fixture.write(OPEN);
    let answer = admin(&two).post("/api/v1/reload").json();
    let waiting = json!(["admin.token_file", "audit.file"]);
    assert_eq!(answer["needs_restart"], waiting, "{answer}");
    assert_eq!(admin(&two).get("/stats").status, 200);
    assert!(!at("audit3").exists());
}

#[test]
fn a_bad_file_changes_nothing_and_the_answer_says_why() {
    let fixture = ConfigFixture::new(OPEN);
    let mut old = fixture.ready();
    let bad = [
        ("targets.allow = [", "sshard.toml"),
        (
            "targets.allow = [\"192.0.2.1:22\"]\nnonsense = 1\n",
            "nonsense",
        ),
        (
            "targets.allow = [\"192.0.2.1:22\", \"10.0.0.0/33:22\"]\n",
            "10.0.0.0/33:22",
        ),
        ("targets.allow = []\n", "target"),
        (
            "targets.allow = [\"192.0.2.1:22\"]\nlimits.max_connections = 5\n\
             limits.max_connections_per_host = 6\n",
            "limits.max_connections_per_host",
        ),
        (
            "targets.allow = [\"192.0.2.1:22\"]\nlimits.max_connections = 1000000\n\
             limits.max_connections_per_host = 1\n",
            "ulimit -n",
        ),
    ];
    for (count, (text, said)) in bad.iter().enumerate() {
        fixture.write(text);
        let answer = fixture.admin.post("/api/v1/reload");
        assert_eq!(answer.status, 422, "{text}: {answer:?}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(said), "{text}: {detail}");
        assert_eq!(fixture.reloads("refused"), count as u64 + 1);
        // The old policy and limits are in force.
        drop(fixture.ready());
        assert_eq!(fixture.admin.stat("max_connections"), 1000);
    }
    fixture.bridge.signal(Signal::HUP);
    let known = "not reloaded; everything stays as it was";
    fixture.bridge.wait_stderr_count(known, bad.len() + 1);
    assert_eq!(fixture.reloads("applied"), 0);
    fixture.works(&mut old);
}

#[test]
fn settings_that_need_a_restart_are_named_and_keep_their_value() {
    let fixture = ConfigFixture::new(OPEN);
    fixture.write(&format!(
        "{OPEN}server = {{ listen = [\"127.0.0.1:1\"], backlog = 7, drain_timeout = \"7s\" }}\n\
         log.level = \"error\"\nsession.idle_timeout = \"77s\"\n"
    ));
    let answer = fixture.admin.post("/api/v1/reload").json();
    let keys = |name: &str| answer[name].as_array().unwrap().clone();
    assert_eq!(
        keys("changed"),
        ["server.drain_timeout", "session.idle_timeout"]
    );
    // The address is the command line's, so the file's does not count.
    assert_eq!(keys("needs_restart"), ["server.backlog", "log.level"]);
    let config = fixture.admin.get("/api/v1/config").json();
    assert_eq!(config["server"]["backlog"]["value"], 4096);
    assert_eq!(config["server"]["backlog"]["source"], "default");
    assert_eq!(config["session"]["idle_timeout"]["value"], "77s");
    fixture
        .bridge
        .wait_stderr("needs_restart=\"server.backlog, log.level\"", DEADLINE);
}

#[test]
fn new_deadlines_hold_for_new_sessions_alone() {
    let fixture = ConfigFixture::new(OPEN);
    let mut old = fixture.ready();
    fixture.reload(
        &format!("{OPEN}session.idle_timeout = \"1s\"\n"),
        ReloadTrigger::Request,
    );
    let mut new = fixture.ready();
    assert_eq!(new.until_close().0, 4410);
    fixture.works(&mut old);
}
