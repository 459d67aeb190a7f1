//! One shard: one pinned thread, its listeners, its sessions. Everything here
//! but `placement`, `lifecycle` and `mailbox` lives on that one thread and is
//! shared with no other.

mod accept;
mod connection;
mod lifecycle;
mod listen;
mod mailbox;
mod manager;
mod placement;

pub use lifecycle::Lifecycle;
pub use listen::bind;
pub use mailbox::{Handover, Mail, MailReceiver, MailSender, mailbox};
pub use manager::ConnectionManager;
pub use placement::{Placement, Reservation};

use crate::bridge::SessionContext;
use crate::limits::LimitTable;
use crate::ssh::SshRuntime;
use socket2::Socket;
use std::rc::Rc;
use std::sync::Arc;

/// What a shard is made from; everything in it may cross threads.
pub struct ShardSetup {
    /// Its number, from 0.
    pub index: usize,
    /// Its listening sockets, one per address.
    pub listeners: Vec<Socket>,
    /// Its mail.
    pub mail: MailReceiver,
    /// The mail of every shard, by number.
    pub peers: Arc<[MailSender]>,
    /// Where connections go.
    pub placement: Arc<Placement>,
    /// The limits of the process.
    pub limits: Arc<LimitTable>,
    /// How the process is.
    pub lifecycle: Arc<Lifecycle>,
}

/// What the shard's tasks share.
pub(crate) struct Shard {
    pub(crate) index: usize,
    pub(crate) peers: Arc<[MailSender]>,
    pub(crate) placement: Arc<Placement>,
    pub(crate) limits: Arc<LimitTable>,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) manager: ConnectionManager,
    pub(crate) context: Rc<SessionContext>,
}

/// Runs a shard on the executor of this thread until it is told to stop.
///
/// # Errors
/// If the thread lacks what it needs to start (file descriptors).
pub async fn run(setup: ShardSetup, context: SessionContext) -> std::io::Result<()> {
    let runtime = SshRuntime::install()?;
    glommio::spawn_local(async move { runtime.turn_wheel().await }).detach();
    let ShardSetup {
        index,
        listeners,
        mail,
        peers,
        placement,
        limits,
        lifecycle,
    } = setup;
    let shard = Rc::new(Shard {
        index,
        peers,
        placement,
        limits,
        lifecycle,
        manager: ConnectionManager::default(),
        context: Rc::new(context),
    });
    for listener in listeners {
        let shard = Rc::clone(&shard);
        glommio::spawn_local(async move { accept::run(listener, &shard).await }).detach();
    }
    shard.lifecycle.shard_started();
    while let Ok(letter) = mail.recv().await {
        match letter {
            Mail::Adopt(handover) => connection::spawn(&shard, handover),
            Mail::Drain { deadline } => shard.manager.drain(deadline),
            Mail::Stop => break,
        }
    }
    // The executor drops every task with this future, and each gives back
    // what it holds.
    Ok(())
}
