//! Permits of connections that have not logged in yet: one for the global limit, one for the pool
//! of `limits.max_unauthenticated`, in which a full pool displaces the oldest connection of the
//! client that has most. Both are taken before the 101 and given back by Drop.

use super::Shard;
use super::command::Command;
use crate::bridge::SessionAddress;
use crate::limits::{ConnectionPermit, LoginSlot, Refused};
use crate::registry::SessionId;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

/// Permit of a connection that has not logged in yet.
#[must_use = "dropping it gives the slot back"]
pub(super) struct PreAuthPermit {
    pub(super) connection: ConnectionPermit,
    pub(super) login_slot: LoginSlot<SessionAddress>,
    /// Id of the session that the connection becomes; others displace it by this.
    session: Arc<OnceLock<SessionId>>,
}

impl PreAuthPermit {
    /// Sets the id of the session that the connection becomes.
    pub(super) fn assign(&self, id: SessionId) {
        // Set once: the permit belongs to this connection alone.
        let _ = self.session.set(id);
    }
}

impl Shard {
    /// Takes a permit for a connection of `client`, and ends the connection that it displaces.
    ///
    /// # Errors
    /// The limit that is reached; nothing is taken then.
    pub(super) fn enter_pool(&self, client: IpAddr) -> Result<PreAuthPermit, Refused> {
        let connection = self.shared.limits.admit(client)?;
        let session = Arc::<OnceLock<SessionId>>::default();
        let snapshot = self.context.snapshot.load();
        let limit = snapshot.config.limits.max_unauthenticated;
        let address = SessionAddress {
            shard: self.index,
            session: Arc::clone(&session),
        };
        let (login_slot, displaced) =
            self.shared
                .login_pool
                .enter(client.into(), address, limit)?;
        if let Some(displaced) = displaced
            && let Some(id) = displaced.session.get()
            && let Some(peer) = self.shared.peers.get(displaced.shard)
        {
            // A shard whose channel is full is stuck; the next connection displaces another one.
            let _ = peer.try_send(Command::Displace { id: *id });
        }
        Ok(PreAuthPermit {
            connection,
            login_slot,
            session,
        })
    }
}
