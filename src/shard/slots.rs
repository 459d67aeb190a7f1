//! Handshake slots: the connections of a shard between accept and the end of the upgrade, at most
//! `server.max_handshakes`. When all are taken, the client with the most loses its oldest
//! connection; so a new connection always gets a slot, and silent ones cannot keep others out.
//!
//! Clients that recently requested `/healthz` or `/readyz` (load balancers, probes) have a few
//! reserved slots, which connections of others do not displace.
//!
//! Before a PROXY protocol header, and behind a trusted proxy until the request, the peer is not
//! the client: such a connection counts by itself, as that of a client of its own.

use super::Shard;
use crate::config;
use crate::limits::{ClientKey, FairSlots, SlotId};
use async_channel::{Receiver, Sender};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::rc::Rc;

/// Reserved slots per shard, besides `server.max_handshakes`, for clients that recently requested
/// `/healthz` or `/readyz`.
const RESERVED: usize = 8;

/// Reserved slots that one client may take.
const RESERVED_PER_CLIENT: usize = 2;

/// Clients remembered for having recently requested `/healthz` or `/readyz`; the oldest is
/// forgotten first.
const PROBERS: usize = 16;

/// Handshake slots of a shard.
#[derive(Default)]
pub(crate) struct HandshakeSlots {
    /// Slots that others may displace. The sender is dropped then, which the connection waits for.
    open: RefCell<FairSlots<Sender<()>>>,
    reserved: RefCell<FairSlots<Sender<()>>>,
    probers: RefCell<VecDeque<ClientKey>>,
}

impl HandshakeSlots {
    /// Remembers a client that requested `/healthz` or `/readyz`.
    pub(super) fn note_prober(&self, peer: IpAddr) {
        let key = ClientKey::from(peer);
        let mut probers = self.probers.borrow_mut();
        probers.retain(|known| *known != key);
        probers.push_front(key);
        probers.truncate(PROBERS);
    }

    fn is_prober(&self, key: ClientKey) -> bool {
        self.probers.borrow().contains(&key)
            && self.reserved.borrow().held_by(key) < RESERVED_PER_CLIENT
    }
}

/// A connection's slot; Drop gives it back.
#[must_use = "dropping it gives the slot back"]
pub(super) struct HandshakeSlot {
    shard: Rc<Shard>,
    peer: IpAddr,
    id: Cell<SlotId>,
    is_reserved: Cell<bool>,
    open: Receiver<()>,
}

impl HandshakeSlot {
    /// Takes a slot for a connection from `peer`, displacing another one if none is left.
    /// `proxied`: a PROXY protocol header comes first.
    pub(super) fn take(shard: &Rc<Shard>, peer: IpAddr, proxied: bool) -> Self {
        let (sender, open) = async_channel::bounded(1);
        let slots = &shard.handshakes;
        let key = ClientKey::from(peer);
        let is_reserved = slots.is_prober(key);
        let id = if is_reserved {
            let mut reserved = slots.reserved.borrow_mut();
            reserved.insert(Some(key), sender, RESERVED).0
        } else {
            take_open(shard, sender, peer, proxied)
        };
        let slot = Self {
            shard: Rc::clone(shard),
            peer,
            id: Cell::new(id),
            is_reserved: Cell::new(is_reserved),
            open,
        };
        slot.publish();
        slot
    }

    /// Moves the slot to `client`, the address behind the proxy. Clients of a load balancer do not
    /// use the slots reserved for the load balancer's own checks.
    pub(super) fn assign(&self, client: IpAddr) {
        let slots = &self.shard.handshakes;
        if self.is_reserved.get() {
            if client == self.peer {
                return;
            }
            let moved = slots.reserved.borrow_mut().remove(self.id.get());
            if let Some(sender) = moved {
                self.is_reserved.set(false);
                self.id.set(take_open(&self.shard, sender, client, false));
            }
            return;
        }
        let server = &self.shard.context.snapshot.load().config.server;
        if !is_proxy(server, client, false) {
            slots.open.borrow_mut().assign(self.id.get(), client.into());
        }
    }

    /// Returns once the slot was given to another connection.
    pub(super) async fn displaced(&self) {
        // Nothing is ever sent.
        let _ = self.open.recv().await;
    }

    fn publish(&self) {
        let slots = &self.shard.handshakes;
        let taken = slots.open.borrow().len() + slots.reserved.borrow().len();
        self.shard.context.counters.handshakes.set(taken as u64);
    }
}

/// Takes a slot that others may displace.
fn take_open(shard: &Shard, sender: Sender<()>, peer: IpAddr, proxied: bool) -> SlotId {
    let server = &shard.context.snapshot.load().config.server;
    let client = (!is_proxy(server, peer, proxied)).then(|| ClientKey::from(peer));
    let mut open = shard.handshakes.open.borrow_mut();
    open.insert(client, sender, server.max_handshakes as usize)
        .0
}

impl Drop for HandshakeSlot {
    fn drop(&mut self) {
        let slots = &self.shard.handshakes;
        let slots = if self.is_reserved.get() {
            &slots.reserved
        } else {
            &slots.open
        };
        slots.borrow_mut().remove(self.id.get());
        self.publish();
    }
}

/// Returns whether the peer is a proxy that will name its client.
fn is_proxy(server: &config::Server, peer: IpAddr, proxied: bool) -> bool {
    let proxies = if proxied {
        &server.proxy_protocol_from
    } else {
        &server.trusted_proxies
    };
    let peer = peer.to_canonical();
    proxies.iter().any(|net| net.contains(peer))
}
