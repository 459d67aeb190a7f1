//! Many sessions that open at a pace, wait for each other, and then do the same.

use super::Run;
use crate::client::{Failure, Session, Target};
use crate::schedule::Schedule;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Sessions that are being opened at a time: a bridge bounds those that are not logged in.
const OPENING: u32 = 64;

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
