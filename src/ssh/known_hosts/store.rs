//! The index as the shards share it, and the one thread that changes it and
//! appends to its file. Reading takes no lock; whether a key may be remembered
//! at all is the caller's decision.

use super::allowance::{Allowance, NewKeyBounds};
use super::error::RememberError;
use super::index::{KnownHosts, KnownHostsError, LineWarning, MAX_FILE};
use super::pattern::name_on_record;
use super::record::{HostKeyVerdict, HostRecord};
use crate::append_file;
use crate::error::SessionError;
use crate::workers::{WorkError, Workers};
use arc_swap::ArcSwap;
use async_channel::{Receiver, Sender};
use russh::keys::PublicKey;
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

/// Requests that may wait for the writer; further ones wait for a place.
const QUEUE: usize = 256;

/// Longest line that is written, in bytes: an RSA key of 16,384 bits takes 2,800.
const MAX_LINE: usize = 4096;

/// The keys on record, shared by all shards. Cheap to clone. The writer
/// thread ends with the last clone.
#[derive(Debug, Clone)]
pub struct Store {
    index: Arc<ArcSwap<KnownHosts>>,
    writer: Sender<Request>,
}

/// A key that is to be remembered.
#[derive(Debug)]
pub struct NewKey {
    /// The host's name, without brackets.
    pub host: String,
    /// The host's port.
    pub port: u16,
    /// The key it has shown.
    pub key: PublicKey,
    /// Address of the client that asked for the host.
    pub client: IpAddr,
    /// Bounds on the keys that clients may have remembered.
    pub bounds: NewKeyBounds,
}

#[derive(Debug)]
enum Request {
    Remember {
        new: Box<NewKey>,
        reply: Sender<Result<(), RememberError>>,
    },
    Reload {
        path: PathBuf,
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
            allowance: Allowance::new(crate::clock::now()),
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

    /// All that is on record for a host: at once, or on one of the workers,
    /// among the jobs of `client`, if the file is not quickly looked through.
    ///
    /// # Errors
    /// `CryptoBusy` if the workers are; `Internal`.
    pub async fn look_up(
        &self,
        workers: &Workers,
        client: IpAddr,
        host: &str,
        port: u16,
    ) -> Result<HostRecord, SessionError> {
        let index = self.current();
        if index.is_quick() {
            return Ok(index.record(host, port));
        }
        let host = host.to_owned();
        let record = workers.run(client, move || index.record(&host, port)).await;
        record.map_err(|error| match error {
            WorkError::QueueFull => SessionError::CryptoBusy,
            WorkError::Lost => SessionError::Internal,
        })
    }

    /// Appends a key for a host that has none. Of two sessions that bring
    /// different keys for one host the first wins. The key is remembered even
    /// if the future is dropped once it has been polled.
    ///
    /// # Errors
    /// [`RememberError`]; nothing has been recorded then.
    pub fn remember(
        &self,
        new: NewKey,
    ) -> impl Future<Output = Result<(), RememberError>> + Send + use<> {
        let new = Box::new(new);
        self.request(move |reply| Request::Remember { new, reply })
    }

    /// Reads the file again, or another one: keys are then appended to that.
    ///
    /// # Errors
    /// The file cannot be read; the index and the file appended to stay as they were.
    pub fn reload(
        &self,
        path: &Path,
    ) -> impl Future<Output = Result<(), RememberError>> + Send + use<> {
        let path = path.to_owned();
        self.request(|reply| Request::Reload { path, reply })
    }

    /// Finds out whether the file could be read, and reports lines with something wrong.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(path: &Path) -> io::Result<()> {
        load(path).map(drop)
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
    allowance: Allowance,
}

impl Writer {
    fn run(mut self, requests: &Receiver<Request>) {
        while let Ok(request) = requests.recv_blocking() {
            let (reply, result) = match request {
                Request::Remember { new, reply } => (reply, self.remember(&new)),
                Request::Reload { path, reply } => (reply, self.reload(path)),
            };
            // Fails only if nobody waits for the answer any more.
            let _ = reply.try_send(result);
        }
    }

