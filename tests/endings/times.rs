//! The time from a close frame to the end of TCP, for every close code a test can cause.

use crate::common::fixture::{bridge_to, path_to};
use crate::common::raw::{Raw, frame};
use crate::common::{
    Admin, DEADLINE, Fixture, Login, Options, ScriptedSsh, SshScript, closed_port, poll, wait_until,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The bridge closes what does not close itself after 2 s.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(2);

/// The machine is shared: what is quick in one of so many attempts is quick.
const ATTEMPTS: usize = 3;

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

/// Reaction of an honest client to a close frame.
#[derive(Debug, Clone, Copy)]
enum Client {
    /// As browsers do: answers, and waits for the server to end TCP.
    Answers,
    /// Ends TCP when the server does.
    Closes,
}

struct Row {
    code: u16,
    about: &'static str,
    script: SshScript,
    settings: &'static [&'static str],
    /// Causes the end.
    cause: fn(&Fixture, &mut Raw),
}

fn row(code: u16, about: &'static str, cause: fn(&Fixture, &mut Raw)) -> Row {
    Row {
        code,
        about,
        script: SshScript::default(),
        settings: &[],
        cause,
    }
}

impl Row {
    fn with(mut self, settings: &'static [&'static str]) -> Self {
        self.settings = settings;
        self
    }

    fn script(mut self, script: SshScript) -> Self {
        self.script = script;
        self
    }
}

fn send(raw: &mut Raw, message: &Value) {
    raw.send_frame(TEXT, message.to_string().as_bytes());
}

fn auth(raw: &mut Raw) {
    send(
        raw,
        &json!({ "type": "auth", "username": "u", "password": "p" }),
    );
}

fn admin(fixture: &Fixture) -> Admin {
    Admin::of(&fixture.bridge)
}

