//! The audit log: who connected to what, how they proved who they are, and
//! how it ended, one JSON object per line in a file of its own. A shard hands
//! a line over and goes on; one thread writes. What that thread can't keep up
//! with, or the disk does not take, is counted and said in a line of its own,
//! never awaited.
//!
//! Lines are ASCII: everything else is escaped, so that no name can forge a
//! line or reach the terminal it is read on. Names of users are in it: that is
//! what it is for. Secrets, input and output are not.

use crate::append_file;
use arc_swap::ArcSwapOption;
use serde::Serialize;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Lines that wait for the writer thread; about 8 MiB at the worst.
const QUEUE: usize = 16 * 1024;

/// Of the queue, the part that lines of sessions may take that have not logged in: whoever opens
/// such sessions at will pushes out no line of one that has.
const ANONYMOUS_PART: usize = 2;

/// Between two attempts to hand over the request for a flush.
const RETRY: Duration = Duration::from_millis(5);

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditEvent {
    /// A session was created.
    Start,
    /// The SSH server has let the user in or not.
    Auth,
    /// The session is over.
    End,
}

/// One line. What is not known yet, or does not apply, is left out.
#[derive(Debug, Serialize)]
pub struct AuditLine<'a> {
    /// What it is about.
    pub event: AuditEvent,
    /// The session's id, as in the log.
    pub session: String,
    /// Its shard.
    pub shard: usize,
    /// Its client.
    pub client: IpAddr,
    /// What the client asked for: `host:port` or a name.
    pub target: &'a str,
    /// The address that was dialled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// The SSH user, once the client has named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// `ok` or `refused`, of an authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<&'static str>,
    /// The SSH methods the server accepted, in their order, with commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'a str>,
    /// How it ended.
    #[serde(flatten)]
    pub end: Option<AuditEnd>,
}

/// The end of a session.
#[derive(Debug, Clone, Serialize)]
pub struct AuditEnd {
    /// From its creation.
    pub duration_ms: u64,
    /// Input of the client.
    pub input_bytes: u64,
    /// Output to the client.
    pub output_bytes: u64,
    /// The word of the table of reasons.
    pub reason: &'static str,
    /// Where it was then.
    pub stage: &'static str,
    /// Text of the log about the cause, the SSH server's last message included; of an end
    /// that is a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

#[derive(Serialize)]
struct Stamped<'a, T> {
    time: String,
    #[serde(flatten)]
    line: &'a T,
}

#[derive(Serialize)]
struct Lost {
    event: &'static str,
    lines: u64,
}

enum Order {
    Line(String),
    /// Look at the flags.
    Wake,
    Flush(SyncSender<()>),
}

/// Where lines are left; any thread, no waiting. Cheap to clone. The writer
/// ends with the last one.
#[derive(Debug, Clone, Default)]
pub struct AuditLog {
    queue: Option<AuditQueue>,
}

#[derive(Debug, Clone)]
struct AuditQueue {
    orders: SyncSender<Order>,
    flags: Arc<Flags>,
    /// Lines that may wait when one comes of a session that has not logged in.
    anonymous: usize,
}

impl AuditQueue {
    /// Queues the line for the writer. Returns whether it waits to be written.
    fn hand_over(&self, text: String, anonymous: bool) -> bool {
        // Shards may pass the bound by one line each.
        if anonymous && self.flags.waiting.load(Ordering::Relaxed) >= self.anonymous {
            return false;
        }
        // Before the writer can see it.
        self.flags.waiting.fetch_add(1, Ordering::Relaxed);
        let sent = self.orders.try_send(Order::Line(text)).is_ok();
        if !sent {
            self.flags.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        sent
    }
}

#[derive(Debug, Default)]
struct Flags {
    lost: AtomicU64,
    reopen: AtomicBool,
    /// The file to open then, if it is another one.
    moved: ArcSwapOption<PathBuf>,
    /// Lines that wait for the writer.
    waiting: AtomicUsize,
}

impl AuditLog {
    /// Opens `file` to append, made with mode 0600 if it is not there, and
    /// starts the writer. `None` is off.
    ///
    /// # Errors
    /// The file is one that others chose or may write to
    /// ([`append_file::AppendError`]), or the system's: it can't be opened, or
    /// no thread be had.
    pub fn start(file: Option<&Path>) -> io::Result<Self> {
        file.map_or(Ok(Self::default()), |path| Self::with_queue(path, QUEUE))
    }

    fn with_queue(path: &Path, queue: usize) -> io::Result<Self> {
        let flags = Arc::<Flags>::default();
        let writer = Writer {
            file: open(path)?,
            path: path.to_owned(),
            flags: Arc::clone(&flags),
            told: 0,
            torn: false,
            failing: false,
        };
        let (orders, received) = sync_channel(queue);
        std::thread::Builder::new()
            .name("sshard-audit".to_owned())
            .spawn(move || writer.run(&received))?;
        let anonymous = (queue / ANONYMOUS_PART).max(1);
        let queue = Some(AuditQueue {
            orders,
            flags,
            anonymous,
        });
        Ok(Self { queue })
    }

