//! Output of a child process, collected by a thread, that a test can wait on and print.
//! Does not interpret it.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

#[derive(Clone)]
pub(crate) struct Log {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    text: String,
    closed: bool,
}

impl Log {
    /// Reads `source` to its end on a thread of its own, so that the child never blocks on it.
    pub(crate) fn drain(source: impl Read + Send + 'static) -> Self {
        let log = Self {
            shared: Arc::default(),
        };
        let sink = log.clone();
        std::thread::spawn(move || sink.fill(BufReader::new(source)));
        log
    }

    fn fill(&self, mut source: impl BufRead) {
        let (state, changed) = &*self.shared;
        let mut line = Vec::new();
        loop {
            line.clear();
            let more = source
                .read_until(b'\n', &mut line)
                .is_ok_and(|count| count > 0);
            let mut state = state.lock().unwrap();
            state.text.push_str(&String::from_utf8_lossy(&line));
            state.closed = !more;
            changed.notify_all();
            if !more {
                return;
            }
        }
    }

    pub(crate) fn text(&self) -> String {
        self.shared.0.lock().unwrap().text.clone()
    }

    /// Waits until `found` makes something of the text; None when the text ended, or the
    /// deadline passed, without.
    pub(crate) fn wait<T>(
        &self,
        deadline: Duration,
        mut found: impl FnMut(&str) -> Option<T>,
    ) -> Option<T> {
        let (state, changed) = &*self.shared;
        let mut answer = None;
        drop(
            changed
                .wait_timeout_while(state.lock().unwrap(), deadline, |state| {
                    answer = found(&state.text);
                    answer.is_none() && !state.closed
                })
                .unwrap(),
        );
        answer
    }
}
