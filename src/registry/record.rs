//! What the registry holds of one session. Written by the session's own
//! thread with plain stores; a reader sees each field as it was a moment ago.

use super::SessionId;
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Where a session is, as the outside sees it (LIFECYCLE.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Upgraded; waiting for `auth`.
    Created,
    /// On the way to the shell.
    Connecting,
    /// The shell runs.
    Active,
    /// Reserved: the shell runs on without its client. No session is in it yet.
    Detached,
    /// Being closed.
    Closing,
    /// Over.
    Closed,
}

impl State {
    /// Every one, in the order of its number.
    pub const ALL: [Self; 6] = [
        Self::Created,
        Self::Connecting,
        Self::Active,
        Self::Detached,
        Self::Closing,
        Self::Closed,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Connecting => "connecting",
            Self::Active => "active",
            Self::Detached => "detached",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }
}

/// What a session starts with.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its name.
    pub id: SessionId,
    /// The number of its shard.
    pub shard: usize,
    /// Where its client is.
    pub client: IpAddr,
    /// What the client asked for.
    pub target: String,
}

/// A session's record.
#[derive(Debug)]
pub struct SessionRecord {
    start: NewSession,
    created: Instant,
    created_at: SystemTime,
    state: AtomicU8,
    /// Milliseconds from `created`.
    last_activity: AtomicU64,
    input: AtomicU64,
    output: AtomicU64,
    target_address: OnceLock<SocketAddr>,
    user: OnceLock<String>,
}

impl SessionRecord {
    pub(super) fn new(start: NewSession) -> Self {
        Self {
            start,
            created: crate::clock::now(),
            created_at: crate::clock::wall(),
            state: AtomicU8::new(State::Created as u8),
            last_activity: AtomicU64::new(0),
            input: AtomicU64::new(0),
            output: AtomicU64::new(0),
            target_address: OnceLock::new(),
            user: OnceLock::new(),
        }
    }

    /// Its name.
    pub fn id(&self) -> SessionId {
        self.start.id
    }

    /// The number of its shard.
    pub fn shard(&self) -> usize {
        self.start.shard
    }

    /// Where its client is.
    pub fn client_ip(&self) -> IpAddr {
        self.start.client
    }

    /// What the client asked for, as it asked.
    pub fn target(&self) -> &str {
        &self.start.target
    }

    /// The address that was dialled, once it is.
    pub fn target_address(&self) -> Option<SocketAddr> {
        self.target_address.get().copied()
    }

    /// The user, if users are shown and this one is known.
    pub fn user(&self) -> Option<&str> {
        self.user.get().map(String::as_str)
    }

    /// When it was created, by the time of day.
    pub fn created_at(&self) -> SystemTime {
        self.created_at
    }

    /// How long it lives.
    pub fn duration(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.created)
    }

    /// When bytes last moved, either way, counted from [`Self::created_at`].
    pub fn last_activity(&self) -> Duration {
        Duration::from_millis(self.last_activity.load(Ordering::Relaxed))
    }

    /// Bytes of input and of output so far.
    pub fn traffic(&self) -> (u64, u64) {
        (
            self.input.load(Ordering::Relaxed),
            self.output.load(Ordering::Relaxed),
        )
    }

    /// Where it is.
    pub fn state(&self) -> State {
        let number = usize::from(self.state.load(Ordering::Relaxed));
        State::ALL.get(number).copied().unwrap_or(State::Closed)
    }

    /// The owner's: where it is now.
    pub fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// The owner's: bytes moved.
    pub fn set_traffic(&self, input: u64, output: u64) {
        self.input.store(input, Ordering::Relaxed);
        self.output.store(output, Ordering::Relaxed);
    }

    /// The owner's: bytes moved just now.
    pub fn touch(&self, now: Instant) {
        let age = self.duration(now).as_millis();
        let age = u64::try_from(age).unwrap_or(u64::MAX);
        self.last_activity.store(age, Ordering::Relaxed);
    }

    /// The owner's: the address that is dialled. The first one stays.
    pub fn set_target_address(&self, address: SocketAddr) {
        let _ = self.target_address.set(address);
    }

    /// The owner's: the user. The first one stays.
    pub fn set_user(&self, user: &str) {
        let _ = self.user.set(user.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn every_state_has_its_number() {
        for (number, state) in State::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, number);
        }
    }
}