    /// Whether anybody writes.
    pub fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Leaves a line to be written. Lost, and counted, if too many wait.
    pub fn record(&self, line: &AuditLine<'_>) {
        let Some(queue) = &self.queue else {
            return;
        };
        let lost = match stamped(line) {
            // The methods are known once a login has succeeded.
            Some(text) => !queue.hand_over(text, line.method.is_none()),
            None => true,
        };
        if lost {
            queue.flags.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Has the file opened anew by its name, after it was renamed. If that
    /// fails, the old one is written on, and the log says so.
    pub fn reopen(&self) {
        if let Some(queue) = &self.queue {
            queue.flags.reopen.store(true, Ordering::Release);
            // A full queue is being worked off, and the flag seen on the way.
            let _ = queue.orders.try_send(Order::Wake);
        }
    }

    /// Has lines written to another file from here on; as [`AuditLog::reopen`], if it is the same.
    pub fn move_to(&self, path: &Path) {
        if let Some(queue) = &self.queue {
            queue.flags.moved.store(Some(Arc::new(path.to_owned())));
            self.reopen();
        }
    }

    /// Finds out whether a file can be appended to; none is made.
    ///
    /// # Errors
    /// As [`AuditLog::start`].
    pub fn check(path: &Path) -> io::Result<()> {
        append_file::check(path).map_err(io::Error::from)
    }

    /// Lines that were lost so far: too many waited, or the disk did not take
    /// them.
    pub fn lost_lines(&self) -> u64 {
        let queue = self.queue.as_ref();
        queue.map_or(0, |queue| queue.flags.lost.load(Ordering::Relaxed))
    }

    /// Waits until everything left so far is written, at most `limit`. Not
    /// for shards.
    pub fn flush(&self, limit: Duration) {
        let Some(queue) = &self.queue else {
            return;
        };
        let until = crate::clock::now() + limit;
        let (done, wait) = sync_channel(1);
        let mut order = Order::Flush(done);
        while let Err(TrySendError::Full(back)) = queue.orders.try_send(order) {
            if crate::clock::now() >= until {
                return;
            }
            order = back;
            std::thread::park_timeout(RETRY);
        }
        let left = until.saturating_duration_since(crate::clock::now());
        if wait.recv_timeout(left).is_err() {
            tracing::error!("the audit log could not be written to its end");
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    append_file::open(path).map_err(io::Error::from)
}

/// The line as JSON, in ASCII. Nothing in a line has a way to fail.
fn stamped<T: Serialize>(line: &T) -> Option<String> {
    let time = humantime::format_rfc3339_millis(crate::clock::wall()).to_string();
    let json = serde_json::to_string(&Stamped { time, line }).ok()?;
    let mut text = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if c.is_ascii_graphic() || c == ' ' {
            text.push(c);
        } else {
            // Only within strings: JSON's own characters are ASCII.
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text.push('\n');
    Some(text)
}

struct Writer {
    file: File,
    path: PathBuf,
    flags: Arc<Flags>,
    /// Lost lines that a line tells of.
    told: u64,
    /// The last line was cut short.
    torn: bool,
    failing: bool,
}

impl Writer {
    fn run(mut self, orders: &Receiver<Order>) {
        while let Ok(order) = orders.recv() {
            if self.flags.reopen.swap(false, Ordering::Acquire) {
                self.reopen();
            }
            self.tell_of_lost();
            match order {
                Order::Line(text) => {
                    self.flags.waiting.fetch_sub(1, Ordering::Relaxed);
                    if !self.write(&text) {
                        self.flags.lost.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Order::Wake => {}
                // Nobody waits any more, then.
                Order::Flush(done) => drop(done.try_send(())),
            }
        }
    }

    fn reopen(&mut self) {
        let moved = self.flags.moved.swap(None);
        let path = moved.map_or_else(|| self.path.clone(), |path| PathBuf::clone(&path));
        match open(&path) {
            Ok(file) => {
                (self.file, self.path) = (file, path);
                self.torn = false;
                tracing::info!("the audit log was opened again");
            }
            Err(error) => {
                tracing::error!(%error, "the audit log cannot be opened again; the old file is written on");
            }
        }
    }

    fn tell_of_lost(&mut self) {
        let lost = self.flags.lost.load(Ordering::Relaxed);
        if lost == self.told {
            return;
        }
        let (event, lines) = ("lost", lost - self.told);
        if stamped(&Lost { event, lines }).is_some_and(|text| self.write(&text)) {
            self.told = lost;
        }
    }

    /// Whether all of it is in the file.
    fn write(&mut self, text: &str) -> bool {
        let whole = if self.torn {
            format!("\n{text}")
        } else {
            text.to_owned()
        };
        let mut rest = whole.as_bytes();
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => {
                    return self.failed(&ErrorKind::WriteZero.into(), rest.len() < whole.len());
                }
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.failed(&error, rest.len() < whole.len()),
            }
        }
        if self.failing {
            tracing::info!("the audit log is written again");
        }
        (self.torn, self.failing) = (false, false);
        true
    }

    fn failed(&mut self, error: &io::Error, partly: bool) -> bool {
        self.torn |= partly;
        if !self.failing {
            tracing::error!(%error, "the audit log cannot be written; lines are lost");
        }
        self.failing = true;
        false
    }
}

#[cfg(test)]
mod tests;
