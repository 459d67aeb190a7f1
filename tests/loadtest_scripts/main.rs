//! Scripts of `loadtest/`: exit status, output, and no process or file left behind. Those of
//! `websocat/` are run with the real websocat against a real bridge; `run` starts its own; those of
//! `k6/` run under a stand-in.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

#[path = "../common/mod.rs"]
mod common;
mod k6;
mod run;

use common::{DEADLINE, Demo, Finished};
use std::path::Path;
use std::process::Command;

/// Runs a script with the printed password.
fn in_demo(demo: &Demo, name: &str, args: &[&str]) -> Finished {
    script(name, args, demo.printed("password"))
}

fn script(name: &str, args: &[&str], password: &str) -> Finished {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("loadtest/websocat");
    let mut command = Command::new(folder.join(name));
    let login = [("SSHARD_USER", "demo"), ("SSHARD_PASSWORD", password)];
    Finished::of(command.args(args).envs(login), DEADLINE, name)
}

#[test]
fn smoke_passes_in_both_dialects() {
    let demo = Demo::start(&[], &[]);
    let ended = in_demo(&demo, "smoke", &[&demo.bridge.url("demo")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let wanted = "sshard.v1  logged in\n\
                  sshard.v1  the shell answers\n\
                  sshard.v1  exit status 7\n\
                  compatible the shell answers\n\
                  smoke      ok\n";
    assert_eq!(ended.stdout, wanted, "{ended:?}");
    demo.bridge.wait_stderr_count("session ended", 2);
}

#[test]
fn smoke_fails_when_the_login_is_refused() {
    let demo = Demo::start(&[], &[]);
    let ended = script("smoke", &[&demo.bridge.url("demo")], "wrong");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("login-failed"), "{ended:?}");
    let ended = in_demo(&demo, "smoke", &["ws://127.0.0.1:1/ws/demo"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("Connection refused"), "{ended:?}");
}

#[test]
fn one_shot_exits_with_the_status_of_its_command() {
    let demo = Demo::start(&[], &[]);
    let url = demo.bridge.url("demo");
    for (command, code, output) in [
        ("printf %s 'a \"b\" \\c'", 0, "a \"b\" \\c"),
        ("exit 3", 3, ""),
        ("no-such-command", 127, ""),
    ] {
        let ended = in_demo(&demo, "one-shot", &[&url, command]);
        assert_eq!(ended.code, Some(code), "{command}: {ended:?}");
        assert!(ended.stdout.contains(output), "{command}: {ended:?}");
    }
    let ended = script("one-shot", &[&url, "echo"], "wrong");
    assert_eq!(ended.code, Some(255), "{ended:?}");
    assert!(ended.stderr.contains("login-failed"), "{ended:?}");
}

#[test]
fn hold_counts_its_sessions() {
    let demo = Demo::start(&["--set", "limits.max_connections_per_host=6"], &[]);
    let url = demo.bridge.url("demo");
    let ended = in_demo(&demo, "hold", &["6", "0", &url]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let wanted = "asked for  6\nlogged in  6\nheld       6 for 0 s\n";
    assert_eq!(ended.stdout, wanted, "{ended:?}");
    // In order, not by a lost connection.
    demo.bridge.wait_stderr_count("session ended", 6);
    assert!(demo.bridge.stderr().matches("client-closed").count() == 6);
    let ended = in_demo(&demo, "hold", &["8", "0", &url]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("logged in  6\n"), "{ended:?}");
    assert!(
        ended.stdout.contains("2 \"code\":\"target-limit\""),
        "{ended:?}"
    );
}

#[test]
fn wrong_usage_is_reported() {
    for (name, args) in [
        ("smoke", &[][..]),
        ("one-shot", &["ws://127.0.0.1:1/ws/demo"]),
        ("hold", &["0", "1", "ws://127.0.0.1:1/ws/demo"]),
        ("hold", &["many", "1", "ws://127.0.0.1:1/ws/demo"]),
    ] {
        let ended = script(name, args, "x");
        assert_eq!(ended.code, Some(64), "{name} {args:?}: {ended:?}");
        assert!(ended.stderr.starts_with("usage: "), "{ended:?}");
    }
    let ended = script("smoke", &["ws://127.0.0.1:1/ws/demo"], "");
    assert_eq!(ended.code, Some(64), "{ended:?}");
}
