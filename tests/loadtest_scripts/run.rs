//! `loadtest/run`, with the binaries this test was built with.

use crate::common::{DEADLINE, Log, piped, poll};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// Runs `loadtest/run` in a process group and a temporary folder of its own.
struct Run {
    process: Child,
    stdout: Log,
    stderr: Log,
    directory: tempfile::TempDir,
}

/// Folder of this build's programs.
fn binaries() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_sshard")).parent().unwrap();
    let generator = folder.join("sshard-load");
    assert!(
        generator.exists(),
        "{} is missing; `cargo test --workspace` or `cargo build --workspace` makes it",
        generator.display()
    );
    folder.to_owned()
}

impl Run {
    fn start(words: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("loadtest/run");
        let mut command = Command::new(script);
        command
            .args(words.split_whitespace())
            .current_dir("/")
            .env("SSHARD_BIN_DIR", binaries())
            .env("TMPDIR", directory.path())
            .process_group(0);
        let (process, stdout, stderr) = piped(&mut command);
        Self {
            process,
            stdout,
            stderr,
            directory,
        }
    }

    /// Returns the exit status; checks that no process and no file is left.
    fn exit_status(&mut self) -> Option<i32> {
        let process = &mut self.process;
        let status = poll(DEADLINE, || process.try_wait().unwrap());
        let status = status.unwrap_or_else(|| {
            let members = self.members();
            panic!(
                "does not end, {members:?} are there: {}",
                self.stderr.text()
            )
        });
        assert_eq!(self.members(), [] as [String; 0], "left running");
        let files: Vec<_> = fs::read_dir(self.directory.path()).unwrap().collect();
        assert!(files.is_empty(), "left behind: {files:?}");
        status.code()
    }

    /// Names of the live processes of the group.
    fn members(&self) -> Vec<String> {
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let stats =
            processes.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
        let group = self.process.id().to_string();
        stats
            .filter_map(|stat| {
                // PID (NAME) STATE PPID PGRP ...
                let (name, rest) = stat.rsplit_once(") ")?;
                let mut fields = rest.split(' ');
                let state = fields.next()?;
                let ours = fields.nth(1)? == group && state != "Z";
                ours.then(|| name.split_once('(').unwrap().1.to_owned())
            })
            .collect()
    }

    /// Waits until sink, bridge and generator run.
    fn wait_running(&self) {
        let running = || {
            let members = self.members();
            let count = |name| members.iter().filter(|member| *member == name).count();
            (count("sshard-load") == 2 && count("sshard") == 1).then_some(())
        };
        let found = poll(DEADLINE, running);
        assert!(
            found.is_some(),
            "{:?}: {}",
            self.members(),
            self.stderr.text()
        );
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // After a failure; otherwise no process is left.
        let _ = kill_process_group(Pid::from_child(&self.process), Signal::KILL);
        let _ = self.process.wait();
    }
}

#[test]
fn a_scenario_leaves_no_process_and_no_file() {
    let words = "typing --sessions 3 --rate 10 --duration 500ms --warm-up 100ms --quiet \
                 -- --shards 1 --set websocket.ping_interval=5s";
    let mut run = Run::start(words);
    assert_eq!(run.exit_status(), Some(0), "{}", run.stderr.whole());
    let report = run.stdout.whole();
    assert!(report.contains("typing: 3 sessions opened"), "{report}");
    assert!(report.contains("\nlatency "), "{report}");
    // The generator was given the bridge's process.
    assert!(report.contains("\nbridge: "), "{report}");
}

#[test]
fn the_limits_admit_the_requested_sessions() {
    // More than limits.max_connections_per_host has by default.
    let words = "connect-storm --sessions=40 --rate=100 --quiet -- --shards 1";
    let mut run = Run::start(words);
    assert_eq!(run.exit_status(), Some(0), "{}", run.stderr.whole());
    let report = run.stdout.whole();
    assert!(report.contains("40 sessions opened"), "{report}");
}

#[test]
fn the_generators_exit_status_is_returned() {
    let words = "typing --sessions 1 --user exit-3 --duration 100ms --warm-up 0s --quiet";
    assert_eq!(Run::start(words).exit_status(), Some(1));
    let mut run = Run::start("typing --no-such-flag");
    assert_eq!(run.exit_status(), Some(2));
    assert!(run.stderr.whole().contains("--no-such-flag"));
}

#[test]
fn a_bound_of_the_latency_fails_when_no_answer_was_measured() {
    let words = "typing --sessions 1 --duration 0s --warm-up 100ms --max-p99 1h --quiet";
    let mut run = Run::start(words);
    assert_eq!(run.exit_status(), Some(1), "{}", run.stderr.whole());
    let report = run.stdout.whole();
    assert!(
        report.contains("\nFAILED no answer was measured"),
        "{report}"
    );
}

#[test]
fn flags_of_the_bridge_override_the_log_level() {
    let words = "idle-hold --sessions 1 --duration 10m --quiet -- --shards 1 --log-level info";
    let mut run = Run::start(words);
    let served = || {
        let mut folders = fs::read_dir(run.directory.path()).unwrap();
        let log = folders.next()?.unwrap().path().join("bridge.err");
        let log = fs::read_to_string(log).ok()?;
        log.contains("serving").then_some(())
    };
    let found = poll(DEADLINE, served);
    assert!(found.is_some(), "{}", run.stderr.text());
    kill_process(Pid::from_child(&run.process), Signal::TERM).unwrap();
    assert_eq!(run.exit_status(), Some(143));
}

#[test]
fn the_error_of_a_bridge_that_does_not_start_is_printed() {
    let mut run = Run::start("typing -- --set no.such_setting=1");
    assert_eq!(run.exit_status(), Some(2));
    let stderr = run.stderr.whole();
    assert!(
        stderr.contains("the bridge ended before it listened"),
        "{stderr}"
    );
    assert!(stderr.contains("no.such_setting"), "{stderr}");
}

#[test]
fn a_signal_leaves_no_process_and_no_file() {
    for (signal, to_all, code) in [
        (Signal::INT, false, 130),
        // As a terminal's Ctrl-C.
        (Signal::INT, true, 130),
        (Signal::TERM, false, 143),
        (Signal::HUP, false, 129),
    ] {
        let mut run = Run::start("idle-hold --sessions 5 --duration 10m --quiet -- --shards 1");
        run.wait_running();
        let script = Pid::from_child(&run.process);
        if to_all {
            kill_process_group(script, signal).unwrap();
        } else {
            kill_process(script, signal).unwrap();
        }
        assert_eq!(run.exit_status(), Some(code), "{signal:?}");
    }
}

#[test]
fn help_and_wrong_usage_have_their_exit_status() {
    let mut run = Run::start("--help");
    assert_eq!(run.exit_status(), Some(0));
    assert!(
        run.stdout
            .whole()
            .starts_with("usage: loadtest/run SCENARIO")
    );
    let mut run = Run::start("typing --help");
    assert_eq!(run.exit_status(), Some(0));
    assert!(run.stdout.whole().contains("--sessions"));
    for words in [
        "",
        "--sessions 3",
        "sink",
        "typing --url ws://127.0.0.1:1/ws/h/22",
    ] {
        let mut run = Run::start(words);
        assert_eq!(run.exit_status(), Some(64), "{words:?}");
        assert!(run.stderr.whole().contains("\nusage: "), "{words:?}");
    }
}
