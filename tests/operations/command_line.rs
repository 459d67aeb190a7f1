//! The command line itself: help, version, exit statuses, and the terminal it was typed at.

use crate::common::{Admin, Bridge, DEADLINE, Log, run_line, wait_until, words};
use rustix::process::Signal;
use std::net::TcpStream;
use std::process::{Command, Stdio};

#[test]
fn usage_errors_end_with_2_and_help_with_0() {
    for line in ["", "tuna", "serve --nope", "serve --listen"] {
        let wrong = run_line(line);
        assert_eq!(wrong.code, Some(2), "{line}: {wrong:?}");
        assert!(wrong.stderr.contains("--help"), "{wrong:?}");
    }
    for line in ["--help", "serve --help", "--version"] {
        let asked = run_line(line);
        assert_eq!(asked.code, Some(0), "{line}: {asked:?}");
        assert!(asked.stdout.contains("sshard"), "{asked:?}");
    }
}

/// A terminal that closes sends SIGHUP: the bridge keeps running, as it has printed.
#[test]
fn a_bridge_outlives_its_terminal_and_prints_so() {
    let program = env!("CARGO_BIN_EXE_sshard");
    let line = format!(
        "{program} serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --allow a:22 --shards 1"
    );
    let mut terminal = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let screen = Log::drain(terminal.stdout.take().unwrap());
    let advice = "Closing this terminal does not end it";
    let said = |text: &str| text.contains(advice).then_some(());
    assert!(screen.wait(DEADLINE, said).is_some(), "{}", screen.text());
    let text = screen.text();
    let (_, admin) = text.split_once("admin at ").unwrap();
    let admin = Admin::at(words(admin)[0].parse().unwrap());
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    wait_until("it has not noticed that its terminal is gone", || {
        let metrics = admin.get("/metrics").body;
        metrics.contains("sshard_reloads_total{outcome=\"applied\"} 1")
    });
    assert_eq!(admin.get("/healthz").status, 200);
    assert_eq!(admin.post("/api/v1/drain").status, 202);
    let has_ended = || TcpStream::connect(admin.addr).is_err();
    wait_until("it is still there", has_ended);
}

/// Without a terminal there is no person to read it.
#[test]
fn without_a_terminal_the_advice_on_it_is_not_printed() {
    let mut bridge = Bridge::serve("--allow 127.0.0.1:22");
    bridge.signal(Signal::TERM);
    bridge.wait_exit(DEADLINE);
    let said = bridge.whole_stderr();
    assert!(!said.contains("terminal"), "{said}");
}

/// The commit is one of this repository, where there is one.
#[test]
fn the_version_names_the_commit() {
    let asked = run_line("--version");
    let line = asked.stdout.strip_suffix('\n').unwrap();
    let version = concat!("sshard ", env!("CARGO_PKG_VERSION"));
    assert!(line.starts_with(version), "{line}");
    let is_one_line = !line.contains('\n');
    assert!(line.contains(" build for ") && is_one_line, "{line}");
    assert_eq!(run_line("-V").stdout, asked.stdout);
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-C", env!("CARGO_MANIFEST_DIR")]).args(args);
        git.output().unwrap()
    };
    let prefix = git(&["rev-parse", "--show-prefix"]);
    let checkout = prefix.status.success() && prefix.stdout == b"\n";
    let commit = line.split_once("(commit ").map(|(_, rest)| &rest[..12]);
    assert_eq!(commit.is_some(), checkout, "{line}");
    if let Some(commit) = commit {
        let there = git(&["cat-file", "-e", &format!("{commit}^{{commit}}")]);
        assert!(there.status.success(), "{line}: {there:?}");
    }
}

/// A reader that closes early, such as `head`, causes no panic.
#[test]
fn a_closed_pipe_causes_no_panic() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = Command::new(env!("CARGO_BIN_EXE_sshard"))
        .args(["serve", "--print-config", "--allow", "a:22"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let expected = "sshard: standard output cannot be written: Broken pipe (os error 32)\n";
    assert_eq!(String::from_utf8_lossy(&ran.stderr), expected);
    assert_eq!(ran.status.code(), Some(1));
}
