//! Many sessions that open at a pace, wait for each other, and then do the same.

use super::Run;
use crate::client::{Failure, Session, Target};
use crate::pacer::Pacer;
use crate::schedule::Schedule;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

/// Sessions that are being opened at a time: a bridge bounds those that are not logged in.
const OPENING: u32 = 64;
/// From the word to begin to the start: every session has read it by then.
const AHEAD: Duration = Duration::from_millis(100);

/// What one session does.
pub(super) struct Member {
    pub(super) session: Session,
    pub(super) index: usize,
    /// The common start.
    pub(super) start: Instant,
}

/// The sessions. Those that are left end when this is dropped.
pub(super) struct Crowd {
    tasks: JoinSet<()>,
    go: watch::Sender<Option<Instant>>,
}

/// When a crowd's sessions begin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// Each as soon as it is ready.
    AtOnce,
    /// All at [`Crowd::go`]; until then they answer pings and pass over output.
    Together,
}

impl Crowd {
    /// Opens sessions, and returns when all of them are ready or have failed.
    pub(super) async fn open<F, Fut>(
        run: &Arc<Run>,
        target: &Arc<Target>,
        numbers: Range<usize>,
        begin: Begin,
        body: F,
    ) -> Self
    where
        F: Fn(Arc<Run>, Member) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send,
    {
        let (go, gate) = watch::channel(None);
        let places = Arc::new(Semaphore::new(OPENING as usize));
        let mut tasks = JoinSet::new();
        let began = Instant::now();
        for (index, at) in numbers.zip(Schedule::steady(run.plan.open_rate)) {
            tokio::time::sleep_until((began + at).into()).await;
            let place = Arc::clone(&places).acquire_owned().await;
            let (run, target) = (Arc::clone(run), Arc::clone(target));
            let (gate, body) = (gate.clone(), body.clone());
            tasks.spawn(async move {
                let opened = run.open(&target, index).await;
                drop(place);
                let Some((mut session, _live)) = opened else {
                    return;
                };
                let done = async {
                    let start = match begin {
                        Begin::AtOnce => Instant::now(),
                        Begin::Together => wait(&run, &mut session, gate).await?,
                    };
                    let member = Member {
                        session,
                        index,
                        start,
                    };
                    body(Arc::clone(&run), member).await
                };
                if let Err(failure) = done.await {
                    run.recorder.failed(&failure);
                }
            });
        }
        // Each gives its place back once it is ready. The semaphore is never closed.
        let _ = places.acquire_many(OPENING).await;
        Self { tasks, go }
    }

    /// Lets them begin, at `start`.
    pub(super) fn go(&self, start: Instant) {
        // With nobody left there is nobody to tell.
        let _ = self.go.send(Some(start));
    }

    /// Waits for the end of all.
    pub(super) async fn join(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// All sessions of the plan, each woken at the times that the plan has for it, for the plan's
/// whole length. They begin together, and every one ends by itself.
pub(super) async fn paced<F, Fut>(run: &Arc<Run>, body: F) -> io::Result<()>
where
    F: Fn(Arc<Run>, Member, Arc<Notify>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send,
{
    let wakes: Vec<_> = (0..run.plan.sessions)
        .map(|_| Arc::new(Notify::new()))
        .collect();
    let of_session = wakes.clone();
    let woken = move |run: Arc<Run>, member: Member| {
        let wake = of_session.get(member.index).map(Arc::clone);
        body(run, member, wake.unwrap_or_default())
    };
    let numbers = 0..run.plan.sessions;
    let crowd = Crowd::open(run, &run.target, numbers, Begin::Together, woken).await;
    if run.recorder.live.load(Relaxed) == 0 {
        return Ok(());
    }
    let start = Instant::now() + AHEAD;
    let entries = wakes.into_iter().enumerate();
    let entries = entries
        .map(|(index, wake)| (run.plan.times(index), wake))
        .collect();
    crowd.go(start);
    let _pacer = Pacer::start(entries, start, run.plan.length())?;
    run.measure(start + run.plan.warm_up, start + run.plan.length())
        .await;
    crowd.join().await;
    Ok(())
}

/// Waits for the common start.
async fn wait(
    run: &Run,
    session: &mut Session,
    mut gate: watch::Receiver<Option<Instant>>,
) -> Result<Instant, Failure> {
    let opened = async move {
        let start = gate.wait_for(Option::is_some).await;
        start.ok().and_then(|start| *start)
    };
    tokio::pin!(opened);
    loop {
        tokio::select! {
            start = &mut opened => {
                return start.ok_or_else(|| Failure::new("given-up", "the run ended before"));
            }
            event = session.next() => {
                run.used(session, event?).await?;
            }
        }
    }
}
