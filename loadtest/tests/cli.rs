//! Command line of `sshard-load`: `--help`, wrong flags, a refused connection. Because this tests
//! the program, `cargo test --workspace` also builds it for `loadtest/run`.
#![cfg(test)]

use std::net::TcpListener;
use std::process::{Command, Output};

fn sshard_load(words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sshard-load"))
        .args(words.split(' '))
        .output()
        .unwrap()
}

#[test]
fn help_lists_the_scenarios() {
    let output = sshard_load("--help");
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    for name in ["sink", "connect-storm", "noisy-neighbour", "slow-reader"] {
        assert!(text.contains(name), "{name}: {text}");
    }
}

#[test]
fn exit_status_is_2_without_a_run_and_1_after_failures() {
    for words in [
        "typing",
        "no-such-scenario --url ws://127.0.0.1:1/ws/h/22",
        "typing --url http://127.0.0.1:1/ws/h/22",
        "typing --url ws://192.0.2.1:1/ws/h/22",
    ] {
        let output = sshard_load(words);
        assert_eq!(output.status.code(), Some(2), "{words}: {output:?}");
        assert!(!output.stderr.is_empty(), "{words}");
    }
    let words = "slow-reader --max-p99 1ms --url ws://127.0.0.1:1/ws/h/22";
    let output = sshard_load(words);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("slow-reader measures no latency"), "{text}");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let url = format!("ws://{}/ws/h/22", closed.unwrap());
    let output = sshard_load(&format!("typing --quiet --sessions 2 --url {url}"));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("connect-connection-refused"), "{text}");
}
