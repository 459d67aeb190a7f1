//! Pauses a thread of another process, as if it got no CPU.

use super::{Admin, Bridge, wait_until};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Pauses one thread by strace, until dropped: every wait of it takes a minute longer.
pub(crate) struct PausedThread(Child);

impl PausedThread {
    /// A thread that waits by epoll_pwait.
    pub(crate) fn of(bridge: &Bridge, name: &str) -> Self {
        Self::in_call(bridge, name, "epoll_pwait")
    }

    /// The thread that hands private keys to the workers. It is paused at once: an interrupted
    /// futex begins anew.
    pub(crate) fn of_key_queue(bridge: &Bridge) -> Self {
        // The kernel keeps 15 bytes of the name.
        Self::in_call(bridge, "sshard-crypto-q", "futex")
    }

    fn in_call(bridge: &Bridge, name: &str, call: &str) -> Self {
        let tasks = fs::read_dir(format!("/proc/{}/task", bridge.pid())).unwrap();
        let thread = tasks
            .map(|task| task.unwrap().path())
            .find(|task| fs::read_to_string(task.join("comm")).unwrap().trim() == name)
            .unwrap_or_else(|| panic!("no thread {name}"));
        let id = thread.file_name().unwrap().to_str().unwrap().to_owned();
        let mut strace = Command::new("strace")
            .args(["-p", &id, "-e", &format!("trace={call}"), "-e"])
            .arg(format!("inject={call}:delay_enter=60000000"))
            .args(["-o", "/dev/null"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace starts; run tests/setup.sh first");
        let mut said = String::new();
        let stderr = strace.stderr.as_mut().unwrap();
        BufReader::new(stderr).read_line(&mut said).unwrap();
        assert!(said.contains("attached"), "{said}");
        Self(strace)
    }

    /// Like [`Self::of`], for the thread of a shard; returns when the shard is stuck. Before, it
    /// may be in an epoll_pwait that began earlier, and do all the work that wakes it.
    pub(crate) fn stuck(bridge: &Bridge, shard: &str) -> Self {
        let hold = Self::of(bridge, shard);
        let admin = Admin::of(bridge);
        wait_until("the shard is stuck", || admin.get("/healthz").status == 503);
        hold
    }
}

impl Drop for PausedThread {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
