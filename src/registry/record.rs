//! What the registry holds of one session. Written by the session's own
//! thread with plain stores; a reader sees each field as it was a moment ago.

use super::SessionId;
use arc_swap::ArcSwap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
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

/// Bits of the number of a state.
const STATE_BITS: u32 = 3;

const _: () = assert!(State::ALL.len() <= 1 << STATE_BITS);

/// A session's record.
#[derive(Debug)]
pub struct SessionRecord {
    start: NewSession,
    created: Instant,
    created_at: SystemTime,
    /// The state and the time of its last change in one word, so that they are read together:
    /// the number of the state, and above it milliseconds from `created`.
    state: AtomicU64,
    client: ArcSwap<IpAddr>,
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
            client: ArcSwap::from_pointee(start.client),
            start,
            created: crate::clock::now(),
            created_at: crate::clock::wall(),
            state: AtomicU64::new(State::Created as u64),
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

    /// Address of its client; while it has none, that of the last one.
    pub fn client_ip(&self) -> IpAddr {
        **self.client.load()
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
        self.state_since().0
    }

    /// State, and the time of its last change, counted from [`Self::created_at`].
    pub fn state_since(&self) -> (State, Duration) {
        let word = self.state.load(Ordering::Relaxed);
        let number = (word & ((1 << STATE_BITS) - 1)) as usize;
        let state = State::ALL.get(number).copied().unwrap_or(State::Closed);
        (state, Duration::from_millis(word >> STATE_BITS))
    }

    /// The owner's: where it is from now on.
    pub fn set_state(&self, state: State) {
        let since = self.millis(crate::clock::now());
        let word = (since << STATE_BITS) | state as u64;
        self.state.store(word, Ordering::Relaxed);
    }

    /// The owner's: another client has it now.
    pub fn set_client(&self, client: IpAddr) {
        self.client.store(Arc::new(client));
    }

    /// The owner's: bytes moved.
    pub fn set_traffic(&self, input: u64, output: u64) {
        self.input.store(input, Ordering::Relaxed);
        self.output.store(output, Ordering::Relaxed);
    }

    /// The owner's: bytes moved just now.
    pub fn touch(&self, now: Instant) {
        self.last_activity
            .store(self.millis(now), Ordering::Relaxed);
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(self.duration(now).as_millis()).unwrap_or(u64::MAX)
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
    use super::*;

    fn record() -> SessionRecord {
        SessionRecord::new(NewSession {
            id: SessionId::random().unwrap(),
            shard: 0,
            client: "192.0.2.7".parse().unwrap(),
            target: "db".to_owned(),
        })
    }

    #[test]
    fn a_change_of_state_has_its_time_and_traffic_does_not_move_it() {
        let record = record();
        assert_eq!(record.state_since(), (State::Created, Duration::ZERO));
        for state in State::ALL {
            let before = record.duration(crate::clock::now());
            record.set_state(state);
            let after = record.duration(crate::clock::now());
            let (known, since) = record.state_since();
            assert_eq!(known, state);
            // In whole milliseconds.
            let earliest = before.saturating_sub(Duration::from_millis(1));
            assert!((earliest..=after).contains(&since), "{since:?}");
            record.touch(crate::clock::now());
            record.set_traffic(1, 2);
            assert_eq!(record.state_since(), (state, since));
        }
    }

    #[test]
    fn the_last_client_stays_when_it_is_gone_and_another_takes_its_place() {
        let record = record();
        record.set_state(State::Detached);
        assert_eq!(record.client_ip().to_string(), "192.0.2.7");
        record.set_client("2001:db8::1".parse().unwrap());
        assert_eq!(record.client_ip().to_string(), "2001:db8::1");
    }

    #[test]
    fn every_state_has_its_number() {
        for (number, state) in State::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, number);
        }
    }
}
