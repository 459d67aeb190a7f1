//! Spawning by the thread's own spawner if it has one, else by tokio.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A task handed to a thread's own spawner.
pub type LocalTask = Pin<Box<dyn Future<Output = ()>>>;

/// Takes a task of the calling thread, which then runs it.
pub type ThreadSpawner = fn(LocalTask);

thread_local! {
    static SPAWNER: Cell<Option<ThreadSpawner>> = const { Cell::new(None) };
}

/// Makes [`spawn`] on this thread, and on no other, use `spawner`.
///
/// The spawner must contain panics of the task: russh notices a task that vanished by its dropped
/// channels.
pub fn set_thread_spawner(spawner: ThreadSpawner) {
    SPAWNER.with(|cell| cell.set(Some(spawner)));
}

/// Error of a task that ended without a result: it panicked, or its executor was dropped.
#[derive(Debug)]
pub struct JoinError;

impl std::fmt::Display for JoinError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the task ended without a result")
    }
}

impl std::error::Error for JoinError {}

/// The result of a spawned task, once it has one. Dropping it detaches.
#[derive(Debug)]
pub struct JoinHandle<T: Send> {
    result: tokio::sync::oneshot::Receiver<T>,
}

pin_project_lite::pin_project! {
    /// A future, and the channel for its result. An async block would hold the future twice, as its
    /// capture and as the awaited value: 15 KiB a session.
    struct Deliver<F: Future> {
        #[pin]
        future: F,
        sender: Option<tokio::sync::oneshot::Sender<F::Output>>,
    }
}

impl<F: Future> Future for Deliver<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.future.poll(cx).map(|result| {
            if let Some(sender) = this.sender.take() {
                // Fails if the handle was dropped, which detaches the task.
                let _ = sender.send(result);
            }
        })
    }
}

/// Runs `future` in the background.
///
/// # Panics
/// On a thread with neither a spawner of its own nor a tokio runtime.
pub fn spawn<F, T>(future: F) -> JoinHandle<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let (sender, result) = tokio::sync::oneshot::channel();
    let task = Box::pin(Deliver {
        future,
        sender: Some(sender),
    });
    match SPAWNER.with(Cell::get) {
        Some(spawner) => spawner(task),
        #[expect(
            clippy::disallowed_methods,
            reason = "as upstream; a shard has a spawner"
        )]
        None => {
            tokio::spawn(task);
        }
    }
    JoinHandle { result }
}

impl<T: Send> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.result).poll(cx).map_err(|_| JoinError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static QUEUE: Cell<Vec<LocalTask>> = const { Cell::new(Vec::new()) };
    }

    fn enqueue(task: LocalTask) {
        let mut queue = QUEUE.take();
        queue.push(task);
        QUEUE.set(queue);
    }

    fn runtime() -> tokio::runtime::Runtime {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.build().unwrap()
    }

    #[test]
    fn a_thread_with_a_spawner_runs_its_own_tasks() {
        set_thread_spawner(enqueue);
        let handle = spawn(async { 7 });
        let tasks = QUEUE.take();
        assert_eq!(tasks.len(), 1);
        let rt = runtime();
        for task in tasks {
            rt.block_on(task);
        }
        assert_eq!(rt.block_on(handle).unwrap(), 7);
    }

    #[test]
    fn other_threads_use_tokio_and_a_lost_task_is_an_error() {
        std::thread::spawn(|| {
            let rt = runtime();
            rt.block_on(async {
                assert_eq!(spawn(async { 8 }).await.unwrap(), 8);
            });
            let lost = {
                let _entered = rt.enter();
                spawn(std::future::pending::<()>())
            };
            drop(rt);
            assert!(runtime().block_on(lost).is_err());
        })
        .join()
        .unwrap();
    }
}
