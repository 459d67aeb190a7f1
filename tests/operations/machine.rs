//! Limits of open files and locked memory, set by a shell that then becomes the program.

use crate::common::{Bridge, Finished, run_under};
use std::fs;

const SERVE: [&str; 5] = [
    "serve",
    "--listen",
    "127.0.0.1:0",
    "--allow",
    "127.0.0.1:22",
];

/// Shell that sets limits and then becomes the given program.
fn shell(limits: &str) -> [String; 4] {
    let script = format!(r#"{limits} && exec "$@""#);
    ["bash", "-c", &script, "bash"].map(str::to_owned)
}

fn refused(limits: &str, more: &[&str]) -> Finished {
    let shell = shell(limits);
    let shell = shell.each_ref().map(String::as_str);
    let refused = run_under(&shell, &[&SERVE[..], more].concat(), &[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(!refused.stdout.contains("listening"), "{refused:?}");
    refused
}

/// Returns the soft and the hard limit.
fn open_files(bridge: &Bridge) -> (String, String) {
    let limits = fs::read_to_string(format!("/proc/{}/limits", bridge.pid())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut words = line.unwrap().split_whitespace().skip(3).map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

#[test]
fn the_soft_limit_of_open_files_is_raised_to_the_hard_one() {
    let shell = shell("ulimit -Sn 300 && ulimit -Hn 9000");
    let shell = shell.each_ref().map(String::as_str);
    let bridge = Bridge::under(&shell, &SERVE, &[]);
    assert_eq!(open_files(&bridge), ("9000".to_owned(), "9000".to_owned()));
}

#[test]
fn too_few_open_files_are_refused_with_the_number_to_raise_to() {
    let refused = refused("ulimit -n 500", &["--shards", "1"]);
    // 2 for each of 1000 + 1000 sessions, 512 + 32 for the shard, 4 for each of 8 resolver threads,
    // 32 for the process.
    for wanted in [
        "the limit of open files is 500",
        "together need 4608",
        "`ulimit -n 4608`",
    ] {
        assert!(refused.stderr.contains(wanted), "{wanted}: {refused:?}");
    }
}

#[test]
fn fewer_connections_need_fewer_open_files() {
    let fewer = [
        "--set",
        "limits.max_connections=20",
        "--set",
        "limits.max_unauthenticated=20",
        "--set",
        "server.max_handshakes=20",
    ];
    let shell = shell("ulimit -n 500");
    let shell = shell.each_ref().map(String::as_str);
    let bridge = Bridge::under(&shell, &[&SERVE[..], &fewer].concat(), &[]);
    assert_eq!(open_files(&bridge).0, "500");
}

#[test]
fn too_little_locked_memory_is_refused_with_how_to_raise_it() {
    let refused = refused("ulimit -l 64", &[]);
    for wanted in [
        "the limit of locked memory is 65536 bytes",
        "io_uring needs 524288",
        "`ulimit -l 8192`",
    ] {
        assert!(refused.stderr.contains(wanted), "{wanted}: {refused:?}");
    }
}
