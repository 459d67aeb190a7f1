//! Polling of russh's session loop by the session it belongs to.
//!
//! russh is written for tokio. Two ways to run it on another executor were tried: (a) a tokio
//! current-thread runtime, run from a task after every call into russh, and (b) russh's session
//! loop polled by the shard's own loop, for which only russh's one spawn function is replaced
//! (crates/russh-util). (b) was chosen: one scheduler instead of two, wakers that work as they are,
//! and no call that can be forgotten (a forgotten run of the runtime costs seconds). What remains
//! of tokio is a clock (`runtime::tokio_clock`).
//!
//! The loop is not a task of its own: its session polls it, between handing input over and taking
//! output, so that a keystroke and its echo are one poll each. Dropping it ends the SSH connection,
//! whatever russh is waiting for.

use futures_util::task::AtomicWaker;
use russh_util::runtime::LocalTask;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// Polls of the loop in one poll of its session. More are left to the next, for fairness.
const MAX_POLLS: u32 = 4;

thread_local! {
    /// Loop that russh spawned last, until its session takes it.
    static SPAWNED: RefCell<Option<LocalTask>> = const { RefCell::new(None) };
    /// State of the loop whose session is being polled.
    static POLLED: Cell<*const LoopState> = const { Cell::new(ptr::null()) };
}

/// Keeps the session loops that russh spawns on this thread for [`SshLoop::adopt`].
pub fn install_loop_spawner() {
    russh_util::runtime::set_thread_spawner(|task| SPAWNED.set(Some(task)));
}

/// Waker of a loop. Within its session's poll it only sets a flag, which the session reads;
/// otherwise it wakes the session as well.
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

/// Session loop of a session's SSH connection, once there is one.
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

/// Guard for the time of a session's poll.
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

    /// Runs `work`, which may connect to an SSH server, and takes the loop that it spawns in place
    /// of the one before.
    pub fn adopt<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let result = work();
        if let Some(task) = SPAWNED.take() {
            self.task = Some(task);
            self.state.woken.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Returns whether the loop was woken since its last poll.
    pub fn is_woken(&self) -> bool {
        self.task.is_some() && self.state.woken.load(Ordering::Acquire)
    }

    /// Polls the loop while it is woken, at most `MAX_POLLS` times. A panic of it ends this
    /// connection alone; the handler, which is dropped then, reports that to the session.
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
                    tracing::error!(
                        "an SSH session loop panicked; its connection is closed; please report it"
                    );
                    self.end();
                }
            }
        }
    }

    /// Ends the loop and with it the SSH connection, at once.
    pub fn end(&mut self) {
        // Taken first: its Drop may call into the session.
        let task = self.task.take();
        drop(task);
    }
}
