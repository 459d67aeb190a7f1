//! `serve --check`: refuses what `serve` refuses, with the same text, and changes nothing.

use crate::common::{Bridge, Finished, run, run_line, words};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const GOOD: &str = "the configuration is good\n";

/// Content of files of secrets.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Runs `serve` with these settings, separated by blanks, and these flags.
fn ended(settings: &str, flags: &str) -> Finished {
    let mut args = vec!["serve", "--set", "targets.allow=127.0.0.1:22"];
    args.extend(words(settings).into_iter().flat_map(|one| ["--set", one]));
    args.extend(words(flags));
    run(&args, &[])
}

/// Checks that `--check` and `serve` print the same error and exit with 78.
fn both_refuse(settings: &str, said: &str) {
    let [checked, served] = [ended(settings, "--check"), ended(settings, "")];
    for refused in [&checked, &served] {
        assert_eq!(refused.code, Some(78), "{settings}: {refused:?}");
        assert!(refused.stderr.contains(said), "{settings}: {refused:?}");
        assert!(!refused.stderr.contains(SECRET), "{settings}: {refused:?}");
        assert_eq!(refused.stdout, "", "{settings}: {refused:?}");
    }
    let last = |finished: &Finished| finished.stderr.lines().last().map(str::to_owned);
    assert_eq!(last(&checked), last(&served), "{settings}");
}

#[test]
fn check_refuses_whatever_the_start_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().display();
    let write = |name: &str, content: &[u8], mode: u32| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    write("token", SECRET.as_bytes(), 0o600);
    write("exposed", SECRET.as_bytes(), 0o644);
    write("short", b"short", 0o600);
    write("utf16", b"\xff\xfea\0\n\0", 0o600);
    // `@` stands for the directory.
    for (settings, said) in [
        ("server.shards=1024", "server.shards is 1024, but there are"),
        ("server.cpus=8191", "server.cpus names CPU 8191"),
        (
            "admin.token_file=@/none",
            "admin.token_file: cannot read the file",
        ),
        ("admin.token_file=@/exposed", "chmod 600"),
        ("admin.token_file=@/short", "16 to 512"),
        ("admin.token_file=@", "admin.token_file: "),
        ("audit.file=@", "audit.file: /"),
        ("audit.file=@/no/audit", "audit.file: /"),
        ("ssh.known_hosts=@", "ssh.known_hosts: /"),
        ("ssh.known_hosts=@/utf16", "save it as UTF-8"),
        ("server.takeover=@/exposed", "exposed is not a socket"),
        (
            "server.takeover=@/no/socket",
            "server.takeover: no socket can be made in /",
        ),
        (
            "tls.cert_file=@/none tls.key_file=@/none",
            "tls.cert_file /",
        ),
        ("tls.cert_file=@/none", "TLS needs both"),
        (
            "admission.ticket_key_file=@/none",
            "admission.ticket_key_file: ",
        ),
        ("admission.required=true", "every client is refused"),
        ("targets.allow=10.0.0.0/99:22", "10.0.0.0/99:22"),
        ("targets.allow=", "no target is allowed"),
        (
            "server.listen=127.0.0.1:5 admin.listen=127.0.0.1:5",
            "cannot both listen on port 5",
        ),
        (
            "server.listen=0.0.0.0:5 server.allow_plaintext=true admin.listen=127.0.0.1:5",
            "cannot both listen on port 5",
        ),
        ("server.listen=127.0.0.1:5,127.0.0.1:5", "is listed twice"),
        (
            "server.listen=203.0.113.7:0 server.allow_plaintext=true",
            "server.listen: cannot listen on 203.0.113.7:0: Cannot assign",
        ),
        (
            "server.listen=127.0.0.1:0 admin.listen=[2001:db8::1]:0 admin.token_file=@/token",
            "admin.listen: cannot listen on [2001:db8::1]:0",
        ),
    ] {
        both_refuse(&settings.replace('@', &root.to_string()), said);
    }
}

/// Addresses that are free for a check.
const FREE: &str = "--listen 127.0.0.1:0 --admin-listen 127.0.0.1:0";

