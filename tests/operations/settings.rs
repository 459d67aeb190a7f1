//! Configuration by flags, environment and file, and the errors of mistakes.

use crate::common::{Bridge, Finished, run};
use std::fs;
use std::path::PathBuf;

const CHECK: [&str; 4] = ["serve", "--check", "--allow", "127.0.0.1:22"];

fn check(more: &[&str], env: &[(&str, &str)]) -> Finished {
    run(&[&CHECK[..], more].concat(), env)
}

fn printed(more: &[&str], env: &[(&str, &str)]) -> String {
    let printed = run(&[&["serve", "--print-config"][..], more].concat(), env);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert_eq!(printed.stderr, "", "{printed:?}");
    printed.stdout
}

fn has_line(text: &str, wanted: &str) {
    assert!(text.lines().any(|line| line == wanted), "{wanted}\n{text}");
}

/// Checks for exit status 78 and one line that holds all of `wanted`.
fn refused(refused: &Finished, wanted: &[&str]) {
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert_eq!(refused.stdout, "", "{refused:?}");
    let mut lines = refused.stderr.lines();
    let found = lines.any(|line| wanted.iter().all(|part| line.contains(part)));
    assert!(found, "{wanted:?} in one line of:\n{}", refused.stderr);
}

/// Writes a configuration file in a directory of its own.
struct File {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl File {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sshard.toml");
        fs::write(&path, text).unwrap();
        Self {
            path,
            _directory: directory,
        }
    }

    fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

#[test]
fn each_preset_is_printed_with_its_source() {
    for (preset, wanted) in [
        (
            "high-performance",
            &[
                "max_connections = 50000",
                "max_connections_per_host = 1000",
                "connection_timeout = \"2m\"",
                "write_buffer_size = \"32KiB\"",
            ][..],
        ),
        (
            "security",
            &[
                "max_unauthenticated = 200",
                "host_key_policy = \"strict\"",
                "enabled = false",
            ],
        ),
        (
            "development",
            &[
                "max_connections = 10",
                "level = \"debug\"",
                "messages = true",
            ],
        ),
    ] {
        let text = printed(&["--preset", preset, "--allow", "a:22"], &[]);
        for line in wanted {
            has_line(&text, &format!("{line} # preset {preset}"));
        }
        has_line(&text, "allow = [\"a:22\"] # --allow");
        has_line(&text, "drain_timeout = \"30s\" # default");
    }
}

#[test]
fn each_layer_overrides_the_one_before() {
    let file = File::new(
        "[limits]\nmax_connections = 61\nmax_unauthenticated = 62\n\
         max_connections_per_host = 6\n[log]\nlevel = \"warn\"\n",
    );
    let layers = [
        "--preset",
        "security",
        "--config",
        file.path(),
        "--set",
        "log.level=error",
        "--set",
        "server.shards=1",
        "--shards",
        "2",
        "--allow",
        "a:22",
    ];
    let env = [
        ("SSHARD_LIMITS__MAX_UNAUTHENTICATED", "72"),
        ("SSHARD_LOG__LEVEL", "trace"),
        ("SSHARD_TARGETS__ALLOW", "b:22,c:22"),
    ];
    let text = printed(&layers, &env);
    let of_file = format!("# file {}", file.path());
    for line in [
        "enabled = false # preset security".to_owned(),
        format!("max_connections = 61 {of_file}"),
        format!("max_connections_per_host = 6 {of_file}"),
        "max_unauthenticated = 72 # env SSHARD_LIMITS__MAX_UNAUTHENTICATED".to_owned(),
        "level = \"error\" # --set".to_owned(),
        "shards = 2 # --shards".to_owned(),
        "allow = [\"a:22\"] # --allow".to_owned(),
    ] {
        has_line(&text, &line);
    }
}

#[test]
fn printed_settings_load_again_with_equal_values() {
    let args = [
        "--preset",
        "high-performance",
        "--allow",
        "[2001:db8::1]:22",
    ];
    let first = printed(&args, &[]);
    let again = printed(&["--config", File::new(&first).path()], &[]);
    let without_sources = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .map(|l| l.split(" # ").next().unwrap().to_owned());
        lines.collect()
    };
    assert_eq!(without_sources(&first), without_sources(&again));
}