fn of_rfc_6455() -> Vec<Row> {
    vec![
        row(1000, "a close frame of the client", |_, raw| {
            raw.login_v1();
            raw.send_frame(CLOSE, &1000_u16.to_be_bytes());
        }),
        row(1000, "the message `close`", |_, raw| {
            raw.login_v1();
            send(raw, &json!({ "type": "close" }));
        }),
        row(1000, "the process ends", |fixture, raw| {
            raw.login_v1();
            fixture.ssh.exit(3);
        }),
        row(1001, "drain", |fixture, raw| {
            raw.login_v1();
            assert_eq!(admin(fixture).post("/api/v1/drain").status, 202);
        })
        .with(&["server.drain_timeout=300ms"]),
        row(1002, "a reserved bit", |_, raw| raw.send_frame(0xc1, b"{}")),
        row(1002, "no mask", |_, raw| {
            raw.login_v1();
            raw.send(&frame(0x82, None, b"x"));
        }),
        row(1002, "a length with its highest bit", |_, raw| {
            raw.send(&[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
        }),
        row(1007, "no UTF-8", |_, raw| raw.send_frame(TEXT, b"\xff")),
        row(1007, "no UTF-8, with a shell", |_, raw| {
            raw.login_v1();
            raw.send_frame(TEXT, b"\xff");
        }),
        row(1008, "pings", |_, raw| {
            raw.send(&frame(0x89, Some([0; 4]), b"").repeat(2000));
        }),
        row(1009, "too large", |_, raw| {
            raw.login_v1();
            raw.send_frame(0x82, &vec![0; 200_000]);
        }),
    ]
}

fn of_the_bridge() -> Vec<Row> {
    vec![
        row(1013, "a limit", |fixture, raw| {
            let _first = fixture.raw_ready();
            auth(raw);
            // It holds the slot until the answer is there.
            while raw.text()["type"] != "error" {}
        })
        .with(&["limits.max_connections_per_host=1"]),
        row(4400, "no message", |_, raw| raw.send_frame(TEXT, b"{}")),
        row(4400, "no message, with a shell", |_, raw| {
            raw.login_v1();
            raw.send_frame(TEXT, b"nonsense");
        }),
        row(4408, "no auth", |_, _| {}).with(&["session.auth_timeout=300ms"]),
        row(4410, "idle", |_, raw| drop(raw.login_v1())).with(&["session.idle_timeout=300ms"]),
        row(4411, "old", |_, raw| drop(raw.login_v1())).with(&["session.max_lifetime=300ms"]),
        row(4412, "killed", |fixture, raw| {
            let ready = raw.login_v1();
            let path = format!("/api/v1/sessions/{}", ready["session"].as_str().unwrap());
            assert!(admin(fixture).delete(&path).status < 300);
        }),
        row(4513, "held", |fixture, raw| {
            raw.login_v1();
            send(raw, &json!({ "type": "hold" }));
            raw.wait_processed();
            fixture.ssh.output(b"waits");
        })
        .with(&["session.hold_timeout=300ms"]),
        row(4514, "no pong", |_, raw| drop(raw.login_v1()))
            .with(&["websocket.ping_interval=2s", "websocket.max_missed_pongs=1"]),
    ]
}

fn of_the_target() -> Vec<Row> {
    let password = || SshScript::login(Login::Password("another"));
    vec![
        row(4401, "a wrong password", |_, raw| auth(raw)).script(password()),
        row(4409, "an unknown host key", |_, raw| auth(raw)).with(&[
            "ssh.host_key_policy=strict",
            "ssh.known_hosts=/does/not/exist",
        ]),
        row(4503, "the connection breaks", |fixture, raw| {
            raw.login_v1();
            fixture.ssh.break_connections();
        }),
    ]
}

/// A server that takes little at once.
fn small_window() -> SshScript {
    SshScript {
        window: 4096,
        ..SshScript::default()
    }
}

/// Sends more than the bridge holds: it stops reading, if the server takes none of it.
fn fill_input(fixture: &Fixture, raw: &mut Raw) {
    let before = admin(fixture).stat("input_bytes");
    for _ in 0..10 {
        raw.send_frame(0x82, &[b'x'; 16 * 1024]);
    }
    wait_until("input that waits", || {
        admin(fixture).stat("input_bytes") > before + 64 * 1024
    });
}

/// Reads up to the close frame, does what the client does, and waits for the end: its code, and the
/// time from the frame to the end.
fn close(raw: &mut Raw, client: Client) -> (u16, Duration) {
    let (code, _) = raw.until_close();
    let start = Instant::now();
    match client {
        // A bridge that has it already reads no more.
        Client::Answers => {
            drop(raw.try_send(&frame(CLOSE, Some([1, 2, 3, 4]), &code.to_be_bytes())))
        }
        Client::Closes => {}
    }
    raw.rest();
    (code, start.elapsed())
}

fn check(about: &str, code: u16, mut once: impl FnMut() -> (u16, Duration)) -> Option<String> {
    let mut times = Vec::new();
    for _ in 0..ATTEMPTS {
        let (got, time) = once();
        if got != code {
            return Some(format!("{about}: {got} and not {code}"));
        }
        times.push(time);
        if time < CLOSING_TIMEOUT / 4 {
            println!("{code} {about}: {time:?}");
            return None;
        }
    }
    Some(format!("{code} {about}: TCP ended after {times:?}"))
}

#[test]
fn tcp_ends_when_the_client_has_answered_the_close() {
    let mut wrong = Vec::new();
    let rows = [of_rfc_6455(), of_the_bridge(), of_the_target()];
    for row in rows.into_iter().flatten() {
        for client in [Client::Answers, Client::Closes] {
            wrong.extend(check(
                &format!("{} ({client:?})", row.about),
                row.code,
                || {
                    let fixture = Fixture::with(row.script.clone(), row.settings);
                    let mut raw = fixture.raw();
                    assert_eq!(raw.text()["type"], "hello");
                    (row.cause)(&fixture, &mut raw);
                    close(&mut raw, client)
                },
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Targets that cannot be reached.
#[test]
fn tcp_ends_when_there_was_no_target() {
    let closed = closed_port();
    let allowed = ScriptedSsh::start(SshScript::default());
    let bridge = bridge_to(&[closed, allowed.addr()], &[]);
    let refused = "/ws/192.0.2.1/22".to_owned();
    let mut wrong = Vec::new();
    for (code, path) in [(4403, refused), (4502, path_to(closed))] {
        wrong.extend(check(&path, code, || {
            let mut raw = Raw::upgrade(bridge.addr(), &path, &Options::v1());
            auth(&mut raw);
            close(&mut raw, Client::Answers)
        }));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the code of the close frame, and the time from there until the bridge has no descriptor
/// more than `before`, while the client answers and leaves TCP open.
fn release(fixture: &Fixture, raw: &mut Raw, before: usize) -> (u16, Duration) {
    let (code, _) = raw.until_close();
    let start = Instant::now();
    let answer = frame(CLOSE, Some([1, 2, 3, 4]), &code.to_be_bytes());
    // It may have gone already.
    let _ = raw.try_send(&answer);
    let gone = || (fixture.bridge.fds() <= before).then_some(());
    poll(DEADLINE, gone).expect("the descriptor is given back");
    (code, start.elapsed())
}

#[test]
fn input_that_waits_holds_nothing_back_at_the_end() {
    let fixture = Fixture::with(small_window(), &[]);
    type Cause = fn(&Fixture);
    // A server that takes no input at all does not report an exit either.
    let causes: [(u16, bool, Cause); 2] = [
        (1000, false, |fixture| fixture.ssh.exit(3)),
        (4503, true, |fixture| fixture.ssh.break_connections()),
    ];
    for (code, takes_none, cause) in causes {
        fixture.ssh.pause_input(false);
        let before = fixture.bridge.fds();
        let problem = check("descriptors", code, || {
            let mut raw = fixture.raw();
            raw.login_v1();
            fixture.ssh.pause_input(takes_none);
            fill_input(&fixture, &mut raw);
            cause(&fixture);
            release(&fixture, &mut raw, before)
        });
        assert_eq!(problem, None);
    }
}

/// A write fails then, and nothing more can be read.
#[test]
fn a_client_that_resets_while_its_input_waits_costs_no_cpu_time() {
    let fixture = Fixture::with(small_window(), &["websocket.ping_interval=100ms"]);
    let mut raw = fixture.raw();
    raw.login_v1();
    fixture.ssh.pause_input(true);
    fill_input(&fixture, &mut raw);
    let (start, before) = (Instant::now(), fixture.bridge.cpu_time());
    raw.reset();
    fixture
        .bridge
        .wait_stderr("reason=\"client-gone\"", DEADLINE);
    let (elapsed, used) = (start.elapsed(), fixture.bridge.cpu_time() - before);
    assert!(used < elapsed / 2, "{used:?} of CPU time in {elapsed:?}");
}

/// The client's answer ends the session, too, although TCP stays open on its side.
#[test]
fn an_answered_close_frame_releases_the_sessions_resources() {
    let fixture = Fixture::new(&[]);
    let bytes: [(u16, Vec<u8>); 3] = [
        (1002, frame(0xc1, Some([0; 4]), b"{}")),
        (1007, frame(TEXT, Some([0; 4]), b"\xff")),
        (1009, frame(TEXT, Some([0; 4]), &vec![b' '; 100_000])),
    ];
    for (code, bytes) in bytes {
        let before = fixture.bridge.fds();
        let problem = check("descriptors", code, || {
            let mut raw = fixture.raw();
            raw.send(&bytes);
            release(&fixture, &mut raw, before)
        });
        assert_eq!(problem, None);
    }
}
