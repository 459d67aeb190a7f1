//! Idle sessions, each checked by one keystroke at the end.

use super::crowd::{Begin, Crowd, Member};
use super::{CLOSE_TIMEOUT, GRACE, Run};
use crate::client::Failure;
use crate::schedule::Schedule;
use bytes::Bytes;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

pub(super) async fn run(run: &Arc<Run>) -> io::Result<()> {
    let numbers = 0..run.plan.sessions;
    let crowd = Crowd::open(run, &run.target, numbers, Begin::Together, hold).await;
    if run.recorder.live.load(Relaxed) == 0 {
        return Ok(());
    }
    let start = Instant::now();
    crowd.go(start);
    run.measure(start + run.plan.warm_up, start + run.plan.length())
        .await;
    // The keystrokes come after the measured time of the bridge.
    run.recorder.measure(start, start + run.plan.timeout());
    crowd.join().await;
    Ok(())
}

async fn hold(run: Arc<Run>, member: Member) -> Result<(), Failure> {
    let (mut session, index) = (member.session, member.index);
    // One after the other, in the order of opening, and after the last sample of the bridge.
    let offset = Schedule::steady(run.plan.open_rate).nth(index);
    let after = run.plan.length() + GRACE / 5 + offset.unwrap_or(Duration::ZERO);
    let until = tokio::time::sleep_until((member.start + after).into());
    run.consume_until(&mut session, until).await?;
    // Counted from the send: the timer's millisecond is not the bridge's.
    let sent = Instant::now();
    run.recorder.sent.fetch_add(1, Relaxed);
    session.send(Bytes::from_static(b"k")).await?;
    let echo = async {
        while run.next(&mut session).await? == 0 {}
        Ok::<_, Failure>(())
    };
    match tokio::time::timeout(GRACE, echo).await {
        Ok(came) => came?,
        Err(_) => return Err(Failure::new("unanswered", "no echo after the hold")),
    }
    run.recorder.answered(index, sent, sent, Instant::now());
    session.close(CLOSE_TIMEOUT).await
}
