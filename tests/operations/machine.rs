//! Limits of open files and locked memory, set by a shell that then becomes the program.

use crate::common::{Bridge, Finished, run_under, words};
use std::fs;

const SERVE: &str = "serve --listen 127.0.0.1:0 --allow 127.0.0.1:22";

/// Script of a shell that sets limits and then becomes the given program.
fn script(limits: &str) -> String {
    format!(r#"{limits} && exec "$@""#)
}

fn refused(limits: &str, more: &str) -> Finished {
    let shell = ["bash", "-c", &script(limits), "bash"];
    let refused = run_under(&shell, &words(&format!("{SERVE} {more}")), &[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(!refused.stdout.contains("listening"), "{refused:?}");
    refused
}

/// Returns the soft and the hard limit of a bridge that started under these limits.
fn open_files(limits: &str, more: &str) -> [String; 2] {
    let shell = ["bash", "-c", &script(limits), "bash"];
    let bridge = Bridge::under(&shell, &words(&format!("{SERVE} {more}")), &[]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", bridge.pid())).unwrap();
    let mut lines = limits.lines();
    let line = lines.find(|line| line.starts_with("Max open files"));
    let line = words(line.unwrap());
    [line[3], line[4]].map(str::to_owned)
}

#[test]
fn the_soft_limit_of_open_files_is_raised_to_the_hard_one() {
    let limits = open_files("ulimit -Sn 300 && ulimit -Hn 9000", "");
    assert_eq!(limits, ["9000", "9000"]);
}

#[test]
fn too_few_open_files_are_refused_with_the_number_to_raise_to() {
    let refused = refused("ulimit -n 500", "--shards 1");
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
    let fewer = "--set limits.max_connections=20 --set limits.max_unauthenticated=20 \
                 --set server.max_handshakes=20";
    assert_eq!(open_files("ulimit -n 500", fewer)[0], "500");
}

#[test]
fn too_little_locked_memory_is_refused_with_how_to_raise_it() {
    let refused = refused("ulimit -l 64", "");
    for wanted in [
        "the limit of locked memory is 65536 bytes",
        "io_uring needs 524288",
        "`ulimit -l 8192`",
    ] {
        assert!(refused.stderr.contains(wanted), "{wanted}: {refused:?}");
    }
}
