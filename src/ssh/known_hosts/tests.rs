//! Files written by `ssh-keygen`, verdicts, and the store's writer.

mod bounds;
mod large;
mod odd;
mod table;

use super::HostKeyVerdict::{Changed, Known, Revoked, Unknown};
use super::index::KnownHostsError;
use super::*;
use futures_lite::future::block_on;
use russh::keys::ssh_key::PublicKey;
use russh::keys::{Algorithm, EcdsaCurve};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::time::Duration;
use tempfile::TempDir;

fn ssh_keygen(args: &[&str]) {
    let output = Command::new("ssh-keygen").args(args).output().unwrap();
    assert!(output.status.success(), "ssh-keygen {args:?}: {output:?}");
}

/// A directory with real keys and a known_hosts file.
struct HostsDir {
    root: TempDir,
}

impl HostsDir {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.root.path().join("known_hosts")
    }

    fn key(&self, name: &str, kind: &str) -> PublicKey {
        let file = self.root.path().join(name);
        let file = file.to_str().unwrap();
        let mut args = vec!["-q", "-N", "", "-C", "a comment", "-t", kind, "-f", file];
        if kind == "rsa" {
            args.extend(["-b", "2048"]);
        }
        ssh_keygen(&args);
        let text = fs::read_to_string(format!("{file}.pub")).unwrap();
        PublicKey::from_openssh(text.trim()).unwrap()
    }

    fn write(&self, text: &str) -> KnownHosts {
        fs::write(self.path(), text).unwrap();
        KnownHosts::load(&self.path()).unwrap()
    }
}

/// Returns a key of a client that may store many.
fn new(host: &str, port: u16, key: PublicKey) -> NewKey {
    NewKey {
        host: host.to_owned(),
        port,
        key,
        client: [192, 0, 2, 1].into(),
        bounds: NewKeyBounds {
            per_client: 1000,
            period: Duration::from_secs(600),
            max_lines: 1000,
        },
    }
}

/// Returns the key as a server presents it.
fn without_comment(key: &PublicKey) -> PublicKey {
    PublicKey::new(key.key_data().clone(), "")
}

fn text(key: &PublicKey) -> String {
    key.to_openssh().unwrap()
}

#[test]
fn a_missing_file_is_empty_and_an_unreadable_one_an_error() {
    let dir = HostsDir::new();
    let key = dir.key("a", "ed25519");
    let known = KnownHosts::load(&dir.path()).unwrap();
    assert_eq!(known.record("host", 22).check(&key), Unknown);
    assert!(matches!(
        KnownHosts::load(dir.root.path()),
        Err(KnownHostsError::Io { .. })
    ));
    assert!(Store::start(dir.root.path()).is_err());
}

#[test]
fn hosts_are_matched_by_name_port_and_any_case() {
    let dir = HostsDir::new();
    let (a, b) = (dir.key("a", "ed25519"), dir.key("b", "ed25519"));
    let known = dir.write(&format!(
        "# a comment\n\n  Host.Example,10.0.0.1 {a}\n[host.example]:2222\t{b}\r\n::1 {a}\n[::1]:222 {b}\n",
        a = text(&a),
        b = text(&b)
    ));
    assert_eq!(known.warnings(), (&[][..], 0));
    for (host, port, key, expected) in [
        ("host.example", 22, &a, Known),
        ("HOST.example", 22, &a, Known),
        ("10.0.0.1", 22, &a, Known),
        ("host.example", 22, &b, Changed { line: 3 }),
        ("host.example", 2222, &b, Known),
        ("host.example", 2222, &a, Changed { line: 4 }),
        ("host.example", 2223, &a, Unknown),
        ("10.0.0.1", 2222, &a, Unknown),
        ("::1", 22, &a, Known),
        ("::1", 222, &b, Known),
        ("::1", 222, &a, Changed { line: 6 }),
        ("other.example", 22, &a, Unknown),
    ] {
        let verdict = known.record(host, port).check(&without_comment(key));
        assert_eq!(verdict, expected, "{host} {port}");
    }
}

