//! Pastes into an echo: input and output at the same time, with at most `input_window` bytes
//! unacknowledged.

use super::crowd::{self, Member};
use super::{FINAL_SAMPLE_TIME, GRACE, Run};
use crate::client::{Event, Failure, receive, unexpected};
use crate::record::lock;
use bytes::Bytes;
use futures_util::{SinkExt, Stream};
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Size of one message.
const CHUNK: usize = 8 * 1024;

/// State shared by the two directions of a session.
#[derive(Default)]
struct InFlight {
    /// Intended and actual send times of pastes that are not echoed yet.
    waiting: Mutex<VecDeque<(Instant, Instant)>>,
    acknowledged: AtomicU64,
    acked: Notify,
}

pub(super) async fn run(run: &Arc<Run>, bytes: usize) -> io::Result<()> {
    let body = move |run, member, wake| paste_on(run, member, wake, bytes);
    crowd::paced(run, body).await
}

async fn paste_on(
    run: Arc<Run>,
    member: Member,
    wake: Arc<Notify>,
    bytes: usize,
) -> Result<(), Failure> {
    let Member {
        session,
        index,
        start,
    } = member;
    let window = session.input_window;
    let in_flight = InFlight::default();
    let (mut output, mut input) = session.split();
    let length = run.plan.length();
    let count = run
        .plan
        .schedule(index)
        .take_while(|at| *at < length)
        .count();
    let send = async {
        let chunk = Bytes::from(vec![b'p'; CHUNK.min(bytes)]);
        let mut sent = 0_u64;
        for at in run.plan.schedule(index).take(count) {
            while Instant::now() < start + at {
                wake.notified().await;
            }
            let times = (start + at, Instant::now());
            lock(&in_flight.waiting).push_back(times);
            run.recorder.sent.fetch_add(1, Relaxed);
            let mut left = bytes;
            while left > 0 {
                let part = chunk.slice(..chunk.len().min(left));
                left -= part.len();
                sent = sent.saturating_add(part.len() as u64);
                while sent.saturating_sub(in_flight.acknowledged.load(Relaxed)) > window {
                    in_flight.acked.notified().await;
                }
                output.send(Message::Binary(part)).await?;
            }
        }
        Ok::<_, Failure>(())
    };
    let echoes = take_echoes(&run, &mut input, &in_flight, (index, bytes, count));
    let until = start + length + GRACE;
    match tokio::time::timeout_at(until.into(), async { tokio::try_join!(send, echoes) }).await {
        Ok(done) => drop(done?),
        Err(_) => {
            let missing = lock(&in_flight.waiting).len() as u64;
            let failure = Failure::new("unanswered", "pastes that were not echoed whole");
            run.recorder.failed_times(&failure, missing);
        }
    }
    let close_at = start + length + FINAL_SAMPLE_TIME;
    while let Ok(event) = tokio::time::timeout_at(close_at.into(), receive(&mut input)).await {
        if let end @ (Event::Close(..) | Event::Exit(_)) = event? {
            return Err(unexpected(&end));
        }
    }
    Ok(output.send(Message::Close(None)).await?)
}

/// Receives until `count` pastes are echoed.
async fn take_echoes(
    run: &Run,
    input: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
    in_flight: &InFlight,
    (index, bytes, count): (usize, usize, usize),
) -> Result<(), Failure> {
    let mut received = 0;
    let mut answered = 0;
    while answered < count {
        match receive(input).await? {
            Event::Output(output) => {
                run.recorder.output.fetch_add(output.len() as u64, Relaxed);
                received += output.len();
            }
            Event::InputAck(total) => {
                in_flight.acknowledged.store(total, Relaxed);
                in_flight.acked.notify_one();
            }
            Event::Ready(_) | Event::Other => {}
            end @ (Event::Close(..) | Event::Exit(_)) => return Err(unexpected(&end)),
        }
        while received >= bytes {
            received -= bytes;
            let Some((intended, sent)) = lock(&in_flight.waiting).pop_front() else {
                return Err(Failure::new("wrong-output", "more output than was pasted"));
            };
            answered += 1;
            run.recorder.answered(index, intended, sent, Instant::now());
        }
    }
    Ok(())
}
