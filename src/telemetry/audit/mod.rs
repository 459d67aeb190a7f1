//! The audit log: for each session its client, target, user, methods and end, one JSON object per
//! line in a file of its own. A shard queues a line and goes on; one thread writes. Lines that the
//! thread cannot keep up with, or that the disk does not take, are counted in a line of their own.
//!
//! Lines are ASCII: everything else is escaped, so that no name can forge a line or control the
//! terminal it is read on. Names of users are in it; secrets, input and output are not.

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

/// Divisor of the queue for lines of sessions that have not logged in, so that a client that opens
/// many of them pushes out no line of a session that has.
const ANONYMOUS_PART: usize = 2;

/// Pause between two attempts to queue the request for a flush.
const RETRY: Duration = Duration::from_millis(5);

/// Subject of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditEvent {
    /// A session was created.
    Start,
    /// The SSH server has accepted or refused the login.
    Auth,
    /// The session is over.
    End,
}

/// One line. Fields that are unknown, or do not apply, are left out.
#[derive(Debug, Serialize)]
pub struct AuditLine<'a> {
    /// Subject of the line.
    pub event: AuditEvent,
    /// Session id, as in the log.
    pub session: String,
    /// Shard of the session.
    pub shard: usize,
    /// Address of the client.
    pub client: IpAddr,
    /// Target as the client asked for it: `host:port` or a name.
    pub target: &'a str,
    /// Address that was connected to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// SSH user, once the client has named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// `ok` or `refused`, for a login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<&'static str>,
    /// SSH methods that the server accepted, in their order, with commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'a str>,
    /// End of the session, for its last line.
    #[serde(flatten)]
    pub end: Option<AuditEnd>,
}

/// The end of a session.
#[derive(Debug, Clone, Serialize)]
pub struct AuditEnd {
    /// Time from creation to end.
    pub duration_ms: u64,
    /// Bytes of input.
    pub input_bytes: u64,
    /// Bytes of output.
    pub output_bytes: u64,
    /// Reason, a word of the table of reasons.
    pub reason: &'static str,
    /// Stage that it was in.
    pub stage: &'static str,
    /// Error text of a failure, the SSH server's last message included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

#[derive(Serialize)]
struct Stamped<'a, T> {
    time: String,
    #[serde(flatten)]
    line: &'a T,
}

enum Command {
    Line(String),
    /// Check the flags.
    Wake,
    Flush(SyncSender<()>),
}

/// Handle of the audit log: any thread queues lines without waiting. Cheap to clone. The writer
/// ends with the last handle.
#[derive(Debug, Clone, Default)]
pub struct AuditLog {
    queue: Option<AuditQueue>,
}

#[derive(Debug, Clone)]
struct AuditQueue {
    commands: SyncSender<Command>,
    flags: Arc<Flags>,
    /// Queue length from which on lines of sessions without a login are lost.
    anonymous: usize,
}

