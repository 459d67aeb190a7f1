//! Signals, as events for the control thread.

use super::supervise::Event;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::mpsc::SyncSender;

/// Starts a thread that turns SIGTERM and SIGINT into [`Event::Terminate`].
/// It lives as long as the process.
///
/// # Errors
/// If the handlers or the thread cannot be set up.
pub fn watch_signals(events: SyncSender<Event>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    std::thread::Builder::new()
        .name("sshard-signals".to_owned())
        .spawn(move || {
            for _ in signals.forever() {
                if events.send(Event::Terminate).is_err() {
                    break;
                }
            }
        })?;
    Ok(())
}
