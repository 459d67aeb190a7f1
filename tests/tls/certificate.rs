//! Certificates and keys: valid, invalid, expired.

use crate::common::tls::{Files, Pair, accepting_any_certificate};
use crate::common::{Admin, DEADLINE, Options, run_line};
use crate::fixture::TlsFixture;
use futures_rustls::rustls::version::TLS13;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The metric, as seconds since 1970.
pub(crate) fn expiry(admin: &Admin) -> Option<u64> {
    let metrics = admin.get("/metrics").body;
    let name = "sshard_tls_certificate_expiry_timestamp_seconds ";
    let value = metrics.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.parse().unwrap())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn the_expiry_of_the_certificate_is_a_metric() {
    let until = SystemTime::now() + 77 * DAY;
    let fixture = TlsFixture::with(Pair::valid(SystemTime::now() - DAY, until), &[]);
    assert_eq!(expiry(&Admin::of(&fixture.bridge)), Some(seconds(until)));
    let plain = crate::common::Fixture::new(&[]);
    assert_eq!(expiry(&Admin::of(&plain.bridge)), None);
}

#[test]
fn the_expiry_of_a_chain_is_its_earliest() {
    let now = SystemTime::now();
    let (leaf, above) = (
        Pair::valid(now - DAY, now + 9 * DAY),
        Pair::valid(now - DAY, now + DAY),
    );
    let files = Files::new(&leaf);
    files.write(
        &format!("{}{}", leaf.certificate, above.certificate),
        &leaf.key,
    );
    let [cert, key] = files.settings();
    let fixture = crate::common::Fixture::new(&[&cert, &key]);
    let expected = seconds(now + DAY);
    assert_eq!(expiry(&Admin::of(&fixture.bridge)), Some(expected));
}

#[test]
fn an_invalid_certificate_is_served_with_a_warning() {
    let now = SystemTime::now();
    for (from, until, said) in [
        (now - 9 * DAY, now - DAY, "HAS EXPIRED"),
        (now + DAY, now + 9 * DAY, "NOT YET VALID"),
    ] {
        let fixture = TlsFixture::with(Pair::valid(from, until), &[]);
        fixture.bridge.wait_stderr(said, DEADLINE);
        assert_eq!(expiry(&Admin::of(&fixture.bridge)), Some(seconds(until)));
        fixture.ready(&Options::v1().tls(&accepting_any_certificate(&TLS13)));
    }
}

/// Standard error of a start that was refused, of `--check` as of `serve` itself.
fn refused(cert: &Path, key: &Path) -> String {
    let (cert, key) = (cert.display(), key.display());
    let files = format!("--tls-cert {cert} --tls-key {key}");
    let line = format!("serve --listen 127.0.0.1:0 --allow 127.0.0.1:22 {files}");
    let served = run_line(&line);
    assert_eq!(served.code, Some(78), "{served:?}");
    let checked = run_line(&format!("{line} --check"));
    assert_eq!(checked.code, Some(78), "{checked:?}");
    assert_eq!(checked.stderr.lines().last(), served.stderr.lines().last());
    checked.stderr
}

#[test]
fn bad_files_are_named_with_what_to_do() {
    let (pair, other) = (Pair::new(), Pair::new());
    let files = Files::new(&pair);
    let broken = pair.key.replacen("\nM", "\n!", 1);
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old_encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                         DEK-Info: AES-128-CBC,00\n\nMIIB\n-----END RSA PRIVATE KEY-----\n";
    let no_der = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let no_key = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
    let huge = "x".repeat(300_000);
    for (cert, key, said) in [
        (
            &pair.certificate[..],
            &other.key[..],
            "belongs to another certificate",
        ),
        ("", &pair.key, "no CERTIFICATE"),
        (&pair.key, &pair.key, "no CERTIFICATE"),
        ("nonsense", &pair.key, "no CERTIFICATE"),
        (no_der, &pair.key, "cannot be read"),
        (&pair.certificate, "", "no PRIVATE KEY"),
        (&pair.certificate, &pair.certificate, "no PRIVATE KEY"),
        (&pair.certificate, &broken, "the PEM is broken"),
        (&pair.certificate, no_key, "cannot be used"),
        (&pair.certificate, encrypted, "openssl pkey"),
        (&pair.certificate, old_encrypted, "openssl pkey"),
        (&huge, &pair.key, "larger than"),
    ] {
        files.write(cert, key);
        let stderr = refused(&files.cert_file(), &files.key_file());
        assert!(stderr.contains(said), "{said}: {stderr}");
        // Which file it is about.
        let setting = if ["no CERTIFICATE", "cannot be read", "larger than"].contains(&said) {
            "tls.cert_file"
        } else {
            "tls.key_file"
        };
        assert!(stderr.contains(&format!("{setting} /")), "{said}: {stderr}");
        assert!(!stderr.contains("MIIB"), "the key is shown: {stderr}");
    }
}

