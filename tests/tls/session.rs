//! Whole sessions over TLS, with the timeouts and bounds of plain ones.

use crate::common::tls::accepting_any_certificate;
use crate::common::{Admin, DEADLINE, Event, Log, Options, Received, poll};
use crate::fixture::TlsFixture;
use futures_rustls::rustls::version::{TLS12, TLS13};
use rustix::process::Signal;
use serde_json::json;
use std::process::{Command, Stdio};

const MIB: usize = 1024 * 1024;

#[test]
fn sessions_work_with_tls_1_2_and_1_3() {
    let fixture = TlsFixture::new(&[]);
    for (version, cols) in [(&TLS13, 90), (&TLS12, 91)] {
        let mut client = fixture.ready(&Options::v1().tls(&accepting_any_certificate(version)));
        client.send_binary(b"typed");
        client.send_json(&json!({ "type": "resize", "cols": cols, "rows": 30 }));
        fixture
            .ssh
            .wait_received(&Received::Resize([cols, 30, 0, 0]));
        fixture.ssh.output(b"and answered");
        client.output_until("and answered");
        fixture.ssh.exit(7);
        assert_eq!(client.wait_type("exit")["status"], 7);
        assert_eq!(client.until_close(), (1000, "exit=7".to_owned()));
        assert_eq!(client.recv(), Event::Reset);
    }
    assert_eq!(fixture.ssh.input(), b"typedtyped");
}

#[test]
fn the_compatible_dialect_works_over_tls() {
    let fixture = TlsFixture::new(&[]);
    let mut client = fixture.connect(&Options::compatible().tls(&fixture.trust));
    client.login_compatible("u", "p");
    fixture.ssh.wait_received(&Received::Shell);
    fixture.ssh.output(b"shell output");
    client.output_until("shell output");
}

#[test]
fn close_codes_arrive_over_tls() {
    let settings = [
        "session.idle_timeout=5s",
        "limits.max_connections_per_host=1",
    ];
    let fixture = TlsFixture::new(&settings);
    let mut idle = fixture.ready(&fixture.options());
    let mut second = fixture.connect(&fixture.options());
    second.auth_v1(&json!({ "username": "u" }));
    assert_eq!(second.until_close().0, 1013);
    assert_eq!(idle.until_close().0, 4410);
    let mut killed = fixture.ready(&fixture.options());
    let admin = Admin::of(&fixture.bridge);
    let id = admin.only_session();
    assert_eq!(admin.delete(&format!("/api/v1/sessions/{id}")).status, 202);
    assert_eq!(killed.until_close().0, 4412);
}

#[test]
fn websocat_connects_over_wss() {
    let fixture = TlsFixture::new(&[]);
    let url = format!("wss://{}{}", fixture.bridge.addr(), fixture.path());
    let mut websocat = Command::new("websocat")
        .args(["-bE", &url])
        .env("SSL_CERT_FILE", fixture.files.cert_file())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("websocat starts; run tests/setup.sh first");
    let screen = Log::drain_screen(websocat.stdout.take().unwrap());
    let mut stdin = websocat.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, br#"{"username":"u","password":"p"}"#).unwrap();
    fixture.ssh.wait_received(&Received::Shell);
    fixture.ssh.output(b"over wss");
    let shown = screen.wait(DEADLINE, |text| text.contains("over wss").then_some(()));
    assert!(shown.is_some(), "{:?}", screen.text());
    drop(stdin);
    websocat.wait().unwrap();
}

#[test]
fn bulk_output_and_bulk_input_arrive_complete() {
    let fixture = TlsFixture::new(&[]);
    let mut client = fixture.ready(&fixture.options());
    let numbered = |count: usize| -> Vec<u8> {
        let lines = (0..count / 8).map(|number| format!("{number:07}\n"));
        lines.collect::<String>().into_bytes()
    };
    let output = numbered(32 * MIB);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for chunk in output.chunks(256 * 1024) {
                fixture.ssh.output(chunk);
            }
        });
        while client.output.len() < output.len() {
            match client.recv() {
                Event::Output(bytes) => client.output.extend(bytes),
                other => panic!("{other:?} after {} bytes", client.output.len()),
            }
        }
    });
    assert!(client.output == output, "the output differs");
    let input = numbered(MIB);
    for chunk in input.chunks(32 * 1024) {
        client.send_binary(chunk);
    }
    assert!(
        fixture.ssh.wait_input(input.len()) == input,
        "the input differs"
    );
}

/// Output is held back, memory stays bounded, input works, and the stall timeout ends the session.
#[test]
fn a_client_that_reads_nothing_is_ended_as_stalled_and_costs_no_memory() {
    let fixture = TlsFixture::new(&["websocket.stall_timeout=3s"]);
    let options = fixture.options().receive_buffer(4096);
    drop(fixture.ready(&options));
    fixture.ssh.wait_received(&Received::Gone);
    let mut client = fixture.ready(&options);
    fixture.bridge.reset_peak_memory();
    let before = fixture.bridge.peak_memory();
    std::thread::scope(|scope| {
        // Ends with the session.
        scope.spawn(|| {
            for _ in 0..64 {
                fixture.ssh.output_to_all(&vec![b'o'; MIB]);
            }
        });
        let admin = Admin::of(&fixture.bridge);
        let mut last = 0;
        let held = poll(DEADLINE, || {
            let now = admin.stat("output_bytes");
            let same = now == last && now > 0;
            last = now;
            same.then_some(())
        });
        assert!(held.is_some(), "the output goes on: {last} bytes");
        client.send_binary(&[3]);
        fixture.ssh.wait_input(1);
        fixture.bridge.wait_stderr("stalled", DEADLINE);
        fixture.ssh.wait_count(&Received::Gone, 2);
        // Two socket buffers' worth, not the 64 MiB.
        assert!(last < 4 * MIB as u64, "{last} bytes left the session");
    });
    let peak = fixture.bridge.peak_memory();
    assert!(peak < before + 8 * MIB as u64, "from {before} to {peak}");
    let admin = Admin::of(&fixture.bridge);
    // The end is logged before it is counted.
    admin.wait_empty();
    let key = ("relay".to_owned(), "stalled".to_owned());
    assert_eq!(admin.ended().get(&key), Some(&1));
}

#[test]
fn a_drain_reaches_clients_of_tls() {
    let mut fixture = TlsFixture::new(&["server.drain_timeout=4s"]);
    let mut client = fixture.ready(&fixture.options());
    fixture.bridge.signal(Signal::TERM);
    assert_eq!(client.wait_type("notice")["kind"], "drain");
    client.send_binary(b"still here");
    fixture.ssh.wait_input(10);
    assert_eq!(client.until_close().0, 1001);
    assert_eq!(fixture.bridge.wait_exit(DEADLINE).code(), Some(0));
}
