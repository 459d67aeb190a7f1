//! Index shared by the shards, and the one thread that changes it and appends to its file. Reading
//! takes no lock. Whether the policy lets a key be stored is the caller's decision.

use super::error::RememberError;
use super::index::{KnownHosts, LineWarning, MAX_FILE};
use super::pattern::known_hosts_name;
use super::quota::{NewKeyBounds, NewKeyQuota};
use super::record::{HostKeyVerdict, HostRecord};
use crate::append_file;
use crate::error::SessionError;
use crate::workers::{WorkError, Workers};
use arc_swap::ArcSwap;
use async_channel::{Receiver, Sender};
use russh::keys::PublicKey;
use std::future::Future;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

/// Requests in the writer's queue; further ones wait until it has room.
const QUEUE: usize = 256;

/// Longest line that is written, in bytes: that of an RSA key with 16,384 bits has 2,800.
const MAX_LINE: usize = 4096;

/// Known host keys, shared by all shards. Cheap to clone. The writer thread ends with the last
/// clone.
#[derive(Debug, Clone)]
pub struct Store {
    index: Arc<ArcSwap<KnownHosts>>,
    writer: Sender<Request>,
}

/// A key that is to be stored.
#[derive(Debug)]
pub struct NewKey {
    /// Name of the host, without brackets.
    pub host: String,
    /// Port of the host.
    pub port: u16,
    /// Key that the host presented.
    pub key: PublicKey,
    /// Address of the client that connects to the host.
    pub client: IpAddr,
    /// Bounds on the keys that clients may store.
    pub bounds: NewKeyBounds,
}

type Work = Box<dyn FnOnce(&mut Writer) -> Result<(), RememberError> + Send>;
/// Work of the writer's thread, and the reply channel.
type Request = (Work, Sender<Result<(), RememberError>>);

impl Store {
    /// Reads the file and starts the writer. A missing file is created when the first key is
    /// stored.
    ///
    /// # Errors
    /// The file cannot be read, or the thread cannot be started.
    pub fn start(path: &Path) -> io::Result<Self> {
        let index = Arc::new(ArcSwap::from_pointee(load(path)?.unwrap_or_default()));
        let (writer, requests) = async_channel::bounded(QUEUE);
        let thread = Writer {
            path: path.to_owned(),
            index: index.clone(),
            quota: NewKeyQuota::new(crate::clock::now()),
        };
        thread::Builder::new()
            .name("sshard-known-hosts".to_owned())
            .spawn(move || thread.run(&requests))?;
        Ok(Self { index, writer })
    }

    /// Returns the current index.
    pub fn current(&self) -> Arc<KnownHosts> {
        self.index.load_full()
    }

    /// Returns the entries for a host: immediately, or by a job of `client` on a worker if the file
    /// takes long to search.
    ///
    /// # Errors
    /// `CryptoBusy` if the workers' queue is full; `Internal`.
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

    /// Stores a key for a host that has none. Of two sessions with different keys for one host the
    /// first succeeds. The key is stored even if the future is dropped after its first poll.
    ///
    /// # Errors
    /// [`RememberError`]; nothing was stored then.
    pub fn remember(
        &self,
        new: NewKey,
    ) -> impl Future<Output = Result<(), RememberError>> + Send + use<> {
        self.request(Box::new(move |writer| writer.remember(&new)))
    }

    /// Reads the file again, or another one, to which new keys are then appended. A missing file
    /// counts as an empty one, unless lines of that very file are in force.
    ///
    /// # Errors
    /// The file cannot be read, or is missing while its lines are in force; the index and the file
    /// to append to stay as they were.
    pub fn reload(
        &self,
        path: &Path,
    ) -> impl Future<Output = Result<(), RememberError>> + Send + use<> {
        let path = path.to_owned();
        self.request(Box::new(|writer| writer.reload(path)))
    }

