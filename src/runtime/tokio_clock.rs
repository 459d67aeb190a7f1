//! Clock of tokio on a shard: russh creates rekey sleeps, which panic without a time driver. No tokio task runs here.

use super::sleep;
use std::time::Duration;

/// I/O traits of tokio, which russh wants of its streams.
pub mod io {
    pub use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
}

/// Time between two looks at tokio's timers. They are rekey intervals (an hour) and a one-second wait for extension
/// info, so coarse is enough.
const STEP: Duration = Duration::from_millis(100);

/// Time driver for tokio's timers on this thread, in force while it lives. Make one per shard, first thing on it.
pub struct TokioClock {
    driver: &'static tokio::runtime::Runtime,
    _entered: tokio::runtime::EnterGuard<'static>,
}

impl TokioClock {
    /// Gives this thread its driver. It is leaked on purpose: a timer that outlives it panics, and sessions end only
    /// with the thread.
    ///
    /// # Errors
    /// If there are no descriptors left.
    pub fn install() -> std::io::Result<Self> {
        let driver = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let driver: &'static tokio::runtime::Runtime = Box::leak(Box::new(driver));
        Ok(Self {
            driver,
            _entered: driver.enter(),
        })
    }

    /// Fires what is due, for as long as the shard runs.
    pub async fn run(self) {
        loop {
            sleep(STEP).await;
            // A yield makes tokio's runtime park for no time at all, which fires what is due and returns.
            self.driver.block_on(tokio::task::yield_now());
        }
    }
}
