//! Messages to every shard, each delivered as soon as the shard's command channel has room; and
//! [`stop`], the last one, which ends the shards' threads. Never blocks on a command channel.

use crate::shard::{Command, CommandSender};
use async_channel::TrySendError;
use std::thread::JoinHandle;
use std::time::Duration;

/// Longest wait for the shards' threads. One that polls its command channel ends within
/// milliseconds; one that is stuck would hold the process for ever.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Interval at which the threads are polled for their end.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A message to every shard, and the shards that have not got it yet.
pub(super) struct Broadcast<'a, F> {
    waiting: Vec<&'a CommandSender>,
    message: F,
}

impl<'a, F: Fn() -> Command> Broadcast<'a, F> {
    /// Sends nothing yet. `message` makes each shard's copy.
    pub(super) fn new(shards: &'a [CommandSender], message: F) -> Self {
        Self {
            waiting: shards.iter().collect(),
            message,
        }
    }

    /// Sends to the shards that have not got it and whose command channel has room. To be repeated.
    pub(super) fn deliver(&mut self) {
        let message = &self.message;
        self.waiting
            .retain(|shard| matches!(shard.try_send(message()), Err(TrySendError::Full(_))));
    }
}

/// Ends the shards, and returns when their threads have ended. A thread that does not end within
/// `STOP_TIMEOUT` is left to the end of the process.
pub fn stop(commands: &[CommandSender], threads: Vec<JoinHandle<()>>) {
    let mut broadcast = Broadcast::new(commands, || Command::Stop);
    let deadline = crate::clock::now() + STOP_TIMEOUT;
    loop {
        broadcast.deliver();
        if threads.iter().all(JoinHandle::is_finished) {
            break;
        }
        if crate::clock::now() >= deadline {
            let running = |(_, thread): &(usize, &JoinHandle<()>)| !thread.is_finished();
            for (shard, _) in threads.iter().enumerate().filter(running) {
                tracing::error!(
                    shard,
                    "a shard's thread did not end; the process ends without it"
                );
            }
            return;
        }
        std::thread::park_timeout(POLL_INTERVAL);
    }
    for (shard, thread) in threads.into_iter().enumerate() {
        if thread.join().is_err() {
            tracing::warn!(
                shard,
                "a shard's thread panicked; please report it with its log"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::command_channel;

    #[test]
    fn a_full_channel_gets_the_message_when_it_has_room() {
        let (shard, commands) = command_channel();
        while shard.try_send(Command::Stop).is_ok() {}
        let (other, others) = command_channel();
        let drain = || Command::StopAccepting {
            reply: async_channel::bounded(1).0,
        };
        let senders = [shard, other];
        let mut broadcast = Broadcast::new(&senders, drain);
        broadcast.deliver();
        broadcast.deliver();
        assert_eq!(others.len(), 1, "once each");
        let full = commands.len();
        commands.try_recv().unwrap();
        broadcast.deliver();
        broadcast.deliver();
        assert_eq!(commands.len(), full);
        let last = std::iter::from_fn(|| commands.try_recv().ok()).last();
        assert!(matches!(last, Some(Command::StopAccepting { .. })));
    }

    #[test]
    fn a_thread_that_hangs_does_not_hold_the_process() {
        let (shard, _commands) = command_channel();
        let (hold, held) = std::sync::mpsc::sync_channel::<()>(1);
        let thread = std::thread::spawn(move || {
            let _ = held.recv();
        });
        stop(&[shard], vec![thread]);
        drop(hold);
    }
}
