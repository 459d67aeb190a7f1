//! Whole sessions over TLS, and that their clocks and bounds are those of plain ones.

use crate::common::tls::credulous;
use crate::common::{Admin, DEADLINE, Event, Log, Options, Received, poll};
use crate::site::Site;
use futures_rustls::rustls::version::{TLS12, TLS13};
use rustix::process::Signal;
use serde_json::json;
use std::process::{Command, Stdio};

const MIB: usize = 1024 * 1024;

#[test]
fn a_session_from_login_to_exit_with_either_version() {
    let site = Site::new(&[]);
    for (version, cols) in [(&TLS13, 90), (&TLS12, 91)] {
        let mut client = site.ready(&Options::v1().tls(&credulous(version)));
        client.send_binary(b"typed");
        client.send_json(&json!({ "type": "resize", "cols": cols, "rows": 30 }));
        site.ssh.wait_received(&Received::Resize([cols, 30, 0, 0]));
        site.ssh.output(b"and answered");
        client.output_until("and answered");
        site.ssh.exit(7);
        assert_eq!(client.wait_type("exit")["status"], 7);
        assert_eq!(client.until_close(), (1000, "exit=7".to_owned()));
        assert_eq!(client.recv(), Event::Reset);
    }
    assert_eq!(site.ssh.input(), b"typedtyped");
}

#[test]
fn the_compatible_dialect_speaks_tls_too() {
    let site = Site::new(&[]);
    let mut client = site.connect(&Options::compatible().tls(&site.trust));
    client.login_compatible("u", "p");
    site.ssh.wait_received(&Received::Shell);
    site.ssh.output(b"shell output");
    client.output_until("shell output");
}

#[test]
fn an_ending_has_its_close_code() {
    let settings = [
        "session.idle_timeout=1s",
        "limits.max_connections_per_host=1",
    ];
    let site = Site::new(&settings);
    let mut idle = site.ready(&site.options());
    let mut second = site.connect(&site.options());
    second.auth_v1(&json!({ "username": "u" }));
    assert_eq!(second.until_close().0, 1013);
    assert_eq!(idle.until_close().0, 4410);
    let mut killed = site.ready(&site.options());
    let admin = Admin::of(&site.bridge);
    let id = admin.sessions()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(admin.delete(&format!("/api/v1/sessions/{id}")).status, 202);
    assert_eq!(killed.until_close().0, 4412);
}

#[test]
fn websocat_is_a_client_of_wss() {
    let site = Site::new(&[]);
    let url = format!("wss://{}{}", site.bridge.addr(), site.path());
    let mut websocat = Command::new("websocat")
        .args(["-bE", &url])
        .env("SSL_CERT_FILE", site.files.cert_file())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("websocat starts; run tests/setup.sh first");
    let screen = Log::drain_screen(websocat.stdout.take().unwrap());
    let mut stdin = websocat.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, br#"{"username":"u","password":"p"}"#).unwrap();
    site.ssh.wait_received(&Received::Shell);
    site.ssh.output(b"over wss");
    let shown = screen.wait(DEADLINE, |text| text.contains("over wss").then_some(()));
    assert!(shown.is_some(), "{:?}", screen.text());
    drop(stdin);
    websocat.wait().unwrap();
}

#[test]
fn much_output_and_much_input_arrive_whole() {
    let site = Site::new(&[]);
    let mut client = site.ready(&site.options());
    let numbered = |count: usize| -> Vec<u8> {
        let lines = (0..count / 8).map(|number| format!("{number:07}\n"));
        lines.collect::<String>().into_bytes()
    };
    let output = numbered(32 * MIB);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for chunk in output.chunks(256 * 1024) {
                site.ssh.output(chunk);
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
        site.ssh.wait_input(input.len()) == input,
        "the input differs"
    );
}

/// A client that takes nothing: output is held back, memory stays bounded, the keyboard works, and
/// in the end the stall clock decides.
#[test]
fn who_reads_nothing_is_4513_and_costs_no_memory() {
    let site = Site::new(&["websocket.stall_timeout=3s"]);
    let options = site.options().receive_buffer(4096);
    drop(site.ready(&options));
    site.ssh.wait_received(&Received::Gone);
    let mut client = site.ready(&options);
    site.bridge.reset_peak_memory();
    let before = site.bridge.peak_memory();
    std::thread::scope(|scope| {
        // Ends with the session.
        scope.spawn(|| {
            for _ in 0..64 {
                site.ssh.output_to_all(&vec![b'o'; MIB]);
            }
        });
        let admin = Admin::of(&site.bridge);
        let mut last = 0;
        let held = poll(DEADLINE, || {
            let now = admin.stat("output_bytes");
            let same = now == last && now > 0;
            last = now;
            same.then_some(())
        });
        assert!(held.is_some(), "the output goes on: {last} bytes");
        client.send_binary(&[3]);
        site.ssh.wait_input(1);
        site.bridge.wait_stderr("stalled", DEADLINE);
        site.ssh.wait_count(&Received::Gone, 2);
        // Two socket buffers' worth, not the 64 MiB.
        assert!(last < 4 * MIB as u64, "{last} bytes left the session");
    });
    let peak = site.bridge.peak_memory();
    assert!(peak < before + 8 * MIB as u64, "from {before} to {peak}");
    let key = ("relay".to_owned(), "stalled".to_owned());
    assert_eq!(Admin::of(&site.bridge).ended().get(&key), Some(&1));
}

#[test]
fn a_drain_reaches_clients_of_tls() {
    let mut site = Site::new(&["server.drain_timeout=1s"]);
    let mut client = site.ready(&site.options());
    site.bridge.signal(Signal::TERM);
    assert_eq!(client.wait_type("notice")["kind"], "drain");
    client.send_binary(b"still here");
    site.ssh.wait_input(10);
    assert_eq!(client.until_close().0, 1001);
    assert_eq!(site.bridge.wait_exit(DEADLINE).code(), Some(0));
}
