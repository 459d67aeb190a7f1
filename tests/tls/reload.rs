//! A new certificate while sessions run and clients keep coming.

use crate::certificate::expiry;
use crate::common::tls::{self, Files, Pair};
use crate::common::{Admin, Bridge, Client, Options, wait_until};
use crate::fixture::TlsFixture;
use rustix::process::Signal;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

/// Sessions that are to notice nothing.
const STAYING: usize = 200;
const RELOADS: usize = 10;

#[test]
fn a_reload_keeps_sessions_and_serves_every_new_client() {
    let fixture = TlsFixture::new(&["server.shards=2"]);
    let pairs: Vec<Pair> = (0..RELOADS).map(|_| Pair::new()).collect();
    let all: Vec<&Pair> = pairs.iter().chain([&fixture.pair]).collect();
    let anyone = Options::v1().tls(&tls::trusting(&all));
    let admin = Admin::of(&fixture.bridge);
    let mut staying: Vec<Client> = thread::scope(|scope| {
        let quarter =
            || -> Vec<Client> { (0..STAYING / 4).map(|_| fixture.ready(&anyone)).collect() };
        let quarters: Vec<_> = (0..4).map(|_| scope.spawn(quarter)).collect();
        quarters
            .into_iter()
            .flat_map(|q| q.join().unwrap())
            .collect()
    });
    let (over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            // A refusal, or a certificate that was never ours, is a panic.
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let mut client = fixture.connect(&anyone);
                    client.wait_type("hello");
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for pair in &pairs {
            let before = served.load(Ordering::Relaxed);
            pair.install(&fixture.files);
            let answer = admin.post("/api/v1/reload");
            assert_eq!(answer.status, 200, "{answer:?}");
            // New connections get the new certificate.
            assert_eq!(fixture.connect(&anyone).certificate(), pair.der);
            wait_until("no client is served any more", || {
                served.load(Ordering::Relaxed) > before + 4
            });
        }
        over.store(true, Ordering::Relaxed);
    });
    admin.wait_sessions(STAYING as u64);
    for client in &mut staying {
        client.send_binary(b"x");
    }
    fixture.ssh.wait_input(STAYING);
    fixture.ssh.output_to_all(b"all of us are here");
    for client in &mut staying {
        client.output_until("all of us are here");
        assert_eq!(client.certificate(), fixture.pair.der);
    }
    assert_eq!(admin.failed_handshakes("tls"), 0);
}

#[test]
fn a_signal_reloads_too_and_the_metric_follows() {
    let fixture = TlsFixture::new(&[]);
    let admin = Admin::of(&fixture.bridge);
    let before = expiry(&admin).unwrap();
    let now = SystemTime::now();
    let next = Pair::valid(now, now + Duration::from_secs(3600));
    next.install(&fixture.files);
    fixture.bridge.signal(Signal::HUP);
    wait_until("not reloaded", || {
        expiry(&admin).is_some_and(|now| now != before)
    });
    let trust = Options::v1().tls(&tls::trusting(&[&next]));
    assert_eq!(fixture.ready(&trust).certificate(), next.der);
}

#[test]
fn a_pair_at_another_path_is_served_after_a_reload() {
    let (old, new) = (Pair::new(), Pair::new());
    let (old_files, new_files) = (Files::new(&old), Files::new(&new));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sshard.toml");
    let write = |files: Option<&Files>| {
        let tls = files.map_or_else(String::new, |files| {
            let (cert, key) = (files.cert_file(), files.key_file());
            format!("tls = {{ cert_file = {cert:?}, key_file = {key:?} }}\n")
        });
        fs::write(&file, format!("targets.allow = [\"192.0.2.1:22\"]\n{tls}")).unwrap();
    };
    write(Some(&old_files));
    let bridge = Bridge::start(&["--config", file.to_str().unwrap()], &[]);
    let (admin, all) = (Admin::of(&bridge), tls::trusting(&[&old, &new]));
    let options = Options::v1().tls(&all);
    let served = || Client::connect(bridge.addr(), "/ws/192.0.2.1/22", &options).certificate();
    assert_eq!(served(), old.der);
    write(Some(&new_files));
    let answer = admin.post("/api/v1/reload").json();
    let both = serde_json::json!(["tls.cert_file", "tls.key_file"]);
    assert_eq!(answer["changed"], both, "{answer}");
    assert_eq!(served(), new.der);
    // Without TLS passwords would cross the network: that waits for a restart.
    write(None);
    let answer = admin.post("/api/v1/reload").json();
    assert_eq!(answer["needs_restart"], both, "{answer}");
    assert_eq!(served(), new.der);
}

#[test]
fn a_bad_pair_changes_nothing_and_says_why() {
    let fixture = TlsFixture::new(&[]);
    let admin = Admin::of(&fixture.bridge);
    let mut old = fixture.ready(&fixture.options());
    let other = Pair::new();
    let mut count = 0;
    let mut refused = |said: &str| {
        let answer = admin.post("/api/v1/reload");
        assert_eq!(answer.status, 422, "{answer:?}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(said) && detail.contains("tls."), "{detail}");
        count += 1;
        let logged = "not reloaded; everything stays as it was";
        fixture.bridge.wait_stderr_count(logged, count);
        assert_eq!(
            fixture.ready(&fixture.options()).certificate(),
            fixture.pair.der
        );
    };
    fixture.files.write(&other.certificate, &fixture.pair.key);
    refused("belongs to another certificate");
    fixture.files.write("", "");
    refused("no CERTIFICATE");
    fixture.files.write(&other.certificate, &other.key);
    fs::remove_file(fixture.files.key_file()).unwrap();
    refused("cannot read the file");
    fs::remove_file(fixture.files.cert_file()).unwrap();
    refused("cannot read the file");
    old.send_binary(b"typed");
    fixture.ssh.wait_input(5);
}
