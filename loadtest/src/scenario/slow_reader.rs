//! A reader that cannot follow a flood, and then types Ctrl-C: how long until the remote has it,
//! and until the output is silent.

use super::crowd::{Begin, Crowd, Member};
use super::{CLOSING, Run};
use crate::client::{Event, Failure, Session, unexpected};
use crate::sink::CTRL_C_MARK;
use bytes::Bytes;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Output is silent when none has come for so long.
const SILENCE: Duration = Duration::from_millis(500);
/// For the mark, and for the silence, to come.
const PATIENCE: Duration = Duration::from_secs(60);
/// The end of the output that is kept, to find the mark in: it may lie across two messages.
const TAIL: usize = 128;

pub(super) async fn run(run: &Arc<Run>, bytes_per_second: u64) -> io::Result<()> {
    let numbers = 0..run.plan.sessions;
    run.begin().await;
    let body = move |run: Arc<Run>, member: Member| async move {
        let Member { session, start, .. } = member;
        let mut reader = Reader {
            run: &run,
            session,
            tail: Vec::new(),
            mark: None,
            began: start,
            taken: 0,
            bytes_per_second,
        };
        reader.interrupt().await?;
        reader.session.close(CLOSING).await
    };
    let crowd = Crowd::open(run, &run.target, numbers, Begin::AtOnce, body).await;
    crowd.join().await;
    run.end().await;
    Ok(())
}

struct Reader<'a> {
    run: &'a Run,
    session: Session,
    tail: Vec<u8>,
    /// Nanoseconds since 1970, when the remote had the Ctrl-C.
    mark: Option<u128>,
    began: Instant,
    taken: u64,
    bytes_per_second: u64,
}

impl Reader<'_> {
    async fn interrupt(&mut self) -> Result<(), Failure> {
        self.read_until(self.began + self.run.plan.length()).await?;
        let typed = (Instant::now(), now());
        self.run.recorder.sent.fetch_add(1, Relaxed);
        self.session.send(Bytes::from_static(b"\x03")).await?;
        if self.bytes_per_second == 0 {
            // Still not reading: the remote has to hear of it all the same.
            tokio::time::sleep(SILENCE * 2).await;
        }
        let last = self.read_to_silence(typed.0 + PATIENCE).await?;
        let mark = self
            .mark
            .ok_or_else(|| Failure::new("unanswered", "the flood was not interrupted"))?;
        let remote = u64::try_from(mark.saturating_sub(typed.1)).unwrap_or(u64::MAX);
        let recorder = &self.run.recorder;
        recorder.note("ctrl-c to remote", Duration::from_nanos(remote));
        if self.bytes_per_second > 0 {
            let silence = last.saturating_duration_since(typed.0);
            recorder.note("ctrl-c to silence", silence);
        }
        Ok(())
    }

    /// Reads at the rate.
    async fn read_until(&mut self, until: Instant) -> Result<(), Failure> {
        if self.bytes_per_second == 0 {
            tokio::time::sleep_until(until.into()).await;
            return Ok(());
        }
        while Instant::now() < until {
            self.pause().await;
            let event = match tokio::time::timeout_at(until.into(), self.session.next()).await {
                Ok(event) => event?,
                Err(_) => return Ok(()),
            };
            self.take(event).await?;
        }
        Ok(())
    }

    /// Reads on until nothing comes; when the last bytes came.
    async fn read_to_silence(&mut self, until: Instant) -> Result<Instant, Failure> {
        let mut last = Instant::now();
        while Instant::now() < until {
            self.pause().await;
            match tokio::time::timeout(SILENCE, self.session.next()).await {
                Ok(event) => {
                    if self.take(event?).await? > 0 {
                        last = Instant::now();
                    }
                }
                // A pause before the mark is TCP's, between a full buffer and the next probe of it.
                Err(_) if self.mark.is_some() => return Ok(last),
                Err(_) => {}
            }
        }
        if self.mark.is_none() {
            return Ok(last);
        }
        Err(Failure::new("unanswered", "the output is not silent"))
    }

    /// Waits until what has been taken was due at the rate.
    async fn pause(&self) {
        if self.bytes_per_second > 0 {
            let seconds = self.taken as f64 / self.bytes_per_second as f64;
            let due = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
            tokio::time::sleep_until((self.began + due).into()).await;
        }
    }

    async fn take(&mut self, event: Event) -> Result<usize, Failure> {
        if let Event::Output(bytes) = &event {
            self.look_for_mark(bytes);
            self.taken = self.taken.saturating_add(bytes.len() as u64);
        } else if let Event::Close(..) | Event::Exit(_) = &event {
            return Err(unexpected(&event));
        }
        self.run.used(&mut self.session, event).await
    }

    fn look_for_mark(&mut self, bytes: &[u8]) {
        if self.mark.is_none() {
            self.tail.extend_from_slice(bytes);
            self.mark = find_mark(&self.tail);
            let cut = self.tail.len().saturating_sub(TAIL);
            self.tail.drain(..cut);
        }
    }
}

/// The number behind the sink's mark, once its line is complete.
fn find_mark(output: &[u8]) -> Option<u128> {
    let mark = CTRL_C_MARK.as_bytes();
    let at = output.windows(mark.len()).position(|part| part == mark)?;
    let rest = output.get(at + mark.len()..)?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
}

/// Nanoseconds since 1970, as the sink counts.
fn now() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_found_when_its_line_is_complete() {
        let table: [(&str, Option<u128>); 5] = [
            ("abc\r\n^C at 123\nabc", Some(123)),
            ("\r\n^C at 9\n", Some(9)),
            ("\r\n^C at 9", None),
            ("^C at 9\n", None),
            ("", None),
        ];
        for (output, mark) in table {
            assert_eq!(find_mark(output.as_bytes()), mark, "{output:?}");
        }
    }
}
