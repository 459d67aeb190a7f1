//! Connections at a rate, whether the bridge keeps up or not: all at once and held, or coming and
//! going.

use super::{CLOSING, Run};
use crate::client::{Failure, Session};
use crate::pacer::Pacer;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// Intended times, one after the other.
struct Times {
    start: Instant,
    times: crate::schedule::Schedule,
    wake: Arc<Notify>,
    _pacer: Pacer,
}

impl Times {
    fn start(run: &Run, length: Duration) -> io::Result<Self> {
        let wake = Arc::new(Notify::new());
        let start = Instant::now();
        let times = run.plan.times(0);
        let entry = (times.clone(), Arc::clone(&wake));
        Ok(Self {
            start,
            times,
            wake,
            _pacer: Pacer::start(vec![entry], start, length)?,
        })
    }

    /// Waits for the next one; None when that is not within `length`.
    async fn next(&mut self, length: Duration) -> Option<Instant> {
        let at = self.times.next().filter(|at| *at < length)?;
        while Instant::now() < self.start + at {
            self.wake.notified().await;
        }
        Some(self.start + at)
    }
}

/// Opens, and counts from `intended` to ready.
async fn open(run: &Arc<Run>, index: usize, intended: Instant) -> Option<(Session, super::Live)> {
    run.recorder.sent.fetch_add(1, Relaxed);
    let sent = Instant::now();
    let opened = run.open(&run.target, index).await?;
    run.recorder.answered(index, intended, sent, Instant::now());
    Some(opened)
}

/// Passes over whatever comes until `end` is true, or its sender gone.
async fn idle(
    run: &Run,
    session: &mut Session,
    mut end: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let ended = async move {
        let _ = end.wait_for(|end| *end).await;
    };
    tokio::pin!(ended);
    loop {
        tokio::select! {
            () = &mut ended => return Ok(()),
            event = session.next() => {
                run.used(session, event?).await?;
            }
        }
    }
}

/// As many connections as the plan has sessions; they close when the last is ready.
pub(super) async fn connect_storm(run: &Arc<Run>) -> io::Result<()> {
    let count = run.plan.sessions;
    let places = Arc::new(Semaphore::new(count));
    let (end, ended) = watch::channel(false);
    let mut tasks = JoinSet::new();
    run.begin().await;
    let mut times = Times::start(run, Duration::MAX)?;
    for index in 0..count {
        let Some(intended) = times.next(Duration::MAX).await else {
            break;
        };
        let (run, ended) = (Arc::clone(run), ended.clone());
        let place = Arc::clone(&places).acquire_owned().await;
        tasks.spawn(async move {
            let opened = open(&run, index, intended).await;
            drop(place);
            let Some((mut session, _live)) = opened else {
                return;
            };
            let closed = match idle(&run, &mut session, ended).await {
                Ok(()) => session.close(CLOSING).await,
                failure => failure,
            };
            if let Err(failure) = closed {
                run.recorder.failed(&failure);
            }
        });
    }
    drop(times);
    // Every place is back when every session is ready or has failed.
    let all = u32::try_from(count).unwrap_or(u32::MAX);
    let _ = places.acquire_many(all).await;
    run.end().await;
    let _ = end.send(true);
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// Connections for the whole length of the plan, each closed after `hold`.
pub(super) async fn churn(run: &Arc<Run>, hold: Duration) -> io::Result<()> {
    let length = run.plan.length();
    let places = Arc::new(Semaphore::new(run.plan.sessions));
    let mut tasks = JoinSet::new();
    let mut times = Times::start(run, length)?;
    let start = times.start;
    let measuring = {
        let run = Arc::clone(run);
        tokio::spawn(async move {
            run.measure(start + run.plan.warm_up, start + length).await;
        })
    };
    let mut index = 0;
    while let Some(intended) = times.next(length).await {
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            let detail = "more sessions at a time than --sessions allows";
            run.recorder.failed(&Failure::new("overrun", detail));
            continue;
        };
        tasks.spawn(one(Arc::clone(run), index, intended, hold, place));
        index += 1;
        // Those that are done need no record.
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
    measuring.await.map_err(io::Error::other)
}

async fn one(
    run: Arc<Run>,
    index: usize,
    intended: Instant,
    hold: Duration,
    _place: OwnedSemaphorePermit,
) {
    let Some((mut session, _live)) = open(&run, index, intended).await else {
        return;
    };
    let held = async {
        let until = tokio::time::sleep(hold);
        tokio::pin!(until);
        loop {
            tokio::select! {
                biased;
                () = &mut until => return Ok(()),
                event = session.next() => {
                    run.used(&mut session, event?).await?;
                }
            }
        }
    };
    let closed = match held.await {
        Ok(()) => {
            let asked = Instant::now();
            let closed = session.close(CLOSING).await;
            run.recorder.note("close", asked.elapsed());
            closed
        }
        Err(failure) => Err(failure),
    };
    if let Err(failure) = closed {
        run.recorder.failed(&failure);
    }
}