#[test]
fn the_environment_alone_can_allow_a_target() {
    let env = [("SSHARD_TARGETS__ALLOW", "127.0.0.1:22")];
    let checked = run(&["serve", "--check"], &env);
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

#[test]
fn a_key_that_does_not_exist_is_named_with_its_layer() {
    let from_set = check(&["--set", "limits.max_conections=5"], &[]);
    refused(
        &from_set,
        &[
            "limits.max_conections",
            "(--set)",
            "no such setting",
            "did you mean limits.max_connections?",
        ],
    );
    let from_env = check(&[], &[("SSHARD_LIMITS__NOPE", "5")]);
    refused(&from_env, &["limits.nope", "(env SSHARD_LIMITS__NOPE)"]);
    let file = File::new("[limits]\n\nnope = 5\n");
    let from_file = check(&["--config", file.path()], &[]);
    refused(
        &from_file,
        &["limits.nope", &format!("(file {}, line 3)", file.path())],
    );
}

#[test]
fn a_value_that_does_not_fit_is_named_with_key_and_layer() {
    let from_flag = check(&["--drain-timeout", "30"], &[]);
    refused(
        &from_flag,
        &["server.drain_timeout = 30", "(--drain-timeout)", "30s"],
    );
    let from_set = check(&["--set", "session.idle_timeout=5 fortnights"], &[]);
    refused(
        &from_set,
        &["session.idle_timeout = 5 fortnights", "(--set)", "expected"],
    );
    let from_env = check(&[], &[("SSHARD_WEBSOCKET__READ_LIMIT", "64kb")]);
    refused(
        &from_env,
        &[
            "websocket.read_limit = 64kb",
            "(env SSHARD_WEBSOCKET__READ_LIMIT)",
        ],
    );
    let file = File::new("[ssh]\nconnect_timeout = \"soon\"\n");
    let from_file = check(&["--config", file.path()], &[]);
    let place = format!("(file {}, line 2)", file.path());
    refused(&from_file, &["ssh.connect_timeout = \"soon\"", &place]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let told = check(
        &["--set", "log.level=loud", "--shards", "many"],
        &[("SSHARD_LOG__FORMAT", "xml")],
    );
    refused(&told, &["log.level = loud", "(--set)"]);
    refused(&told, &["server.shards = many", "(--shards)"]);
    refused(&told, &["log.format = xml", "(env SSHARD_LOG__FORMAT)"]);
}

#[test]
fn a_file_that_cannot_be_read_or_parsed_is_named() {
    let missing = check(&["--config", "/nowhere/sshard.toml"], &[]);
    refused(&missing, &["file /nowhere/sshard.toml", "No such file"]);
    let file = File::new("[limits]\nmax_connections == 5\n");
    let broken = check(&["--config", file.path()], &[]);
    refused(&broken, &[&format!("file {}, line 2", file.path())]);
}

#[test]
fn settings_that_contradict_each_other_are_both_named() {
    let both = ["ssh.auth_timeout=10m", "limits.connection_timeout=30s"];
    let contradiction = check(&["--set", both[0], "--set", both[1]], &[]);
    refused(
        &contradiction,
        &[
            "ssh.auth_timeout = \"10m\" (--set)",
            "limits.connection_timeout = \"30s\" (--set)",
        ],
    );
}

#[test]
fn a_bad_target_rule_is_named() {
    let bad = run(&["serve", "--check", "--allow", "10.0.0.0/99:22"], &[]);
    refused(&bad, &["10.0.0.0/99:22"]);
}

#[test]
fn without_a_target_the_error_says_how_to_allow_one() {
    let said = ["no target is allowed", "--allow host:port", "targets.allow"];
    for args in [&["serve"][..], &["serve", "--check"]] {
        refused(&run(args, &[]), &said);
    }
    // It is printed all the same, for whoever is to fill it in.
    for more in [&[][..], &["--changed"]] {
        let printed = run(&[&["serve", "--print-config"][..], more].concat(), &[]);
        assert_eq!(printed.code, Some(0), "{printed:?}");
        let mut lines = printed.stderr.lines();
        let told = lines.any(|line| said.iter().all(|part| line.contains(part)));
        assert!(told, "{printed:?}");
        let wanted = if more.is_empty() {
            "allow = [] # default"
        } else {
            "# every setting has its default"
        };
        has_line(&printed.stdout, wanted);
    }
}

#[test]
fn changes_of_the_presets_are_printed() {
    let args = ["--preset", "development", "--allow", "a:22", "--changed"];
    let text = printed(&args, &[]);
    assert_eq!(
        text,
        "[limits]\n\
         max_connections = 10 # preset development; default 1000\n\
         max_connections_per_host = 2 # preset development; default 10\n\
         connection_timeout = \"10s\" # preset development; default \"30s\"\n\n\
         [ssh]\nauth_timeout = \"10s\" # preset development; default \"25s\"\n\n\
         [targets]\nallow = [\"a:22\"] # --allow; default []\n\n\
         [log]\nlevel = \"debug\" # preset development; default \"info\"\n\
         messages = true # preset development; default false\n"
    );
}

#[test]
fn a_contradiction_is_printed_and_reported() {
    let both = [
        "limits.max_connections=5",
        "limits.max_connections_per_host=6",
    ];
    let mut args = vec!["serve", "--print-config", "--allow", "a:22"];
    args.extend(both.iter().flat_map(|setting| ["--set", setting]));
    let printed = run(&args, &[]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    has_line(&printed.stdout, "max_connections_per_host = 6 # --set");
    assert!(
        printed.stderr.contains("`serve` would refuse it"),
        "{printed:?}"
    );
    args.push("--check");
    assert_eq!(run(&args, &[]).code, Some(78));
}

#[test]
fn one_limit_alone_is_no_error() {
    let mut bridge = Bridge::start(
        &[
            "--allow",
            "127.0.0.1:22",
            "--set",
            "limits.max_connections=5",
        ],
        &[],
    );
    assert!(!bridge.has_exited());
}

#[test]
fn a_public_address_without_tls_is_refused_with_the_reason() {
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8022"] {
        let open = check(&["--listen", listen], &[]);
        let why = [
            listen,
            "without TLS",
            "passwords cross it",
            "server.allow_plaintext=true",
            "(--listen)",
        ];
        refused(&open, &why);
    }
    let meant = [
        "--listen",
        "0.0.0.0:0",
        "--set",
        "server.allow_plaintext=true",
    ];
    let meant = check(&meant, &[]);
    assert_eq!(meant.code, Some(0), "{meant:?}");
}
