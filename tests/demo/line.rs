//! The printed line for websocat, in a terminal.

use crate::common::{DEADLINE, Demo, Log};
use rustix::process::Signal;
use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Line that bash runs on a terminal.
struct Terminal {
    process: Child,
    stdin: ChildStdin,
    screen: Log,
}

impl Terminal {
    fn type_keys(&mut self, keys: &str) {
        self.stdin.write_all(keys.as_bytes()).unwrap();
        self.stdin.flush().unwrap();
    }

    fn wait(&self, wanted: &str) {
        let found = self
            .screen
            .wait(DEADLINE, |t| t.contains(wanted).then_some(()));
        assert!(found.is_some(), "no {wanted:?}: {:?}", self.screen.text());
    }

    /// Types the printed line into an interactive bash; `over` follows when it has ended.
    fn websocat(demo: &Demo, password: &str) -> Self {
        let mut lines = demo.text.lines();
        let line = lines.find(|line| line.contains("websocat -")).unwrap();
        let line = line.replace(demo.printed("password"), password);
        let mut process = Command::new("script")
            .args(["-qec", "bash --norc -i", "/dev/null"])
            .env("SHELL", "/bin/bash")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script starts; run tests/setup.sh first");
        let mut terminal = Self {
            stdin: process.stdin.take().unwrap(),
            screen: Log::drain_screen(process.stdout.take().unwrap()),
            process,
        };
        terminal.type_keys(&format!("{line}; stty -a; echo o''ver\n"));
        terminal
    }

    /// Waits for the end of the line, and checks that the terminal's settings are as before.
    fn ended(&self) -> String {
        self.wait("over\r\n");
        let screen = self.screen.text();
        let settings = screen.rsplit_once("speed").unwrap().1;
        let settings: Vec<&str> = settings.split_whitespace().collect();
        for setting in ["icanon", "echo", "isig", "onlcr", "icrnl"] {
            assert!(settings.contains(&setting), "{setting}: {screen:?}");
        }
        screen
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_printed_websocat_line_is_a_terminal() {
    let demo = Demo::plain(&[]);
    let mut terminal = Terminal::websocat(&demo, demo.printed("password"));
    terminal.wait("\rdemo$ ");
    terminal.type_keys("echo hello-\x7f!\r");
    // Not as it is typed, but as the answer.
    terminal.wait("\nhello!\r\n");
    // Raw: this one goes to the other side, and does not end websocat.
    terminal.type_keys("seq 1000000000\r");
    terminal.wait("\n17\r\n");
    terminal.type_keys("\x03");
    terminal.type_keys("echo af''ter\r");
    terminal.wait("after\r\n");
    terminal.type_keys("exit 3\r");
    // No further key is needed.
    let screen = terminal.ended();
    assert!(screen.contains("[closed: 1000 exit=3]\r\n"), "{screen:?}");
    terminal.type_keys("echo al''ive\n");
    terminal.wait("alive\r\n");
}

#[test]
fn the_printed_websocat_line_reports_a_wrong_password() {
    let demo = Demo::plain(&[]);
    let screen = Terminal::websocat(&demo, "guess").ended();
    assert!(
        screen.contains("[closed: 4401 the SSH login failed]\r\n"),
        "{screen:?}"
    );
}

#[test]
fn the_printed_websocat_line_reports_a_missing_bridge() {
    let mut demo = Demo::plain(&[]);
    demo.bridge.signal(Signal::TERM);
    demo.bridge.wait_exit(DEADLINE);
    let screen = Terminal::websocat(&demo, "guess").ended();
    assert!(screen.contains("Connection refused"), "{screen:?}");
}
