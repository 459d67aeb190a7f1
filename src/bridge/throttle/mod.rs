//! Logins that may be tried: how many at once, and how many after those that failed.
//!
//! One [`LoginAttempt`] for each target that is dialled, and for each private key that is
//! decrypted. It waits in a queue of its target's (`queue`) for a place and for the counts of
//! failures (`rates`), and gives everything back by its Drop: one that never reached the server
//! for nothing, one that did at a price, unless it succeeded.
//!
//! On by default, because servers count failed logins, too, by the one address they see: the
//! bridge's. Waiting ones are woken, first come first, and never look by themselves.
//!
//! Places before login are as many as `limits.max_connections_per_host`, and counted apart from
//! those after it. A login whose user is asked something gives its place up meanwhile, and has
//! one of as many others; when those are taken, the oldest unanswered question of the client that
//! has most of them yields.
#![allow(
    clippy::disallowed_types,
    reason = "a lock of one target's queue, a few times in each login and never on the data path"
)]

mod queue;
mod rates;
#[cfg(test)]
mod tests;

use crate::config::Config;
use crate::limits::{ClientKey, Rate, TargetKey};
use async_channel::Receiver;
use queue::{Id, Queue, Waiter};
use rates::{MOST_DEBT, Rates, Reached};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Enough that two shards rarely meet on one lock.
const PARTS: usize = 16;

/// The least budget of a target: two failed logins of sshd's price.
const LEAST_PENALTY: Duration = Duration::from_secs(10);

/// Subject of a login attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// A login at this address.
    Target(TargetKey),
    /// The passphrase of a private key.
    Keys,
}

impl From<SocketAddr> for Scope {
    fn from(address: SocketAddr) -> Self {
        Self::Target(address.into())
    }
}

/// The rates failures are counted at.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// Failures of one client at one target.
    client: Rate,
    /// The most a client's debt grows to.
    most_debt: Duration,
    /// Seconds of penalty of one target.
    target: Option<Rate>,
}

impl Rules {
    /// `None` where failures are not counted.
    fn of(config: &Config, client: IpAddr, scope: Scope) -> Option<Self> {
        let settings = &config.rate_limit;
        let exempt = settings.exempt.iter().any(|net| net.contains(client));
        if settings.login_failures == 0 || exempt {
            return None;
        }
        let penalty = settings.target_penalty;
        let counts = scope != Scope::Keys && !penalty.is_zero();
        let seconds = u32::try_from(penalty.max(LEAST_PENALTY).as_secs()).unwrap_or(u32::MAX);
        Some(Self {
            client: Rate::new(settings.login_failures, settings.login_period),
            most_debt: settings.login_period * settings.login_failures + MOST_DEBT,
            target: counts.then(|| Rate::new(seconds, Duration::from_secs(1))),
        })
    }
}

/// Request for a login: client, user and target.
#[derive(Debug, Clone)]
struct Request {
    scope: Scope,
    client: ClientKey,
    user: Arc<str>,
    rules: Option<Rules>,
    /// Logins at once at the target.
    places: usize,
}

/// Answer to a waiting login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It may begin.
    Start,
    /// Too many have failed; this long until one more is allowed.
    Throttled(Duration),
    /// As many wait as may.
    Full,
    /// Nothing may change for this long: then [`LoginAttempt::retry`].
    RetryIn(Duration),
}

/// Failed logins, and the queues of those under way; shared by the shards.
pub struct LoginThrottle {
    rates: Rates,
    parts: [Mutex<HashMap<Scope, Queue>>; PARTS],
    hasher: RandomState,
    next_id: AtomicU64,
    clock: fn() -> Instant,
}

impl LoginThrottle {
    /// Nobody has failed yet; remembers at least `slots` pairs of client and target.
    pub fn new(slots: usize, clock: fn() -> Instant) -> Arc<Self> {
        Arc::new(Self {
            rates: Rates::new(slots, clock()),
            parts: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            next_id: AtomicU64::new(0),
            clock,
        })
    }

    /// Queues a login of `user` from `client`, or the reading of a key.
    pub(super) fn join(
        self: &Arc<Self>,
        scope: Scope,
        client: IpAddr,
        user: &str,
        config: &Config,
    ) -> LoginAttempt {
        let places = config.limits.max_connections_per_host as usize;
        let request = Request {
            scope,
            client: client.into(),
            user: user.into(),
            rules: Rules::of(config, client, scope),
            places: if scope == Scope::Keys {
                usize::MAX
            } else {
                places
            },
        };
        let (words, told) = async_channel::bounded(1);
        let (evict, evicted) = async_channel::bounded(1);
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let waiter = Waiter {
            id,
            request: request.clone(),
            words: words.clone(),
            evict,
            is_told: false,
        };
        let is_recent = self.rates.is_recent(&request, (self.clock)());
        self.with(scope, |queue| {
            if !queue.push(waiter, is_recent) {
                let _ = words.force_send(Word::Full);
            }
        });
        LoginAttempt {
            throttle: Arc::clone(self),
            request,
            id,
            told,
            evicted,
            reached: Cell::new(None),
            succeeded: Cell::new(false),
        }
    }

