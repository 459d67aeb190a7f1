//! russh's session loop, polled by the session it belongs to.
//!
//! russh is written for tokio. Two ways to run it on another executor were tried: (a) a tokio current-thread runtime
//! pumped from a task after every touch, and (b) russh's session loop polled by the shard's own loop, which needs only its
//! one spawn function replaced (crates/russh-util). (b) was chosen: one scheduler instead of two, wakers that work
//! without a pump, and no notify that can be forgotten (a forgotten pump costs seconds). What remains of tokio is a
//! clock (`runtime::tokio_clock`).
//!
//! The loop is no task of its own: its session polls it, between handing input over and taking output, so that a key
//! and its echo are one poll each. Dropping it ends the SSH connection, whatever russh is waiting for.

use futures_util::task::AtomicWaker;
use russh_util::runtime::LocalTask;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// Polls of the loop in one poll of its session. More is left to the next: others are to have their turn.
const MAX_POLLS: u32 = 4;

thread_local! {
    /// The loop that russh spawned last, until its session takes it.
    static SPAWNED: RefCell<Option<LocalTask>> = const { RefCell::new(None) };
    /// The state of the loop whose session is being polled.
    static POLLED: Cell<*const LoopState> = const { Cell::new(ptr::null()) };
}

/// Lets sessions of this thread poll russh's session loops.
pub fn run_loops_here() {
    russh_util::runtime::set_thread_spawner(|task| SPAWNED.set(Some(task)));
}

/// Waker of a loop. Woken from within its session's poll it sets a flag that the session looks at; otherwise it wakes
/// the session.
#[derive(Default)]
struct LoopState {
    woken: AtomicBool,
    session: AtomicWaker,
}

impl Wake for LoopState {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        // On another thread this is null.
        if !ptr::eq(POLLED.get(), Arc::as_ptr(self)) {
            self.session.wake();
        }
    }
}

/// A session's loop, once there is one.
pub struct SshLoop {
    task: Option<LocalTask>,
    state: Arc<LoopState>,
    waker: Waker,
}

impl Default for SshLoop {
    fn default() -> Self {
        let state = Arc::new(LoopState::default());
        Self {
            task: None,
            waker: Waker::from(Arc::clone(&state)),
            state,
        }
    }
}

/// The time of a session's poll.
pub struct SessionPoll(());

impl Drop for SessionPoll {
    fn drop(&mut self) {
        POLLED.set(ptr::null());
    }
}

impl SshLoop {
    /// Begins a poll of the session.
    pub fn enter(&self, cx: &Context<'_>) -> SessionPoll {
        self.state.session.register(cx.waker());
        POLLED.set(Arc::as_ptr(&self.state));
        SessionPoll(())
    }

    /// Does `work`, which may connect to an SSH server, and takes the loop that it starts, in place of the one before.
    pub fn adopt<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let result = work();
        if let Some(task) = SPAWNED.take() {
            self.task = Some(task);
            self.state.woken.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Returns whether the loop has something to do.
    pub fn is_woken(&self) -> bool {
        self.task.is_some() && self.state.woken.load(Ordering::Acquire)
    }

    /// Polls the loop as often as it has something to do, within bounds. A panic of it ends it alone; its handler, which
    /// is dropped then, tells the session.
    pub fn poll(&mut self) {
        for _ in 0..MAX_POLLS {
            if !self.is_woken() {
                return;
            }
            self.state.woken.swap(false, Ordering::AcqRel);
            let Some(task) = &mut self.task else {
                return;
            };
            let mut cx = Context::from_waker(&self.waker);
            match catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut cx))) {
                Ok(polled) if polled.is_pending() => {}
                Ok(_) => self.end(),
                Err(_) => {
                    tracing::error!("an SSH session loop panicked");
                    self.end();
                }
            }
        }
    }

    /// Ends the loop and with it the SSH connection, at once.
    pub fn end(&mut self) {
        // Its Drop may look at the session.
        let task = self.task.take();
        drop(task);
    }
}
