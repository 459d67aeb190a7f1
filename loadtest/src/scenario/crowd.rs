//! Group of sessions that open at a rate, wait for each other, and then run the same body.

use super::Run;
use crate::client::{Failure, Session, Target};
use crate::pacer::Pacer;
use crate::schedule::Schedule;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

/// Sessions opening at once; a bridge bounds those that are not logged in.
const MAX_OPENING: u32 = 64;
/// Time from the announcement of the start to the start, for every session to receive it.
const START_DELAY: Duration = Duration::from_millis(100);

/// Session of a group, with its number.
pub(super) struct Member {
    pub(super) session: Session,
    pub(super) index: usize,
    /// Common start.
    pub(super) start: Instant,
}

/// Group of sessions. Those still running are aborted when this is dropped.
pub(super) struct Crowd {
    tasks: JoinSet<()>,
    go: watch::Sender<Option<Instant>>,
}

/// Start of the sessions of a group.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// Each starts as soon as it is ready.
    AtOnce,
    /// All start at [`Crowd::go`]; until then they answer pings and discard output.
    Together,
}

impl Crowd {
    /// Opens the sessions, and returns when all of them are ready or have failed.
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
        let (go, started) = watch::channel(None);
        let permits = Arc::new(Semaphore::new(MAX_OPENING as usize));
        let mut tasks = JoinSet::new();
        let began = Instant::now();
        for (index, at) in numbers.zip(Schedule::steady(run.plan.open_rate)) {
            tokio::time::sleep_until((began + at).into()).await;
            let permit = Arc::clone(&permits).acquire_owned().await;
            let (run, target) = (Arc::clone(run), Arc::clone(target));
            let (started, body) = (started.clone(), body.clone());
            tasks.spawn(async move {
                let opened = run.open(&target, index).await;
                drop(permit);
                let Some((mut session, _live)) = opened else {
                    return;
                };
                let done = async {
                    let start = match begin {
                        Begin::AtOnce => Instant::now(),
                        Begin::Together => wait(&run, &mut session, started).await?,
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
        // A session returns its permit once it is ready. The semaphore is never closed.
        let _ = permits.acquire_many(MAX_OPENING).await;
        Self { tasks, go }
    }

    /// Announces the start at `start`.
    pub(super) fn go(&self, start: Instant) {
        // Fails only when no session is left.
        let _ = self.go.send(Some(start));
    }

    /// Waits for the end of all sessions.
    pub(super) async fn join(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Runs all sessions of the plan, each woken at its send times, for the plan's whole length. They
/// start together, and each ends by itself.
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
    let start = Instant::now() + START_DELAY;
    let entries = wakes.into_iter().enumerate();
    let entries = entries
        .map(|(index, wake)| (run.plan.schedule(index), wake))
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
    mut started: watch::Receiver<Option<Instant>>,
) -> Result<Instant, Failure> {
    let began = async move {
        let start = started.wait_for(Option::is_some).await;
        start.ok().and_then(|start| *start)
    };
    let start = run.consume_until(session, began).await?;
    start.ok_or_else(|| Failure::new("given-up", "the run ended before"))
}
