//! The same typing sessions alone, then beside sessions with endless output.

use super::crowd::{Begin, Crowd, Member};
use super::{Run, typing};
use crate::client::{Failure, Target};
use crate::sink::Mode;
use std::io;
use std::sync::Arc;

pub(super) async fn run(run: &Arc<Run>, flooders: usize) -> io::Result<()> {
    typing::run(run, false).await?;
    let quiet = run.recorder.take_totals();
    run.recorder.set_named("quiet", &quiet.latency);
    let target = Arc::new(Target {
        user: Mode::Flood.user(),
        bulk: true,
        ..run.plan.target.clone()
    });
    let numbers = run.plan.sessions..run.plan.sessions.saturating_add(flooders);
    let body = |run: Arc<Run>, member: Member| async move { read(&run, member).await };
    let bulk_readers = Crowd::open(run, &target, numbers, Begin::AtOnce, body).await;
    // Only this second phase is the report's latency.
    typing::run(run, false).await?;
    let quiet = quiet.latency.value_at_quantile(0.99) as f64;
    let beside = run.recorder.p99() as f64;
    run.figure("p99 beside / quiet", beside / quiet.max(1.0));
    drop(bulk_readers);
    Ok(())
}

/// Reads output until the group is dropped.
async fn read(run: &Run, member: Member) -> Result<(), Failure> {
    let mut session = member.session;
    loop {
        run.next(&mut session).await?;
    }
}
