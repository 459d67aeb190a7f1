//! The file of the audit log: creation, rotation, a full disk, refusals.

use crate::common::fixture::Fixture;
use crate::common::{Admin, DEADLINE, SshScript, run_line, wait_until};
use crate::fixture::{AuditFixture, read};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

fn visit(fixture: &Fixture) {
    let mut client = fixture.ready_with(&json!({ "username": "ann" }));
    client.send_json(&json!({ "type": "close" }));
    client.until_close();
}

#[test]
fn the_file_has_mode_0600_and_is_appended_to() {
    let fixture = AuditFixture::with(SshScript::default(), &[]);
    visit(&fixture.base);
    fixture.ended(1);
    let mode =
        |fixture: &AuditFixture| fs::metadata(fixture.path()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&fixture), 0o600);
    // The next process appends where this one ended.
    let file = format!("audit.file={}", fixture.path().display());
    let next = Fixture::new(&[&file]);
    visit(&next);
    assert_eq!(fixture.ended(2).len(), 6);
}

const VISITORS: usize = 8;
const VISITS: usize = 240;
const ROTATIONS: usize = 6;

/// The file is renamed under load, again and again: every session has its three lines, each once.
#[test]
fn rotation_loses_no_line() {
    let limits = ["limits.max_connections_per_host=1000", "server.shards=2"];
    let fixture = AuditFixture::with(SshScript::default(), &limits);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..VISITORS {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < VISITS {
                    visit(&fixture.base);
                }
            });
        }
        for number in 0..ROTATIONS {
            let due = VISITS * (number + 1) / (ROTATIONS + 1);
            let reached = || next.load(Ordering::Relaxed) >= due;
            wait_until("enough sessions", reached);
            fs::rename(fixture.path(), fixture.beside(&format!("old{number}"))).unwrap();
            fixture.base.bridge.signal(Signal::HUP);
            wait_until("not opened again", || fixture.path().exists());
        }
    });
    Admin::of(&fixture.base.bridge).wait_sessions(0);
    let all = || {
        let old = (0..ROTATIONS).map(|number| fixture.beside(&format!("old{number}")));
        let files = old.chain([fixture.path()]);
        files.flat_map(|file| read(&file)).collect::<Vec<Value>>()
    };
    wait_until("every line", || all().len() >= 3 * VISITS);
    let mut sessions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in all() {
        let word = |name: &str| line[name].as_str().unwrap().to_owned();
        let events = sessions.entry(word("session")).or_default();
        events.push(word("event"));
    }
    assert_eq!(sessions.len(), VISITS);
    for (session, events) in sessions {
        assert_eq!(events, ["start", "auth", "end"], "{session}");
    }
}

/// A process that has handed over its listeners may drain for long.
#[test]
fn the_file_is_opened_again_while_the_process_drains() {
    let mut fixture = AuditFixture::with(SshScript::default(), &["server.drain_timeout=600s"]);
    let mut client = fixture.base.ready();
    fixture.base.bridge.signal(Signal::TERM);
    client.wait_type("notice");
    fs::rename(fixture.path(), fixture.beside("old")).unwrap();
    fixture.base.bridge.signal(Signal::HUP);
    wait_until("not opened again", || fixture.path().exists());
    client.send_json(&json!({ "type": "close" }));
    client.until_close();
    assert_eq!(fixture.base.bridge.wait_exit(DEADLINE).code(), Some(0));
    assert_eq!(read(&fixture.path()).last().unwrap()["event"], "end");
}

#[test]
fn a_full_disk_stops_no_session_and_is_counted() {
    let fixture = Fixture::new(&["audit.file=/dev/full"]);
    for _ in 0..3 {
        visit(&fixture);
    }
    let said = "the audit log cannot be written and loses lines; check its disk";
    fixture.bridge.wait_stderr(said, DEADLINE);
    let admin = Admin::of(&fixture.bridge);
    wait_until("nine lines are counted", || {
        let metrics = admin.get("/metrics").body;
        metrics.contains("\nsshard_audit_lost_lines_total 9\n")
    });
}

/// Replaces the file by something that another user may have made. Returns a part of the expected
/// error.
fn plant(path: &Path, kind: &str) -> &'static str {
    let victim = path.with_extension("victim");
    let _ = fs::remove_file(path);
    fs::write(&victim, "as it was").unwrap();
    match kind {
        "link" => {
            symlink(&victim, path).unwrap();
            "symbolic link"
        }
        "dangling link" => {
            symlink(path.with_extension("nowhere"), path).unwrap();
            "symbolic link"
        }
        "hard link" => {
            fs::hard_link(&victim, path).unwrap();
            "hard links"
        }
        "directory" => {
            fs::create_dir(path).unwrap();
            "not a regular file"
        }
        "foreign" => {
            fs::write(path, "").unwrap();
            chown(path, Some(4242), None).unwrap();
            "belongs to user 4242"
        }
        mode => {
            fs::write(path, "").unwrap();
            let mode = u32::from_str_radix(mode, 8).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            "chmod 600"
        }
    }
}

const PLANTED: &str = "link,dangling link,hard link,foreign,666,620,602,777,directory";

/// Checks that a planted file has changed nothing else.
fn is_harmless(path: &Path) {
    let victim = fs::read(path.with_extension("victim")).unwrap();
    assert_eq!(victim, b"as it was");
    assert!(!path.with_extension("nowhere").exists());
}

#[test]
fn a_file_that_others_may_have_made_is_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit");
    let setting = format!("--set audit.file={}", path.display());
    let line = format!("serve --listen 127.0.0.1:0 --allow 127.0.0.1:22 {setting}");
    for kind in PLANTED.split(',') {
        let said = plant(&path, kind);
        let refused = run_line(&line);
        assert_eq!(refused.code, Some(78), "{kind}: {refused:?}");
        for said in ["audit.file: ", said] {
            assert!(refused.stderr.contains(said), "{kind}: {refused:?}");
        }
        is_harmless(&path);
    }
}

#[test]
fn a_file_that_others_may_have_made_is_not_opened_again() {
    let fixture = AuditFixture::with(SshScript::default(), &[]);
    visit(&fixture.base);
    fixture.ended(1);
    let old = fixture.beside("old");
    fs::rename(fixture.path(), &old).unwrap();
    for (count, kind) in PLANTED.split(',').enumerate() {
        let said = plant(&fixture.path(), kind);
        fixture.base.bridge.signal(Signal::HUP);
        let refused = "the audit log cannot be opened again";
        fixture.base.bridge.wait_stderr_count(refused, count + 1);
        let log = fixture.base.bridge.stderr();
        let line = log.lines().rfind(|line| line.contains(refused)).unwrap();
        assert!(line.contains(said), "{kind}: {line}");
        visit(&fixture.base);
        let written = || read(&old).len() == 3 * (count + 2);
        wait_until("the old one is written on", written);
        is_harmless(&fixture.path());
    }
}
