//! Files written by `ssh-keygen`, verdicts, and the store's writer.

mod bounds;
mod large;
mod odd;
mod properties;
mod table;

use super::HostKeyVerdict::{Changed, Known, Revoked, Unknown};
use super::*;
use futures_lite::future::block_on;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{Algorithm, EcdsaCurve, PrivateKey, PublicKey};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::time::Duration;
use tempfile::TempDir;

fn ssh_keygen(args: &[&str]) {
    let output = Command::new("ssh-keygen").args(args).output().unwrap();
    assert!(output.status.success(), "ssh-keygen {args:?}: {output:?}");
}

/// A directory for a known_hosts file.
struct HostsDir(TempDir);

impl HostsDir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Path of the file.
    fn path(&self) -> PathBuf {
        self.0.path().join("known_hosts")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn store(&self) -> Store {
        Store::start(&self.path()).unwrap()
    }
}

/// Returns a key of its own for each number.
fn key(number: u32) -> PublicKey {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    let pair = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    PublicKey::new(pair.public_key().key_data().clone(), "")
}

fn text(key: &PublicKey) -> String {
    key.to_openssh().unwrap().trim().to_owned()
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

fn remember(store: &Store, new: NewKey) -> Result<(), RememberError> {
    block_on(store.remember(new))
}

/// Returns the verdict of the store's index on a key for `host` on port 22.
fn verdict_of(store: &Store, host: &str, key: &PublicKey) -> HostKeyVerdict {
    store.current().record(host, 22).check(key)
}

#[test]
fn a_missing_file_is_empty_and_an_unreadable_one_an_error() {
    let dir = HostsDir::new();
    assert_eq!(verdict_of(&dir.store(), "host", &key(1)), Unknown);
    let failed = Store::start(dir.0.path()).unwrap_err();
    assert!(failed.to_string().contains("directory"), "{failed}");
}

#[test]
fn hashed_names_of_ssh_keygen_match() {
    let dir = HostsDir::new();
    let (a, b) = (key(1), key(2));
    let plain = format!(
        "host.example,10.0.0.1 {}\n[host.example]:2222 {}\n",
        text(&a),
        text(&b)
    );
    fs::write(dir.path(), plain).unwrap();
    ssh_keygen(&["-q", "-H", "-f", dir.path().to_str().unwrap()]);
    assert!(!dir.text().contains("host.example"), "{}", dir.text());
    let known = KnownHosts::load(&dir.path()).unwrap().unwrap();
    assert_eq!(known.warnings(), (&[][..], 0));
    for (host, port, key, expected) in [
        ("Host.Example", 22, &a, Known),
        ("10.0.0.1", 22, &a, Known),
        ("host.example", 2222, &b, Known),
        // ssh-keygen writes a line for each of the two names of the first.
        ("host.example", 2222, &a, Changed { line: 3 }),
        ("host.example", 2223, &b, Unknown),
    ] {
        let verdict = known.record(host, port).check(key);
        assert_eq!(verdict, expected, "{host} {port}");
    }
    let algorithms = known.record("10.0.0.1", 22).algorithms();
    assert_eq!(algorithms, [Algorithm::Ed25519]);
}

#[test]
fn a_new_key_is_appended_published_and_kept_by_a_reload() {
    let dir = HostsDir::new();
    let (a, b) = (key(1), key(2));
    let store = dir.store();
    let other_shard = store.clone();
    remember(&store, new("New.Example", 22, a.clone())).unwrap();
    assert_eq!(verdict_of(&other_shard, "new.example", &a), Known);
    let mode = fs::metadata(dir.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    remember(&store, new("new.example", 2222, b.clone())).unwrap();
    remember(&store, new("::1", 22, b.clone())).unwrap();
    // The same key again adds no line.
    remember(&store, new("new.example", 22, a.clone())).unwrap();
    let expected = format!(
        "new.example {a}\n[new.example]:2222 {b}\n::1 {b}\n",
        a = text(&a),
        b = text(&b)
    );
    assert_eq!(dir.text(), expected);
    for _ in 0..2 {
        let record = store.current().record("new.example", 2222);
        assert_eq!(record.check(&a), Changed { line: 2 });
        block_on(store.reload(&dir.path())).unwrap();
    }
}

#[test]
fn openssh_reads_a_stored_key() {
    let dir = HostsDir::new();
    remember(&dir.store(), new("host.example", 2222, key(1))).unwrap();
    let file = dir.path();
    ssh_keygen(&["-F", "[host.example]:2222", "-f", file.to_str().unwrap()]);
}

#[test]
fn a_last_line_without_a_break_is_ended_first() {
    let dir = HostsDir::new();
    let (a, b) = (key(1), key(2));
    fs::write(dir.path(), format!("one {}", text(&a))).unwrap();
    let store = dir.store();
    remember(&store, new("two", 22, b.clone())).unwrap();
    for store in [store, dir.store()] {
        assert_eq!(verdict_of(&store, "one", &a), Known);
        assert_eq!(verdict_of(&store, "two", &b), Known);
        assert_eq!(verdict_of(&store, "two", &a), Changed { line: 2 });
    }
}

#[test]
fn of_two_sessions_with_different_keys_the_first_succeeds() {
    let dir = HostsDir::new();
    let keys = [key(1), key(2)];
    let store = dir.store();
    let barrier = Arc::new(Barrier::new(2));
    let threads = keys.clone().map(|key| {
        let (store, barrier) = (store.clone(), barrier.clone());
        std::thread::spawn(move || {
            barrier.wait();
            remember(&store, new("raced", 22, key))
        })
    });
    let results = threads.map(|t| t.join().unwrap());
    let won = results.iter().filter(|result| result.is_ok());
    assert_eq!(won.count(), 1, "{results:?}");
    for (key, result) in keys.iter().zip(&results) {
        match result {
            Ok(()) => assert_eq!(verdict_of(&store, "raced", key), Known),
            Err(RememberError::Changed { line: 1 }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(dir.text().lines().count(), 1, "{}", dir.text());
}

#[test]
fn a_key_that_cannot_be_stored_changes_nothing() {
    let dir = HostsDir::new();
    let revoked = format!("@revoked * {}\n", text(&key(1)));
    fs::write(dir.path(), &revoked).unwrap();
    let store = dir.store();
    let result = remember(&store, new("host", 22, key(1)));
    assert!(matches!(result, Err(RememberError::Revoked { line: 1 })));
    for host in [
        "", "*", "a,b", "a b", "a\nb", "!a", "a?", "#a", "|1|a|b", "@revoked", "[a]",
    ] {
        let result = remember(&store, new(host, 22, key(2)));
        assert!(matches!(result, Err(RememberError::BadHost)), "{host:?}");
    }
    assert_eq!(dir.text(), revoked);
}

#[test]
fn a_write_error_leaves_the_index_as_it_was() {
    let dir = HostsDir::new();
    let store = Store::start(&dir.path().join("known_hosts")).unwrap();
    let result = remember(&store, new("host", 22, key(1)));
    assert!(matches!(result, Err(RememberError::Io(_))), "{result:?}");
    assert_eq!(verdict_of(&store, "host", &key(1)), Unknown);
}

#[test]
fn a_reload_applies_edits_and_keeps_the_index_when_it_fails() {
    let dir = HostsDir::new();
    let store = dir.store();
    fs::write(dir.path(), format!("host {}\n", text(&key(1)))).unwrap();
    assert_eq!(verdict_of(&store, "host", &key(1)), Unknown);
    block_on(store.reload(&dir.path())).unwrap();
    assert_eq!(verdict_of(&store, "host", &key(1)), Known);
    fs::remove_file(dir.path()).unwrap();
    fs::create_dir(dir.path()).unwrap();
    assert!(block_on(store.reload(&dir.path())).is_err());
    assert_eq!(verdict_of(&store, "host", &key(1)), Known);
}

/// Otherwise a revoked key would be new, and stored.
#[test]
fn a_missing_file_does_not_drop_its_lines_at_a_reload() {
    let dir = HostsDir::new();
    let store = dir.store();
    // Nothing is lost: no line is in force.
    block_on(store.reload(&dir.path())).unwrap();
    let revoked = format!("@revoked * {}\n", text(&key(1)));
    fs::write(dir.path(), &revoked).unwrap();
    block_on(store.reload(&dir.path())).unwrap();
    fs::remove_file(dir.path()).unwrap();
    let reloaded = block_on(store.reload(&dir.path()));
    assert!(matches!(reloaded, Err(RememberError::Missing)));
    // Nor does a new file with one new key take their place.
    let stored = remember(&store, new("host", 22, key(2)));
    assert!(matches!(stored, Err(RememberError::Missing)));
    assert!(!dir.path().exists());
    assert_eq!(verdict_of(&store, "host", &key(1)), Revoked { line: 1 });
    // Another file may be missing, and an empty one drops the lines.
    let other = dir.path().with_extension("other");
    block_on(store.reload(&other)).unwrap();
    assert_eq!(verdict_of(&store, "host", &key(1)), Unknown);
    fs::write(dir.path(), &revoked).unwrap();
    block_on(store.reload(&dir.path())).unwrap();
    fs::write(dir.path(), "").unwrap();
    block_on(store.reload(&dir.path())).unwrap();
    assert_eq!(verdict_of(&store, "host", &key(1)), Unknown);
}

#[test]
fn a_reload_may_name_another_file_which_is_appended_to_from_then_on() {
    let dir = HostsDir::new();
    let store = dir.store();
    let other = dir.path().with_extension("other");
    let lines = || fs::read_to_string(&other).unwrap().lines().count();
    fs::write(&other, format!("host {}\n", text(&key(1)))).unwrap();
    block_on(store.reload(&other)).unwrap();
    assert_eq!(verdict_of(&store, "host", &key(1)), Known);
    remember(&store, new("late", 22, key(2))).unwrap();
    assert!(!dir.path().exists());
    assert_eq!(lines(), 2);
    // A file that cannot be read leaves the previous one in use.
    assert!(block_on(store.reload(dir.0.path())).is_err());
    remember(&store, new("later", 22, key(2))).unwrap();
    assert_eq!(lines(), 3);
}
