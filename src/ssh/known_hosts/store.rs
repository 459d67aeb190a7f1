//! The index as the shards share it, and the one thread that changes it and
//! appends to its file. Reading takes no lock; whether a key may be remembered
//! at all is the caller's decision.

use super::index::{HostKeyVerdict, KnownHosts, KnownHostsError};
use super::line::name_on_record;
use arc_swap::ArcSwap;
use async_channel::{Receiver, Sender};
use russh::keys::PublicKey;
use std::fs::OpenOptions;
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use thiserror::Error;

/// Requests that may wait for the writer; further ones wait for a place.
const QUEUE: usize = 256;

/// Why a key was not remembered.
#[derive(Debug, Error)]
pub enum RememberError {
    /// Another key is on record by now.
    #[error("another key was recorded for this host in the meantime (line {line})")]
    Changed {
        /// Its line, counted from 1.
        line: usize,
    },
    /// The key is revoked.
    #[error("the key is marked as revoked (line {line})")]
    Revoked {
        /// Line of the mark, counted from 1.
        line: usize,
    },
    /// The name would mean something else in the file.
    #[error("the host's name cannot be written to the known hosts")]
    BadHost,
    /// The file could not be written.
    #[error("the known hosts could not be written: {0}")]
    Io(#[from] io::Error),
    /// The writer is gone.
    #[error("the writer of the known hosts has ended")]
    Ended,
}

/// The keys on record, shared by all shards. Cheap to clone. The writer
/// thread ends with the last clone.
#[derive(Debug, Clone)]
pub struct Store {
    index: Arc<ArcSwap<KnownHosts>>,
    writer: Sender<Request>,
}

#[derive(Debug)]
enum Request {
    Remember {
        host: String,
        port: u16,
        key: Box<PublicKey>,
        reply: Sender<Result<(), RememberError>>,
    },
    Reload {
        reply: Sender<Result<(), RememberError>>,
    },
}

impl Store {
    /// Reads the file and starts the writer. A file that does not exist is
    /// created when the first key is remembered.
    ///
    /// # Errors
    /// The file cannot be read, or the thread not started.
    pub fn start(path: &Path) -> io::Result<Self> {
        let index = Arc::new(ArcSwap::from_pointee(load(path)?));
        let (writer, requests) = async_channel::bounded(QUEUE);
        let thread = Writer {
            path: path.to_owned(),
            index: index.clone(),
        };
        thread::Builder::new()
            .name("sshard-known-hosts".to_owned())
            .spawn(move || thread.run(&requests))?;
        Ok(Self { index, writer })
    }

    /// The index as it is now.
    pub fn current(&self) -> Arc<KnownHosts> {
        self.index.load_full()
    }

    /// Appends a key for a host that has none. Of two sessions that bring
    /// different keys for one host the first wins. The key is remembered even
    /// if the future is dropped once it has been polled.
    ///
    /// # Errors
    /// [`RememberError`]; nothing has been recorded then.
    pub fn remember(
        &self,
        host: String,
        port: u16,
        key: PublicKey,
    ) -> impl Future<Output = Result<(), RememberError>> + Send + use<> {
        self.request(move |reply| Request::Remember {
            host,
            port,
            key: Box::new(key),
            reply,
        })
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// The file cannot be read; the index stays as it was.
    pub fn reload(&self) -> impl Future<Output = Result<(), RememberError>> + Send + use<> {
        self.request(|reply| Request::Reload { reply })
    }

    fn request<F>(
        &self,
        request: F,
    ) -> impl Future<Output = Result<(), RememberError>> + Send + use<F>
    where
        F: FnOnce(Sender<Result<(), RememberError>>) -> Request,
    {
        let (reply, answer) = async_channel::bounded(1);
        let (writer, request) = (self.writer.clone(), request(reply));
        async move {
            let sent = writer.send(request).await;
            sent.map_err(|_| RememberError::Ended)?;
            answer.recv().await.map_err(|_| RememberError::Ended)?
        }
    }
}

struct Writer {
    path: PathBuf,
    index: Arc<ArcSwap<KnownHosts>>,
}

impl Writer {
    fn run(self, requests: &Receiver<Request>) {
        while let Ok(request) = requests.recv_blocking() {
            let (reply, result) = match request {
                Request::Remember {
                    host,
                    port,
                    key,
                    reply,
                } => (reply, self.remember(&host, port, &key)),
                Request::Reload { reply } => (reply, self.reload()),
            };
            // Fails only if nobody waits for the answer any more.
            let _ = reply.try_send(result);
        }
    }

    fn remember(&self, host: &str, port: u16, key: &PublicKey) -> Result<(), RememberError> {
        let index = self.index.load_full();
        match index.check(host, port, key) {
            HostKeyVerdict::Unknown => {}
            HostKeyVerdict::Known => return Ok(()),
            HostKeyVerdict::Changed { line } => return Err(RememberError::Changed { line }),
            HostKeyVerdict::Revoked { line } => return Err(RememberError::Revoked { line }),
        }
        if !is_writable_name(host) {
            return Err(RememberError::BadHost);
        }
        let key = PublicKey::new(key.key_data().clone(), "");
        let key = key.to_openssh().map_err(io::Error::other)?;
        let line = format!("{} {key}", name_on_record(host, port));
        append(&self.path, &line)?;
        let mut next = KnownHosts::clone(&index);
        next.push(line.as_bytes());
        self.index.store(Arc::new(next));
        Ok(())
    }

    fn reload(&self) -> Result<(), RememberError> {
        self.index.store(Arc::new(load(&self.path)?));
        Ok(())
    }
}

fn load(path: &Path) -> io::Result<KnownHosts> {
    let index = KnownHosts::load(path).map_err(|error| match error {
        KnownHostsError::Io { ref source, .. } => io::Error::new(source.kind(), error),
        KnownHostsError::TooLarge { .. } => io::Error::other(error),
    })?;
    for warning in index.warnings() {
        tracing::warn!(
            file = %path.display(),
            line = warning.line,
            "known hosts: line skipped: {}",
            warning.problem
        );
    }
    Ok(index)
}

/// Letters, digits, and what addresses and names are made of; above all no
/// wildcard, comma, blank or line break, which would speak of other hosts.
fn is_writable_name(host: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
    !host.is_empty() && host.bytes().all(plain)
}

/// Appends a line with one write, after ending a last line that was left
/// without a line break.
fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let end_last = if last == [b'\n'] { "" } else { "\n" };
    file.write_all(format!("{end_last}{line}\n").as_bytes())
}
