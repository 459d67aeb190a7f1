//! Record of a session to its end.

use super::{Client, Event};
use serde_json::Value;

#[derive(Debug, Default)]
pub(crate) struct Transcript {
    pub(crate) texts: Vec<Value>,
    pub(crate) output: Vec<u8>,
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl Client {
    /// All events to the close frame, and the output that was kept. `exit` or `error` is the last
    /// message before it.
    pub(crate) fn transcript(&mut self) -> Transcript {
        let mut transcript = Transcript {
            output: std::mem::take(&mut self.output),
            ..Transcript::default()
        };
        let mut ended = false;
        loop {
            let event = self.recv();
            assert!(
                !ended || matches!(event, Event::Close(..)),
                "{event:?} after the end"
            );
            match event {
                Event::Json(text) => {
                    ended = text["type"] == "exit" || text["type"] == "error";
                    transcript.texts.push(text);
                }
                Event::Output(bytes) => transcript.output.extend(bytes),
                Event::Close(code, reason) => {
                    (transcript.code, transcript.reason) = (code, reason);
                    return transcript;
                }
                Event::Reset => panic!("no close frame after {transcript:#?}"),
            }
        }
    }
}

impl Transcript {
    /// The texts of this type.
    pub(crate) fn of(&self, kind: &str) -> Vec<&Value> {
        self.texts.iter().filter(|t| t["type"] == kind).collect()
    }

    /// The only one of its type.
    pub(crate) fn one(&self, kind: &str) -> &Value {
        match self.of(kind)[..] {
            [one] => one,
            ref found => panic!("{} of {kind:?}: {self:#?}", found.len()),
        }
    }

    /// The exit status of a session that has ended with one.
    pub(crate) fn status(&self) -> i64 {
        let status = self.one("exit")["status"].as_i64();
        assert_eq!(self.code, 1000, "{}", self.reason);
        status.unwrap_or_else(|| panic!("{:?}", self.texts))
    }
}
