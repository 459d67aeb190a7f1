//! Configuration by flags, environment and file, and the errors of mistakes.

use crate::common::{Finished, run, run_line, words};
use std::fs;

fn check(more: &str, env: &[(&str, &str)]) -> Finished {
    let line = format!("serve --check --allow 127.0.0.1:22 {more}");
    run(&words(&line), env)
}

fn printed(more: &str, env: &[(&str, &str)]) -> String {
    let printed = run(&words(&format!("serve --print-config {more}")), env);
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

/// Writes a configuration file. Returns it, and its path.
fn file(text: &str) -> (tempfile::NamedTempFile, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let path = file.path().display().to_string();
    (file, path)
}

#[test]
fn each_layer_overrides_the_one_before() {
    let (_file, path) = file(
        "[limits]\nmax_connections = 61\nmax_unauthenticated = 62\n\
         max_connections_per_host = 6\n[log]\nlevel = \"warn\"\n",
    );
    let layers = format!(
        "--preset security --config {path} --set log.level=error --set server.shards=1 \
         --shards 2 --allow a:22"
    );
    let env = [
        ("SSHARD_LIMITS__MAX_UNAUTHENTICATED", "72"),
        ("SSHARD_LOG__LEVEL", "trace"),
        ("SSHARD_TARGETS__ALLOW", "b:22,c:22"),
    ];
    let text = printed(&layers, &env);
    let of_file = format!("# file {path}");
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
fn all_mistakes_are_reported_at_once() {
    let env = [("SSHARD_LOG__FORMAT", "xml"), ("SSHARD_LIMITS__NOPE", "5")];
    let told = check("--set log.level=loud --shards many", &env);
    refused(&told, &["log.level = loud", "(--set)"]);
    refused(&told, &["server.shards = many", "(--shards)"]);
    refused(&told, &["log.format = xml", "(env SSHARD_LOG__FORMAT)"]);
    refused(&told, &["limits.nope", "(env SSHARD_LIMITS__NOPE)"]);
}

#[test]
fn a_file_that_cannot_be_read_or_parsed_is_named() {
    let missing = check("--config /nowhere/sshard.toml", &[]);
    refused(&missing, &["file /nowhere/sshard.toml", "No such file"]);
    for line in ["max_connections == 5", "nope = 5"] {
        let (_file, path) = file(&format!("[limits]\n{line}\n"));
        let broken = check(&format!("--config {path}"), &[]);
        refused(&broken, &[&format!("file {path}, line 2")]);
    }
}

#[test]
fn without_a_target_the_error_says_how_to_allow_one() {
    let said = ["no target is allowed", "--allow host:port", "targets.allow"];
    for line in ["serve", "serve --check"] {
        refused(&run_line(line), &said);
    }
    // It is printed all the same, for whoever is to fill it in.
    for (more, wanted) in [
        ("", "allow = [] # default"),
        ("--changed", "# every setting has its default"),
    ] {
        let printed = run_line(&format!("serve --print-config {more}"));
        assert_eq!(printed.code, Some(0), "{printed:?}");
        let mut lines = printed.stderr.lines();
        let told = lines.any(|line| said.iter().all(|part| line.contains(part)));
        assert!(told, "{printed:?}");
        has_line(&printed.stdout, wanted);
    }
}

#[test]
fn changes_of_the_presets_are_printed() {
    let text = printed("--preset development --allow a:22 --changed", &[]);
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
    let both = "--set limits.max_connections=5 --set limits.max_connections_per_host=6";
    let line = format!("serve --print-config --allow a:22 {both}");
    let printed = run_line(&line);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    has_line(&printed.stdout, "max_connections_per_host = 6 # --set");
    let said = "`serve` would refuse it";
    assert!(printed.stderr.contains(said), "{printed:?}");
    assert_eq!(run_line(&format!("{line} --check")).code, Some(78));
}

#[test]
fn a_public_address_without_tls_is_refused_with_the_reason() {
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8022"] {
        let open = check(&format!("--listen {listen}"), &[]);
        let why = [
            listen,
            "without TLS",
            "passwords cross it",
            "server.allow_plaintext=true",
            "(--listen)",
        ];
        refused(&open, &why);
    }
    let meant = check("--listen 0.0.0.0:0 --set server.allow_plaintext=true", &[]);
    assert_eq!(meant.code, Some(0), "{meant:?}");
}
