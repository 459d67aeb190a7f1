//! `sshard demo`: what it prints works as printed.

use crate::common::{Bridge, Client, DEADLINE, Log, Options, poll, run};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use rustix::process::Signal;
use serde_json::json;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};

const LAST_LINE: &str = "Ctrl-C here stops the demo.\n";

struct Demo {
    bridge: Bridge,
    text: String,
}

impl Demo {
    fn start(more: &[&str], env: &[(&str, &str)]) -> Self {
        let args = [&["demo", "--listen", "127.0.0.1:0"][..], more].concat();
        let bridge = Bridge::command(&args, env);
        bridge.wait_stdout(LAST_LINE, DEADLINE);
        let text = bridge.stdout();
        Self { bridge, text }
    }

    /// What is printed behind this name.
    fn printed(&self, name: &str) -> &str {
        let found = self.text.lines().find_map(|line| line.strip_prefix(name));
        found
            .unwrap_or_else(|| panic!("no {name:?}: {}", self.text))
            .trim()
    }

    /// A client of what is printed, logged in.
    fn login(&self) -> Client {
        let url = self.printed("A terminal is at");
        let path = url.strip_prefix(&format!("ws://{}", self.bridge.addr()));
        let path = path.unwrap_or_else(|| panic!("{url}"));
        let mut client = Client::connect(self.bridge.addr(), path, &Options::v1());
        client.login_v1(self.printed("user"), self.printed("password"));
        client
    }
}

#[test]
fn the_printed_user_and_password_get_in() {
    let demo = Demo::start(&[], &[]);
    let mut client = demo.login();
    client.output_until("demo$ ");
    client.send_json(&json!({ "type": "resize", "cols": 97, "rows": 31 }));
    client.send_binary(b"size\r");
    client.output_until("97 x 31");
    client.send_binary(b"exit 5\r");
    assert_eq!(client.until_close(), (1000, "exit=5".to_owned()));
}

#[test]
fn the_printed_link_leads_to_the_page_with_a_login_in_its_fragment() {
    let demo = Demo::start(&["--set", "server.path_prefix=/term"], &[]);
    let link = demo.printed("In a browser");
    let start = format!("http://{}/term/#login=", demo.bridge.addr());
    let login = link.strip_prefix(&start);
    let login = login.unwrap_or_else(|| panic!("{link}"));
    let login = Base64UrlUnpadded::decode_vec(login).unwrap();
    let login: serde_json::Value = serde_json::from_slice(&login).unwrap();
    assert_eq!(login["target"], "demo");
    let mut client = Client::connect(demo.bridge.addr(), "/term/ws/demo", &Options::v1());
    client.login_v1(
        login["username"].as_str().unwrap(),
        login["password"].as_str().unwrap(),
    );
    client.output_until("demo$ ");
}

#[test]
fn another_password_does_not_get_in() {
    let demo = Demo::start(&[], &[]);
    let mut client = Client::connect(demo.bridge.addr(), "/ws/demo", &Options::v1());
    client.auth_v1(&json!({ "username": demo.printed("user"), "password": "guess" }));
    assert_eq!(client.until_close().0, 4401);
}

#[test]
fn each_demo_has_a_password_of_its_own() {
    let (one, other) = (Demo::start(&[], &[]), Demo::start(&[], &[]));
    assert_ne!(one.printed("password"), other.printed("password"));
}

/// What it prints would not work.
#[test]
fn it_speaks_neither_tls_nor_to_proxies() {
    let tls = ["tls.cert_file=/x", "tls.key_file=/x"];
    let proxied = [
        "server.listen=127.0.0.1:1",
        "server.proxy_protocol=127.0.0.1:1",
    ];
    for [first, second] in [tls, proxied] {
        let refused = run(&["demo", "--set", first, "--set", second], &[]);
        assert_eq!(refused.code, Some(78), "{refused:?}");
        let said = "no tls, no server.proxy_protocol";
        assert!(refused.stderr.contains(said), "{refused:?}");
    }
}

/// A line run by bash on a terminal, as a person would.
struct Terminal {
    process: Child,
    stdin: ChildStdin,
    screen: Log,
}

