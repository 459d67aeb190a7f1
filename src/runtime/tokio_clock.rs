//! Clock of tokio on a shard: russh creates rekey sleeps, which panic without a time driver. No
//! tokio task runs here.

use super::{Sleep, WakerSlot};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::time::Duration;

/// I/O traits of tokio, which russh requires of its streams.
pub mod io {
    pub use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
}

/// Time between two polls of tokio's timers while all of them are long: rekey intervals of an hour.
const LONG_STEP: Duration = Duration::from_secs(60);

/// The same while there may be short ones.
const SHORT_STEP: Duration = Duration::from_millis(100);

thread_local! {
    static SHORT_TIMERS: Cell<usize> = const { Cell::new(0) };
    static FIRST_SHORT: WakerSlot = WakerSlot::default();
}

/// Time in which russh may wait for something short on this thread: for a second, for the extension
/// info of a server.
pub struct ShortTimers(());

impl ShortTimers {
    /// Begins such a time; dropping it ends it.
    pub fn begin() -> Self {
        if SHORT_TIMERS.replace(SHORT_TIMERS.get() + 1) == 0 {
            FIRST_SHORT.with(WakerSlot::wake);
        }
        Self(())
    }
}

impl Drop for ShortTimers {
    fn drop(&mut self) {
        SHORT_TIMERS.set(SHORT_TIMERS.get().saturating_sub(1));
    }
}

/// Time driver for tokio's timers on this thread, in force while it lives. Make one per shard,
/// first thing on it.
pub struct TokioClock {
    driver: &'static tokio::runtime::Runtime,
    _entered: tokio::runtime::EnterGuard<'static>,
}

impl TokioClock {
    /// Gives this thread its driver. It is leaked on purpose: a timer that outlives it panics, and
    /// sessions end only with the thread.
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
            let begun = crate::clock::now();
            let mut sleep = Sleep::until(begun + LONG_STEP);
            poll_fn(|cx| {
                FIRST_SHORT.with(|slot| slot.register(cx.waker()));
                if SHORT_TIMERS.get() > 0 && sleep.deadline() > begun + SHORT_STEP {
                    sleep = Sleep::until(begun + SHORT_STEP);
                }
                Pin::new(&mut sleep).poll(cx)
            })
            .await;
            // A yield makes tokio's runtime park for no time at all, which fires what is due and
            // returns.
            self.driver.block_on(tokio::task::yield_now());
        }
    }
}
