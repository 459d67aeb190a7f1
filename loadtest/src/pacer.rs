//! Wakes sessions when their next send is due, on a thread of its own: the runtime's timers have a
//! resolution of a millisecond, and a keystroke through the bridge takes less.
//!
//! It sends nothing. A session has its own [`Schedule`] and sends everything that is due, so a late
//! wake-up, or one for several sends, loses nothing.

use crate::schedule::Schedule;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Longest time until a dropped pacer stops.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);

/// Pacer thread; it ends when this is dropped.
#[derive(Debug)]
pub struct Pacer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pacer {
    /// Wakes each entry at its times after `start`, as long as they are before `length`.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        entries: Vec<(Schedule, Arc<Notify>)>,
        start: Instant,
        length: Duration,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("pacer".to_owned())
            .spawn(move || pace(entries, start, length, &stopped))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has no result, and does not panic.
            let _ = thread.join();
        }
    }
}

fn pace(
    mut entries: Vec<(Schedule, Arc<Notify>)>,
    start: Instant,
    length: Duration,
    stop: &AtomicBool,
) {
    let mut due: BinaryHeap<Reverse<(Duration, usize)>> = BinaryHeap::new();
    for (index, (times, _)) in entries.iter_mut().enumerate() {
        due.extend(times.next().map(|at| Reverse((at, index))));
    }
    while let Some(Reverse((at, index))) = due.pop() {
        if at >= length {
            return;
        }
        let until = start + at;
        loop {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(LONGEST_SLEEP));
        }
        if let Some((times, wake)) = entries.get_mut(index) {
            wake.notify_one();
            due.extend(times.next().map(|at| Reverse((at, index))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_woken_until_the_end_of_the_run() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let wakes: Vec<_> = (0..3).map(|_| Arc::new(Notify::new())).collect();
        let entries = wakes
            .iter()
            .map(|wake| (Schedule::steady(100.0), Arc::clone(wake)))
            .collect();
        let start = Instant::now();
        let mut pacer = Pacer::start(entries, start, Duration::from_millis(45)).unwrap();
        for wake in &wakes {
            runtime.block_on(wake.notified());
        }
        // The last at 40 ms, and none at 50.
        pacer.thread.take().unwrap().join().unwrap();
        assert!(start.elapsed() >= Duration::from_millis(40));
    }

    /// The next wake-up is 1000 s away: without the stop, the test would not end.
    #[test]
    fn a_dropped_pacer_stops_at_once() {
        let wake = Arc::new(Notify::new());
        let mut times = Schedule::steady(0.001);
        times.next();
        drop(Pacer::start(vec![(times, wake)], Instant::now(), Duration::MAX).unwrap());
    }
}