    /// Changes the queue of `scope`, and starts what may start after that.
    fn with<R>(&self, scope: Scope, change: impl FnOnce(&mut Queue) -> R) -> R {
        let mut part = self.part(scope);
        let queue = part.entry(scope).or_default();
        let result = change(queue);
        queue.dispatch(&self.rates, (self.clock)());
        if queue.is_empty() {
            part.remove(&scope);
        }
        result
    }

    #[allow(clippy::indexing_slicing, reason = "taken modulo the length")]
    fn part(&self, scope: Scope) -> MutexGuard<'_, HashMap<Scope, Queue>> {
        let part = &self.parts[(self.hasher.hash_one(scope) as usize) % PARTS];
        part.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A login that waits, or is under way. Dropping it ends it.
#[must_use = "dropping it ends the attempt"]
pub(super) struct LoginAttempt {
    throttle: Arc<LoginThrottle>,
    request: Request,
    id: Id,
    told: Receiver<Word>,
    evicted: Receiver<()>,
    reached: Cell<Option<(Reached, Instant)>>,
    succeeded: Cell<bool>,
}

impl LoginAttempt {
    /// Waits for the next answer.
    pub(super) async fn word(&self) -> Word {
        match self.told.recv().await {
            Ok(word) => word,
            // Who tells has it in hand as long as this waits.
            Err(_) => Word::Full,
        }
    }

    /// The time of [`Word::RetryIn`] is over.
    pub(super) fn retry(&self) {
        let scope = self.request.scope;
        self.throttle.with(scope, |queue| queue.note_retry(self.id));
    }

    /// Returns whether it waits for a place rather than for its client's other logins.
    pub(super) fn waits_for_place(&self) -> bool {
        let places = self.request.places;
        self.throttle
            .with(self.request.scope, |queue| queue.is_full(places))
    }

    /// Ends when the place of its unanswered question is needed.
    pub(super) async fn evicted(&self) {
        if self.evicted.recv().await.is_err() {
            // Nobody is left to say so.
            std::future::pending().await
        }
    }

    /// The server is connected, or the key being read: unless it succeeds, it has failed.
    pub(super) fn note_reached(&self) {
        let now = (self.throttle.clock)();
        self.reached.set(Some((Reached::Server, now)));
    }

    /// Authentication begins.
    pub(super) fn note_authentication(&self) {
        let reached = self.reached.get();
        self.reached
            .set(reached.map(|(_, since)| (Reached::Authentication, since)));
    }

    /// The client is logged in, or the key read.
    pub(super) fn succeeded(self) {
        self.succeeded.set(true);
    }

    /// It cost the server nothing.
    pub(super) fn refund(self) {
        self.reached.set(None);
    }
}

impl Drop for LoginAttempt {
    fn drop(&mut self) {
        let (now, request) = ((self.throttle.clock)(), &self.request);
        let outcome = match (self.succeeded.get(), self.reached.get()) {
            (true, _) => {
                self.throttle.rates.note_success(request, now);
                Some(true)
            }
            (false, Some((reached, since))) => {
                let age = now.saturating_duration_since(since);
                let rates = &self.throttle.rates;
                rates.note_failure(request, reached, age, now);
                Some(false)
            }
            (false, None) => None,
        };
        self.throttle.with(request.scope, |queue| {
            if let Some(success) = outcome {
                queue.note_outcome(request.client, success);
            }
            queue.remove(self.id, request);
        });
    }
}

/// Tells the throttle whether a session's login waits for its user. Belongs to the session, which
/// knows that; the attempt is the connector's.
#[derive(Default)]
pub(super) struct QuestionWatch {
    attempt: RefCell<Option<FollowedAttempt>>,
    is_asked: Cell<bool>,
}

struct FollowedAttempt {
    throttle: Arc<LoginThrottle>,
    request: Request,
    id: Id,
}

impl QuestionWatch {
    pub(super) fn follow(&self, attempt: &LoginAttempt) {
        *self.attempt.borrow_mut() = Some(FollowedAttempt {
            throttle: Arc::clone(&attempt.throttle),
            request: attempt.request.clone(),
            id: attempt.id,
        });
    }

    pub(super) fn note(&self, is_asked: bool) {
        if self.is_asked.replace(is_asked) == is_asked {
            return;
        }
        if let Some(followed) = &*self.attempt.borrow() {
            let (id, places) = (followed.id, followed.request.places);
            followed.throttle.with(followed.request.scope, |queue| {
                queue.note_question(id, is_asked, places);
            });
        }
    }
}
