//! The seam between russh and the shard's executor.
//!
//! russh is written for tokio. Two ways to run it on a glommio thread were
//! tried: (a) a tokio current-thread runtime pumped from a glommio task after
//! every touch, and (b) russh's session loop as a glommio task, which needs
//! only its one spawn function replaced (crates/russh-util). (b) was chosen:
//! one scheduler instead of two, wakers that work without a pump, and no
//! notify that can be forgotten (a forgotten pump costs seconds).
//!
//! What remains of tokio on a shard is a clock: russh's loop creates rekey
//! sleeps, which panic without a time driver. One current-thread runtime per
//! shard carries it; no tokio task ever runs there.
//!
//! Nothing else on a shard names tokio; its I/O traits are re-exported here.

use crate::sockets;
use futures_lite::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tracing::Instrument;

pub(super) use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How often russh's timers are looked at. They are rekey intervals (an hour)
/// and a one-second wait for extension info, so coarse is enough.
const WHEEL_STEP: Duration = Duration::from_millis(100);

/// The shard's time driver for russh. Make one per executor thread, first
/// thing on it.
pub struct SshRuntime {
    driver: &'static tokio::runtime::Runtime,
    _entered: tokio::runtime::EnterGuard<'static>,
}

impl SshRuntime {
    /// Puts russh's tasks of this thread on this thread's glommio executor.
    ///
    /// The driver is leaked on purpose: a timer that outlives it panics, and
    /// sessions end only with the thread.
    ///
    /// # Errors
    /// If the driver cannot be built (no file descriptors left).
    pub fn install() -> std::io::Result<Self> {
        let driver = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let driver: &'static tokio::runtime::Runtime = Box::leak(Box::new(driver));
        russh_util::runtime::set_thread_spawner(|task| {
            // What it logs is the session's that starts it. One panicking
            // session loop must not end the executor; its dropped handler
            // tells the session.
            let session = async move {
                if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                    tracing::error!("an SSH session loop panicked");
                }
            };
            sockets::spawn(session.in_current_span());
        });
        Ok(Self {
            driver,
            _entered: driver.enter(),
        })
    }

    /// Turns the driver's wheel for as long as the shard runs.
    pub async fn turn_wheel(&self) {
        loop {
            glommio::timer::sleep(WHEEL_STEP).await;
            // A yield makes the runtime park for no time at all, which fires
            // what is due and returns.
            self.driver.block_on(tokio::task::yield_now());
        }
    }
}
