//! Ends programs that sessions of the demo have left behind: in the background, or in sessions of
//! their own, which did not get SIGHUP with their shell. They are found by an environment variable
//! that all of them inherit.
//!
//! Does not find programs that hide their environment from their own user (ssh-agent) or run as
//! another user (sudo).

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::time::Duration;

/// Name of the variable in the environment of every session.
pub(super) const MARK: &str = "SSHARD_DEMO";

/// Polls in which programs may end by themselves before they are killed.
const GRACE_POLLS: u32 = 25;
/// Polls in which programs are killed: some start others meanwhile.
const KILL_POLLS: u32 = 50;
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Hangs up, then kills, every process whose environment has `MARK=id`.
pub(super) fn end(id: &str) {
    let mark = format!("{MARK}={id}");
    let ended = signal_all(&mark, &[Signal::HUP, Signal::TERM, Signal::CONT])
        || (0..GRACE_POLLS).any(|_| pause_then(|| signal_all(&mark, &[])))
        || (0..KILL_POLLS).any(|_| pause_then(|| signal_all(&mark, &[Signal::KILL])));
    if !ended {
        tracing::warn!(
            variable = mark,
            "programs that sessions of the demo have started do not end; they are left behind"
        );
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the shards have ended, and the process is about to"
)]
fn pause_then<T>(poll: impl FnOnce() -> T) -> T {
    std::thread::sleep(POLL_INTERVAL);
    poll()
}

/// Sends signals to every process with the mark. Returns whether there was none.
fn signal_all(mark: &str, signals: &[Signal]) -> bool {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut none = true;
    for pid in numbers.filter_map(Pid::from_raw) {
        // The handle first: the number may be another process's by the time of the signal.
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
            continue;
        };
        let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero()));
        // An environment that cannot be read is another user's, or the process has ended.
        let environment = environment.unwrap_or_default();
        if !environment.split(|b| *b == 0).any(|v| v == mark.as_bytes()) {
            continue;
        }
        for signal in signals {
            match pidfd_send_signal(&process, *signal) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => {
                    tracing::debug!(%error, pid = pid.as_raw_nonzero(), "a leftover cannot be signalled")
                }
            }
        }
        none = false;
    }
    none
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    /// A process with the mark that says when it is set up.
    fn marked(id: &str, script: &str) -> std::process::Child {
        let mut child = Command::new("/bin/sh")
            .args(["-c", &format!("{script} echo; exec sleep 1000")])
            .env(MARK, id)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = child.stdout.take().unwrap();
        said.read_exact(&mut [0]).unwrap();
        child
    }

    #[test]
    fn it_ends_what_has_the_mark_and_nothing_else() {
        let id = format!("test-{}", std::process::id());
        let other = format!("{id}0");
        let mut willing = marked(&id, "");
        let mut stubborn = marked(&id, "trap '' HUP TERM;");
        let mut unmarked = marked(&other, "");
        // Reaped as init would: a zombie has no environment to be found by.
        let waited = std::thread::spawn(move || [willing.wait(), stubborn.wait()]);
        end(&id);
        let [willing, stubborn] = waited
            .join()
            .unwrap()
            .map(|status| status.unwrap().signal());
        assert_eq!(willing, Some(Signal::HUP.as_raw()));
        assert_eq!(stubborn, Some(Signal::KILL.as_raw()));
        assert!(unmarked.try_wait().unwrap().is_none());
        end(&other);
        assert_eq!(
            unmarked.wait().unwrap().signal(),
            Some(Signal::HUP.as_raw())
        );
    }
}
