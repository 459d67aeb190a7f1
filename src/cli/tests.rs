//! Tests of the layers that flags become, and of flags that are errors.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use super::*;
use crate::config;

fn layers(line: &str, env: &[(&str, &str)]) -> Layers {
    let cli = Cli::try_parse_from(line.split_whitespace()).expect("a valid command line");
    cli.command
        .layers(env.iter().map(|(k, v)| (k.into(), v.into())).collect())
}

#[test]
fn the_declaration_is_consistent() {
    use clap::CommandFactory as _;
    Cli::command().debug_assert();
}

#[test]
fn every_flag_reaches_its_setting() {
    let line = "sshard serve --preset security --listen 127.0.0.1:1 --listen [::1]:2 --admin-listen 127.0.0.1:3 \
        --shards 3 --cpus 0-2 --placement kernel --allow a:22 --allow b:22 \
        --set limits.max_connections=77 --log-level warn --log-format json --drain-timeout 5s --takeover /x/y \
        --tls-cert /x/cert --tls-key /x/key";
    let loaded = config::load(&layers(line, &[])).expect("valid");
    let printed = loaded.print();
    for expected in [
        "listen = [\"127.0.0.1:1\", \"[::1]:2\"] # --listen",
        "listen = [\"127.0.0.1:3\"] # --admin-listen",
        "shards = 3 # --shards",
        "cpus = \"0-2\" # --cpus",
        "placement = \"kernel\" # --placement",
        "allow = [\"a:22\", \"b:22\"] # --allow",
        "max_connections = 77 # --set",
        "level = \"warn\" # --log-level",
        "format = \"json\" # --log-format",
        "drain_timeout = \"5s\" # --drain-timeout",
        "takeover = \"/x/y\" # --takeover",
        "cert_file = \"/x/cert\" # --tls-cert",
        "key_file = \"/x/key\" # --tls-key",
        "max_unauthenticated = 200 # preset security",
    ] {
        assert!(
            printed.lines().any(|line| line == expected),
            "{expected}\n{printed}"
        );
    }
}

#[test]
fn without_flags_nothing_is_set() {
    let layers = layers("sshard serve", &[]);
    assert!(layers.flags.is_empty() && layers.set.is_empty());
    assert!(layers.preset.is_none() && layers.file.is_none() && layers.env.is_empty());
}

#[test]
fn demo_passes_its_flags_and_the_environment_on() {
    let line = "sshard demo --shell zsh --open --for 1h --listen 127.0.0.1:0 --set log.level=debug";
    let loaded = config::load(&layers(line, &[("SSHARD_LOG__FORMAT", "json")])).expect("valid");
    assert_eq!(loaded.source("server.listen").to_string(), "--listen");
    assert_eq!(loaded.source("log.level").to_string(), "--set");
    assert_eq!(
        loaded.source("log.format").to_string(),
        "env SSHARD_LOG__FORMAT"
    );
}

#[test]
fn a_config_file_is_handed_on_by_path() {
    let layers = layers(
        "sshard serve --config /x/y.toml --check --print-config",
        &[],
    );
    assert_eq!(layers.file, Some(PathBuf::from("/x/y.toml")));
}

#[test]
fn doctor_reads_the_layers_of_serve() {
    let line = "sshard doctor --preset security --set limits.max_connections=50 --shards 2 --cpus 0,1 \
        --sessions 9 --json --root /x";
    let loaded = config::load(&layers(line, &[("SSHARD_SERVER__BACKLOG", "7")])).expect("valid");
    for (key, source) in [
        ("limits.max_unauthenticated", "preset security"),
        ("limits.max_connections", "--set"),
        ("server.shards", "--shards"),
        ("server.cpus", "--cpus"),
        ("server.backlog", "env SSHARD_SERVER__BACKLOG"),
    ] {
        assert_eq!(loaded.source(key).to_string(), source, "{key}");
    }
}

#[test]
fn usage_errors_exit_with_2() {
    for line in [
        "sshard",
        "sshard serve --nope",
        "sshard tune --max-shards 0",
        "sshard tune --set log.level=debug",
        "sshard demo --config x",
        "sshard demo --shell",
        "sshard demo --for 0s",
        "sshard demo --for 1",
        "sshard demo --for 32days",
        "sshard doctor --sessions 0",
        "sshard doctor --sessions many",
    ] {
        let error = Cli::try_parse_from(line.split_whitespace()).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn demo_and_tune_are_listed_only_where_they_are_built_in() {
    let help = <Cli as clap::CommandFactory>::command()
        .render_help()
        .to_string();
    for name in ["demo", "tune"] {
        let listed = help
            .lines()
            .any(|line| line.split_whitespace().next() == Some(name));
        assert_eq!(listed, cfg!(feature = "evaluation"), "{help}");
    }
}
