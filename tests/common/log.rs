//! Output of a child process, collected by a thread, for tests to wait on and print. Does not
//! interpret it.

use super::{DEADLINE, poll};
use std::io::{self, BufRead, BufReader, Read};
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
    /// Reads `source` to its end on a thread of its own, so that the child never blocks on it. Text
    /// becomes visible by whole lines.
    pub(crate) fn drain(source: impl Read + Send + 'static) -> Self {
        Self::drain_by(source, |source, line| source.read_until(b'\n', line))
    }

    /// As [`Log::drain`], for a terminal: incomplete lines are visible too.
    pub(crate) fn drain_screen(source: impl Read + Send + 'static) -> Self {
        Self::drain_by(source, |source, piece| {
            piece.extend(source.fill_buf()?);
            source.consume(piece.len());
            Ok(piece.len())
        })
    }

    fn drain_by<R: Read + Send + 'static>(
        source: R,
        read: fn(&mut BufReader<R>, &mut Vec<u8>) -> io::Result<usize>,
    ) -> Self {
        let log = Self {
            shared: Arc::default(),
        };
        let (sink, mut source) = (log.clone(), BufReader::new(source));
        std::thread::spawn(move || sink.fill(|piece| read(&mut source, piece)));
        log
    }

    fn fill(&self, mut read: impl FnMut(&mut Vec<u8>) -> io::Result<usize>) {
        let (state, changed) = &*self.shared;
        let mut piece = Vec::new();
        loop {
            piece.clear();
            let more = read(&mut piece).is_ok_and(|count| count > 0);
            let mut state = state.lock().unwrap();
            state.text.push_str(&String::from_utf8_lossy(&piece));
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

    /// Returns all of the text, once it has ended.
    pub(crate) fn whole(&self) -> String {
        let closed = || self.shared.0.lock().unwrap().closed.then_some(());
        assert!(poll(DEADLINE, closed).is_some(), "the output does not end");
        self.text()
    }

    /// Waits for `pattern`; returns whether it came before the deadline.
    pub(crate) fn wait_for(&self, pattern: &str, deadline: Duration) -> bool {
        let found = self.wait(deadline, |text| text.contains(pattern).then_some(()));
        found.is_some()
    }

    /// Waits until `found` returns a value for the text; `None` if the text ends or the deadline
    /// passes first.
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
