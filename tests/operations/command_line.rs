//! The command line itself: help, version, exit statuses, and the terminal it was typed at.

use crate::common::{Admin, Bridge, DEADLINE, Log, poll, run};
use std::net::TcpStream;
use std::process::{Command, Stdio};

#[test]
fn usage_errors_end_with_2_and_help_with_0() {
    for args in [
        &[][..],
        &["tuna"],
        &["serve", "--nope"],
        &["serve", "--listen"],
    ] {
        let wrong = run(args, &[]);
        assert_eq!(wrong.code, Some(2), "{args:?}: {wrong:?}");
        assert!(wrong.stderr.contains("--help"), "{wrong:?}");
    }
    for args in [&["--help"][..], &["serve", "--help"], &["--version"]] {
        let asked = run(args, &[]);
        assert_eq!(asked.code, Some(0), "{args:?}: {asked:?}");
        assert!(asked.stdout.contains("sshard"), "{asked:?}");
    }
}

/// A terminal that closes sends SIGHUP: the bridge goes on, as it has printed.
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
    let said = |text: &str| {
        text.contains("Closing this terminal does not end it")
            .then_some(())
    };
    assert!(screen.wait(DEADLINE, said).is_some(), "{}", screen.text());
    let text = screen.text();
    let admin = text
        .split("admin at ")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    let admin = Admin::at(admin.parse().unwrap());
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    let reloaded = poll(DEADLINE, || {
        let metrics = admin.get("/metrics").body;
        metrics
            .contains("sshard_reloads_total{outcome=\"applied\"} 1")
            .then_some(())
    });
    assert!(
        reloaded.is_some(),
        "it has not noticed that its terminal is gone"
    );
    assert_eq!(admin.get("/healthz").status, 200);
    assert_eq!(admin.post("/api/v1/drain").status, 202);
    let ended = poll(DEADLINE, || {
        TcpStream::connect(admin.addr).is_err().then_some(())
    });
    assert!(ended.is_some(), "it is still there");
}

/// Without a terminal there is no person to read it.
#[test]
fn without_a_terminal_the_advice_on_it_is_not_printed() {
    let bridge = Bridge::start(&["--allow", "127.0.0.1:22"], &[]);
    assert!(!bridge.stderr_contains("terminal"), "{}", bridge.stderr());
}

/// The commit is one of this repository, where there is one.
#[test]
fn the_version_names_the_commit() {
    let asked = run(&["--version"], &[]);
    let line = asked.stdout.strip_suffix('\n').unwrap();
    let version = concat!("sshard ", env!("CARGO_PKG_VERSION"));
    assert!(line.starts_with(version), "{line}");
    assert!(
        line.contains(" build for ") && !line.contains('\n'),
        "{line}"
    );
    assert_eq!(run(&["-V"], &[]).stdout, asked.stdout);
    let git = |args: &[&str]| {
        let root = env!("CARGO_MANIFEST_DIR");
        Command::new("git")
            .args(["-C", root])
            .args(args)
            .output()
            .unwrap()
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
    let complaint = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(
        complaint,
        "sshard: standard output cannot be written: Broken pipe (os error 32)\n"
    );
    assert_eq!(ran.status.code(), Some(1));
}
