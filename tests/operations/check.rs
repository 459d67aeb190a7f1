//! `serve --check`: refuses what `serve` refuses, with the same text, and changes nothing.

use crate::common::{Bridge, Finished, closed_port, run};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const GOOD: &str = "the configuration is good\n";

fn ended(settings: &[&str], more: &[&str]) -> Finished {
    let mut args = vec!["serve", "--set", "targets.allow=127.0.0.1:22"];
    for setting in settings {
        args.extend(["--set", setting]);
    }
    args.extend(more);
    run(&args, &[])
}

/// Checks that `--check` and `serve` print the same error and exit with 78.
fn both_refuse(settings: &[&str], said: &str) {
    let [checked, served] = [ended(settings, &["--check"]), ended(settings, &[])];
    for refused in [&checked, &served] {
        assert_eq!(refused.code, Some(78), "{settings:?}: {refused:?}");
        assert!(refused.stderr.contains(said), "{settings:?}: {refused:?}");
        assert_eq!(refused.stdout, "", "{settings:?}: {refused:?}");
    }
    let last = |finished: &Finished| finished.stderr.lines().last().map(str::to_owned);
    assert_eq!(last(&checked), last(&served), "{settings:?}");
}

#[test]
fn check_refuses_whatever_the_start_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    fs::write(at("exposed"), "0123456789abcdef0123456789abcdef").unwrap();
    fs::set_permissions(at("exposed"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(at("utf16"), [0xff, 0xfe, b'a', 0, b'\n', 0]).unwrap();
    let of = |key: &str, file: &str| format!("{key}={}", at(file));
    let cases: &[(&[&str], &str)] = &[
        (
            &["server.shards=1024"],
            "server.shards is 1024, but there are",
        ),
        (&["server.cpus=8191"], "server.cpus names CPU 8191"),
        (
            &[&of("admin.token_file", "none")],
            "admin.token_file: cannot read the file",
        ),
        (
            &[&of("admin.token_file", "exposed")],
            "admin.token_file: other users may read or write",
        ),
        (&[&of("admin.token_file", "")], "admin.token_file: "),
        (&[&of("audit.file", "")], "audit.file: /"),
        (&[&of("audit.file", "no/audit")], "audit.file: /"),
        (&[&of("ssh.known_hosts", "")], "ssh.known_hosts: /"),
        (&[&of("ssh.known_hosts", "utf16")], "ssh.known_hosts: /"),
        (
            &[&of("server.takeover", "exposed")],
            "exposed is not a socket",
        ),
        (
            &[&of("server.takeover", "no/socket")],
            "server.takeover: no socket can be made in /",
        ),
        (
            &[&of("tls.cert_file", "none"), &of("tls.key_file", "none")],
            "tls.cert_file /",
        ),
        (&[&of("tls.cert_file", "none")], "TLS needs both"),
        (
            &[&of("admission.ticket_key_file", "none")],
            "admission.ticket_key_file: ",
        ),
    ];
    for (settings, said) in cases {
        both_refuse(settings, said);
    }
}

#[test]
fn check_refuses_listeners_and_rules_as_the_start_does() {
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("token");
    fs::write(&token, "0123456789abcdef0123456789abcdef").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let of_token = format!("admin.token_file={}", token.display());
    let cases: &[(&[&str], &str)] = &[
        (&["admission.required=true"], "nobody gets in"),
        (&["targets.allow=10.0.0.0/99:22"], "10.0.0.0/99:22"),
        (&["targets.allow="], "no target is allowed"),
        (
            &["server.listen=127.0.0.1:5", "admin.listen=127.0.0.1:5"],
            "cannot both listen on port 5",
        ),
        (
            &[
                "server.listen=0.0.0.0:5",
                "server.allow_plaintext=true",
                "admin.listen=127.0.0.1:5",
            ],
            "cannot both listen on port 5",
        ),
        (
            &["server.listen=127.0.0.1:5,127.0.0.1:5"],
            "is listed twice",
        ),
        (
            &["server.listen=203.0.113.7:0", "server.allow_plaintext=true"],
            "server.listen: cannot listen on 203.0.113.7:0: Cannot assign",
        ),
        (
            &[
                "server.listen=127.0.0.1:0",
                "admin.listen=[2001:db8::1]:0",
                &of_token,
            ],
            "admin.listen: cannot listen on [2001:db8::1]:0",
        ),
    ];
    for (settings, said) in cases {
        both_refuse(settings, said);
    }
}

#[test]
fn check_reports_all_mistakes_at_once() {
    let settings = [
        "server.shards=1024",
        "admin.token_file=/does/not/exist",
        "audit.file=/does/not/exist",
        "ssh.known_hosts=/",
    ];
    let checked = ended(&settings, &["--check"]);
    for said in [
        "server.shards",
        "admin.token_file",
        "audit.file",
        "ssh.known_hosts",
    ] {
        let lines = checked.stderr.lines().filter(|line| line.contains(said));
        assert_eq!(lines.count(), 1, "{said}: {checked:?}");
    }
}

#[test]
fn check_accepts_a_good_configuration_and_makes_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let of = |key: &str, file: &str| format!("{key}={}", directory.path().join(file).display());
    let settings = [
        "server.listen=127.0.0.1:0,[::1]:0",
        "admin.listen=127.0.0.1:0",
        &of("audit.file", "audit"),
        &of("ssh.known_hosts", "known_hosts"),
        &of("server.takeover", "socket"),
    ];
    let checked = ended(&settings, &["--check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert_eq!(checked.stdout, GOOD);
    let warned: Vec<&str> = checked.stderr.lines().collect();
    let known = matches!(warned[..], [line] if line.contains("ssh.known_hosts does not exist"));
    assert!(known, "{checked:?}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// The bridge that runs has the ports of the configuration that is checked for its next start.
#[test]
fn a_port_in_use_is_noted_and_no_error() {
    let bridge = Bridge::start(&["--allow", "127.0.0.1:22"], &[]);
    let (public, admin) = (bridge.addr().to_string(), bridge.admin_addr().to_string());
    let listen = ["--listen", &public, "--admin-listen", &admin];
    let checked = ended(&[], &[&listen[..], &["--check"]].concat());
    assert_eq!(
        (checked.code, checked.stdout.as_str()),
        (Some(0), GOOD),
        "{checked:?}"
    );
    for taken in [&public, &admin] {
        assert!(
            checked
                .stderr
                .contains(&format!("note: {taken} is in use now")),
            "{checked:?}"
        );
    }
    let served = ended(&[], &listen);
    assert_eq!(served.code, Some(1), "{served:?}");
}

/// Configurations that `serve` only warns of in its log.
#[test]
fn warnings_are_printed_and_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let known_hosts = directory.path().join("known_hosts");
    fs::write(&known_hosts, "host ssh-ed25519 nonsense\n").unwrap();
    let setting = format!("ssh.known_hosts={}", known_hosts.display());
    let addresses = [closed_port().to_string(), closed_port().to_string()];
    let listen = ["--listen", &addresses[0], "--admin-listen", &addresses[1]];
    let checked = ended(&[&setting], &[&listen[..], &["--check"]].concat());
    assert_eq!(
        (checked.code, checked.stdout.as_str()),
        (Some(0), GOOD),
        "{checked:?}"
    );
    assert!(checked.stderr.contains("line skipped"), "{checked:?}");
}

#[test]
fn print_config_with_check_prints_a_valid_file() {
    let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let both = ended(&[], &[&listen[..], &["--check", "--print-config"]].concat());
    assert_eq!(both.code, Some(0), "{both:?}");
    assert!(both.stdout.ends_with(&format!("# {GOOD}")), "{both:?}");
    let bad = ended(&["server.shards=1024"], &["--check", "--print-config"]);
    assert_eq!(bad.code, Some(78), "{bad:?}");
    assert!(bad.stdout.contains("shards = 1024 # --set"), "{bad:?}");
}

/// 78 where a change of the configuration, or of a file that it names, would help.
#[test]
fn every_subcommand_reports_a_bad_configuration_by_its_exit_status() {
    for args in [
        &["demo", "--listen", "203.0.113.7:0"][..],
        &[
            "demo",
            "--set",
            "server.listen=0.0.0.0:0",
            "--set",
            "server.allow_plaintext=true",
        ],
        &["demo", "--shards", "1024"],
        &["doctor", "--cpus", "8191"],
        &["doctor", "--set", "limits.max_connections=0"],
        &["sessions", "--set", "admin.listen="],
        &["sessions", "--token-file", "/does/not/exist"],
        &["sessions", "--config", "/does/not/exist"],
    ] {
        let refused = run(args, &[]);
        assert_eq!(refused.code, Some(78), "{args:?}: {refused:?}");
        assert!(
            refused.stderr.starts_with("sshard: "),
            "{args:?}: {refused:?}"
        );
    }
    // A command line that makes no sense.
    for args in [
        &["serve", "--changed"][..],
        &["tune", "--max-shards", "1024"],
        &["sessions", "show", "nonsense"],
    ] {
        assert_eq!(run(args, &[]).code, Some(2), "{args:?}");
    }
    assert!(Path::new("/does").symlink_metadata().is_err());
}