#[test]
fn a_host_may_have_several_keys() {
    let dir = HostsDir::new();
    let ed = dir.key("ed", "ed25519");
    let ed2 = dir.key("ed2", "ed25519");
    let rsa = dir.key("rsa", "rsa");
    let ecdsa = dir.key("ec", "ecdsa");
    let known = dir.write(&format!(
        "h {}\nh {}\nonly {}\nh {}\n",
        text(&rsa),
        text(&ed),
        text(&rsa),
        text(&ed2)
    ));
    for key in [&rsa, &ed, &ed2] {
        assert_eq!(known.record("h", 22).check(&without_comment(key)), Known);
    }
    assert_eq!(known.record("h", 22).check(&ecdsa), Changed { line: 1 });
    assert_eq!(known.record("only", 22).check(&ed), Changed { line: 3 });
    // The line with the same algorithm is reported.
    let other = dir.key("ed3", "ed25519");
    assert_eq!(known.record("h", 22).check(&other), Changed { line: 2 });
    let rsa_alg = Algorithm::Rsa { hash: None };
    assert_eq!(
        known.record("h", 22).algorithms(),
        [rsa_alg, Algorithm::Ed25519]
    );
    assert_eq!(known.record("h", 2222).algorithms(), []);
    let known = dir.write(&format!("w* {}\nweb {}\n", text(&ecdsa), text(&ed)));
    assert_eq!(known.record("web", 22).check(&rsa), Changed { line: 1 });
    let ecdsa_alg = Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP256,
    };
    assert_eq!(
        known.record("web", 22).algorithms(),
        [ecdsa_alg, Algorithm::Ed25519]
    );
}

#[test]
fn hashed_names_of_ssh_keygen_match() {
    let dir = HostsDir::new();
    let (a, b) = (dir.key("a", "ed25519"), dir.key("b", "rsa"));
    let plain = format!(
        "host.example,10.0.0.1 {a}\n[host.example]:2222 {b}\n",
        a = text(&a),
        b = text(&b)
    );
    fs::write(dir.path(), plain).unwrap();
    ssh_keygen(&["-q", "-H", "-f", dir.path().to_str().unwrap()]);
    let hashed = fs::read_to_string(dir.path()).unwrap();
    assert!(!hashed.contains("host.example"), "{hashed}");
    let known = KnownHosts::load(&dir.path()).unwrap();
    assert_eq!(known.warnings(), (&[][..], 0));
    assert_eq!(known.record("Host.Example", 22).check(&a), Known);
    assert_eq!(known.record("10.0.0.1", 22).check(&a), Known);
    assert_eq!(known.record("host.example", 2222).check(&b), Known);
    assert!(matches!(
        known.record("host.example", 2222).check(&a),
        Changed { .. }
    ));
    assert_eq!(known.record("host.example", 2223).check(&b), Unknown);
    assert_eq!(
        known.record("10.0.0.1", 22).algorithms(),
        [Algorithm::Ed25519]
    );
}

#[test]
fn wildcards_negations_and_markers_apply() {
    let dir = HostsDir::new();
    let (a, b) = (dir.key("a", "ed25519"), dir.key("b", "ed25519"));
    let known = dir.write(&format!(
        "*.lab,!secret.lab {a}\n@cert-authority *.corp {a}\n@revoked * {b}\nhost {b}\n@revoked host {a}\n",
        a = text(&a),
        b = text(&b)
    ));
    assert_eq!(known.warnings(), (&[][..], 0));
    for (host, key, expected) in [
        ("x.lab", &a, Known),
        ("secret.lab", &a, Unknown),
        ("lab", &a, Unknown),
        // An authority is not a host key.
        ("x.corp", &a, Unknown),
        ("x.corp", &b, Revoked { line: 3 }),
        // A revocation has precedence, wherever it stands.
        ("host", &b, Revoked { line: 3 }),
        ("host", &a, Revoked { line: 5 }),
        ("elsewhere", &a, Unknown),
    ] {
        assert_eq!(known.record(host, 22).check(key), expected, "{host}");
    }
    assert_eq!(known.record("x.corp", 22).algorithms(), []);
}

