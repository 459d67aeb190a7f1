//! Connections at a rate, open-loop: held until all are ready, or closed after a while.

use super::{CLOSE_TIMEOUT, Run};
use crate::client::{Failure, Session};
use crate::pacer::Pacer;
use crate::schedule::Schedule;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

/// Intended times of the connections, with the pacer that wakes at them.
struct Arrivals {
    start: Instant,
    length: Duration,
    times: Schedule,
    wake: Arc<Notify>,
    _pacer: Pacer,
}

impl Arrivals {
    fn start(run: &Run, length: Duration) -> io::Result<Self> {
        let wake = Arc::new(Notify::new());
        let start = Instant::now();
        let times = run.plan.schedule(0);
        let entry = (times.clone(), Arc::clone(&wake));
        Ok(Self {
            start,
            length,
            times,
            wake,
            _pacer: Pacer::start(vec![entry], start, length)?,
        })
    }

    /// Waits for the next time; None when it is not within the length.
    async fn next(&mut self) -> Option<Instant> {
        let at = self.times.next().filter(|at| *at < self.length)?;
        while Instant::now() < self.start + at {
            self.wake.notified().await;
        }
        Some(self.start + at)
    }
}

/// Opens a session, and records its time from `intended` to ready.
async fn open(run: &Arc<Run>, index: usize, intended: Instant) -> Option<(Session, super::Live)> {
    run.recorder.sent.fetch_add(1, Relaxed);
    let sent = Instant::now();
    let opened = run.open(&run.target, index).await?;
    run.recorder.answered(index, intended, sent, Instant::now());
    Some(opened)
}

/// Opens the plan's sessions, and closes them when the last is ready.
pub(super) async fn connect_storm(run: &Arc<Run>) -> io::Result<()> {
    let count = run.plan.sessions;
    let permits = Arc::new(Semaphore::new(count));
    let (end, ended) = watch::channel(false);
    let mut tasks = JoinSet::new();
    run.begin().await;
    let mut times = Arrivals::start(run, Duration::MAX)?;
    for index in 0..count {
        let Some(intended) = times.next().await else {
            break;
        };
        let (run, mut ended) = (Arc::clone(run), ended.clone());
        let permit = Arc::clone(&permits).acquire_owned().await;
        tasks.spawn(async move {
            let opened = open(&run, index, intended).await;
            drop(permit);
            let Some((mut session, _live)) = opened else {
                return;
            };
            let closed = async {
                // Fails if the sender is gone, which is the end as well.
                let end = async { drop(ended.wait_for(|end| *end).await) };
                run.consume_until(&mut session, end).await?;
                session.close(CLOSE_TIMEOUT).await
            };
            if let Err(failure) = closed.await {
                run.recorder.failed(&failure);
            }
        });
    }
    drop(times);
    // All permits are returned when every session is ready or has failed.
    let all = u32::try_from(count).unwrap_or(u32::MAX);
    let _ = permits.acquire_many(all).await;
    run.end().await;
    let _ = end.send(true);
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// Opens connections for the whole length of the plan, and closes each after `hold`.
pub(super) async fn churn(run: &Arc<Run>, hold: Duration) -> io::Result<()> {
    let length = run.plan.length();
    let permits = Arc::new(Semaphore::new(run.plan.sessions));
    let mut tasks = JoinSet::new();
    let mut times = Arrivals::start(run, length)?;
    let start = times.start;
    let measuring = {
        let run = Arc::clone(run);
        tokio::spawn(async move {
            run.measure(start + run.plan.warm_up, start + length).await;
        })
    };
    let mut index = 0;
    while let Some(intended) = times.next().await {
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
            let detail = "more sessions at a time than --sessions allows";
            run.recorder.failed(&Failure::new("overrun", detail));
            continue;
        };
        let run = Arc::clone(run);
        tasks.spawn(async move {
            let _permit = permit;
            let Some((mut session, _live)) = open(&run, index, intended).await else {
                return;
            };
            let closed = async {
                let held = tokio::time::sleep(hold);
                run.consume_until(&mut session, held).await?;
                let closing = Instant::now();
                let closed = session.close(CLOSE_TIMEOUT).await;
                run.recorder.record_named("close", closing.elapsed());
                closed
            };
            if let Err(failure) = closed.await {
                run.recorder.failed(&failure);
            }
        });
        index += 1;
        // Finished tasks are removed.
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
    measuring.await.map_err(io::Error::other)
}
