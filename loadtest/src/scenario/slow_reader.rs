//! Readers slower than their output, which then type Ctrl-C: measures the time until it arrives at
//! the remote, and until the output ends.

use super::crowd::{Begin, Crowd, Member};
use super::{CLOSE_TIMEOUT, Run};
use crate::client::{Event, Failure, Session};
use crate::sink::{CTRL_C_MARKER, now};
use bytes::Bytes;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Time without output after which it counts as ended.
const SILENCE: Duration = Duration::from_millis(500);
/// Longest wait for the marker and for the end of output.
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of output kept to find the marker, which may span two messages.
const TAIL: usize = 128;

pub(super) async fn run(run: &Arc<Run>, bytes_per_second: u64) -> io::Result<()> {
    run.begin().await;
    let body = move |run: Arc<Run>, member: Member| async move {
        let mut reader = Reader {
            run: &run,
            session: member.session,
            tail: Vec::new(),
            interrupted_at: None,
            began: member.start,
            received: 0,
            bytes_per_second,
        };
        reader.interrupt().await?;
        reader.session.close(CLOSE_TIMEOUT).await
    };
    let crowd = Crowd::open(run, &run.target, 0..run.plan.sessions, Begin::AtOnce, body).await;
    crowd.join().await;
    run.end().await;
    Ok(())
}

struct Reader<'a> {
    run: &'a Run,
    session: Session,
    tail: Vec<u8>,
    /// Nanoseconds since 1970 at which the Ctrl-C arrived at the remote.
    interrupted_at: Option<u128>,
    began: Instant,
    received: u64,
    bytes_per_second: u64,
}

impl Reader<'_> {
    async fn interrupt(&mut self) -> Result<(), Failure> {
        self.read_until(self.began + self.run.plan.length()).await?;
        let typed = (Instant::now(), now());
        self.run.recorder.sent.fetch_add(1, Relaxed);
        self.session.send(Bytes::from_static(b"\x03")).await?;
        if self.bytes_per_second == 0 {
            // Not reading; the Ctrl-C must reach the remote all the same.
            tokio::time::sleep(SILENCE * 2).await;
        }
        let last = self.read_to_silence(typed.0 + INTERRUPT_TIMEOUT).await?;
        let interrupted_at = self
            .interrupted_at
            .ok_or_else(|| Failure::new("unanswered", "the output was not interrupted"))?;
        let remote = u64::try_from(interrupted_at.saturating_sub(typed.1)).unwrap_or(u64::MAX);
        let recorder = &self.run.recorder;
        recorder.record_named("ctrl-c to remote", Duration::from_nanos(remote));
        if self.bytes_per_second > 0 {
            let silence = last.saturating_duration_since(typed.0);
            recorder.record_named("ctrl-c to silence", silence);
        }
        Ok(())
    }

    /// Reads at `bytes_per_second`.
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
            self.consume(event).await?;
        }
        Ok(())
    }

    /// Reads until the output ends; returns the time of the last bytes.
    async fn read_to_silence(&mut self, until: Instant) -> Result<Instant, Failure> {
        let mut last = Instant::now();
        while Instant::now() < until {
            self.pause().await;
            match tokio::time::timeout(SILENCE, self.session.next()).await {
                Ok(event) => {
                    if self.consume(event?).await? > 0 {
                        last = Instant::now();
                    }
                }
                // Before the marker a pause is TCP's, between a full buffer and its next window
                // probe.
                Err(_) if self.interrupted_at.is_some() => return Ok(last),
                Err(_) => {}
            }
        }
        if self.interrupted_at.is_none() {
            return Ok(last);
        }
        Err(Failure::new("unanswered", "the output did not end"))
    }

    /// Waits until the rate allows the next read.
    async fn pause(&self) {
        if self.bytes_per_second > 0 {
            let seconds = self.received as f64 / self.bytes_per_second as f64;
            let due = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
            tokio::time::sleep_until((self.began + due).into()).await;
        }
    }

    async fn consume(&mut self, event: Event) -> Result<usize, Failure> {
        if let Event::Output(bytes) = &event {
            self.find_marker(bytes);
            self.received = self.received.saturating_add(bytes.len() as u64);
        }
        self.run.consume(&mut self.session, event).await
    }

    fn find_marker(&mut self, bytes: &[u8]) {
        if self.interrupted_at.is_none() {
            self.tail.extend_from_slice(bytes);
            self.interrupted_at = parse_marker(&self.tail);
            let cut = self.tail.len().saturating_sub(TAIL);
            self.tail.drain(..cut);
        }
    }
}

/// Number after the sink's marker, once its line is complete.
fn parse_marker(output: &[u8]) -> Option<u128> {
    let marker = CTRL_C_MARKER.as_bytes();
    let at = output
        .windows(marker.len())
        .position(|part| part == marker)?;
    let rest = output.get(at + marker.len()..)?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_is_found_when_its_line_is_complete() {
        let table: [(&str, Option<u128>); 5] = [
            ("abc\r\n^C at 123\nabc", Some(123)),
            ("\r\n^C at 9\n", Some(9)),
            ("\r\n^C at 9", None),
            ("^C at 9\n", None),
            ("", None),
        ];
        for (output, expected) in table {
            assert_eq!(parse_marker(output.as_bytes()), expected, "{output:?}");
        }
    }
}
