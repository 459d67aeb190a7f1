//! Tests of the variants that are measured, their order, and their bridges.

use super::super::bridge::{Bridge, arguments, last_lines};
use super::super::variant::{Variant, all, round_order};
use super::super::{Trial, TuneError};
use super::{balanced, kernel};
use crate::cli::{Cli, Command, Tune};
use crate::config::{self, Placement};
use clap::Parser;
use std::time::Duration;

fn flags(line: &str) -> Tune {
    let words = ["sshard", "tune"]
        .into_iter()
        .chain(line.split_whitespace());
    match Cli::parse_from(words).command {
        Command::Tune(tune) => tune,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_number_of_few_shards_and_steps_of_many() {
    let both = [Placement::Balanced, Placement::Kernel];
    let expected = [balanced(1), balanced(2), kernel(2), balanced(3), kernel(3)];
    assert_eq!(all(3, &both), expected);
    let shards = |max| -> Vec<usize> {
        let variants = all(max, &[Placement::Kernel]);
        variants.iter().map(|variant| variant.shards).collect()
    };
    assert_eq!(shards(1), [1]);
    assert_eq!(shards(8), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(shards(19), [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 19]);
}

#[test]
fn rounds_go_forth_and_back() {
    let order: Vec<usize> = (0..3).flat_map(|round| round_order(3, round)).collect();
    assert_eq!(order, [0, 1, 2, 2, 1, 0, 0, 1, 2]);
}

#[test]
fn flags_decide_and_the_host_where_there_are_none() {
    let trial = Trial::new(&flags(""), 4).unwrap();
    assert_eq!((trial.variants.len(), trial.rounds), (7, 7));
    assert_eq!(trial.load.sessions, 400);
    let quick = Trial::new(&flags("--quick"), 64).unwrap();
    assert_eq!((quick.rounds, quick.load.sessions), (3, 1000));
    assert!(quick.load.duration < trial.load.duration);
    let line = "--quick --max-shards 2 --placement kernel --placement balanced --placement kernel --rounds 7 \
        --sessions 9 --duration 2s";
    let told = Trial::new(&flags(line), 64).unwrap();
    assert_eq!(told.variants, [kernel(1), kernel(2), balanced(2)]);
    assert_eq!((told.rounds, told.load.sessions), (7, 9));
    assert_eq!(told.load.duration, Duration::from_secs(2));
}

#[test]
fn what_cannot_be_tried_is_an_error() {
    let many = Trial::new(&flags("--max-shards 3"), 2).unwrap_err();
    assert!(matches!(
        many,
        TuneError::TooManyShards { asked: 3, cpus: 2 }
    ));
    assert!(matches!(Trial::new(&flags(""), 0), Err(TuneError::Cpus)));
    for line in [
        "--max-shards 0",
        "--rounds 0",
        "--sessions 0",
        "--sessions 1001",
        "--duration 1ms",
        "--duration 1h",
        "--duration soon",
        "--placement random",
    ] {
        let words = ["sshard", "tune"].into_iter().chain(line.split(' '));
        let error = Cli::try_parse_from(words).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn the_bridge_is_allowed_its_sink_and_as_many_sessions_as_come() {
    let sink = "127.0.0.1:4022".parse().unwrap();
    let words = arguments(kernel(2), sink, 200);
    let words = std::iter::once("sshard".to_owned()).chain(words);
    let cli = Cli::try_parse_from(words).unwrap();
    let loaded = config::load(&cli.command.layers(Vec::new())).unwrap();
    let config = &loaded.config;
    assert_eq!(config.server.placement, Placement::Kernel);
    assert!(config.admin.listen.is_empty());
    assert!(config.limits.max_connections >= 400);
    assert!(config.limits.max_connections_per_host >= 400);
    assert!(config.server.max_handshakes >= 200);
    // And no more files than many shards need.
    let Some(many) = arguments(balanced(64), sink, 1000)
        .iter()
        .find_map(|word| word.strip_prefix("server.max_handshakes=")?.parse().ok())
    else {
        panic!("no limit of handshakes");
    };
    assert!((100..200).contains(&many), "{many}");
}

#[test]
fn a_bridge_that_does_not_start_says_why() {
    // In a test this program is the tests', which know no such flags.
    let variant = Variant {
        shards: 1,
        placement: Placement::Balanced,
    };
    let sink = "127.0.0.1:1".parse().unwrap();
    let error = Bridge::start(variant, sink, 1, &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("has ended (exit status: "), "{error}");
    assert!(error.contains("\n  "), "{error}");
}

#[test]
fn of_a_log_the_end_is_shown() {
    assert_eq!(last_lines(b""), "  nothing");
    assert_eq!(last_lines(b"a\nb\x1b[2J\n"), "  a\n  b?[2J");
    let long: String = (0..30).map(|line| format!("{line}\n")).collect();
    let indented = last_lines(long.as_bytes());
    assert!(
        indented.starts_with("  20\n") && indented.ends_with("  29"),
        "{indented}"
    );
}
