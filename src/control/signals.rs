//! Signals of the process, as events for the control thread.

use super::events::{Event, EventSender};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;

/// Starts a thread that sends [`Event::Terminate`] for SIGTERM and SIGINT, and [`Event::Hangup`]
/// for SIGHUP. It lives as long as the process.
///
/// # Errors
/// If the handlers or the thread cannot be set up.
pub fn watch_signals(events: EventSender) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    std::thread::Builder::new()
        .name("sshard-signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                let event = match signal {
                    SIGHUP => Event::Hangup,
                    _ => Event::Terminate,
                };
                if events.send(event).is_err() {
                    break;
                }
            }
        })?;
    Ok(())
}
