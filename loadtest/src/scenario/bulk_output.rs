//! Output as fast as possible: every byte is counted, and a session with too few has failed.

use super::Run;
use super::crowd::{Begin, Crowd, Member};
use crate::client::{Event, Failure};
use crate::sink::Mode;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

const MIB: u64 = 1024 * 1024;
/// Close code after the remote process ended.
const NORMAL: u16 = 1000;

pub(super) async fn run(run: &Arc<Run>) -> io::Result<()> {
    run.begin().await;
    let began = Instant::now();
    let crowd = Crowd::open(run, &run.target, 0..run.plan.sessions, Begin::AtOnce, read).await;
    crowd.join().await;
    let time = began.elapsed();
    run.end().await;
    let mib = run.recorder.output.load(Relaxed) as f64 / MIB as f64;
    run.figure("MiB/s", mib / time.as_secs_f64());
    Ok(())
}

/// Reads one session to its end.
async fn read(run: Arc<Run>, member: Member) -> Result<(), Failure> {
    let mut session = member.session;
    run.recorder.sent.fetch_add(1, Relaxed);
    let wanted = match run.plan.scenario.mode() {
        Mode::Bulk(mib) => mib.saturating_mul(MIB),
        _ => 0,
    };
    let mut received = session.early_output as u64;
    loop {
        match session.next().await? {
            Event::Close(NORMAL, _) => break,
            Event::Exit(Some(0)) => {}
            event => received += run.consume(&mut session, event).await? as u64,
        }
    }
    if received != wanted && run.plan.target.user.is_none() {
        let detail = format!("{received} of {wanted} bytes arrived");
        return Err(Failure::new("wrong-output", detail));
    }
    let start = member.start;
    run.recorder
        .answered(member.index, start, start, Instant::now());
    Ok(())
}
