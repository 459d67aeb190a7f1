//! Scripts of `loadtest/k6` under the stand-in of `tests/k6`, against a bridge and a sink: each
//! scenario counts exactly what its settings demand. k6 itself is not installed.

use crate::common::fixture::{bridge_to, path_to, wait_disconnected};
use crate::common::{Bridge, DEADLINE, Finished};
use serde_json::Value;
use sshard_load::sink::{self, SinkOptions};
use sshard_ssh_server::Server;
use std::fs;
use std::path::Path;
use std::process::Command;

const MIB: u64 = 1024 * 1024;
/// 2 VUs of 3 sockets, for a second; thresholds that judge no times.
const SMALL: &str = "VUS=2 SOCKETS=3 DURATION=1 RATE=10 READY_MS=1000000 ECHO_MS=1000000";

struct Fixture {
    bridge: Bridge,
    sink: Server,
}

struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    /// Content of the file SUMMARY; null without one.
    json: Value,
}

impl Fixture {
    fn new() -> Self {
        let sink = sink::start(&SinkOptions::default()).unwrap();
        let bridge = bridge_to(&[sink.address], &["limits.max_connections_per_host=100"]);
        Self { bridge, sink }
    }

    /// Runs `terminals.js` with these settings, `NAME=VALUE` each.
    fn script(&self, settings: &str) -> Ended {
        let url = format!("ws://{}{}", self.bridge.addr(), path_to(self.sink.address));
        script(&format!("SSHARD_URL={url} {settings}"))
    }

    /// Runs [`Fixture::script`] with [`SMALL`] settings and these, without any failure.
    fn run_without_failures(&self, settings: &str) -> Ended {
        let ended = self.script(&format!("{SMALL} {settings}"));
        let all = format!("{settings}:\n{}\n{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, Some(0), "{all}");
        assert_eq!(ended.value("session_failed", "rate"), 0.0, "{all}");
        // Every session it counted was one, and none is left.
        let count = ended.count("session_ends");
        assert_eq!(ended.count("session_ready"), count, "{all}");
        wait_disconnected(&self.sink);
        ended
    }
}

impl Ended {
    fn value(&self, metric: &str, what: &str) -> f64 {
        let value = &self.json["summary"]["metrics"][metric]["values"][what];
        value
            .as_f64()
            .unwrap_or_else(|| panic!("{metric} {what}: {}", self.json))
    }

