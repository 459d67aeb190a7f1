//! Relay between a process and its channel: forwards bytes both ways, each no faster than the other
//! side takes them, and size, signals and the end. Starts no process.

use super::inbox::{Control, Inbox, Output};
use crate::tools::demo::pty::{self, Ended, Process};
use bytes::Bytes;
use rustix::process::Signal;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tracing::debug;

/// Bytes read from a process at once.
const PIECE: usize = 16 * 1024;
/// Silence after the end of a process that counts as the end of its output: others that it has left
/// behind may keep the output open.
const QUIET: Duration = Duration::from_millis(200);
/// Time from SIGHUP to SIGKILL: a shell sends SIGHUP to its jobs in it.
const HANG_UP_TIME: Duration = Duration::from_secs(1);
/// Character that ends the input of a terminal's line discipline (VEOF).
const END_OF_INPUT: u8 = 0x04;

/// Serves the process until it ends, then sends its status and closes the channel; if the channel
/// goes first, or `stop` comes, the process gets SIGHUP, and SIGKILL if it stays.
pub(super) async fn run(process: Process, output: Output, stop: watch::Receiver<bool>) {
    let inbox = &*output.inbox;
    let Process {
        mut child,
        input,
        output: stdout,
        errors,
        mut control,
    } = process;
    let terminal = errors.is_none();
    let status = {
        let (ended, has_ended) = watch::channel(false);
        let end = async {
            let status = child.wait().await;
            ended.send_replace(true);
            status
        };
        let out = forward_output(stdout, &output, false, has_ended.clone());
        let err = async {
            if let Some(errors) = errors {
                forward_output(errors, &output, true, has_ended.clone()).await;
            }
        };
        let served = async { tokio::join!(end, out, err).0 };
        tokio::select! {
            // A size or signal that came before input must not be overtaken by it.
            biased;
            () = until_set(stop) => None,
            () = forward_control(&mut control, inbox, has_ended.clone()) => None,
            () = forward_input(input, inbox, terminal) => None,
            status = served => Some(status),
        }
    };
    if status.is_some() {
        control.ended();
    }
    // Sends SIGHUP to programs that still run on the terminal.
    drop(control);
    let ended = match status {
        Some(Ok(status)) => status.into(),
        Some(Err(error)) => {
            debug!(%error, "a program of the demo cannot be waited for");
            Ended::Status(u32::MAX)
        }
        None => {
            let ended = tokio::time::timeout(HANG_UP_TIME, child.wait());
            if ended.await.is_err() {
                // Fails if it has just ended.
                let _ = child.kill().await;
            }
            // The client is notified, if it is still connected.
            Ended::Signal(Signal::HUP.as_raw(), false)
        }
    };
    output.finish(ended).await;
}

/// Waits until the flag is set, or its sender is gone.
async fn until_set(mut flag: watch::Receiver<bool>) {
    let _ = flag.wait_for(|set| *set).await;
}

/// Forwards output until the process closes its side, or [`QUIET`] after its end, or until the
/// channel is gone.
async fn forward_output(
    mut source: pty::Output,
    output: &Output,
    errors: bool,
    has_ended: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; PIECE];
    loop {
        let quiet = async {
            until_set(has_ended.clone()).await;
            tokio::time::sleep(QUIET).await;
        };
        let read = tokio::select! {
            biased;
            read = source.read(&mut buffer) => read,
            () = quiet => return,
        };
        // A terminal whose other side is closed answers with an error: that is its end.
        let bytes = buffer.get(..read.unwrap_or(0)).unwrap_or_default();
        if bytes.is_empty() || !output.write(Bytes::copy_from_slice(bytes), errors).await {
            return;
        }
    }
}

/// Forwards input. Never returns, since neither the end of the client's input nor a process that
/// reads no more ends the session.
async fn forward_input(mut input: pty::Input, inbox: &Inbox, terminal: bool) {
    while let Some(bytes) = inbox.next_input().await {
        if input.write_all(&bytes).await.is_err() {
            break;
        }
    }
    if terminal {
        // Fails when the process has ended, which is noticed elsewhere.
        let _ = input.write_all(&[END_OF_INPUT]).await;
    }
    drop(input);
    // Later input must not fill the inbox, since no program takes it.
    while inbox.next_input().await.is_some() {}
    std::future::pending().await
}

/// Forwards size and signals; returns when the channel is gone.
async fn forward_control(
    control: &mut pty::Control,
    inbox: &Inbox,
    has_ended: watch::Receiver<bool>,
) {
    let mut over = pin!(until_set(has_ended));
    let mut running = true;
    loop {
        let event = tokio::select! {
            biased;
            () = &mut over, if running => {
                running = false;
                control.ended();
                continue;
            }
            event = inbox.next_control() => event,
        };
        let done = match event {
            Control::Resize(size) => control.resize(size),
            Control::Signal(signal) => control.signal(signal),
            Control::Closed => return,
        };
        if let Err(error) = done {
            debug!(%error, "a program of the demo cannot be resized or signalled");
        }
    }
}
