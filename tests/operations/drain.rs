//! The drain before its deadline: notices to clients, sessions that go on, and the end.

use crate::common::{
    Client, DEADLINE, Event, Fixture, Login, Options, PausedThread, Raw, Received, Round,
    SshScript, poll,
};
use crate::fixture::{self, compatible_shell, fixture_with, get};
use rustix::process::Signal;
use serde_json::json;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Drain timeout that no test waits for: a process that ends before did not wait either.
const FAR: &str = "600s";

fn fixture() -> Fixture {
    fixture::fixture(&format!("--shards 2 --drain-timeout {FAR}"))
}

/// Reads the notice of the drain and checks its deadline.
fn expect_drain_notice(client: &mut Client) {
    let notice = client.wait_type("notice");
    assert_eq!(notice["kind"], "drain", "{notice}");
    let left = notice["deadline_ms"].as_u64().unwrap_or_default();
    assert!((1..=600_000).contains(&left), "{notice}");
}

/// Checks that the bridge ends with 0, because no session is left.
fn ends_by_itself(fixture: &mut Fixture) {
    let status = fixture.bridge.wait_exit(DEADLINE);
    assert_eq!(status.code(), Some(0));
    fixture
        .bridge
        .wait_stderr("all sessions have ended", DEADLINE);
}

#[test]
fn without_sessions_a_signal_ends_the_process_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut fixture = fixture();
        fixture.bridge.signal(signal);
        ends_by_itself(&mut fixture);
    }
}

#[test]
fn sessions_go_on_and_the_process_ends_with_the_last() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut fixture = fixture();
        let mut first = fixture.ready();
        let mut second = fixture.ready();
        fixture.bridge.signal(signal);
        expect_drain_notice(&mut first);
        expect_drain_notice(&mut second);

        first.send_binary(b"still here");
        assert_eq!(fixture.ssh.wait_input(10), b"still here");
        fixture.ssh.output(b"and so am I");
        second.output_until("and so am I");
        second.send_json(&json!({ "type": "resize", "cols": 90, "rows": 30 }));
        fixture.ssh.wait_received(&Received::Resize([90, 30, 0, 0]));

        fixture.ssh.exit(7);
        assert_eq!(second.wait_type("exit")["status"], 7);
        assert_eq!(second.until_close(), (1000, "exit=7".to_owned()));
        assert_eq!(get(fixture.bridge.addr(), "/healthz").status, 200);
        first.send_json(&json!({ "type": "close" }));
        assert_eq!(first.until_close().0, 1000);
        ends_by_itself(&mut fixture);
    }
}

#[test]
fn sessions_of_the_compatible_dialect_go_on_without_a_notice() {
    let mut fixture = fixture();
    let mut client = compatible_shell(&fixture, 1);
    let mut witness = fixture.ready();
    fixture.bridge.signal(Signal::TERM);
    expect_drain_notice(&mut witness);
    client.send_binary(b"typed");
    assert_eq!(fixture.ssh.wait_input(5), b"typed");
    drop(witness);
    client.send(tungstenite::Message::Close(None));
    // Nothing but the answer to the close frame, no text in particular.
    assert!(matches!(client.recv(), Event::Close(..)));
    ends_by_itself(&mut fixture);
}

#[test]
fn a_drain_ends_readiness_and_not_health() {
    let fixture = fixture();
    let ready = get(fixture.bridge.addr(), "/readyz");
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));
    let mut client = fixture.ready();
    fixture.bridge.signal(Signal::TERM);
    expect_drain_notice(&mut client);
    // Both shards are asked, whichever the kernel chooses.
    for _ in 0..8 {
        let ready = get(fixture.bridge.addr(), "/readyz");
        assert_eq!(ready.status, 503, "{ready:?}");
        assert!(ready.header("retry-after").is_some(), "{ready:?}");
        assert_eq!(ready.json()["detail"], "the server is shutting down");
        let health = get(fixture.bridge.addr(), "/healthz");
        assert_eq!((health.status, health.body.as_str()), (200, "alive\n"));
    }
}

#[test]
fn new_sessions_are_refused_in_both_dialects() {
    let mut fixture = fixture();
    let mut old = fixture.ready();
    let mut waiting = fixture.v1();
    waiting.wait_type("hello");
    fixture.bridge.signal(Signal::TERM);
    expect_drain_notice(&mut old);

    let path = fixture.path();
    // Both shards are asked, whichever gets the connection.
    for _ in 0..4 {
        refused_after_auth(fixture.v1());
        let options = Options::compatible();
        let refused = Client::try_connect(fixture.bridge.addr(), &path, &options).err();
        let refused = refused.unwrap_or_else(|| panic!("a new session was let in"));
        assert_eq!(refused.status, 503, "{refused:?}");
        let has = |name: &str| refused.headers.iter().any(|(n, _)| n == name);
        assert!(has("retry-after"), "{refused:?}");
    }
    // It was there before, and had not begun.
    expect_drain_notice(&mut waiting);
    refuse_auth(waiting);
    assert!(!fixture.ssh.received()[1..].contains(&Received::Connected));

    old.send_json(&json!({ "type": "close" }));
    ends_by_itself(&mut fixture);
}