    fn count(&self, metric: &str) -> u64 {
        self.value(metric, "count") as u64
    }
}

fn script(settings: &str) -> Ended {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = tempfile::tempdir().unwrap();
    let summary = directory.path().join("summary.json");
    let mut command = Command::new("node");
    command
        .arg(root.join("tests/k6/stand-in.js"))
        .arg(root.join("loadtest/k6/terminals.js"))
        .current_dir(directory.path())
        .env("NODE_PATH", "/usr/share/nodejs")
        .env("SUMMARY", &summary)
        .envs(settings.split(' ').filter_map(|word| word.split_once('=')));
    let ended = Finished::of(&mut command, 2 * DEADLINE, "the stand-in");
    let json = fs::read_to_string(summary);
    Ended {
        code: ended.code,
        stdout: ended.stdout,
        stderr: ended.stderr,
        json: json.map_or(Value::Null, |json| serde_json::from_str(&json).unwrap()),
    }
}

#[test]
fn every_key_is_typed_and_echoed_in_both_dialects() {
    let fixture = Fixture::new();
    for scenario in ["typing", "resize"] {
        for dialect in ["v1", "compatible"] {
            let ended =
                fixture.run_without_failures(&format!("SCENARIO={scenario} DIALECT={dialect}"));
            assert_eq!(ended.count("session_ends"), 6);
            assert_eq!(ended.count("keys"), 60, "{scenario} {dialect}");
            assert_eq!(ended.count("key_echo"), 60, "{scenario} {dialect}");
        }
    }
}

#[test]
fn connections_open_at_their_rate_and_close() {
    let fixture = Fixture::new();
    for dialect in ["v1", "compatible"] {
        let ended =
            fixture.run_without_failures(&format!("SCENARIO=connect-storm DIALECT={dialect}"));
        assert_eq!(ended.count("session_ends"), 6, "{dialect}");
        // 10 a second of both VUs, however many overlap.
        let ended =
            fixture.run_without_failures(&format!("SCENARIO=churn SOCKETS=50 DIALECT={dialect}"));
        assert_eq!(ended.count("session_ends"), 10, "{dialect}");
        let ended = fixture.run_without_failures(&format!("SCENARIO=idle-hold DIALECT={dialect}"));
        assert_eq!(ended.count("session_ends"), 6, "{dialect}");
        assert_eq!(ended.count("key_echo"), 6, "{dialect}");
    }
}

#[test]
fn output_and_pastes_are_counted_to_the_byte() {
    let fixture = Fixture::new();
    for dialect in ["v1", "compatible"] {
        let ended =
            fixture.run_without_failures(&format!("SCENARIO=bulk-output MIB=2 DIALECT={dialect}"));
        assert_eq!(ended.count("output_bytes"), 12 * MIB, "{dialect}");
        assert_eq!(ended.count("bulk_done"), 6, "{dialect}");
        let ended = fixture.run_without_failures(&format!(
            "SCENARIO=paste PASTE_BYTES=100000 DIALECT={dialect}"
        ));
        assert_eq!(ended.count("paste_back"), 60, "{dialect}");
        // One byte more of each compatible session, which asked with it whether it was up.
        let probes = if dialect == "v1" { 0 } else { 6 };
        assert_eq!(ended.count("output_bytes"), 6_000_000 + probes, "{dialect}");
    }
}

#[test]
fn a_slow_reader_reads_slowly_and_its_ctrl_c_arrives() {
    let fixture = Fixture::new();
    for bytes_per_second in [0, 500_000] {
        let slow = format!("SCENARIO=slow-reader BYTES_PER_SECOND={bytes_per_second}");
        let ended = fixture.run_without_failures(&slow);
        assert_eq!(ended.count("ctrl_c_seen"), 6, "{slow}");
        assert_eq!(ended.count("ctrl_c_silence"), 6, "{slow}");
        assert!(ended.stdout.contains("ctrl-c seen"), "{}", ended.stdout);
    }
    let ended = fixture.script("SCENARIO=slow-reader DIALECT=compatible");
    assert_eq!(ended.code, Some(107));
    assert!(
        ended.stderr.contains("needs DIALECT=v1"),
        "{}",
        ended.stderr
    );
}

#[test]
fn typing_is_timed_alone_and_beside_bulk_readers() {
    let fixture = Fixture::new();
    let ended = fixture.run_without_failures("SCENARIO=noisy-neighbour FLOODERS=2");
    assert_eq!(ended.count("session_ends"), 6 + 2 + 6);
    for phase in ["quiet", "beside"] {
        assert_eq!(
            ended.count(&format!("key_echo{{phase:{phase}}}")),
            60,
            "{phase}"
        );
    }
    assert!(ended.count("output_bytes") > MIB);
}

#[test]
fn failures_are_counted_and_reported_and_break_a_threshold() {
    let fixture = Fixture::new();
    let url = format!("ws://{}/ws/127.0.0.1/1", fixture.bridge.addr());
    for (settings, why) in [
        ("DIALECT=v1", "a session failed: target-refused"),
        ("DIALECT=compatible", "a session failed: close 4403"),
    ] {
        let ended = script(&format!("SSHARD_URL={url} {SMALL} {settings}"));
        assert_eq!(ended.code, Some(99), "{}", ended.stdout);
        assert_eq!(ended.value("session_failed", "rate"), 1.0);
        assert_eq!(ended.count("session_ends"), 6);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
        assert!(ended.stdout.contains("FAILED          session_failed"));
    }
    // A key that never comes back, and a Ctrl-C that nothing answers.
    for (scenario, why) in [
        ("typing", "10 keys without an echo"),
        ("slow-reader", "Ctrl-C was not seen"),
    ] {
        let ended = fixture.script(&format!(
            "{SMALL} SCENARIO={scenario} SSHARD_USER=null SOCKETS=1"
        ));
        assert_eq!(ended.code, Some(99), "{}", ended.stdout);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
}

#[test]
fn the_older_name_of_the_websocket_module_is_accepted() {
    let fixture = Fixture::new();
    for without in ["k6/websockets", "k6/websockets:empty"] {
        fixture.run_without_failures(&format!(
            "SCENARIO=connect-storm STAND_IN_WITHOUT={without}"
        ));
    }
}

#[test]
fn wrong_settings_are_reported_and_no_password_is_written() {
    let fixture = Fixture::new();
    for (settings, why) in [
        ("SCENARIO=none", "SCENARIO is one of typing, "),
        ("RATE=x", "RATE is to be a number"),
        ("VUS=0", "VUS is to be a number"),
        ("SSHARD_URL=http://127.0.0.1", "set SSHARD_URL"),
    ] {
        let ended = fixture.script(settings);
        assert_eq!(ended.code, Some(107), "{settings}");
        assert!(ended.stderr.contains(why), "{settings}: {}", ended.stderr);
    }
    let ended = fixture
        .run_without_failures("SCENARIO=connect-storm SOCKETS=1 SSHARD_PASSWORD=secret-of-test");
    assert!(!ended.json.to_string().contains("secret-of-test"));
    assert!(!ended.stdout.contains("secret-of-test"));
}