impl AuditQueue {
    /// Queues the line for the writer. Returns whether there was room.
    fn enqueue(&self, text: String, anonymous: bool) -> bool {
        // Shards may pass the bound by one line each.
        if anonymous && self.flags.waiting.load(Ordering::Relaxed) >= self.anonymous {
            return false;
        }
        // Before the writer can see it.
        self.flags.waiting.fetch_add(1, Ordering::Relaxed);
        let sent = self.commands.try_send(Command::Line(text)).is_ok();
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
    /// Opens `file` to append, made with mode 0600 if it is not there, and starts the writer.
    /// `None` is off.
    ///
    /// # Errors
    /// The file is one that others chose or may write to ([`append_file::AppendError`]), or the
    /// system's: it cannot be opened, or no thread can be created.
    pub fn start(file: Option<&Path>) -> io::Result<Self> {
        let Some(path) = file else {
            return Ok(Self::default());
        };
        let (log, writer, received) = Self::unstarted(path, QUEUE, QUEUE / ANONYMOUS_PART)?;
        std::thread::Builder::new()
            .name("sshard-audit".to_owned())
            .spawn(move || writer.run(&received))?;
        Ok(log)
    }

    /// Makes a log and its writer, which is not running yet.
    fn unstarted(
        path: &Path,
        queue: usize,
        anonymous: usize,
    ) -> io::Result<(Self, Writer, Receiver<Command>)> {
        let flags = Arc::<Flags>::default();
        let (file, torn) = append_file::open_after_line(path)?;
        let writer = Writer {
            file,
            path: path.to_owned(),
            flags: Arc::clone(&flags),
            reported: 0,
            torn,
            failing: false,
        };
        let (commands, received) = sync_channel(queue);
        let queue = Some(AuditQueue {
            commands,
            flags,
            anonymous,
        });
        Ok((Self { queue }, writer, received))
    }

    /// Returns whether lines are written to a file.
    pub fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Queues a line. It is lost, and counted, if too many wait.
    pub fn record(&self, line: &AuditLine<'_>) {
        let Some(queue) = &self.queue else {
            return;
        };
        let lost = match stamped(line) {
            // The methods are known once a login has succeeded.
            Some(text) => !queue.enqueue(text, line.method.is_none()),
            None => true,
        };
        if lost {
            queue.flags.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Asks the writer to open the file again by its name, after a rename. If that fails, it goes
    /// on with the old file and logs an error.
    pub fn reopen(&self) {
        if let Some(queue) = &self.queue {
            queue.flags.reopen.store(true, Ordering::Release);
            // A full queue is being worked off, and the flag seen on the way.
            let _ = queue.commands.try_send(Command::Wake);
        }
    }

    /// Asks the writer to go on with another file; like [`AuditLog::reopen`], if it is the same.
    pub fn move_to(&self, path: &Path) {
        if let Some(queue) = &self.queue {
            queue.flags.moved.store(Some(Arc::new(path.to_owned())));
            self.reopen();
        }
    }

    /// Checks that a file can be appended to, and makes none.
    ///
    /// # Errors
    /// As [`AuditLog::start`].
    pub fn check(path: &Path) -> io::Result<()> {
        Ok(append_file::check(path)?)
    }

    /// Number of lines lost so far: too many waited, or the disk did not take them.
    pub fn lost_lines(&self) -> u64 {
        let queue = self.queue.as_ref();
        queue.map_or(0, |queue| queue.flags.lost.load(Ordering::Relaxed))
    }

    /// Waits until all queued lines are written, at most `limit`. Not for shards.
    pub fn flush(&self, limit: Duration) {
        let Some(queue) = &self.queue else {
            return;
        };
        let until = crate::clock::now() + limit;
        let (done, wait) = sync_channel(1);
        let mut command = Command::Flush(done);
        while let Err(TrySendError::Full(back)) = queue.commands.try_send(command) {
            if crate::clock::now() >= until {
                return;
            }
            command = back;
            std::thread::park_timeout(RETRY);
        }
        let left = until.saturating_duration_since(crate::clock::now());
        if wait.recv_timeout(left).is_err() {
            tracing::error!(
                "lines of the audit log are lost: they could not be written before the end of the process"
            );
        }
    }
}

/// Returns the line as JSON, in ASCII.
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
    /// Lost lines that a line has counted.
    reported: u64,
    /// The last line was cut short.
    torn: bool,
    failing: bool,
}

impl Writer {
    fn run(mut self, commands: &Receiver<Command>) {
        while let Ok(command) = commands.recv() {
            if self.flags.reopen.swap(false, Ordering::Acquire) {
                self.reopen();
            }
            self.report_lost();
            match command {
                Command::Line(text) => {
                    self.flags.waiting.fetch_sub(1, Ordering::Relaxed);
                    if !self.write(&text) {
                        self.flags.lost.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Command::Wake => {}
                // Fails if the caller no longer waits.
                Command::Flush(done) => drop(done.try_send(())),
            }
        }
    }

    fn reopen(&mut self) {
        let moved = self.flags.moved.swap(None);
        let path = moved.map_or_else(|| self.path.clone(), |path| PathBuf::clone(&path));
        match append_file::open_after_line(&path) {
            Ok((file, torn)) => {
                (self.file, self.path, self.torn) = (file, path, torn);
                let file = self.path.display();
                tracing::info!(%file, "the audit log was opened again");
            }
            Err(error) => {
                let file = path.display();
                tracing::error!(
                    %file, %error,
                    "the audit log cannot be opened again; writing to the old file"
                );
            }
        }
    }

    fn report_lost(&mut self) {
        let lost = self.flags.lost.load(Ordering::Relaxed);
        if lost == self.reported {
            return;
        }
        let line = serde_json::json!({ "event": "lost", "lines": lost - self.reported });
        if stamped(&line).is_some_and(|text| self.write(&text)) {
            self.reported = lost;
        }
    }

    /// Returns whether all of the text is in the file.
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
            let file = self.path.display();
            tracing::error!(
                %file, %error,
                "the audit log cannot be written and loses lines; check its disk"
            );
        }
        self.failing = true;
        false
    }
}

#[cfg(test)]
mod tests;