    /// Reads the file as [`Self::start`] would, and logs warnings about its lines.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn check(path: &Path) -> io::Result<()> {
        load(path).map(drop)
    }

    fn request(
        &self,
        work: Work,
    ) -> impl Future<Output = Result<(), RememberError>> + Send + use<> {
        let (reply, answer) = async_channel::bounded(1);
        let writer = self.writer.clone();
        async move {
            let sent = writer.send((work, reply)).await;
            sent.map_err(|_| RememberError::Ended)?;
            answer.recv().await.map_err(|_| RememberError::Ended)?
        }
    }
}

struct Writer {
    path: PathBuf,
    index: Arc<ArcSwap<KnownHosts>>,
    quota: NewKeyQuota,
}

impl Writer {
    fn run(mut self, requests: &Receiver<Request>) {
        while let Ok((work, reply)) = requests.recv_blocking() {
            // Fails only if the caller has dropped its future.
            let _ = reply.try_send(work(&mut self));
        }
    }

    fn remember(&self, new: &NewKey) -> Result<(), RememberError> {
        let (host, port, bounds) = (&new.host, new.port, &new.bounds);
        let now = crate::clock::now();
        // Before the search of the file, which takes time.
        self.quota.check(new.client, bounds, now)?;
        let index = self.index.load_full();
        match index.record(host, port).check(&new.key) {
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
        // A new file with this line alone would take the others out of force at the next reload.
        if index.lines() > 0 && !self.path.try_exists()? {
            return Err(RememberError::Missing);
        }
        let bare = PublicKey::new(new.key.key_data().clone(), "");
        let written = bare.to_openssh().map_err(io::Error::other)?;
        let line = format!("{} {written}", known_hosts_name(host, port));
        let append = || append(&self.path, &line);
        self.quota.take(new.client, bounds, now, append)?;
        self.index.store(Arc::new(index.with(host, port, &new.key)));
        Ok(())
    }

    fn reload(&mut self, path: PathBuf) -> Result<(), RememberError> {
        let index = match load(&path)? {
            None if path == self.path && self.index.load().lines() > 0 => {
                return Err(RememberError::Missing);
            }
            loaded => loaded.unwrap_or_default(),
        };
        self.index.store(Arc::new(index));
        self.path = path;
        Ok(())
    }
}

fn load(path: &Path) -> io::Result<Option<KnownHosts>> {
    let loaded = KnownHosts::load(path)?;
    if let Some(index) = &loaded {
        report(path, index);
    }
    Ok(loaded)
}

/// Logs the warnings.
fn report(path: &Path, index: &KnownHosts) {
    let file = path.display();
    let (warnings, all) = index.warnings();
    for warning in warnings {
        let LineWarning { line, problem, .. } = warning;
        if warning.revokes {
            tracing::error!(
                %file,
                line,
                problem,
                "known hosts: a @revoked line cannot be read and refuses every key it may mean; correct it"
            );
        } else {
            tracing::warn!(%file, line, problem, "known hosts: line skipped; correct or remove it");
        }
    }
    if all > warnings.len() {
        tracing::warn!(%file, lines = all, "known hosts: more lines cannot be read than are listed; correct or remove them");
    }
    if !index.is_quick() {
        tracing::info!(
            %file,
            "known hosts: many hashed names or patterns; each connection searches them on a worker thread"
        );
    }
}

/// Returns whether a name has only characters of names and addresses. A wildcard, comma, blank or
/// line break would match other hosts.
fn is_writable_name(host: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
    !host.is_empty() && host.bytes().all(plain)
}

/// Appends a line with one write, after a line break if the last line has none. Never makes the
/// file too large to be read.
fn append(path: &Path, line: &str) -> Result<(), RememberError> {
    if line.len() > MAX_LINE {
        return Err(RememberError::NoRoom(
            "the key is too long for a line of 4 KiB",
        ));
    }
    let mut file = append_file::open_readable(path).map_err(io::Error::from)?;
    let length = file.metadata()?.len();
    if length + line.len() as u64 + 2 > MAX_FILE {
        return Err(RememberError::NoRoom(
            "the file has 64 MiB, which is as much as is read",
        ));
    }
    let end_last = match append_file::ends_within_line(&file)? {
        true => "\n",
        false => "",
    };
    file.write_all(format!("{end_last}{line}\n").as_bytes())?;
    Ok(())
}
