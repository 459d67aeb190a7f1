//! Typing at fixed times, without waiting for the echo, with or without resizes of the terminal.

use super::crowd::{self, Member};
use super::{CLOSE_TIMEOUT, FINAL_SAMPLE_TIME, GRACE, Run};
use crate::client::Failure;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use tokio::sync::Notify;

/// Keystrokes of one session without an echo, above which the session has failed.
const MAX_UNANSWERED: usize = 100_000;
const KEY: &[u8] = b"k";

/// Types in all sessions for the plan's whole length.
pub(super) async fn run(run: &Arc<Run>, resizes: bool) -> io::Result<()> {
    let body = move |run, member, wake| type_on(run, member, wake, resizes);
    crowd::paced(run, body).await
}

async fn type_on(
    run: Arc<Run>,
    member: Member,
    wake: Arc<Notify>,
    resizes: bool,
) -> Result<(), Failure> {
    let Member {
        mut session,
        index,
        start,
    } = member;
    let length = run.plan.length();
    let mut times = run.plan.schedule(index).take_while(|at| *at < length);
    let mut due = times.next();
    // Intended and actual send times of keys without an echo, oldest first.
    let mut unanswered: VecDeque<(Instant, Instant)> = VecDeque::new();
    let deadline = tokio::time::sleep_until((start + length + GRACE).into());
    tokio::pin!(deadline);
    while due.is_some() || !unanswered.is_empty() {
        tokio::select! {
            () = wake.notified(), if due.is_some() => {
                while let Some(at) = due.filter(|at| start + *at <= Instant::now()) {
                    due = times.next();
                    if unanswered.len() >= MAX_UNANSWERED {
                        return Err(Failure::new("stuck", "the echo has stopped"));
                    }
                    if resizes {
                        let wider = u16::from(unanswered.len().is_multiple_of(2));
                        session.resize(80 + wider, 24).await?;
                    }
                    unanswered.push_back((start + at, Instant::now()));
                    run.recorder.sent.fetch_add(1, Relaxed);
                    session.send(Bytes::from_static(KEY)).await?;
                }
            }
            event = session.next() => {
                let now = Instant::now();
                for _ in 0..run.consume(&mut session, event?).await? {
                    // A real shell prints more than the echo.
                    let Some((intended, sent)) = unanswered.pop_front() else {
                        break;
                    };
                    run.recorder.answered(index, intended, sent, now);
                }
            }
            () = &mut deadline => {
                let detail = "keystrokes without an echo";
                let count = unanswered.len() as u64;
                run.recorder.failed_times(&Failure::new("unanswered", detail), count);
                break;
            }
        }
    }
    let close_at = start + length + FINAL_SAMPLE_TIME;
    let until = tokio::time::sleep_until(close_at.into());
    run.consume_until(&mut session, until).await?;
    session.close(CLOSE_TIMEOUT).await
}