fn refused_after_auth(mut client: Client) {
    client.wait_type("hello");
    expect_drain_notice(&mut client);
    refuse_auth(client);
}

fn refuse_auth(mut client: Client) {
    client.send_json(&json!({ "type": "auth", "username": "u" }));
    let error = client.wait_type("error");
    assert_eq!(error["code"], "drain", "{error}");
    assert_eq!(error["stage"], "auth", "{error}");
    assert_eq!(error["retryable"], true, "{error}");
    let end = (1001, "the server is shutting down".to_owned());
    assert_eq!(client.until_close(), end);
}

/// A session that connects to its target when the drain begins gets its shell.
#[test]
fn a_login_that_has_begun_is_completed() {
    let login = Login::Interactive(vec![Round::of(&[("Code: ", false)])]);
    let args = format!("--drain-timeout {FAR}");
    let mut fixture = fixture_with(SshScript::login(login), &args);
    let mut client = fixture.v1();
    client.auth_v1(&json!({ "username": "u" }));
    let id = client.wait_type("prompt")["id"].clone();
    fixture.bridge.signal(Signal::TERM);
    expect_drain_notice(&mut client);
    client.send_json(&json!({ "type": "answer", "id": id, "answers": ["1"] }));
    client.wait_type("ready");
    fixture.ssh.exit(0);
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    ends_by_itself(&mut fixture);
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    for signals in [
        [Signal::TERM, Signal::TERM],
        [Signal::INT, Signal::INT],
        [Signal::INT, Signal::TERM],
    ] {
        let mut fixture = fixture();
        let mut clients: Vec<Client> = (0..4).map(|_| fixture.ready()).collect();
        fixture.bridge.signal(signals[0]);
        clients.iter_mut().for_each(expect_drain_notice);
        fixture.bridge.signal(signals[1]);
        assert_eq!(fixture.bridge.wait_exit(DEADLINE).code(), Some(0));
        for client in &mut clients {
            let end = client.recv();
            assert!(
                matches!(end, Event::Reset | Event::Close(1001, _)),
                "{end:?}"
            );
        }
    }
}

/// A stuck shard does not delay the end.
#[test]
fn a_second_signal_ends_the_process_though_a_shard_is_stuck() {
    let mut fixture = fixture();
    let _clients: Vec<Client> = (0..4).map(|_| fixture.ready()).collect();
    let hold = PausedThread::stuck(&fixture.bridge, "sshard-1");
    fixture.bridge.signal(Signal::TERM);
    fixture.bridge.wait_stderr("draining", DEADLINE);
    fixture.bridge.signal(Signal::TERM);
    fixture
        .bridge
        .wait_stderr("the process ends without it", DEADLINE);
    // The kernel keeps a process while a thread of it is held by a tracer.
    drop(hold);
    assert_eq!(fixture.bridge.wait_exit(DEADLINE).code(), Some(0));
}

/// Connections that are no session when the drain begins, or that arrive later, cannot become one:
/// silence, half a request, an upgrade without a login. One of each, again and again.
#[test]
fn connections_without_a_session_do_not_extend_a_drain() {
    let args = format!("--drain-timeout {FAR} --set server.upgrade_timeout=1h");
    let mut fixture = fixture::fixture(&args);
    let (addr, path) = (fixture.bridge.addr(), fixture.path());
    let open = || {
        let mut held = vec![Raw::connect(addr), Raw::connect(addr)];
        // Each may find the server gone.
        let _ = held[1].try_send(b"GET /healthz HTTP/1.1\r\n");
        let upgraded = Client::try_connect(addr, &path, &Options::v1());
        (held, upgraded)
    };
    let mut session = fixture.ready();
    let _silent = Raw::connect(addr);
    fixture.bridge.signal(Signal::TERM);
    expect_drain_notice(&mut session);
    let mut others: Vec<_> = (0..3).map(|_| open()).collect();
    let late = others[0].1.as_mut();
    let late = late.unwrap_or_else(|refused| panic!("{refused:?}"));
    late.wait_type("hello");
    expect_drain_notice(late);
    session.send_binary(b"still here");
    assert_eq!(fixture.ssh.wait_input(10), b"still here");
    session.send_json(&json!({ "type": "close" }));
    assert_eq!(session.until_close().0, 1000);
    // It ends with the last session, and gets an error.
    let error = late.wait_type("error");
    assert_eq!(error["code"], "drain", "{error}");
    assert_eq!(late.until_close().0, 1001);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (stop, open) = (&stop, move || TcpStream::connect(addr));
        scope.spawn(move || {
            let mut held = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                held.extend(open());
                std::thread::park_timeout(Duration::from_millis(20));
            }
        });
        let ended = poll(DEADLINE, || fixture.bridge.has_exited().then_some(()));
        stop.store(true, Ordering::Relaxed);
        assert!(ended.is_some(), "still there");
    });
    ends_by_itself(&mut fixture);
}
