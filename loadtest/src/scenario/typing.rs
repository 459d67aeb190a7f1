//! People who type, and wait for no echo to type on. Also those who pull at their windows.

use super::crowd::{self, Member};
use super::{CLOSING, GRACE, LOOKING, Run};
use crate::client::Failure;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use tokio::sync::Notify;

/// Keystrokes of one session that may wait for their echo. Beyond that the bridge has stopped.
const MAX_WAITING: usize = 100_000;
const KEY: &[u8] = b"k";

/// All sessions of the plan type for its whole length.
pub(super) async fn run(run: &Arc<Run>, resizes: bool) -> io::Result<()> {
    let body = move |run: Arc<Run>, member: Member, wake: Arc<Notify>| async move {
        type_on(&run, member, &wake, resizes).await
    };
    crowd::paced(run, body).await
}

async fn type_on(run: &Run, member: Member, wake: &Notify, resizes: bool) -> Result<(), Failure> {
    let Member {
        mut session,
        index,
        start,
    } = member;
    let length = run.plan.length();
    let mut times = run.plan.times(index).take_while(|at| *at < length);
    let mut due = times.next();
    // Intended and real time of what has no echo yet, oldest first.
    let mut waiting: VecDeque<(Instant, Instant)> = VecDeque::new();
    let over = tokio::time::sleep_until((start + length + GRACE).into());
    tokio::pin!(over);
    while due.is_some() || !waiting.is_empty() {
        tokio::select! {
            () = wake.notified(), if due.is_some() => {
                while let Some(at) = due.filter(|at| start + *at <= Instant::now()) {
                    due = times.next();
                    if waiting.len() >= MAX_WAITING {
                        return Err(Failure::new("stuck", "the echo has stopped"));
                    }
                    if resizes {
                        let wider = u16::from(waiting.len().is_multiple_of(2));
                        session.resize(80 + wider, 24).await?;
                    }
                    waiting.push_back((start + at, Instant::now()));
                    run.recorder.sent.fetch_add(1, Relaxed);
                    session.send(Bytes::from_static(KEY)).await?;
                }
            }
            event = session.next() => {
                let now = Instant::now();
                for _ in 0..run.used(&mut session, event?).await? {
                    // More bytes than keys: a real shell prints a prompt.
                    let Some((intended, sent)) = waiting.pop_front() else {
                        break;
                    };
                    run.recorder.answered(index, intended, sent, now);
                }
            }
            () = &mut over => {
                let detail = "keystrokes without an echo";
                let count = waiting.len() as u64;
                run.recorder.failed_times(&Failure::new("unanswered", detail), count);
                break;
            }
        }
    }
    let stays = start + length + LOOKING;
    while let Ok(event) = tokio::time::timeout_at(stays.into(), session.next()).await {
        run.used(&mut session, event?).await?;
    }
    session.close(CLOSING).await
}