fn is_good(checked: &Finished) {
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert_eq!(checked.stdout, GOOD, "{checked:?}");
}

#[test]
fn check_reports_all_mistakes_at_once() {
    let settings = "server.shards=1024 admin.token_file=/does/not/exist \
                    audit.file=/does/not/exist ssh.known_hosts=/";
    let checked = ended(settings, "--check");
    for setting in settings.split_whitespace() {
        let (name, _) = setting.split_once('=').unwrap();
        let lines = checked.stderr.lines().filter(|line| line.contains(name));
        assert_eq!(lines.count(), 1, "{name}: {checked:?}");
    }
}

#[test]
fn check_accepts_a_good_configuration_and_makes_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().display();
    let settings = format!(
        "server.listen=127.0.0.1:0,[::1]:0 admin.listen=127.0.0.1:0 audit.file={root}/audit \
         ssh.known_hosts={root}/known_hosts server.takeover={root}/socket"
    );
    let checked = ended(&settings, "--check");
    is_good(&checked);
    let warned: Vec<&str> = checked.stderr.lines().collect();
    let known = matches!(warned[..], [line] if line.contains("ssh.known_hosts does not exist"));
    assert!(known, "{checked:?}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// The bridge that runs has the ports of the configuration that is checked for its next start.
#[test]
fn a_port_in_use_is_noted_and_no_error() {
    let bridge = Bridge::serve("--allow 127.0.0.1:22");
    let (public, admin) = (bridge.addr(), bridge.admin_addr());
    let listen = format!("--listen {public} --admin-listen {admin}");
    let checked = ended("", &format!("{listen} --check"));
    is_good(&checked);
    for taken in [public, admin] {
        let note = format!("note: {taken} is in use now");
        assert!(checked.stderr.contains(&note), "{checked:?}");
    }
    let served = ended("", &listen);
    assert_eq!(served.code, Some(1), "{served:?}");
}

/// Configurations that `serve` only warns of in its log.
#[test]
fn warnings_are_printed_and_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let known_hosts = directory.path().join("known_hosts");
    fs::write(&known_hosts, "host ssh-ed25519 nonsense\n").unwrap();
    let setting = format!("ssh.known_hosts={}", known_hosts.display());
    let checked = ended(&setting, &format!("{FREE} --check"));
    is_good(&checked);
    assert!(checked.stderr.contains("line skipped"), "{checked:?}");
}

#[test]
fn print_config_with_check_prints_a_valid_file() {
    let both = ended("", &format!("{FREE} --check --print-config"));
    assert_eq!(both.code, Some(0), "{both:?}");
    assert!(both.stdout.ends_with(&format!("# {GOOD}")), "{both:?}");
    let bad = ended("server.shards=1024", "--check --print-config");
    assert_eq!(bad.code, Some(78), "{bad:?}");
    assert!(bad.stdout.contains("shards = 1024 # --set"), "{bad:?}");
}

/// 78 where a change of the configuration, or of a file that it names, would help.
#[test]
fn every_subcommand_reports_a_bad_configuration_by_its_exit_status() {
    for line in [
        "demo --listen 203.0.113.7:0",
        "demo --set server.listen=0.0.0.0:0 --set server.allow_plaintext=true",
        "demo --shards 1024",
        "doctor --cpus 8191",
        "doctor --set limits.max_connections=0",
        "sessions --set admin.listen=",
        "sessions --token-file /does/not/exist",
        "sessions --config /does/not/exist",
    ] {
        let refused = run_line(line);
        assert_eq!(refused.code, Some(78), "{line}: {refused:?}");
        let said = refused.stderr.starts_with("sshard: ");
        assert!(said, "{line}: {refused:?}");
    }
    // A command line that makes no sense.
    for line in [
        "serve --changed",
        "tune --max-shards 1024",
        "sessions show nonsense",
    ] {
        assert_eq!(run_line(line).code, Some(2), "{line}");
    }
    assert!(Path::new("/does").symlink_metadata().is_err());
}
