//! Connections of the admin listener: at most `MAX_WAITING` connections without a request and
//! `MAX_SERVED` being answered. When there are more, the client with the most loses its oldest, so
//! that silent connections keep no operator out. Answers on health need no slot of the second kind.

use crate::limits::{ClientKey, FairSlots, SlotId};
use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use tokio::sync::oneshot;

/// Connections whose request has not come.
const MAX_WAITING: usize = 32;

/// Connections that are being answered.
const MAX_SERVED: usize = 32;

type Displaceable = RefCell<FairSlots<oneshot::Sender<()>>>;

/// The slots of the listener's thread.
#[derive(Default)]
pub(super) struct AdminSlots {
    waiting: Displaceable,
    served: Displaceable,
}

/// A connection's slot; Drop gives it back.
#[must_use = "dropping it gives the slot back"]
pub(super) struct AdminSlot {
    slots: Rc<AdminSlots>,
    client: ClientKey,
    id: Cell<SlotId>,
    is_served: Cell<bool>,
}

impl AdminSlot {
    /// The slot of a connection whose request has not come, and what ends when it is displaced.
    pub(super) fn take(slots: &Rc<AdminSlots>, client: IpAddr) -> (Self, oneshot::Receiver<()>) {
        let (sender, open) = oneshot::channel();
        let client = ClientKey::from(client);
        let (id, _) = slots
            .waiting
            .borrow_mut()
            .insert(Some(client), sender, MAX_WAITING);
        let slot = Self {
            slots: Rc::clone(slots),
            client,
            id: Cell::new(id),
            is_served: Cell::new(false),
        };
        (slot, open)
    }

    /// The request has come.
    pub(super) fn serve(&self) {
        let waiting = self.slots.waiting.borrow_mut().remove(self.id.get());
        if let Some(sender) = waiting {
            let mut served = self.slots.served.borrow_mut();
            let (id, _) = served.insert(Some(self.client), sender, MAX_SERVED);
            self.id.set(id);
            self.is_served.set(true);
        }
    }
}

impl Drop for AdminSlot {
    fn drop(&mut self) {
        let slots = if self.is_served.get() {
            &self.slots.served
        } else {
            &self.slots.waiting
        };
        slots.borrow_mut().remove(self.id.get());
    }
}
