//! The bridge under test: this program again, as a child process, so that /proc has its cost apart
//! from the generator's. It ends with this process, however that ends.

use super::variant::Variant;
use crate::clock;
use rustix::process::getpid;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// The running program, even when its file has been replaced: one build is measured.
const SELF: &str = "/proc/self/exe";
/// Longest time from the start to the announced address.
const START: Duration = Duration::from_secs(20);
/// Longest time from the end of the output to the end of the process.
const MOMENT: Duration = Duration::from_secs(1);
/// Bytes kept of the end of the log.
const TAIL: usize = 8 * 1024;
/// Number of lines of the log in an error.
const TAIL_LINES: usize = 10;

/// Reason why there is no bridge.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BridgeError {
    /// The program cannot be run again.
    #[error("cannot be started: {0}")]
    Spawn(#[from] io::Error),
    /// The process ended.
    #[error("has ended ({status}); the end of its log:\n{log_tail}")]
    Ended {
        /// Exit status.
        status: ExitStatus,
        /// End of the log.
        log_tail: String,
    },
    /// The process announced no address.
    #[error("does not listen after {} s; the end of its log:\n{log_tail}", START.as_secs())]
    Silent {
        /// End of the log.
        log_tail: String,
    },
}

/// Running bridge; Drop kills it.
#[derive(Debug)]
pub(super) struct Bridge {
    child: Child,
    /// Address of the public port.
    pub(super) addr: SocketAddr,
    log: Option<JoinHandle<Vec<u8>>>,
}

impl Bridge {
    /// Starts a bridge that may reach `sink` with so many sessions at a time, without the variables
    /// `unset`, and waits until it listens. To be called by a thread that lives as long as the
    /// bridge, since the kernel ends it with that thread.
    pub(super) fn start(
        variant: Variant,
        sink: SocketAddr,
        sessions: usize,
        unset: &[OsString],
    ) -> Result<Self, BridgeError> {
        let mut command = Command::new(SELF);
        command
            .arg0("sshard")
            .args(arguments(variant, sink, sessions))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in unset {
            command.env_remove(name);
        }
        let mut child = command.spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        // From here on dropping ends the child.
        let mut bridge = Self {
            child,
            addr: sink,
            log: None,
        };
        bridge.log = stderr.map(follow).transpose()?;
        let addresses = stdout.map(announced).transpose()?;
        match addresses.map(|addresses| addresses.recv_timeout(START)) {
            Some(Ok(addr)) => {
                bridge.addr = addr;
                Ok(bridge)
            }
            _ => Err(bridge.failed()),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits a moment for the exit status after an error: a process that ends closes its files
    /// before it can be waited for.
    pub(super) fn ended_just_now(&mut self) -> Option<BridgeError> {
        let deadline = clock::now() + MOMENT;
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                _ if clock::now() >= deadline => return None,
                _ => std::thread::park_timeout(MOMENT / 50),
            }
        };
        let log_tail = self.log_tail();
        Some(BridgeError::Ended { status, log_tail })
    }

    /// Returns the error of a process that announced nothing: it has ended, or it hangs.
    fn failed(&mut self) -> BridgeError {
        if let Some(ended) = self.ended_just_now() {
            return ended;
        }
        self.kill();
        let log_tail = self.log_tail();
        BridgeError::Silent { log_tail }
    }

    /// Returns the end of the log of a process that has ended.
    fn log_tail(&mut self) -> String {
        let log = self.log.take().and_then(|log| log.join().ok());
        last_lines(&log.unwrap_or_default())
    }

    fn kill(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Makes the command line of the child.
pub(super) fn arguments(variant: Variant, sink: SocketAddr, sessions: usize) -> Vec<String> {
    let Variant { shards, placement } = variant;
    // Those of the wave before may still be closing.
    let most = 2 * sessions + 100;
    // Of a wave that comes at once, what the kernel's hash may give one shard.
    let handshakes = (4 * sessions / shards.max(1)).min(sessions) + 64;
    let set = [
        "admin.listen=".to_owned(),
        "ssh.host_key_policy=off".to_owned(),
        // Its cost is read from /proc, which without it only root may.
        "server.core_dumps=true".to_owned(),
        format!("server.max_handshakes={handshakes}"),
        format!("limits.max_connections={most}"),
        format!("limits.max_connections_per_host={most}"),
        format!("limits.max_unauthenticated={most}"),
    ];
    let mut all: Vec<String> = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--shards",
        &shards.to_string(),
        "--placement",
        placement.as_str(),
        "--allow",
        &sink.to_string(),
        "--log-level",
        "warn",
        "--with-parent",
        &getpid().as_raw_nonzero().to_string(),
    ]
    .map(str::to_owned)
    .into();
    all.extend(set.into_iter().flat_map(|set| ["--set".to_owned(), set]));
    all
}

/// Receives the announced address; disconnected when the process ends before.
fn announced(stdout: ChildStdout) -> io::Result<Receiver<SocketAddr>> {
    let (sender, receiver) = sync_channel(1);
    let read = move || {
        let lines = BufReader::new(stdout).lines();
        for line in lines.map_while(Result::ok) {
            let addr = line.strip_prefix("listening on ");
            if let Some(addr) = addr.and_then(|addr| addr.trim().parse().ok()) {
                // Nobody waits any longer, or for a second one.
                let _ = sender.try_send(addr);
            }
        }
    };
    std::thread::Builder::new()
        .name("tune-stdout".to_owned())
        .spawn(read)?;
    Ok(receiver)
}

/// Reads the log to its end, and keeps the last of it.
fn follow(mut stderr: ChildStderr) -> io::Result<JoinHandle<Vec<u8>>> {
    let read = move || {
        let mut tail = Vec::new();
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = stderr.read(&mut chunk) {
            tail.extend(chunk.iter().take(count));
            tail.drain(..tail.len().saturating_sub(TAIL));
        }
        tail
    };
    std::thread::Builder::new()
        .name("tune-stderr".to_owned())
        .spawn(read)
}

/// Returns the last lines of a log, indented and escaped.
pub(super) fn last_lines(log: &[u8]) -> String {
    let text = String::from_utf8_lossy(log);
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(TAIL_LINES);
    let indented = lines.iter().skip(first).map(|line| {
        let plain = |c: char| if c.is_control() { '?' } else { c };
        format!("  {}", line.chars().map(plain).collect::<String>())
    });
    let indented: Vec<String> = indented.collect();
    if indented.is_empty() {
        return "  nothing".to_owned();
    }
    indented.join("\n")
}