#[test]
fn a_missing_or_exposed_file_is_refused() {
    let pair = Pair::new();
    let files = Files::new(&pair);
    let missing = files.cert_file().with_file_name("missing");
    for (cert, key) in [
        (&missing, &files.key_file()),
        (&files.cert_file(), &missing),
    ] {
        let stderr = refused(cert, key);
        assert!(stderr.contains("cannot read the file"), "{stderr}");
    }
    for mode in [0o644, 0o640, 0o602] {
        fs::set_permissions(files.key_file(), fs::Permissions::from_mode(mode)).unwrap();
        let stderr = refused(&files.cert_file(), &files.key_file());
        assert!(stderr.contains("chmod 600"), "{mode:o}: {stderr}");
    }
}

/// The forms of keys that openssl writes.
#[test]
fn rsa_and_ec_keys_in_every_unencrypted_form_are_served() {
    let openssl = |args: &[&str]| {
        let made = Command::new("openssl").args(args).output();
        let made = made.expect("openssl starts; run tests/setup.sh first");
        assert!(made.status.success(), "{args:?}: {made:?}");
        String::from_utf8(made.stdout).unwrap()
    };
    let fixture = TlsFixture::new(&[]);
    let (cert, key) = (fixture.files.cert_file(), fixture.files.key_file());
    let (cert, key) = (cert.display().to_string(), key.display().to_string());
    for (kind, form) in [
        ("rsa:2048", None),
        ("rsa:2048", Some("-traditional")),
        ("ec", None),
        ("ec", Some("-traditional")),
    ] {
        let new = ["req", "-x509", "-nodes", "-subj", "/CN=x", "-newkey", kind];
        let curve = ["-pkeyopt", "ec_paramgen_curve:prime256v1"];
        let curve = if kind == "ec" { &curve[..] } else { &[] };
        openssl(&[&new, curve, &["-keyout", &key, "-out", &cert]].concat());
        if let Some(form) = form {
            let text = openssl(&["pkey", "-in", &key, form]);
            fs::write(&key, text).unwrap();
        }
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let answer = Admin::of(&fixture.bridge).post("/api/v1/reload");
        assert_eq!(answer.status, 200, "{kind} {form:?}: {answer:?}");
        fixture.ready(&Options::v1().tls(&accepting_any_certificate(&TLS13)));
    }
}

#[test]
fn one_file_without_the_other_is_refused() {
    for flag in ["--tls-cert", "--tls-key"] {
        let refused = run_line(&format!("serve --check --allow 127.0.0.1:22 {flag} /x"));
        assert_eq!(refused.code, Some(78), "{refused:?}");
        let said = "TLS needs both the certificate and its key";
        assert!(refused.stderr.contains(said), "{refused:?}");
    }
}

#[test]
fn with_tls_a_public_address_needs_no_allow_plaintext() {
    let files = Files::new(&Pair::new());
    let [cert, key] = files.settings();
    let open = "serve --check --allow 127.0.0.1:22 --listen 0.0.0.0:0";
    let plain = run_line(open);
    assert_eq!(plain.code, Some(78), "{plain:?}");
    assert!(plain.stderr.contains("tls.cert_file"), "{plain:?}");
    let tls = run_line(&format!("{open} --set {cert} --set {key}"));
    assert_eq!(tls.code, Some(0), "{tls:?}");
}
