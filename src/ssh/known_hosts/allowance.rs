//! Bounds on the new keys that clients may have written to the file of known hosts (`accept-new`):
//! each is a line, a name of the client's choice (wildcard names have no end), and bytes of its
//! server's.
//!
//! Per client and in all, at once and per time; beside it the file has a most of lines and of
//! bytes. Does NOT write; what is taken and not used is given back.

use super::error::RememberError;
use crate::limits::{Rate, RateTable};
use crate::net::network_of;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Clients that are remembered: more than can have taken anything, as all of them together take
/// what [`CLIENTS_AT_ONCE`] may.
const SLOTS: usize = 4096;

/// All clients together may take as much as this many, who take all they can.
const CLIENTS_AT_ONCE: u32 = 16;

/// Bounds on the new keys that are remembered. Part of the configuration a session started with.
#[derive(Debug, Clone, Copy)]
pub struct NewKeyBounds {
    /// Lines one client (IPv4 address or IPv6 /64) may add at once.
    pub per_client: u32,
    /// The time after which it may add one more.
    pub period: Duration,
    /// Lines of the file beyond which none is added.
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

/// Lines that clients have taken lately, per client and in all.
pub(super) struct Allowance {
    clients: RateTable,
    all: RateTable,
}

impl Allowance {
    pub(super) fn new(epoch: Instant) -> Self {
        Self {
            clients: RateTable::new(SLOTS, epoch),
            all: RateTable::new(1, epoch),
        }
    }

    /// Takes a line of `client`'s and does `write`, which fills it; what is not written is given
    /// back.
    ///
    /// # Errors
    /// [`RememberError::TooMany`], and those of `write`.
    pub(super) fn spend<T>(
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

    /// Refuses at once whom [`Self::spend`] would: before the file is looked through for it.
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
