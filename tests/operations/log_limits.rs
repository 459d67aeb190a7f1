//! Limits of log lines that untrusted peers can cause at will.

use crate::common::raw::{Answer, Raw};
use crate::common::{Client, DEADLINE, Fixture, Options, wait_until};
use crate::fixture::{fixture, get};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use serde_json::json;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

const FLOODER: Ipv4Addr = Ipv4Addr::new(127, 6, 6, 6);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 7, 7, 7);

/// Asks for an upgrade from this address.
fn ask(fixture: &Fixture, client: Ipv4Addr) -> (Raw, Answer) {
    let mut raw = Raw::connect_from(fixture.bridge.addr(), client);
    let answer = raw.ask(fixture.bridge.addr(), &fixture.path(), &Options::v1());
    (raw, answer)
}

/// Runs a session that ends before its login, with one line in the log.
fn anonymous_session(fixture: &Fixture, client: Ipv4Addr) {
    let (mut raw, answer) = ask(fixture, client);
    assert_eq!(answer.status, 101);
    raw.send_frame(0x88, &[]);
    raw.rest();
}

fn count(log: &str, words: [&str; 2]) -> usize {
    let has = |line: &&str| words.iter().all(|word| line.contains(word));
    log.lines().filter(has).count()
}

#[test]
fn lines_of_sessions_without_a_login_suppress_no_others() {
    const SESSIONS: usize = 400;
    let mut fixture = fixture("--shards 2");
    for _ in 0..SESSIONS {
        anonymous_session(&fixture, FLOODER);
    }
    anonymous_session(&fixture, OTHER);
    let mut logged_in: Vec<_> = (0..80).map(|_| fixture.ready()).collect();
    for client in &mut logged_in {
        client.send_json(&json!({ "type": "close" }));
        client.until_close();
    }
    drop(logged_in);
    fixture.bridge.signal(Signal::TERM);
    assert_eq!(fixture.bridge.wait_exit(DEADLINE).code(), Some(0));
    let log = fixture.bridge.whole_stderr();
    let flooder = count(&log, ["client=127.6.6.6 ", "session ended"]);
    assert!((64..SESSIONS / 2).contains(&flooder), "{flooder} lines");
    assert_eq!(count(&log, ["client=127.7.7.7 ", "session ended"]), 1);
    for line in ["session ready", "session ended"] {
        assert_eq!(count(&log, ["client=127.0.0.1 ", line]), 80);
    }
    // Counted, and said at the latest at the end.
    let said = log.lines().filter(|line| line.contains("were suppressed"));
    let number = |line: &str| line.rsplit_once("lines=")?.1.parse::<usize>().ok();
    let left_out: usize = said.filter_map(number).sum();
    assert_eq!(left_out + flooder, SESSIONS, "{log}");
}

/// The log line about a session that fails names it, and its client.
#[test]
fn a_line_about_a_failure_names_its_session() {
    let fixture = fixture("--allow 127.0.0.1:1");
    let mut client = Client::connect(fixture.bridge.addr(), "/ws/127.0.0.1/1", &Options::v1());
    client.auth_v1(&json!({ "username": "u" }));
    assert_eq!(client.until_close().0, 4502);
    fixture.bridge.wait_stderr("session ended", DEADLINE);
    let log = fixture.bridge.stderr();
    let mut lines = log.lines();
    let line = lines.find(|line| line.contains("no connection to the target"));
    let named = |line: &str| line.contains("session{id=") && line.contains("client=127.0.0.1 ");
    assert!(line.is_some_and(named), "{log}");
}

/// The limit of open files is so low that no connection can be accepted.
#[test]
fn a_lack_of_open_files_is_logged_once_per_ten_seconds() {
    let fixture = fixture("--shards 2");
    let pid = Pid::from_raw(fixture.bridge.pid().cast_signed());
    let maximum = getrlimit(Resource::Nofile).maximum;
    let set = |current: Option<u64>| {
        let limit = Rlimit { current, maximum };
        prlimit(pid, Resource::Nofile, limit).unwrap()
    };
    let before = set(Some(fixture.bridge.fds() as u64));
    let admin = fixture.bridge.admin_addr();
    let held = [fixture.bridge.addr(), admin].map(|addr| TcpStream::connect(addr).unwrap());
    let said = [
        "cannot accept connections for now",
        "cannot accept an admin connection",
    ];
    for line in said {
        fixture.bridge.wait_stderr(line, DEADLINE);
    }
    // What is measured is how much is said in that time: a line each 100 ms, were it not limited.
    std::thread::park_timeout(Duration::from_secs(2));
    for line in said {
        let lines = count(&fixture.bridge.stderr(), [line, ""]);
        assert!((1..=2).contains(&lines), "{lines} lines: {line}");
    }
    set(before.current);
    drop(held);
    let served = || get(fixture.bridge.addr(), "/healthz").status == 200;
    wait_until("it accepts again", served);
}

/// A client that is refused has a line of its own, however often another is refused.
#[test]
fn refusals_of_one_client_suppress_no_others() {
    let fixture = fixture("--shards 1 --set limits.max_connections_per_client=1");
    let held = [FLOODER, OTHER].map(|client| {
        let (raw, answer) = ask(&fixture, client);
        assert_eq!(answer.status, 101);
        raw
    });
    for _ in 0..50 {
        assert_eq!(ask(&fixture, FLOODER).1.status, 503);
    }
    assert_eq!(ask(&fixture, OTHER).1.status, 503);
    let refused = "connection refused: a limit is reached client=";
    fixture
        .bridge
        .wait_stderr(&format!("{refused}127.7.7.7"), DEADLINE);
    let lines = count(&fixture.bridge.stderr(), [refused, "client=127.6.6.6"]);
    assert!((1..=2).contains(&lines), "{lines} lines");
    drop(held);
}
