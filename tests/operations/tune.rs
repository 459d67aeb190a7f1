//! `sshard tune` with few sessions: its report, and that no process of it stays. Speeds are not
//! checked.

use crate::common::{DEADLINE, poll, run, run_line, run_under, wait_until, words};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const SMALL: &str = "tune --quick --sessions 4 --duration 50ms --rounds 1";

/// Returns the processes that were started to end with `parent`.
fn children(parent: u32) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let wanted = format!("--with-parent\0{parent}\0");
    processes
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .filter(|line| line.contains(&wanted))
        .collect()
}

#[test]
fn tune_measures_recommends_and_leaves_no_process() {
    // What another bridge's environment says is not for these.
    let line = format!("{SMALL} --max-shards 1 --json");
    let finished = run(&words(&line), &[("SSHARD_SERVER__SHARDS", "none")]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stderr, "", "{finished:?}");
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(report["rounds"], 1, "{report}");
    let settings = report["settings"].as_array().unwrap();
    assert_eq!(settings.len(), 1, "{report}");
    assert_eq!(settings[0]["shards"], 1);
    assert_eq!(settings[0]["placement"], "balanced");
    assert_eq!(settings[0]["failures"], serde_json::json!([]));
    for figure in [
        "sessions_per_s",
        "key_p50_ms",
        "key_p99_ms",
        "mib_per_s",
        "cpu_ms_per_session_s",
        "connect_busy_percent",
        "bulk_busy_percent",
    ] {
        let figure = &settings[0]["figures"][figure];
        assert!(figure["median"].as_f64().unwrap() > 0.0, "{report}");
        assert_eq!(figure["rounds"].as_array().unwrap().len(), 1, "{report}");
    }
    let command = "sshard serve --shards 1 --placement balanced";
    assert_eq!(report["recommended"]["command"], command);
}

#[test]
fn a_killed_tune_leaves_no_bridge_behind() {
    let mut tune = Command::new(env!("CARGO_BIN_EXE_sshard"))
        .args(["tune", "--max-shards", "1", "--sessions", "4"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = tune.id();
    let started = poll(DEADLINE, || (!children(pid).is_empty()).then_some(()));
    tune.kill().unwrap();
    tune.wait().unwrap();
    let complaint = BufReader::new(tune.stderr.take().unwrap()).lines().next();
    assert!(started.is_some(), "no bridge was started: {complaint:?}");
    wait_until("the bridge ends with tune", || children(pid).is_empty());
}

#[test]
fn mistakes_in_the_flags_are_named() {
    let many = run_line(&format!("{SMALL} --max-shards 1024"));
    assert_eq!(many.code, Some(2), "{many:?}");
    assert!(many.stderr.contains("--max-shards is 1024"), "{many:?}");
    let none = run_line(&format!("{SMALL} --max-shards 0"));
    assert_eq!(none.code, Some(2), "{none:?}");
    // Enough files for the generator and its server, and too few for the bridge.
    let shell = ["bash", "-c", r#"ulimit -n 300 && exec "$@""#, "bash"];
    let few = run_under(&shell, &words(&format!("{SMALL} --max-shards 1")), &[]);
    assert_eq!(few.code, Some(1), "{few:?}");
    for said in ["the bridge (1 shard, balanced)", "ulimit -n"] {
        assert!(few.stderr.contains(said), "{few:?}");
    }
}

#[test]
fn a_bridge_without_its_parent_does_not_start() {
    let alone = run_line("serve --allow 127.0.0.1:1 --with-parent 1");
    assert_eq!(alone.code, Some(1), "{alone:?}");
    assert!(
        alone
            .stderr
            .contains("cannot be tied to the parent process"),
        "{alone:?}"
    );
}
