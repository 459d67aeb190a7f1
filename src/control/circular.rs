//! Letters that every shard is to get: delivered to each as soon as its
//! mailbox has room; and the last of them, which ends the shards' threads.

use crate::shard::{Mail, MailSender};
use async_channel::TrySendError;
use std::thread::JoinHandle;
use std::time::Duration;

/// Longest wait for the shards' threads. One that turns ends within
/// milliseconds; one that does not would hold the process for ever.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// How often it is looked whether a thread has ended.
const LOOK: Duration = Duration::from_millis(1);

/// A letter to every shard.
pub(super) struct Circular<'a, F> {
    waiting: Vec<&'a MailSender>,
    letter: F,
}

impl<'a, F: Fn() -> Mail> Circular<'a, F> {
    /// `letter` makes each shard's copy. Nothing is sent yet.
    pub(super) fn new(shards: &'a [MailSender], letter: F) -> Self {
        Self {
            waiting: shards.iter().collect(),
            letter,
        }
    }

    /// Sends to those that have not got it and have room. To be repeated.
    pub(super) fn deliver(&mut self) {
        let letter = &self.letter;
        self.waiting
            .retain(|shard| matches!(shard.try_send(letter()), Err(TrySendError::Full(_))));
    }
}

/// Ends the shards, and returns when their threads have ended. A thread that
/// does not end in time is left to the end of the process.
pub fn stop(mail: &[MailSender], threads: Vec<JoinHandle<()>>) {
    let mut letters = Circular::new(mail, || Mail::Stop);
    let deadline = crate::clock::now() + STOP_TIMEOUT;
    loop {
        letters.deliver();
        if threads.iter().all(JoinHandle::is_finished) {
            break;
        }
        if crate::clock::now() >= deadline {
            tracing::error!("a shard does not turn; the process ends without it");
            return;
        }
        std::thread::park_timeout(LOOK);
    }
    for thread in threads {
        if thread.join().is_err() {
            tracing::warn!("a shard did not end in order");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::mailbox;

    #[test]
    fn a_full_box_gets_its_letter_when_it_has_room() {
        let (shard, mail) = mailbox();
        while shard.try_send(Mail::Stop).is_ok() {}
        let (other, others) = mailbox();
        let drain = || Mail::StopAccepting {
            reply: async_channel::bounded(1).0,
        };
        let senders = [shard, other];
        let mut letters = Circular::new(&senders, drain);
        letters.deliver();
        letters.deliver();
        assert_eq!(others.len(), 1, "once each");
        let full = mail.len();
        mail.try_recv().unwrap();
        letters.deliver();
        letters.deliver();
        assert_eq!(mail.len(), full);
        let last = std::iter::from_fn(|| mail.try_recv().ok()).last();
        assert!(matches!(last, Some(Mail::StopAccepting { .. })));
    }

    #[test]
    fn a_thread_that_hangs_holds_nobody() {
        let (shard, _mail) = mailbox();
        let (hold, held) = std::sync::mpsc::sync_channel::<()>(1);
        let thread = std::thread::spawn(move || {
            let _ = held.recv();
        });
        stop(&[shard], vec![thread]);
        drop(hold);
    }
}