impl Terminal {
    fn run(line: &str) -> Self {
        let mut process = Command::new("script")
            .args(["-qec", line, "/dev/null"])
            .env("SHELL", "/bin/bash")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script starts; run tests/setup.sh first");
        Self {
            stdin: process.stdin.take().unwrap(),
            screen: Log::drain_screen(process.stdout.take().unwrap()),
            process,
        }
    }

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
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether every client of `server` (IPv4) has read all there was, the end included: until it
/// has, the end counts as a byte that waits (`/proc/net/tcp`: states 01 established, 08
/// close-wait, 04 and 05 after our own end).
fn has_read_all(server: SocketAddr) -> bool {
    let port = format!(":{:04X}", server.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    !table.lines().any(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (remote, state, queues) = (columns[2], columns[3], columns[4]);
        let open = matches!(state, "01" | "04" | "05" | "08");
        remote.ends_with(&port) && open && (state == "01" || !queues.ends_with(":00000000"))
    })
}

#[test]
fn the_printed_websocat_line_is_a_terminal() {
    let demo = Demo::start(&[], &[]);
    let line = demo.text.lines().find(|line| line.contains("websocat -"));
    let line = line.unwrap_or_else(|| panic!("{}", demo.text));
    let mut terminal = Terminal::run(&format!("{line}; stty -a; echo over"));
    terminal.wait("demo$ ");
    terminal.type_keys("echo hello-\x7f!\r");
    // Not as it is typed, but as the answer.
    terminal.wait("\nhello!\r\n");
    // Raw: this one goes to the other side, and does not end websocat.
    terminal.type_keys("count 1000000\r");
    terminal.wait("\n17\r\n");
    terminal.type_keys("\x03");
    terminal.type_keys("echo after\r");
    terminal.wait("\nafter\r\n");
    terminal.type_keys("exit\r");
    demo.bridge.wait_stderr("session ended", DEADLINE);
    // A key that websocat reads before the end would be sent, and not count.
    let read = poll(DEADLINE, || has_read_all(demo.bridge.addr()).then_some(()));
    assert!(read.is_some(), "websocat has not read the end");
    // As printed: "and one more key".
    terminal.type_keys("x");
    terminal.wait("over\r\n");
    let screen = terminal.screen.text();
    let settings = screen.rsplit_once("speed").unwrap().1;
    assert!(
        settings.contains(" icanon") && settings.contains(" echo "),
        "{screen:?}"
    );
    let status = poll(DEADLINE, || terminal.process.try_wait().unwrap());
    assert_eq!(status.and_then(|status| status.code()), Some(0));
}

#[test]
fn with_shell_it_is_the_shell_of_the_user() {
    let demo = Demo::start(&["--shell"], &[("SHELL", "/bin/bash")]);
    let mut client = demo.login();
    client.send_binary(b"echo bash=${BASH_VERSION%%.*}. tty=$(tty)\n");
    client.output_until("tty=/dev/pts/");
    client.send_binary(b"exit 6\n");
    assert_eq!(client.until_close(), (1000, "exit=6".to_owned()));
}

#[test]
fn on_ipv6_loopback_too() {
    let bridge = Bridge::command(&["demo", "--listen", "[::1]:0"], &[]);
    bridge.wait_stdout(LAST_LINE, DEADLINE);
    let url = format!("ws://{}/ws/demo", bridge.addr());
    assert!(bridge.stdout().contains(&url), "{}", bridge.stdout());
}

#[test]
fn addresses_others_can_reach_are_refused() {
    // Neither by mistake nor on purpose.
    for more in [&[][..], &["--set", "server.allow_plaintext=true"]] {
        for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
            let refused = run(&[&["demo", "--listen", listen][..], more].concat(), &[]);
            assert_eq!(refused.code, Some(78), "{refused:?}");
            assert!(refused.stderr.contains(listen), "{refused:?}");
            assert!(!refused.stdout.contains("password"), "{refused:?}");
        }
    }
}

#[test]
fn a_signal_ends_it_with_its_sessions() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut demo = Demo::start(&["--set", "server.drain_timeout=1ms"], &[]);
        let mut client = demo.login();
        demo.bridge.signal(signal);
        assert_eq!(client.until_close().0, 1001);
        assert_eq!(demo.bridge.wait_exit(DEADLINE).code(), Some(0));
    }
}
