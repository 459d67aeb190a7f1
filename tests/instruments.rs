//! Every script of `perf/` but `instructions.py`, run for seconds with `--quick` against the
//! programs of this build: it exits with 0 and writes its files. No figure is checked.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

mod common;

use common::Finished;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// Timeout of one script; the slowest takes half a minute on an idle machine.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Folder of `sshard` and of the two programs of other packages. `cargo test` does not build those,
/// so this does; a build that is up to date takes a moment.
fn programs() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_sshard")).parent().unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(env!("CARGO_MANIFEST_DIR")).arg("build");
        // The packages of the measurements, so that their features are the same.
        build.args(["-p", "sshard", "-p", "sshard-load", "-p", "sshard-control"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
        folder.to_owned()
    })
}

/// Runs `perf/NAME` and returns its standard output.
fn script_output(name: &str, args: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("perf")
        .join(name);
    let mut python = Command::new("python3");
    python.arg(path).args(args);
    python.env("SSHARD_PROGRAMS", programs());
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    let command = format!("{name} {args:?}");
    let ended = Finished::or_stopped(&mut python, TIMEOUT, &command, |process| {
        // SIGTERM, because the script's handler ends its servers.
        let pid = rustix::process::Pid::from_child(process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    });
    assert_eq!(
        ended.code,
        Some(0),
        "{command}:\n{}\n{}",
        ended.stdout,
        ended.stderr
    );
    ended.stdout
}

/// Runs rows of `budgets.py`, and checks their samples, verdicts and chart.
fn run_budgets(rows: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let mut args = vec!["--quick", "--output", output];
    for row in rows {
        args.extend(["--row", row]);
    }
    let printed = script_output("budgets.py", &args);
    let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("table.md"), printed);
    let samples = read("samples.csv");
    for row in rows {
        let line = printed
            .lines()
            .find(|line| line.starts_with(&format!("| {row} |")));
        assert!(line.is_some(), "{printed}");
        assert!(
            samples
                .lines()
                .any(|line| line.starts_with(&format!("{row},"))),
            "{samples}"
        );
    }
    assert!(!printed.contains("not measured"), "{printed}");
    assert!(read("ratios.svg").ends_with("</svg>\n"));
    assert!(read("environment.txt").contains("\nkernel: "));
}

#[test]
fn budgets_measures_keystrokes() {
    run_budgets(&["typing20", "typing4", "noisy", "set-ups", "crowd"]);
}

#[test]
fn budgets_measures_few_keystrokes_and_two_shards() {
    run_budgets(&["few", "lone", "two-shards20", "two-shards4"]);
}

#[test]
fn budgets_measures_output_and_sessions() {
    run_budgets(&["bulk", "pty", "setup", "idle-cpu", "placement"]);
}

#[test]
fn budgets_measures_memory_and_stalled_readers() {
    let rows = [
        "slope",
        "after-output",
        "stalled",
        "ctrl-c",
        "silence",
        "in-flight",
    ];
    run_budgets(&rows);
}

#[test]
fn every_row_of_budgets_has_a_test() {
    let listed = script_output("budgets.py", &["--list"]);
    let source = include_str!("instruments.rs");
    let names = listed.lines().filter(|line| !line.starts_with(' '));
    for name in names.map(|line| line.split_whitespace().next().unwrap()) {
        assert!(source.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn syscalls_counts_calls_of_both_bridges() {
    let printed = script_output("syscalls.py", &["--strace", "--quick"]);
    assert_eq!(printed.matches("\n| sshard | ").count(), 2, "{printed}");
    assert_eq!(printed.matches("\n| control | ").count(), 2, "{printed}");
    assert!(printed.contains("epoll_pwait"), "{printed}");
}

#[test]
fn memory_slope_measures_both_bridges() {
    let printed = script_output("memory_slope.py", &["--quick", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&printed).unwrap();
    for who in ["sshard", "control"] {
        let rows = found[who]["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 3, "{printed}");
        assert!(
            rows.iter().all(|row| row["pss_kib"].as_u64() > Some(0)),
            "{printed}"
        );
    }
}

/// Runs one shard, and two where there are as many cores.
#[test]
fn scaling_compares_both_bridges() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let printed = script_output("scaling.py", &["--quick", "--output", output]);
    let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("scaling.md"), printed);
    assert!(printed.starts_with("bridge on CPU "), "{printed}");
    for figure in ["CPU us per key", "set-ups/s", "GiB/s"] {
        let line = printed
            .lines()
            .find(|line| line.starts_with(&format!("| {figure} | 1 | ")))
            .unwrap();
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        // Figures of sshard and the control, and their ratio.
        for cell in &cells[3..6] {
            assert!(cell.parse::<f64>().is_ok_and(|cell| cell > 0.0), "{line}");
        }
    }
    let samples = read("scaling.csv");
    for who in ["sshard", "control"] {
        assert!(samples.contains(&format!("\n1,1,{who},")), "{samples}");
    }
    let chart = read("scaling.svg");
    assert!(chart.ends_with("</svg>\n"), "{chart}");
    assert_eq!(chart.matches("<polyline").count(), 8, "{chart}");
    assert!(read("environment.txt").contains("\ncpus: bridge on CPU "));
}

/// Doctests of the parts that depend on the number of cores or on rates.
#[test]
fn doctests_of_cores_and_scaling_pass() {
    for name in ["cores.py", "scaling.py"] {
        let mut python = Command::new("python3");
        python.args(["-B", "-m", "doctest", "-v", name]);
        python.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("perf"));
        let ended = python.output().unwrap();
        let report = String::from_utf8(ended.stdout).unwrap();
        assert!(ended.status.success(), "{report}");
        assert!(
            !report.contains("\n0 tests in "),
            "{name} has no examples: {report}"
        );
        assert!(report.contains("\nTest passed.\n"), "{report}");
    }
}

#[test]
fn tls_cost_and_sshd_death_print_their_figures() {
    let printed = script_output("tls_cost.py", &["--quick"]);
    assert!(printed.contains("\necdsa-p256 {\"setup_us\""), "{printed}");
    let printed = script_output("sshd_death.py", &["--quick"]);
    assert!(printed.contains("\"last_told_s\""), "{printed}");
}

/// Returns whether `perf` is permitted here; containers often forbid it.
fn perf_may_sample() -> bool {
    let mut command = Command::new("perf");
    command.args(["record", "-o", "/dev/null", "-e", "cpu-clock", "true"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().success()
}

#[test]
fn flamegraph_writes_svg_and_folded_stacks() {
    if !perf_may_sample() {
        eprintln!("skipped: perf may not sample here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let svg = folder.path().join("typing.svg");
    script_output(
        "flamegraph.py",
        &["--quick", "--output", svg.to_str().unwrap()],
    );
    assert!(fs::read_to_string(&svg).unwrap().ends_with("</svg>\n"));
    let folded = fs::read_to_string(svg.with_extension("folded")).unwrap();
    assert!(
        folded
            .lines()
            .all(|line| line.rsplit(' ').next().unwrap().parse::<u64>().is_ok()),
        "{folded}"
    );
}

#[test]
fn heap_attributes_memory_to_functions() {
    let printed = script_output("heap.py", &["--quick"]);
    assert!(printed.starts_with("heap per idle session: "), "{printed}");
    assert!(printed.contains("russh"), "{printed}");
}
