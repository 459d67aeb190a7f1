//! `sshard doctor`, on this machine under limits that a shell sets, and on a copied tree.

use crate::common::{Finished, run_line, run_under, words};
use serde_json::Value;
use std::fs;

/// Returns the JSON report of the program under these limits, and its exit status.
fn examined(limits: &str, more: &str) -> (Value, Finished) {
    let script = format!(r#"{limits} && exec "$@""#);
    let shell = ["bash", "-c", &script, "bash"];
    let finished = run_under(&shell, &words(&format!("doctor --json {more}")), &[]);
    let report = serde_json::from_str(&finished.stdout);
    let report = report.unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    (report, finished)
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("{name}: {report}"))
}

fn advises(check: &Value, change: &str) {
    let advice = check["change"].as_str().unwrap();
    assert!(advice.contains(change), "{check}");
}

#[test]
fn doctor_passes_for_a_few_sessions_on_this_machine() {
    // However short a queue the machine allows.
    let fits = run_line("doctor --sessions 2 --set server.backlog=64");
    assert_eq!(fits.code, Some(0), "{fits:?}");
    assert!(fits.stdout.contains("a ring can be made"), "{fits:?}");
    assert!(fits.stdout.contains("\n2 sessions on "), "{fits:?}");
    assert_eq!(fits.stderr, "", "{fits:?}");
}

#[test]
fn doctor_counts_open_files_as_serve_does() {
    // See tests/operations/machine.rs: with one shard, serve needs 4608 for 1000 sessions.
    let (report, finished) = examined("ulimit -n 4607", "--shards 1");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let files = check(&report, "open files");
    assert_eq!(files["verdict"], "fails", "{report}");
    assert_eq!(files["cap"]["count"], 999, "{report}");
    advises(files, "`ulimit -n 4608`");
    let said = "1000 sessions do not fit; checks that fall short: 1";
    assert!(finished.stderr.contains(said), "{finished:?}");
    let (report, _) = examined("ulimit -n 4608", "--shards 1");
    assert_eq!(check(&report, "open files")["verdict"], "ok", "{report}");
}

#[test]
fn doctor_names_too_little_locked_memory() {
    let (report, finished) = examined("ulimit -l 64", "");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let locked = check(&report, "locked memory");
    assert_eq!(locked["verdict"], "fails", "{report}");
    advises(locked, "`ulimit -l 8192`");
}

#[test]
fn doctor_reads_the_configuration_of_serve() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sshard.toml");
    fs::write(&file, "[limits]\nmax_connections = 17\n").unwrap();
    let config = format!("--config {}", file.display());
    let (report, _) = examined("true", &config);
    assert_eq!(report["sessions"], 17);
    let (report, finished) = examined("true", &format!("{config} --sessions 18"));
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(check(&report, "limits.max_connections")["verdict"], "caps");
    let bad = run_line("doctor --set limits.max_connections=none");
    assert_eq!(bad.code, Some(78), "{bad:?}");
}

/// As where the bridge has its certificate by a flag, which doctor does not have.
#[test]
fn doctor_reads_settings_that_contradict_each_other_without_the_bridges_flags() {
    let line = "doctor --sessions 2 --set server.backlog=64 --set server.listen=0.0.0.0:443";
    let fits = run_line(line);
    assert_eq!(fits.code, Some(0), "{fits:?}");
}

#[test]
fn doctor_reads_a_copied_tree_in_place_of_this_machine() {
    let root = tempfile::tempdir().unwrap();
    let plant = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    plant("proc/self/status", "Cpus_allowed_list:\t0-3\n");
    plant("proc/sys/net/core/somaxconn", "128\n");
    plant("proc/sys/kernel/osrelease", "5.4.0\n");
    let (report, finished) = examined("true", &format!("--root {}", root.path().display()));
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(report["shards"], 4);
    assert_eq!(check(&report, "kernel")["verdict"], "fails");
    assert_eq!(check(&report, "net.core.somaxconn")["cap"]["count"], 512);
    let ring = check(&report, "io_uring")["value"].as_str().unwrap();
    assert!(ring.starts_with("not tried"), "{report}");
}
