//! README and the session by hand of PROTOCOL.md: the README is short, and its commands print what
//! it shows. A `…` matches any text of a line; ports and the account are replaced by those of the
//! test.

use crate::common::{Bridge, DEADLINE, Demo, Finished, Log, Sshd, account, poll};
use crate::pages::{self, Block};
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

const MAX_LINES: usize = 150;
/// Ports in the README.
const PORT: &str = "127.0.0.1:8022";
const ADMIN_PORT: &str = "127.0.0.1:8023";

/// Command, and the output shown for it.
struct Step {
    command: String,
    prints: Vec<String>,
}

/// Code block of the README with this command.
fn block(command: &str) -> Block {
    block_of("README.md", command)
}

fn block_of(page: &str, command: &str) -> Block {
    let blocks = pages::page(page).blocks();
    let found = blocks
        .into_iter()
        .find(|block| block.code.contains(command));
    found.unwrap_or_else(|| panic!("no block has {command:?}"))
}

fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block.code.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => steps.push(Step {
                command: command.to_owned(),
                prints: Vec::new(),
            }),
            None => steps.last_mut().unwrap().prints.push(line.to_owned()),
        }
    }
    steps
}

fn is_as_printed(pattern: &str, line: &str) -> bool {
    let mut rest = line;
    let parts: Vec<&str> = pattern.split('…').collect();
    for (index, part) in parts.iter().enumerate() {
        let found = if index == 0 {
            rest.strip_prefix(part)
        } else if index + 1 == parts.len() {
            rest.strip_suffix(part).map(|_| "")
        } else {
            rest.find(part).map(|at| &rest[at + part.len()..])
        };
        match found {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    parts.len() > 1 || rest.is_empty()
}

/// Asserts that these lines are printed in this order; other lines may be between them.
#[track_caller]
fn prints(patterns: &[String], text: &str) {
    let mut lines = text.lines();
    for pattern in patterns {
        let found = lines.any(|line| is_as_printed(pattern, line.trim_end()));
        assert!(found, "{pattern:?} is not, or not there, in:\n{text}");
    }
}

/// Returns the step's command with the README's words replaced by the test's; each must occur.
fn with(step: &Step, words: &[(&str, &str)]) -> String {
    words
        .iter()
        .fold(step.command.clone(), |command, (old, new)| {
            assert!(command.contains(old), "{old:?} is not in {command:?}");
            command.replace(old, new)
        })
}

pub(crate) fn bash(line: &str, directory: &std::path::Path) -> Finished {
    let mut bash = Command::new("bash");
    bash.args(["-c", line]).current_dir(directory);
    Finished::of(&mut bash, DEADLINE, line)
}

#[test]
fn the_readme_is_short() {
    let lines = pages::page("README.md").text.lines().count();
    assert!(lines <= MAX_LINES, "{lines} lines, at most {MAX_LINES}");
}

#[test]
fn the_demo_prints_what_the_readme_shows() {
    let steps = steps(&block("$ make demo"));
    let makefile = std::fs::read_to_string(pages::root().join("Makefile")).unwrap();
    assert!(makefile.contains("\ndemo:"), "{makefile}");
    let demo = Demo::start(&[], &[]);
    let text = demo.text.replace(&demo.bridge.addr().to_string(), PORT);
    let mut shown = &steps[0].prints[..];
    if !text.contains("#login=") {
        // Built without Node; `make test` builds the page first.
        assert!(text.contains("has no page"), "{text}");
        let others = shown.iter().position(|line| line.starts_with("A terminal"));
        shown = &shown[others.unwrap()..];
    }
    prints(shown, &text);
}

/// Runs the commands of "Use it", and a session by hand through the bridge they start.
#[test]
fn the_commands_of_the_readme_start_a_bridge_with_a_working_session() {
    let sshd = Sshd::start();
    let directory = tempfile::tempdir().unwrap();
    let port = sshd.port().to_string();
    let use_it = steps(&block("$ target/release/sshard serve"));
    let [build, scan, serve] = &use_it[..] else {
        panic!("three commands are expected");
    };
    assert_eq!(build.command, "make web && cargo build --release");
    let scan = with(scan, &[("ssh-keyscan", &format!("ssh-keyscan -p {port}"))]);
    let scanned = bash(&scan, directory.path());
    assert_eq!(scanned.code, Some(0), "{scanned:?}");

    let words = with(
        serve,
        &[("--allow 127.0.0.1", &format!("--allow 127.0.0.1:{port}"))],
    );
    let known_hosts = directory.path().join("known_hosts");
    let words = words.replace("=known_hosts", &format!("={}", known_hosts.display()));
    let mut args: Vec<&str> = words.split_whitespace().skip(1).collect();
    args.extend(["--listen", "127.0.0.1:0"]);
    let bridge = Bridge::command(&args, &[]);
    let text = bridge.stdout();
    let text = text.replace(&bridge.addr().to_string(), PORT);
    let text = text.replace(&bridge.admin_addr().to_string(), ADMIN_PORT);
    prints(&serve.prints, &text);

    let by_hand = steps(&block("$ echo"));
    let script: String = by_hand
        .iter()
        .map(|step| format!("{}\n", step.command))
        .collect();
    let line = as_the_account(&script, bridge.addr(), &port);
    let session = bash(&line, directory.path());
    prints(&by_hand.last().unwrap().prints, &session.stdout);
}

/// Replaces the address, user and password of the pages by the test's.
fn as_the_account(text: &str, bridge: SocketAddr, sshd_port: &str) -> String {
    let account = account();
    text.replace(PORT, &bridge.to_string())
        .replace("127.0.0.1/22", &format!("127.0.0.1/{sshd_port}"))
        .replace("\"me\"", &format!("\"{}\"", account.user))
        .replace("\"secret\"", &format!("\"{}\"", account.password))
}

#[test]
fn the_session_by_hand_of_the_protocol_page_works() {
    let sshd = Sshd::start();
    let target = sshd.addr().to_string();
    let args = ["--allow", &target, "--set", "ssh.host_key_policy=off"];
    let bridge = Bridge::start(&args, &[]);
    let page = "src/message/PROTOCOL.md";
    let step = steps(&block_of(page, "--text-prefix")).remove(0);
    let port = sshd.port().to_string();
    let theirs = |text: &str| as_the_account(text, bridge.addr(), &port);
    let mut process = Command::new("bash")
        .args(["-c", &theirs(&step.command)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let screen = Log::drain_screen(process.stdout.take().unwrap());
    let mut keyboard = process.stdin.take().unwrap();
    // The second hello is the command's; the first, its echo.
    let awaited = [
        ("\"hello\"", 1),
        ("\"ready\"", 1),
        ("hello\r\n", 2),
        ("\"exit\"", 1),
    ];
    for (index, (seen, times)) in awaited.iter().enumerate() {
        let often = |text: &str| (text.matches(seen).count() >= *times).then_some(());
        let found = screen.wait(DEADLINE, often);
        assert!(found.is_some(), "no {seen:?} in {:?}", screen.text());
        if let Some(line) = step.prints.get(index) {
            // In one write, as a terminal hands a line over: websocat makes a message of each.
            keyboard
                .write_all(format!("{}\n", theirs(line)).as_bytes())
                .unwrap();
        }
    }
    drop(keyboard);
    let ended = poll(DEADLINE, || process.try_wait().unwrap());
    if ended.is_none() {
        process.kill().unwrap();
        process.wait().unwrap();
        panic!("{:?} does not end", step.command);
    }
}

#[test]
fn an_ellipsis_matches_any_text_of_a_line() {
    assert!(is_as_printed("a … c", "a bb c"));
    assert!(is_as_printed("a …", "a b"));
    assert!(is_as_printed("a", "a"));
    assert!(!is_as_printed("a", "ab"));
    assert!(!is_as_printed("a … c", "a b d"));
    assert!(!is_as_printed("x…", "a"));
}
