//! The cases of the Autobahn test suite, run by kosoku against the bridge: framing, pings, reserved
//! bits, opcodes, fragments, UTF-8, closing. Those of performance are not run, and of compression
//! only how it is declined. The bridge is no echo server, so an adapter stands between: it logs in
//! to an SSH server that echoes, and cuts the echo into the messages that were sent.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]
#![allow(clippy::disallowed_types, reason = "tests are threads with locks")]

mod adapter;
#[path = "../common/mod.rs"]
mod common;

use common::fixture::{bridge_to, path_to};
use common::{PYTHON_BIN, ScriptedSsh, SshScript, Start};
use std::process::Command;
use std::time::Duration;

/// Cases of groups 1 to 7, 10, 12.1.1 and 13.1.1.
const CASES: usize = 249;

/// All of them, with a machine to spare or without.
const TIME: Duration = Duration::from_secs(300);

/// Prints a line for each case: its number and both verdicts. A case gives the server a second or
/// less before it drops the connection (`killAfter`), which a busy machine may need: here it has a
/// minute for each second.
const RUN: &str = r#"
import asyncio, sys
from kosoku import FailureError, run_fuzzingclient
from kosoku.cases import CASES

class Patient:
    def __init__(self, connection):
        object.__setattr__(self, "connection", connection)
    def __getattr__(self, name):
        return getattr(self.connection, name)
    def __setattr__(self, name, value):
        setattr(self.connection, name, value)
    def killAfter(self, seconds):
        self.connection.killAfter(60 * seconds)

case = CASES["1.1.1"].__mro__[-2]
begin = case.__init__
case.__init__ = lambda self, connection: begin(self, Patient(connection))

async def main():
    groups = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*", "12.1.1", "13.1.1"]
    try:
        results = await run_fuzzingclient(sys.argv[1], groups, None, concurrency=4)
    except FailureError as failure:
        results = failure.results
    for case in results:
        print(case.case_id, case.behavior.value.replace(" ", "-"),
              case.behavior_close.value.replace(" ", "-"), case.remote_close_code, case.received)

asyncio.run(main())
"#;

#[test]
fn every_case_of_autobahn_passes() {
    let ssh = ScriptedSsh::start(SshScript::start(Start::Echo));
    let settings = [
        "rate_limit.enabled=false",
        "limits.max_connections_per_host=1000",
        "log.level=error",
        // Case 7.1.6 sends 256 KiB in one message.
        "websocket.read_limit=1MiB",
    ];
    let bridge = bridge_to(&[ssh.addr()], &settings);
    let adapter = adapter::start(bridge.addr(), path_to(ssh.addr()));
    let mut command = Command::new(format!("{PYTHON_BIN}/python"));
    command.args(["-c", RUN, &format!("ws://{adapter}")]);
    let run = common::Finished::of(&mut command, TIME, "kosoku");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let cases: Vec<&str> = run.stdout.lines().collect();
    let passes = |verdict: &str| ["OK", "NON-STRICT", "INFORMATIONAL"].contains(&verdict);
    let failed: Vec<&&str> = cases
        .iter()
        .filter(|case| {
            let mut words = case.split(' ');
            let (id, behavior, close) =
                (words.next(), words.next().unwrap(), words.next().unwrap());
            // Compression is declined.
            let declined = matches!(id, Some("12.1.1" | "13.1.1")) && behavior == "UNIMPLEMENTED";
            !(declined || passes(behavior) && passes(close))
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(cases.len(), CASES, "{cases:?}");
}
