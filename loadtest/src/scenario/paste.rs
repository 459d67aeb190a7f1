//! Pastes into an echo: input and output at the same time, with at most `input_window` bytes
//! unacknowledged.

use super::crowd::{self, Member};
use super::{GRACE, LOOKING, Run};
use crate::client::{Event, Failure, Incoming, unexpected};
use bytes::Bytes;
use futures_util::{SinkExt, Stream};
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Of one message.
const CHUNK: usize = 8 * 1024;

/// What the two directions of a session tell each other.
#[derive(Default)]
struct Between {
    /// Intended and real time of pastes that are not back yet.
    waiting: Mutex<VecDeque<(Instant, Instant)>>,
    acknowledged: AtomicU64,
    acked: Notify,
}

pub(super) async fn run(run: &Arc<Run>, bytes: usize) -> io::Result<()> {
    let body = move |run: Arc<Run>, member: Member, wake: Arc<Notify>| async move {
        paste_on(&run, member, &wake, bytes).await
    };
    crowd::paced(run, body).await
}

async fn paste_on(run: &Run, member: Member, wake: &Notify, bytes: usize) -> Result<(), Failure> {
    let Member {
        session,
        index,
        start,
    } = member;
    let window = session.input_window;
    let between = Between::default();
    let (mut output, mut input) = session.split();
    let length = run.plan.length();
    let count = run.plan.times(index).take_while(|at| *at < length).count();
    let send = async {
        let chunk = Bytes::from(vec![b'p'; CHUNK.min(bytes)]);
        let mut sent = 0_u64;
        for at in run.plan.times(index).take(count) {
            while Instant::now() < start + at {
                wake.notified().await;
            }
            let waits = (start + at, Instant::now());
            lock(&between.waiting).push_back(waits);
            run.recorder.sent.fetch_add(1, Relaxed);
            let mut left = bytes;
            while left > 0 {
                let part = chunk.slice(..chunk.len().min(left));
                left -= part.len();
                sent = sent.saturating_add(part.len() as u64);
                while sent.saturating_sub(between.acknowledged.load(Relaxed)) > window {
                    between.acked.notified().await;
                }
                output.send(Message::Binary(part)).await?;
            }
        }
        Ok::<_, Failure>(())
    };
    let receive = receive(run, &mut input, &between, (index, bytes, count));
    let until = start + length + GRACE;
    match tokio::time::timeout_at(until.into(), async { tokio::try_join!(send, receive) }).await {
        Ok(done) => done.map(|_| ()),
        Err(_) => {
            let missing = lock(&between.waiting).len() as u64;
            let failure = Failure::new("unanswered", "pastes that did not come back whole");
            run.recorder.failed_times(&failure, missing);
            Ok(())
        }
    }?;
    let stays = start + length + LOOKING;
    while let Ok(event) = tokio::time::timeout_at(stays.into(), input.next()).await {
        if let end @ (Event::Close(..) | Event::Exit(_)) = event? {
            return Err(unexpected(&end));
        }
    }
    Ok(output.send(Message::Close(None)).await?)
}

/// Until so many pastes are back.
async fn receive(
    run: &Run,
    input: &mut Incoming<impl Stream<Item = Result<Message, Error>> + Unpin>,
    between: &Between,
    (index, bytes, count): (usize, usize, usize),
) -> Result<(), Failure> {
    let mut came = 0;
    let mut answered = 0;
    while answered < count {
        match input.next().await? {
            Event::Output(output) => {
                run.recorder.output.fetch_add(output.len() as u64, Relaxed);
                came += output.len();
            }
            Event::InputAck(total) => {
                between.acknowledged.store(total, Relaxed);
                between.acked.notify_one();
            }
            Event::Other => {}
            end @ (Event::Close(..) | Event::Exit(_)) => return Err(unexpected(&end)),
        }
        while came >= bytes {
            came -= bytes;
            let Some((intended, sent)) = lock(&between.waiting).pop_front() else {
                return Err(Failure::new("wrong-output", "more came than was pasted"));
            };
            answered += 1;
            run.recorder.answered(index, intended, sent, Instant::now());
        }
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
