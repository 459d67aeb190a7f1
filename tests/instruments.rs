//! Every instrument of `perf/`, run for seconds with `--quick` against the programs of this build:
//! it ends well and leaves what it should. No figure is judged here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]

mod common;

use common::Finished;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// For one instrument, the slowest of which takes half a minute on an idle machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// The folder of `sshard` and of the two programs of other packages, which `cargo test` does not
/// build: what is up to date there costs cargo a moment.
fn programs() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_sshard")).parent().unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(env!("CARGO_MANIFEST_DIR")).arg("build");
        // The same packages as for the measurements: others would have other features.
        build.args(["-p", "sshard", "-p", "sshard-load", "-p", "sshard-control"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
        folder.to_owned()
    })
}

/// What `perf/NAME` prints to standard output.
fn instrument(name: &str, args: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("perf")
        .join(name);
    let process = Command::new("python3")
        .arg(script)
        .args(args)
        .env("SSHARD_PROGRAMS", programs())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let what = format!("{name} {args:?}");
    let ended = Finished::or_stopped(process, PATIENCE, &what, |process| {
        // Its servers end with it: SIGTERM is what it has a handler for.
        let pid = rustix::process::Pid::from_child(process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    });
    assert_eq!(
        ended.code,
        Some(0),
        "{what}:\n{}\n{}",
        ended.stdout,
        ended.stderr
    );
    ended.stdout
}

/// The rows of `budgets.py`, and that each wrote its samples, a line for each budget, and a chart.
fn budgets(rows: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let mut args = vec!["--quick", "--output", output];
    for row in rows {
        args.extend(["--row", row]);
    }
    let printed = instrument("budgets.py", &args);
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
fn budgets_of_keystrokes() {
    budgets(&["typing20", "typing4", "noisy", "set-ups", "crowd"]);
}

#[test]
fn budgets_of_few_keystrokes_and_of_two_shards() {
    budgets(&["few", "lone", "two-shards20", "two-shards4"]);
}

#[test]
fn budgets_of_output_and_sessions() {
    budgets(&["bulk", "pty", "setup", "idle-cpu", "placement"]);
}

#[test]
fn budgets_of_memory_and_stalled_readers() {
    let rows = [
        "slope",
        "after-output",
        "stalled",
        "ctrl-c",
        "silence",
        "in-flight",
    ];
    budgets(&rows);
}

#[test]
fn every_row_has_a_test_here() {
    let listed = instrument("budgets.py", &["--list"]);
    let source = include_str!("instruments.rs");
    let names = listed.lines().filter(|line| !line.starts_with(' '));
    for name in names.map(|line| line.split_whitespace().next().unwrap()) {
        assert!(source.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn syscalls() {
    let printed = instrument("syscalls.py", &["--strace", "--quick"]);
    assert_eq!(printed.matches("\n| sshard | ").count(), 2, "{printed}");
    assert_eq!(printed.matches("\n| control | ").count(), 2, "{printed}");
    assert!(printed.contains("epoll_pwait"), "{printed}");
}

#[test]
fn memory_slope() {
    let printed = instrument("memory_slope.py", &["--quick", "--json"]);
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

/// One shard, and two where there are as many cores.
#[test]
fn scaling() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let printed = instrument("scaling.py", &["--quick", "--output", output]);
    let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("scaling.md"), printed);
    assert!(printed.starts_with("bridge on CPU "), "{printed}");
    for figure in ["CPU us per key", "set-ups/s", "GiB/s"] {
        let line = printed
            .lines()
            .find(|line| line.starts_with(&format!("| {figure} | 1 | ")))
            .unwrap();
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        // sshard's, the control's, and their ratio.
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

/// Figures that are reckoned from a machine's cores and from rates, and so show on no machine of its own.
#[test]
fn cores_are_shared_out_and_rates_searched_as_their_examples_say() {
    for name in ["cores.py", "scaling.py"] {
        let mut python = Command::new("python3");
        python.args(["-B", "-m", "doctest", "-v", name]);
        python.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("perf"));
        let ended = python.output().unwrap();
        let said = String::from_utf8(ended.stdout).unwrap();
        assert!(ended.status.success(), "{said}");
        assert!(
            !said.contains("\n0 tests in "),
            "{name} has no examples: {said}"
        );
        assert!(said.contains("\nTest passed.\n"), "{said}");
    }
}

#[test]
fn tls_and_the_death_of_sshd() {
    let printed = instrument("tls_cost.py", &["--quick"]);
    assert!(printed.contains("\necdsa-p256 {\"setup_us\""), "{printed}");
    let printed = instrument("sshd_death.py", &["--quick"]);
    assert!(printed.contains("\"last_told_s\""), "{printed}");
}

/// Containers are often not allowed to.
fn perf_may_sample() -> bool {
    let mut command = Command::new("perf");
    command.args(["record", "-o", "/dev/null", "-e", "cpu-clock", "true"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().success()
}

#[test]
fn flame_graph() {
    if !perf_may_sample() {
        eprintln!("skipped: perf may not sample here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let svg = folder.path().join("typing.svg");
    instrument(
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
fn heap() {
    let printed = instrument("heap.py", &["--quick"]);
    assert!(printed.starts_with("heap per idle session: "), "{printed}");
    assert!(printed.contains("russh"), "{printed}");
}
