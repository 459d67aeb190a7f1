//! Files as `ssh-keygen` writes them, verdicts, and the store's writer.

mod bounds;
mod large;
mod odd;
mod table;

use super::HostKeyVerdict::{Changed, Known, Revoked, Unknown};
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

/// A directory with real keys and a known_hosts file in it.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("known_hosts")
    }

    fn key(&self, name: &str, kind: &str) -> PublicKey {
        let file = self.dir.path().join(name);
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

/// To be remembered for a client that may have as many as it likes.
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

/// The key as it comes from the wire: without a comment.
fn shown(key: &PublicKey) -> PublicKey {
    PublicKey::new(key.key_data().clone(), "")
}

fn text(key: &PublicKey) -> String {
    key.to_openssh().unwrap()
}

#[test]
fn a_missing_file_is_empty_and_an_unreadable_one_an_error() {
    let bench = Bench::new();
    let key = bench.key("a", "ed25519");
    let known = KnownHosts::load(&bench.path()).unwrap();
    assert_eq!(known.record("host", 22).check(&key), Unknown);
    assert!(matches!(
        KnownHosts::load(bench.dir.path()),
        Err(KnownHostsError::Io { .. })
    ));
    assert!(Store::start(bench.dir.path()).is_err());
}

#[test]
fn names_ports_and_case() {
    let bench = Bench::new();
    let (a, b) = (bench.key("a", "ed25519"), bench.key("b", "ed25519"));
    let known = bench.write(&format!(
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
        let verdict = known.record(host, port).check(&shown(key));
        assert_eq!(verdict, expected, "{host} {port}");
    }
}

#[test]
fn several_keys_of_one_host() {
    let bench = Bench::new();
    let ed = bench.key("ed", "ed25519");
    let ed2 = bench.key("ed2", "ed25519");
    let rsa = bench.key("rsa", "rsa");
    let ecdsa = bench.key("ec", "ecdsa");
    let known = bench.write(&format!(
        "h {}\nh {}\nonly {}\nh {}\n",
        text(&rsa),
        text(&ed),
        text(&rsa),
        text(&ed2)
    ));
    for key in [&rsa, &ed, &ed2] {
        assert_eq!(known.record("h", 22).check(&shown(key)), Known);
    }
    assert_eq!(known.record("h", 22).check(&ecdsa), Changed { line: 1 });
    assert_eq!(known.record("only", 22).check(&ed), Changed { line: 3 });
    // The line of the same algorithm is the one worth naming.
    let other = bench.key("ed3", "ed25519");
    assert_eq!(known.record("h", 22).check(&other), Changed { line: 2 });
    let rsa_alg = Algorithm::Rsa { hash: None };
    assert_eq!(
        known.record("h", 22).algorithms(),
        [rsa_alg, Algorithm::Ed25519]
    );
    assert_eq!(known.record("h", 2222).algorithms(), []);
    let known = bench.write(&format!("w* {}\nweb {}\n", text(&ecdsa), text(&ed)));
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
fn hashed_names_as_ssh_keygen_writes_them() {
    let bench = Bench::new();
    let (a, b) = (bench.key("a", "ed25519"), bench.key("b", "rsa"));
    let plain = format!(
        "host.example,10.0.0.1 {a}\n[host.example]:2222 {b}\n",
        a = text(&a),
        b = text(&b)
    );
    fs::write(bench.path(), plain).unwrap();
    ssh_keygen(&["-q", "-H", "-f", bench.path().to_str().unwrap()]);
    let hashed = fs::read_to_string(bench.path()).unwrap();
    assert!(!hashed.contains("host.example"), "{hashed}");
    let known = KnownHosts::load(&bench.path()).unwrap();
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
fn wildcards_negations_and_markers() {
    let bench = Bench::new();
    let (a, b) = (bench.key("a", "ed25519"), bench.key("b", "ed25519"));
    let known = bench.write(&format!(
        "*.lab,!secret.lab {a}\n@cert-authority *.corp {a}\n@revoked * {b}\nhost {b}\n@revoked host {a}\n",
        a = text(&a),
        b = text(&b)
    ));
    assert_eq!(known.warnings(), (&[][..], 0));
    for (host, key, expected) in [
        ("x.lab", &a, Known),
        ("secret.lab", &a, Unknown),
        ("lab", &a, Unknown),
        // An authority is no host key, neither right nor wrong.
        ("x.corp", &a, Unknown),
        ("x.corp", &b, Revoked { line: 3 }),
        // A revocation outweighs a key on record, wherever it stands.
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
    let bench = Bench::new();
    let key = bench.key("a", "ed25519");
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
fn remembering_appends_publishes_and_survives_a_reload() {
    let bench = Bench::new();
    let (a, b) = (bench.key("a", "ed25519"), bench.key("b", "ed25519"));
    let store = Store::start(&bench.path()).unwrap();
    let other_shard = store.clone();
    block_on(store.remember(new("New.Example", 22, a.clone()))).unwrap();
    assert_eq!(
        other_shard.current().record("new.example", 22).check(&a),
        Known
    );
    let mode = fs::metadata(bench.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    block_on(store.remember(new("new.example", 2222, b.clone()))).unwrap();
    block_on(store.remember(new("::1", 22, b.clone()))).unwrap();
    // The same key again is no second line.
    block_on(store.remember(new("new.example", 22, a.clone()))).unwrap();
    let file = fs::read_to_string(bench.path()).unwrap();
    let expected = format!(
        "new.example {a}\n[new.example]:2222 {b}\n::1 {b}\n",
        a = text(&shown(&a)),
        b = text(&shown(&b))
    );
    assert_eq!(file, expected);
    let before = store.current().record("new.example", 2222).check(&a);
    block_on(store.reload(&bench.path())).unwrap();
    assert_eq!(
        store.current().record("new.example", 2222).check(&a),
        before
    );
    assert_eq!(before, Changed { line: 2 });
}

#[test]
fn openssh_reads_what_is_remembered() {
    let bench = Bench::new();
    let key = bench.key("a", "ed25519");
    let store = Store::start(&bench.path()).unwrap();
    block_on(store.remember(new("host.example", 2222, key))).unwrap();
    let file = bench.path();
    ssh_keygen(&["-F", "[host.example]:2222", "-f", file.to_str().unwrap()]);
}

#[test]
fn a_last_line_without_a_break_is_ended_first() {
    let bench = Bench::new();
    let (a, b) = (bench.key("a", "ed25519"), bench.key("b", "ed25519"));
    fs::write(bench.path(), format!("one {}", text(&a))).unwrap();
    let store = Store::start(&bench.path()).unwrap();
    block_on(store.remember(new("two", 22, b.clone()))).unwrap();
    let read = KnownHosts::load(&bench.path()).unwrap();
    for known in [&*store.current(), &read] {
        assert_eq!(known.record("one", 22).check(&a), Known);
        assert_eq!(known.record("two", 22).check(&b), Known);
        assert_eq!(known.record("two", 22).check(&a), Changed { line: 2 });
    }
}

#[test]
fn of_two_sessions_with_different_keys_the_first_wins() {
    let bench = Bench::new();
    let keys = [bench.key("a", "ed25519"), bench.key("b", "ed25519")];
    let store = Store::start(&bench.path()).unwrap();
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
    let file = fs::read_to_string(bench.path()).unwrap();
    assert_eq!(file.lines().count(), 1, "{file}");
}

#[test]
fn what_cannot_be_remembered_changes_nothing() {
    let bench = Bench::new();
    let key = bench.key("a", "ed25519");
    let revoked = format!("@revoked * {}\n", text(&key));
    fs::write(bench.path(), &revoked).unwrap();
    let store = Store::start(&bench.path()).unwrap();
    let result = block_on(store.remember(new("host", 22, key)));
    assert!(matches!(result, Err(RememberError::Revoked { line: 1 })));
    let other = bench.key("b", "ed25519");
    for host in [
        "", "*", "a,b", "a b", "a\nb", "!a", "a?", "#a", "|1|a|b", "@revoked", "[a]",
    ] {
        let result = block_on(store.remember(new(host, 22, other.clone())));
        assert!(matches!(result, Err(RememberError::BadHost)), "{host:?}");
    }
    assert_eq!(fs::read_to_string(bench.path()).unwrap(), revoked);
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_and_not_remembered() {
    let bench = Bench::new();
    let key = bench.key("a", "ed25519");
    let path = bench.dir.path().join("no-such-directory/known_hosts");
    let store = Store::start(&path).unwrap();
    let result = block_on(store.remember(new("host", 22, key.clone())));
    assert!(matches!(result, Err(RememberError::Io(_))), "{result:?}");
    assert_eq!(store.current().record("host", 22).check(&key), Unknown);
}

#[test]
fn reload_takes_in_edits_and_keeps_the_index_when_it_fails() {
    let bench = Bench::new();
    let key = bench.key("a", "ed25519");
    let store = Store::start(&bench.path()).unwrap();
    fs::write(bench.path(), format!("host {}\n", text(&key))).unwrap();
    assert_eq!(store.current().record("host", 22).check(&key), Unknown);
    block_on(store.reload(&bench.path())).unwrap();
    assert_eq!(store.current().record("host", 22).check(&key), Known);
    replace_by_directory(&bench.path());
    assert!(block_on(store.reload(&bench.path())).is_err());
    assert_eq!(store.current().record("host", 22).check(&key), Known);
}

fn replace_by_directory(path: &Path) {
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
}

#[test]
fn a_reload_may_name_another_file_which_is_appended_to_from_then_on() {
    let bench = Bench::new();
    let (old, new) = (bench.key("a", "ed25519"), bench.key("b", "ed25519"));
    let store = Store::start(&bench.path()).unwrap();
    let other = bench.path().with_extension("other");
    fs::write(&other, format!("host {}\n", text(&old))).unwrap();
    block_on(store.reload(&other)).unwrap();
    assert_eq!(store.current().record("host", 22).check(&old), Known);
    block_on(store.remember(self::new("late", 22, new.clone()))).unwrap();
    assert!(!bench.path().exists());
    assert_eq!(fs::read_to_string(&other).unwrap().lines().count(), 2);
    // A file that cannot be read leaves the one before in use.
    let directory = bench.path().parent().unwrap().to_owned();
    assert!(block_on(store.reload(&directory)).is_err());
    block_on(store.remember(self::new("later", 22, new))).unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap().lines().count(), 3);
}
