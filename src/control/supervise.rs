//! The control thread's loop: acts on events until the process may end. A dead shard ends the
//! process at once, since its part of the clients would be refused for ever.

use super::drain::{Cause, drain};
use super::events::Event;
use super::process::ProcessHandles;
use super::reload::{Reloaded, Reloader};
use std::sync::mpsc::Receiver;

/// Blocks until the process is to end.
///
/// # Errors
/// The number of a shard that died.
pub fn supervise(
    process: &ProcessHandles,
    reloader: Option<Reloader>,
    events: &Receiver<Event>,
) -> Result<(), usize> {
    let cause = loop {
        // All senders are gone: no event can come any more.
        let Ok(event) = events.recv() else {
            return Ok(());
        };
        match (event, &reloader) {
            (Event::ShardEnded(shard), _) => return Err(shard),
            (Event::Terminate, _) | (Event::Hangup, None) => break Cause::Signal,
            (Event::Drain, _) => break Cause::Command,
            (Event::TakenOver, _) => break Cause::Takeover,
            (Event::Hangup, Some(reloader)) => {
                drop(reload(process, reloader));
                // Whatever the outcome of the reload: the file may have been renamed.
                process.audit.reopen();
            }
            (Event::Reload { reply }, Some(reloader)) => {
                let _ = reply.try_send(reload(process, reloader));
            }
            (Event::Reload { reply }, None) => {
                let refusal = "this server was not started from files that could be read again";
                let _ = reply.try_send(Err(refusal.to_owned()));
            }
        }
    };
    drain(process, cause, events)
}

fn reload(process: &ProcessHandles, reloader: &Reloader) -> Result<Reloaded, String> {
    let outcome = reloader.reload(process);
    // A log entry is one line.
    let outcome = outcome.map_err(|error| error.to_string().replace('\n', "; "));
    process.lifecycle.note_reload(outcome.is_ok());
    match &outcome {
        Ok(reloaded) => tracing::info!(
            changed = reloaded.changed.join(", "),
            needs_restart = reloaded.needs_restart.join(", "),
            "reloaded"
        ),
        Err(error) => tracing::error!(%error, "not reloaded; everything stays as it was"),
    }
    outcome
}
