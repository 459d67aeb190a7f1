//! Admission of a shard's connections to the pool of those that have not logged in.

use super::Shard;
use super::command::Command;
use crate::bridge::Unauthenticated;
use crate::limits::{Admission, LoginSlot, Refused};
use crate::registry::SessionId;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

/// Right of a connection to log in, held until the login; Drop gives it back.
pub struct PreAuthPermit {
    pub(super) admission: Admission,
    pub(super) login_slot: LoginSlot<Unauthenticated>,
    /// Receives the id of the connection's session.
    session: Arc<OnceLock<SessionId>>,
}

impl PreAuthPermit {
    /// Notes the session of the connection.
    pub(super) fn assign(&self, id: SessionId) {
        // Set once: the permit is this connection's alone.
        let _ = self.session.set(id);
    }
}

impl Shard {
    /// Takes a permit for a connection of `client`, and has the connection that it displaces ended.
    ///
    /// # Errors
    /// The limit that is reached; nothing is taken then.
    pub(super) fn enter_pool(&self, client: IpAddr) -> Result<PreAuthPermit, Refused> {
        let admission = self.limits.admit(client)?;
        let session = Arc::<OnceLock<SessionId>>::default();
        let limit = self
            .context
            .snapshot
            .load()
            .config
            .limits
            .max_unauthenticated;
        let name = Unauthenticated {
            shard: self.index,
            session: Arc::clone(&session),
        };
        let (login_slot, displaced) = self.login_pool.enter(client.into(), name, limit)?;
        if let Some(displaced) = displaced
            && let Some(id) = displaced.session.get()
            && let Some(peer) = self.peers.get(displaced.shard)
        {
            // A shard that takes no message is stuck; the next connection displaces another one.
            let _ = peer.try_send(Command::Displace { id: *id });
        }
        Ok(PreAuthPermit {
            admission,
            login_slot,
            session,
        })
    }
}
