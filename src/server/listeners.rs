//! The listening sockets: taken from an old process that hands them over, passed by systemd, or
//! bound as configured; and the offer of them to a next process.
//!
//! Does not accept connections: the shards and the control thread do.

use super::error::{StartError, io_error};
use super::list;
use crate::config::Config;
use crate::control::admin::{Admin, AdminHandle};
use crate::control::takeover::{
    HandoverServer, HandoverState, InheritedSockets, SocketFiles, SocketSet, TakeoverError,
    checked, take_over,
};
use crate::control::{EventSender, ProcessHandles};
use crate::shard;
use listenfd::ListenFd;
use socket2::Socket;
use std::collections::HashSet;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

/// Listening sockets of the process.
pub(super) struct Listeners {
    /// Addresses of the public port.
    pub(super) addresses: Vec<SocketAddr>,
    /// Sockets of each shard.
    pub(super) by_shard: Vec<Vec<Socket>>,
    /// Listeners of the admin port.
    pub(super) admin: Admin,
    /// Process they were taken from.
    predecessor: Option<InheritedSockets>,
}

/// Listening sockets that a next process may take over.
pub(super) struct HandoverOffer {
    path: PathBuf,
    sockets: SocketSet,
    predecessor: Option<InheritedSockets>,
}

/// Takes the sockets over, or binds them.
pub(super) fn open(config: &Config, shards: usize) -> Result<Listeners, StartError> {
    let mut predecessor = match &config.server.takeover {
        Some(path) => take_over(path).map_err(StartError::Takeover)?,
        None => None,
    };
    let SocketSet { public, admin } = match &mut predecessor {
        Some(taken) => std::mem::take(&mut taken.sockets),
        None => SocketSet {
            public: from_systemd()?,
            admin: Vec::new(),
        },
    };
    let (addresses, by_shard) = if public.is_empty() {
        let server = &config.server;
        shard::bind(&server.listen, shards, server.backlog)
            .map_err(StartError::setting("server.listen"))?
    } else {
        accept_passed(config, public, shards)?
    };
    let admin = admin.into_iter().map(TcpListener::from).collect();
    Ok(Listeners {
        addresses,
        by_shard,
        admin: Admin::bind(&config.admin, admin)?,
        predecessor,
    })
}

fn from_systemd() -> Result<Vec<Socket>, StartError> {
    let error = io_error("cannot use the sockets that systemd passes");
    let mut passed = ListenFd::from_env();
    let listeners =
        (0..passed.len()).filter_map(|index| passed.take_tcp_listener(index).transpose());
    let sockets: Result<Vec<_>, TakeoverError> = listeners
        .map(|listener| checked(listener?.into()))
        .collect();
    sockets.map_err(|refused| error(std::io::Error::other(refused)))
}

/// Uses passed sockets as the listeners, in place of `server.listen`.
fn accept_passed(
    config: &Config,
    passed: Vec<Socket>,
    shards: usize,
) -> Result<shard::Listeners, StartError> {
    let listeners =
        shard::distribute(passed, shards).map_err(io_error("cannot use the passed sockets"))?;
    let addresses = &listeners.0;
    tracing::info!(
        addresses = list(addresses),
        "listening on passed sockets; server.listen is not used"
    );
    let open = addresses
        .iter()
        .find(|a| !a.ip().to_canonical().is_loopback());
    if let Some(open) = open
        && !config.server.allow_plaintext
        && config.tls.cert_file.is_none()
    {
        return Err(StartError::OpenSocket(*open));
    }
    let mut proxied = config.server.proxy_protocol.iter();
    match proxied.find(|entry| !addresses.iter().any(|a| shard::is_listener(**entry, *a))) {
        Some(missing) => Err(StartError::NotProxied(*missing)),
        None => Ok(listeners),
    }
}

impl Listeners {
    /// Duplicates for a next process, if one may take over.
    pub(super) fn handover_offer(
        &mut self,
        config: &Config,
    ) -> std::io::Result<Option<HandoverOffer>> {
        let Some(path) = &config.server.takeover else {
            return Ok(None);
        };
        // Each once, however many shards share it.
        let mut seen = HashSet::new();
        let mut public = Vec::new();
        for socket in self.by_shard.iter().flatten() {
            if seen.insert(socket.cookie()?) {
                public.push(socket.try_clone()?);
            }
        }
        let admin = self.admin.listeners.iter();
        let admin = admin.map(|listener| listener.try_clone().map(Socket::from));
        let admin = admin.collect::<Result<_, _>>()?;
        Ok(Some(HandoverOffer {
            path: path.clone(),
            sockets: SocketSet { public, admin },
            predecessor: self.predecessor.take(),
        }))
    }
}

impl HandoverOffer {
    /// Tells the old process to stop accepting, then waits for a next one on a thread, which gets
    /// `admin`, too. To be called when every shard accepts. Once the old process is told, no other
    /// process serves: errors from there on are logged, and this process goes on.
    pub(super) fn start(
        self,
        admin: AdminHandle,
        process: &ProcessHandles,
        events: EventSender,
    ) -> Result<Option<SocketFiles>, StartError> {
        let Self {
            path,
            sockets,
            predecessor,
        } = self;
        let cannot_listen = io_error("cannot listen at server.takeover");
        let instance = process.registry.instance().id;
        let server = HandoverServer::bind(&path, instance).map_err(&cannot_listen)?;
        let must_serve = predecessor.is_some();
        if let Some(taken) = predecessor {
            taken.finish().map_err(StartError::Takeover)?;
        }
        let state = HandoverState {
            sockets,
            admin,
            commands: Arc::clone(&process.commands),
            lifecycle: Arc::clone(&process.lifecycle),
            events,
        };
        match server.start(state) {
            Ok(file) => Ok(Some(file)),
            Err(error) if must_serve => {
                tracing::error!(%error, "no process can take over from this one");
                Ok(None)
            }
            Err(error) => Err(cannot_listen(error)),
        }
    }
}