#[test]
fn bad_lines_are_skipped_and_counted() {
    let dir = HostsDir::new();
    let key = dir.key("a", "ed25519");
    let truncated = text(&key).get(..60).unwrap().to_owned();
    let mut file = format!(
        "host\nhost ssh-ed25519\nhost {truncated}\n@nonsense host {k}\n|1|xx|yy {k}\n@unheard\nhost ssh-rsa {b}\n",
        k = text(&key),
        b = text(&key).split(' ').nth(1).unwrap()
    )
    .into_bytes();
    file.extend(b"h\xff\xfe key\n");
    file.extend(format!("host {}", text(&key)).bytes());
    let known = KnownHosts::parse(&file);
    let (warnings, all) = known.warnings();
    let lines: Vec<_> = warnings.iter().map(|w| w.line).collect();
    assert_eq!((&lines[..], all), (&[1, 2, 3, 4, 5, 6, 7, 8][..], 8));
    assert_eq!(known.record("host", 22).check(&key), Known);
}

#[test]
fn a_new_key_is_appended_published_and_kept_by_a_reload() {
    let dir = HostsDir::new();
    let (a, b) = (dir.key("a", "ed25519"), dir.key("b", "ed25519"));
    let store = Store::start(&dir.path()).unwrap();
    let other_shard = store.clone();
    block_on(store.remember(new("New.Example", 22, a.clone()))).unwrap();
    assert_eq!(
        other_shard.current().record("new.example", 22).check(&a),
        Known
    );
    let mode = fs::metadata(dir.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    block_on(store.remember(new("new.example", 2222, b.clone()))).unwrap();
    block_on(store.remember(new("::1", 22, b.clone()))).unwrap();
    // The same key again adds no line.
    block_on(store.remember(new("new.example", 22, a.clone()))).unwrap();
    let file = fs::read_to_string(dir.path()).unwrap();
    let expected = format!(
        "new.example {a}\n[new.example]:2222 {b}\n::1 {b}\n",
        a = text(&without_comment(&a)),
        b = text(&without_comment(&b))
    );
    assert_eq!(file, expected);
    let before = store.current().record("new.example", 2222).check(&a);
    block_on(store.reload(&dir.path())).unwrap();
    assert_eq!(
        store.current().record("new.example", 2222).check(&a),
        before
    );
    assert_eq!(before, Changed { line: 2 });
}

#[test]
fn openssh_reads_a_stored_key() {
    let dir = HostsDir::new();
    let key = dir.key("a", "ed25519");
    let store = Store::start(&dir.path()).unwrap();
    block_on(store.remember(new("host.example", 2222, key))).unwrap();
    let file = dir.path();
    ssh_keygen(&["-F", "[host.example]:2222", "-f", file.to_str().unwrap()]);
}

#[test]
fn a_last_line_without_a_break_is_ended_first() {
    let dir = HostsDir::new();
    let (a, b) = (dir.key("a", "ed25519"), dir.key("b", "ed25519"));
    fs::write(dir.path(), format!("one {}", text(&a))).unwrap();
    let store = Store::start(&dir.path()).unwrap();
    block_on(store.remember(new("two", 22, b.clone()))).unwrap();
    let read = KnownHosts::load(&dir.path()).unwrap();
    for known in [&*store.current(), &read] {
        assert_eq!(known.record("one", 22).check(&a), Known);
        assert_eq!(known.record("two", 22).check(&b), Known);
        assert_eq!(known.record("two", 22).check(&a), Changed { line: 2 });
    }
}

#[test]
fn of_two_sessions_with_different_keys_the_first_succeeds() {
    let dir = HostsDir::new();
    let keys = [dir.key("a", "ed25519"), dir.key("b", "ed25519")];
    let store = Store::start(&dir.path()).unwrap();
    let barrier = Arc::new(Barrier::new(2));
    let threads = keys.clone().map(|key| {
        let (store, barrier) = (store.clone(), barrier.clone());
        std::thread::spawn(move || {
            barrier.wait();
            block_on(store.remember(new("raced", 22, key)))
        })
    });
    let results = threads.map(|t| t.join().unwrap());
    let won: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(won.iter().filter(|w| **w).count(), 1, "{results:?}");
    for (key, result) in keys.iter().zip(&results) {
        match result {
            Ok(()) => assert_eq!(store.current().record("raced", 22).check(key), Known),
            Err(RememberError::Changed { line: 1 }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    let file = fs::read_to_string(dir.path()).unwrap();
    assert_eq!(file.lines().count(), 1, "{file}");
}

#[test]
fn a_key_that_cannot_be_stored_changes_nothing() {
    let dir = HostsDir::new();
    let key = dir.key("a", "ed25519");
    let revoked = format!("@revoked * {}\n", text(&key));
    fs::write(dir.path(), &revoked).unwrap();
    let store = Store::start(&dir.path()).unwrap();
    let result = block_on(store.remember(new("host", 22, key)));
    assert!(matches!(result, Err(RememberError::Revoked { line: 1 })));
    let other = dir.key("b", "ed25519");
    for host in [
        "", "*", "a,b", "a b", "a\nb", "!a", "a?", "#a", "|1|a|b", "@revoked", "[a]",
    ] {
        let result = block_on(store.remember(new(host, 22, other.clone())));
        assert!(matches!(result, Err(RememberError::BadHost)), "{host:?}");
    }
    assert_eq!(fs::read_to_string(dir.path()).unwrap(), revoked);
}

#[test]
fn a_write_error_leaves_the_index_as_it_was() {
    let dir = HostsDir::new();
    let key = dir.key("a", "ed25519");
    let path = dir.root.path().join("no-such-directory/known_hosts");
    let store = Store::start(&path).unwrap();
    let result = block_on(store.remember(new("host", 22, key.clone())));
    assert!(matches!(result, Err(RememberError::Io(_))), "{result:?}");
    assert_eq!(store.current().record("host", 22).check(&key), Unknown);
}

#[test]
fn a_reload_applies_edits_and_keeps_the_index_when_it_fails() {
    let dir = HostsDir::new();
    let key = dir.key("a", "ed25519");
    let store = Store::start(&dir.path()).unwrap();
    fs::write(dir.path(), format!("host {}\n", text(&key))).unwrap();
    assert_eq!(store.current().record("host", 22).check(&key), Unknown);
    block_on(store.reload(&dir.path())).unwrap();
    assert_eq!(store.current().record("host", 22).check(&key), Known);
    replace_by_directory(&dir.path());
    assert!(block_on(store.reload(&dir.path())).is_err());
    assert_eq!(store.current().record("host", 22).check(&key), Known);
}

fn replace_by_directory(path: &Path) {
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
}

#[test]
fn a_reload_may_name_another_file_which_is_appended_to_from_then_on() {
    let dir = HostsDir::new();
    let (old, new) = (dir.key("a", "ed25519"), dir.key("b", "ed25519"));
    let store = Store::start(&dir.path()).unwrap();
    let other = dir.path().with_extension("other");
    fs::write(&other, format!("host {}\n", text(&old))).unwrap();
    block_on(store.reload(&other)).unwrap();
    assert_eq!(store.current().record("host", 22).check(&old), Known);
    block_on(store.remember(self::new("late", 22, new.clone()))).unwrap();
    assert!(!dir.path().exists());
    assert_eq!(fs::read_to_string(&other).unwrap().lines().count(), 2);
    // A file that cannot be read leaves the previous one in use.
    let directory = dir.path().parent().unwrap().to_owned();
    assert!(block_on(store.reload(&directory)).is_err());
    block_on(store.remember(self::new("later", 22, new))).unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap().lines().count(), 3);
}
