//! Rate limit on new keys in the file of known hosts (`accept-new`), per client and in all: each
//! key is a line with a name of the client's choice, of which there is no end under a wildcard, and
//! a key of the server's choice. The file's size is bounded apart from this. Writes nothing itself;
//! a line that was not written is refunded.

use super::error::RememberError;
use crate::limits::{Rate, RateTable};
use crate::net::network_of;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Entries for clients: more than can have stored anything, because all of them together may store
/// no more than [`CLIENTS_AT_ONCE`] of them.
const SLOTS: usize = 4096;

/// Share of all clients together, as a multiple of one client's.
const CLIENTS_AT_ONCE: u32 = 16;

/// Bounds on new keys, from the configuration that a session started with.
#[derive(Debug, Clone, Copy)]
pub struct NewKeyBounds {
    /// Lines that one client (IPv4 address or IPv6 /64) may add at once.
    pub per_client: u32,
    /// Time after which it may add one more.
    pub period: Duration,
    /// Most lines of the file.
    pub max_lines: u32,
}

impl NewKeyBounds {
    fn client(&self) -> Rate {
        Rate::new(self.per_client, self.period)
    }

    fn all(&self) -> Rate {
        let burst = self.per_client.saturating_mul(CLIENTS_AT_ONCE);
        Rate::new(burst, self.period / CLIENTS_AT_ONCE)
    }
}

/// Lines stored lately, per client and in all.
pub(super) struct NewKeyQuota {
    clients: RateTable,
    all: RateTable,
}

impl NewKeyQuota {
    pub(super) fn new(epoch: Instant) -> Self {
        Self {
            clients: RateTable::new(SLOTS, epoch),
            all: RateTable::new(1, epoch),
        }
    }

    /// Counts a line of `client` and runs `write`, which writes it; refunds it if that fails.
    ///
    /// # Errors
    /// [`RememberError::TooMany`], and those of `write`.
    pub(super) fn take<T>(
        &self,
        client: IpAddr,
        bounds: &NewKeyBounds,
        now: Instant,
        write: impl FnOnce() -> Result<T, RememberError>,
    ) -> Result<T, RememberError> {
        let client = network_of(client);
        let too_many = |wait| RememberError::TooMany { wait };
        let own = self.clients.take(client, bounds.client(), now);
        let own = own.map_err(too_many)?;
        let common = match self.all.take((), bounds.all(), now) {
            Ok(common) => common,
            Err(wait) => {
                self.clients.give_back(own, now);
                return Err(too_many(wait));
            }
        };
        let written = write();
        if written.is_err() {
            self.clients.give_back(own, now);
            self.all.give_back(common, now);
        }
        written
    }

    /// Returns the error of [`Self::take`] without counting, so that no file is searched in vain.
    ///
    /// # Errors
    /// [`RememberError::TooMany`].
    pub(super) fn check(
        &self,
        client: IpAddr,
        bounds: &NewKeyBounds,
        now: Instant,
    ) -> Result<(), RememberError> {
        let own = self.clients.check(network_of(client), bounds.client(), now);
        own.and_then(|()| self.all.check((), bounds.all(), now))
            .map_err(|wait| RememberError::TooMany { wait })
    }
}