    fn remember(&self, new: &NewKey) -> Result<(), RememberError> {
        let NewKey {
            host,
            port,
            key,
            client,
            bounds,
        } = new;
        let now = crate::clock::now();
        // First, for to look through the file is work.
        self.allowance.check(*client, bounds, now)?;
        let index = self.index.load_full();
        match index.record(host, *port).check(key) {
            HostKeyVerdict::Unknown => {}
            HostKeyVerdict::Known => return Ok(()),
            HostKeyVerdict::Changed { line } => return Err(RememberError::Changed { line }),
            HostKeyVerdict::Revoked { line } => return Err(RememberError::Revoked { line }),
        }
        if !is_writable_name(host) {
            return Err(RememberError::BadHost);
        }
        if index.lines() >= bounds.max_lines as usize {
            return Err(RememberError::NoRoom(
                "the file has as many lines as ssh.max_known_hosts_lines lets it grow to",
            ));
        }
        let bare = PublicKey::new(key.key_data().clone(), "");
        let written = bare.to_openssh().map_err(io::Error::other)?;
        let line = format!("{} {written}", name_on_record(host, *port));
        self.allowance
            .spend(*client, bounds, now, || append(&self.path, &line))?;
        let next = index.with(host, *port, key);
        self.index.store(Arc::new(next));
        Ok(())
    }

    fn reload(&mut self, path: PathBuf) -> Result<(), RememberError> {
        self.index.store(Arc::new(load(&path)?));
        self.path = path;
        Ok(())
    }
}

fn load(path: &Path) -> io::Result<KnownHosts> {
    let index = KnownHosts::load(path).map_err(|error| match error {
        KnownHostsError::Io { ref source, .. } => io::Error::new(source.kind(), error),
        KnownHostsError::Unreadable { .. } => io::Error::other(error),
    })?;
    report(path, &index);
    Ok(index)
}

/// Names the lines with something wrong.
fn report(path: &Path, index: &KnownHosts) {
    let file = path.display();
    let (warnings, all) = index.warnings();
    for LineWarning {
        line,
        problem,
        revokes,
    } in warnings
    {
        if *revokes {
            tracing::error!(
                %file,
                line,
                problem,
                "known hosts: a @revoked line cannot be read, and refuses every key it may mean; mend it"
            );
        } else {
            tracing::warn!(%file, line, problem, "known hosts: line skipped; mend or remove it");
        }
    }
    if all > warnings.len() {
        tracing::warn!(%file, lines = all, "known hosts: more lines than are named here cannot be read");
    }
    if !index.is_quick() {
        tracing::info!(
            %file,
            "known hosts: many hashed names or patterns; each connection is looked up on a worker thread"
        );
    }
}

/// Letters, digits, and what addresses and names are made of; above all no
/// wildcard, comma, blank or line break, which would speak of other hosts.
fn is_writable_name(host: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
    !host.is_empty() && host.bytes().all(plain)
}

/// Appends a line with one write, after ending a last line that was left
/// without a line break. Never makes a file that is too large to be read.
fn append(path: &Path, line: &str) -> Result<(), RememberError> {
    if line.len() > MAX_LINE {
        return Err(RememberError::NoRoom("the key is too long"));
    }
    let mut file = append_file::open_readable(path).map_err(io::Error::from)?;
    let mut last = [b'\n'];
    let length = file.metadata()?.len();
    if length + line.len() as u64 + 2 > MAX_FILE {
        return Err(RememberError::NoRoom(
            "the file has as many bytes as are read",
        ));
    }
    if length > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let end_last = if last == [b'\n'] { "" } else { "\n" };
    file.write_all(format!("{end_last}{line}\n").as_bytes())?;
    Ok(())
}
