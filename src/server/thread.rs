//! The thread of a shard: pinned, its executor made and run on it, and its
//! end told to the control thread, however it comes.

use crate::control::Event;
use glommio::{LocalExecutorBuilder, PoolPlacement};
use std::future::Future;
use std::io;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::Duration;

/// Submission queue entries per executor; more than are in flight in a turn.
const RING_DEPTH: usize = 4096;

/// A shard's tasks are asked to yield this often; bounds how late timers run.
const PREEMPT: Duration = Duration::from_millis(2);

/// Tells the control thread when the shard's thread ends.
struct DeathWatch {
    shard: usize,
    events: SyncSender<Event>,
}

impl Drop for DeathWatch {
    fn drop(&mut self) {
        // Full only if the control thread is gone, and then nobody cares.
        let _ = self.events.try_send(Event::ShardEnded(self.shard));
    }
}

/// Runs the future that `work` makes on an executor pinned to `cpu`, on a new
/// thread. When the thread ends, by itself or by a panic of any of the
/// executor's tasks, [`Event::ShardEnded`] says so.
///
/// # Errors
/// If the thread cannot be made. A failure to make the executor is logged and
/// ends the thread.
pub(super) fn spawn<F: Future<Output = ()>>(
    shard: usize,
    cpu: usize,
    events: SyncSender<Event>,
    work: impl FnOnce() -> F + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let watch = DeathWatch { shard, events };
    std::thread::Builder::new()
        .name(format!("sshard-{shard}"))
        .spawn(move || {
            // On the thread's own stack: a panic leaks the executor's tasks,
            // and what they hold with them.
            let _watch = watch;
            let executor = LocalExecutorBuilder::new(glommio::Placement::Fixed(cpu))
                .io_memory(super::IO_MEMORY)
                .ring_depth(RING_DEPTH)
                .preempt_timer(PREEMPT)
                // By default its blocking pool would be pinned to the shard's core.
                .blocking_thread_pool_placement(PoolPlacement::Unbound(1))
                .make();
            match executor {
                Ok(executor) => executor.run(async { work().await }),
                Err(error) => tracing::error!(shard, %error, "a shard's executor could not start"),
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::events;
    use crate::server::cpus;

    const DEADLINE: Duration = Duration::from_secs(30);

    fn end_of<F: Future<Output = ()>>(
        work: impl FnOnce() -> F + Send + 'static,
    ) -> (Option<Event>, bool) {
        let (sender, receiver) = events();
        let cpu = cpus::choose(&crate::config::Server::default()).unwrap()[0];
        let thread = spawn(7, cpu, sender, work).unwrap();
        let event = receiver.recv_timeout(DEADLINE).ok();
        (event, thread.join().is_ok())
    }

    #[test]
    fn an_end_in_order_is_told() {
        let ended = end_of(|| async {});
        assert_eq!(ended, (Some(Event::ShardEnded(7)), true));
    }

    #[test]
    fn a_panic_of_the_shard_itself_is_told() {
        let ended = end_of(|| async { panic!("on purpose") });
        assert_eq!(ended, (Some(Event::ShardEnded(7)), false));
    }

    /// The shard's own future waits for mail then, with its waker in other
    /// hands: nothing ever drops it.
    #[test]
    fn a_panic_of_another_task_is_told() {
        let (_letters, mail) = async_channel::bounded::<()>(1);
        let ended = end_of(|| async move {
            glommio::spawn_local(async {
                glommio::timer::sleep(Duration::from_millis(1)).await;
                panic!("on purpose");
            })
            .detach();
            let _ = mail.recv().await;
        });
        assert_eq!(ended, (Some(Event::ShardEnded(7)), false));
    }
}
