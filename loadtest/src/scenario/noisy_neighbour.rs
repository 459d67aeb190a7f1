//! The same typing sessions alone, then beside sessions with endless output.

use super::crowd::{Begin, Crowd, Member};
use super::{Run, typing};
use crate::client::{Failure, Target};
use crate::sink::Mode;
use std::io;
use std::sync::Arc;

pub(super) async fn run(run: &Arc<Run>, flooders: usize) -> io::Result<()> {
    typing::run(run, false).await?;
    let quiet = run.recorder.take(|times| &mut times.latency);
    // Of the second phase alone, as the latency.
    let _ = run.recorder.take(|times| &mut times.service);
    let _ = run.recorder.take(|times| &mut times.lateness);
    run.recorder.set_named("quiet", &quiet);
    let target = Arc::new(Target {
        user: Some(Mode::Flood.user()),
        bulk: true,
        ..run.plan.target.clone()
    });
    let numbers = run.plan.sessions..run.plan.sessions.saturating_add(flooders);
    let bulk_readers = Crowd::open(run, &target, numbers, Begin::AtOnce, read).await;
    // Only this second phase is the report's latency.
    typing::run(run, false).await?;
    let quiet = quiet.value_at_quantile(0.99) as f64;
    let beside = run.recorder.p99() as f64;
    run.figure("p99 beside / quiet", beside / quiet.max(1.0));
    drop(bulk_readers);
    Ok(())
}

/// Reads output until the group is dropped.
async fn read(run: Arc<Run>, mut member: Member) -> Result<(), Failure> {
    loop {
        run.next(&mut member.session).await?;
    }
}
