//! Record of one session. The session's own thread writes it with plain stores; a reader may see
//! values of a moment ago, and of different moments.

use super::SessionId;
use crate::words::words;
use arc_swap::ArcSwap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

words! {
    /// State of a session, as operators see it (LIFECYCLE.md).
    pub enum State {
        /// Upgraded; waiting for `auth`.
        Created = "created",
        /// Looks up, connects and logs in.
        Connecting = "connecting",
        /// The shell runs.
        Active = "active",
        /// Reserved for a shell that runs on without its client. No session is in it yet.
        Detached = "detached",
        /// Being closed.
        Closing = "closing",
        /// Over.
        Closed = "closed",
    }
}

/// Initial values of a record.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Session id.
    pub id: SessionId,
    /// Number of the shard.
    pub shard: usize,
    /// Address of the client.
    pub client: IpAddr,
    /// Target, as the client requested it.
    pub target: String,
}

/// Bits of the number of a state.
const STATE_BITS: u32 = 3;

const _: () = assert!(State::ALL.len() <= 1 << STATE_BITS);

/// Record of a session.
#[derive(Debug)]
pub struct SessionRecord {
    start: NewSession,
    created: Instant,
    created_at: SystemTime,
    /// State and time of its last change in one word, so that they are read together: the number of
    /// the state, and above it milliseconds from `created`.
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

    /// Session id.
    pub fn id(&self) -> SessionId {
        self.start.id
    }

    /// Number of the shard.
    pub fn shard(&self) -> usize {
        self.start.shard
    }

    /// Address of the client; of the last one while the session has none.
    pub fn client_ip(&self) -> IpAddr {
        **self.client.load()
    }

    /// Target, as the client requested it.
    pub fn target(&self) -> &str {
        &self.start.target
    }

    /// Address of the target, once connected.
    pub fn target_address(&self) -> Option<SocketAddr> {
        self.target_address.get().copied()
    }

    /// User, if `admin.show_users` is on and the user is known.
    pub fn user(&self) -> Option<&str> {
        self.user.get().map(String::as_str)
    }

    /// Wall-clock time of the creation.
    pub fn created_at(&self) -> SystemTime {
        self.created_at
    }

    /// Time since the creation.
    pub fn duration(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.created)
    }

    /// Time of the last input or output, from [`Self::created_at`].
    pub fn last_activity(&self) -> Duration {
        Duration::from_millis(self.last_activity.load(Ordering::Relaxed))
    }

    /// Bytes of input and of output.
    pub fn traffic(&self) -> (u64, u64) {
        (
            self.input.load(Ordering::Relaxed),
            self.output.load(Ordering::Relaxed),
        )
    }

    /// Current state.
    pub fn state(&self) -> State {
        self.state_since().0
    }

    /// Current state, and the time of its last change, from [`Self::created_at`].
    pub fn state_since(&self) -> (State, Duration) {
        let word = self.state.load(Ordering::Relaxed);
        let number = (word & ((1 << STATE_BITS) - 1)) as usize;
        let state = State::ALL.get(number).copied().unwrap_or(State::Closed);
        (state, Duration::from_millis(word >> STATE_BITS))
    }

    /// Sets the state. For the owner alone.
    pub fn set_state(&self, state: State) {
        let since = self.millis(crate::clock::now());
        let word = (since << STATE_BITS) | state as u64;
        self.state.store(word, Ordering::Relaxed);
    }

    /// Sets the address of a new client. For the owner alone.
    pub fn set_client(&self, client: IpAddr) {
        self.client.store(Arc::new(client));
    }

    /// Sets the bytes of input and output. For the owner alone.
    pub fn set_traffic(&self, input: u64, output: u64) {
        self.input.store(input, Ordering::Relaxed);
        self.output.store(output, Ordering::Relaxed);
    }

    /// Sets the time of the last input or output. For the owner alone.
    pub fn touch(&self, now: Instant) {
        self.last_activity
            .store(self.millis(now), Ordering::Relaxed);
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(self.duration(now).as_millis()).unwrap_or(u64::MAX)
    }

    /// Sets the address of the target, once. For the owner alone.
    pub fn set_target_address(&self, address: SocketAddr) {
        let _ = self.target_address.set(address);
    }

    /// Sets the user, once. For the owner alone.
    pub fn set_user(&self, user: &str) {
        let _ = self.user.set(user.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::tests::session;

    #[test]
    fn a_change_of_state_has_a_time_that_traffic_does_not_change() {
        let record = SessionRecord::new(session());
        assert_eq!(record.state_since(), (State::Created, Duration::ZERO));
        for state in State::ALL.iter().copied() {
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
    fn the_address_of_the_last_client_stays_until_another_one_comes() {
        let record = SessionRecord::new(session());
        record.set_state(State::Detached);
        assert_eq!(record.client_ip().to_string(), "192.0.2.7");
        record.set_client("2001:db8::1".parse().unwrap());
        assert_eq!(record.client_ip().to_string(), "2001:db8::1");
    }
}
