//! Client that keeps to flow control in both directions: its unacknowledged input stays within
//! `input_window`, and it checks and acknowledges output as it comes.

use crate::common::{Client, Event, Options};
use crate::fixture::BulkFixture;
use crate::numbered::{self, Checker};
use serde_json::{Value, json};

/// First output of the remote program, when it reads input.
pub(crate) const READY_LINE: &str = "READY\n";

/// Bytes of one message of input.
const CHUNK: usize = 8 * 1024;

pub(crate) struct Pipe {
    client: Client,
    window: u64,
    sent: u64,
    /// Total of the latest `input_ack`.
    passed: u64,
    checker: Checker,
    /// `flow_window` of `auth`, and the acknowledged bytes of output.
    flow: Option<(u64, u64)>,
}

impl Pipe {
    /// Opens a session of `command`, which sends [`READY_LINE`] first.
    pub(crate) fn open(
        fixture: &BulkFixture,
        command: &str,
        flow_window: Option<u64>,
        options: &Options,
    ) -> Self {
        let mut fields = json!({});
        if let Some(window) = flow_window {
            fields["flow_window"] = window.into();
        }
        let (mut client, ready) = fixture.open(command, &fields, options);
        assert_eq!(client.output_until(READY_LINE), READY_LINE);
        Self::new(client, &ready, flow_window)
    }

    /// Takes a client that is `ready`, and whose remote program has sent [`READY_LINE`] and nothing
    /// before it.
    pub(crate) fn new(client: Client, ready: &Value, flow_window: Option<u64>) -> Self {
        Self {
            client,
            window: ready["input_window"].as_u64().unwrap(),
            sent: 0,
            passed: 0,
            checker: Checker::default(),
            // Acks count from the first byte after `ready`, that line included.
            flow: flow_window.map(|window| (window, 0)),
        }
    }

    /// Sends the numbered stream up to `total` bytes, as far as the window lets.
    pub(crate) fn send(&mut self, total: u64) {
        while self.sent < total {
            let left = usize::try_from(total - self.sent).unwrap_or(CHUNK);
            let count = left.min(CHUNK);
            if self.sent + count as u64 > self.passed + self.window {
                return;
            }
            self.client.send_binary(&numbered::bytes(self.sent, count));
            self.sent += count as u64;
        }
    }

    /// Takes one event. Output must be the numbered stream.
    pub(crate) fn take(&mut self) {
        match self.client.recv() {
            Event::Output(bytes) => self.on_output(&bytes),
            Event::Json(message) if message["type"] == "input_ack" => self.on_input_ack(&message),
            other => panic!(
                "{other:?} after {} bytes of input and {} of output",
                self.sent,
                self.checker.seen()
            ),
        }
    }

    fn on_input_ack(&mut self, message: &Value) {
        let passed = message["bytes"].as_u64().unwrap();
        assert!(
            self.passed < passed && passed <= self.sent,
            "input_ack {passed} after {} when {} were sent",
            self.passed,
            self.sent
        );
        self.passed = passed;
    }

    fn on_output(&mut self, bytes: &[u8]) {
        self.checker.check(bytes);
        let seen = self.checker.seen() + READY_LINE.len() as u64;
        if let Some((window, acked)) = &mut self.flow {
            assert!(seen - *acked <= *window, "the window was overrun");
            if seen - *acked > *window / 2 {
                *acked = seen;
                self.client
                    .send_json(&json!({ "type": "ack", "bytes": seen }));
            }
        }
    }

    /// Sends `total` bytes and reads until `echoed` came back.
    pub(crate) fn run(&mut self, total: u64, echoed: u64) {
        loop {
            self.send(total);
            if self.sent == total && self.checker.seen() >= echoed {
                assert_eq!(self.checker.seen(), echoed, "more came back");
                return;
            }
            self.take();
        }
    }

    /// Waits for the end of the remote program, which succeeds and sends no more.
    pub(crate) fn finish(mut self) {
        assert_eq!(self.client.wait_type("exit")["status"], 0);
        assert_eq!(self.client.until_close().0, 1000);
        assert!(
            self.client.output.is_empty(),
            "more came back than was sent"
        );
    }
}
