//! Pauses a thread of another process, as if it got no CPU.

use super::{Admin, Bridge, wait_until};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Pauses one thread by strace, until dropped: every epoll_pwait of it takes a minute longer.
pub(crate) struct PausedThread(Child);

impl PausedThread {
    pub(crate) fn of(bridge: &Bridge, name: &str) -> Self {
        let tasks = fs::read_dir(format!("/proc/{}/task", bridge.pid())).unwrap();
        let thread = tasks
            .map(|task| task.unwrap().path())
            .find(|task| fs::read_to_string(task.join("comm")).unwrap().trim() == name)
            .unwrap_or_else(|| panic!("no thread {name}"));
        let id = thread.file_name().unwrap().to_str().unwrap().to_owned();
        let mut strace = Command::new("strace")
            .args(["-p", &id, "-e", "trace=epoll_pwait", "-e"])
            .arg("inject=epoll_pwait:delay_enter=60000000")
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
