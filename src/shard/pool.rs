//! Places of a shard's connections in the pool of those not yet logged in.

use super::Shard;
use super::command::Command;
use crate::bridge::Unauthenticated;
use crate::limits::{Admission, Newcomer, Refused};
use crate::registry::SessionId;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

/// A place in the pool of connections not yet logged in.
pub struct PreAuthPermit {
    pub(super) admission: Admission,
    pub(super) newcomer: Newcomer<Unauthenticated>,
    /// Takes the name of the session that comes of it.
    session: Arc<OnceLock<SessionId>>,
}

impl PreAuthPermit {
    /// Notes the session that comes of the connection.
    pub(super) fn assign(&self, id: SessionId) {
        // Set once: the place is this connection's alone.
        let _ = self.session.set(id);
    }
}

impl Shard {
    /// Takes a place for a connection of `client`, and has the one that it displaces ended.
    ///
    /// # Errors
    /// Why there is none; nothing is taken then.
    pub(super) fn enter_pool(&self, client: IpAddr) -> Result<PreAuthPermit, Refused> {
        let admission = self.limits.admit(client)?;
        let session = Arc::<OnceLock<SessionId>>::default();
        let limit = self.context.snapshot.load().config.limits.max_unauthenticated;
        let name = Unauthenticated {
            shard: self.index,
            session: Arc::clone(&session),
        };
        let (newcomer, displaced) = self.newcomers.enter(client.into(), name, limit)?;
        if let Some(displaced) = displaced
            && let Some(id) = displaced.session.get()
            && let Some(peer) = self.peers.get(displaced.shard)
        {
            // A shard that takes no message is stuck; the next newcomer displaces another one.
            let _ = peer.try_send(Command::Displace { id: *id });
        }
        Ok(PreAuthPermit {
            admission,
            newcomer,
            session,
        })
    }
}
