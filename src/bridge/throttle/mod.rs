//! Throttle of login attempts: bounds how many run at once, and how many follow failed ones.
//!
//! One [`LoginAttempt`] per connection to a target, and per private key that is decrypted. It waits
//! in the queue of its target (`queue`) until fewer run and the rates of failures (`rates`) allow
//! it. Its Drop ends it: an attempt that never reached the server costs nothing, one that reached
//! it and did not succeed is charged.
//!
//! On by default, because servers count failed logins by the one address they see: the bridge's.
//! Waiting attempts are woken in order; they do not poll.
//!
//! At most `limits.max_connections_per_host` attempts run at once at a target, counted apart from
//! sessions after the login. An attempt whose user is prompted does not count meanwhile, but as one
//! of as many prompted ones; when there are more, the oldest unanswered prompt of the client with
//! the most is ended.

mod queue;
mod rates;
#[cfg(test)]
mod tests;

use crate::config::Config;
use crate::limits::{ClientKey, Rate, STRIPES, Striped, TargetKey};
use async_channel::Receiver;
use queue::{Id, Queue, Waiter};
use rates::{MOST_DEBT, Rates, Reached};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Smallest penalty budget of a target: two failed logins as sshd counts them.
const MIN_TARGET_BUDGET: Duration = Duration::from_secs(10);

/// Subject of a login attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// Login at this address.
    Target(TargetKey),
    /// Decryption of a private key.
    Keys,
}

impl From<SocketAddr> for Scope {
    fn from(address: SocketAddr) -> Self {
        Self::Target(address.into())
    }
}

/// Rates that failures are counted at.
#[derive(Debug, Clone, Copy)]
struct FailureRates {
    /// Failures of one client at one target.
    client: Rate,
    /// Bound of a client's debt.
    most_debt: Duration,
    /// Seconds of penalty of one target.
    target: Option<Rate>,
}

impl FailureRates {
    /// Returns `None` where failures are not counted.
    fn of(config: &Config, client: IpAddr, scope: Scope) -> Option<Self> {
        let settings = &config.rate_limit;
        let exempt = settings.exempt.iter().any(|net| net.contains(client));
        if settings.login_failures == 0 || exempt {
            return None;
        }
        let penalty = settings.target_penalty.filter(|_| scope != Scope::Keys);
        let target = penalty.map(|penalty| {
            let seconds = penalty.max(MIN_TARGET_BUDGET).as_secs();
            Rate::new(
                u32::try_from(seconds).unwrap_or(u32::MAX),
                Duration::from_secs(1),
            )
        });
        Some(Self {
            client: Rate::new(settings.login_failures, settings.login_period),
            most_debt: settings.login_period * settings.login_failures + MOST_DEBT,
            target,
        })
    }
}

/// Request for a login: client, user and target.
#[derive(Debug, Clone)]
struct Request {
    scope: Scope,
    client: ClientKey,
    user: Arc<str>,
    rates: Option<FailureRates>,
    /// Attempts that may run at once at the target.
    max_running: usize,
}

/// Answer to a waiting attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It may begin.
    Start,
    /// Too many have failed; the wait until one more is allowed.
    Throttled(Duration),
    /// The queue is full.
    Full,
    /// No attempt may start for this long; then call [`LoginAttempt::retry`].
    RetryIn(Duration),
}

/// Failed attempts, and the queues of running ones; shared by the shards.
pub struct LoginThrottle {
    rates: Rates,
    queues: Striped<HashMap<Scope, Queue>>,
    next_id: AtomicU64,
    clock: fn() -> Instant,
}

impl LoginThrottle {
    /// A throttle without attempts; remembers at least `slots` pairs of client and target.
    pub fn new(slots: usize, clock: fn() -> Instant) -> Arc<Self> {
        Arc::new(Self {
            rates: Rates::new(slots, clock()),
            queues: Striped::new(STRIPES, HashMap::new),
            next_id: AtomicU64::new(0),
            clock,
        })
    }

    /// Queues an attempt of `user` from `client`.
    pub(super) fn enqueue(
        self: &Arc<Self>,
        scope: Scope,
        client: IpAddr,
        user: &str,
        config: &Config,
    ) -> LoginAttempt {
        let request = Request {
            scope,
            client: client.into(),
            user: user.into(),
            rates: FailureRates::of(config, client, scope),
            max_running: match scope {
                Scope::Target(_) => config.limits.max_connections_per_host as usize,
                Scope::Keys => usize::MAX,
            },
        };
        let (answer, answers) = async_channel::bounded(1);
        let (evict, evicted) = async_channel::bounded(1);
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let waiter = Waiter {
            id,
            request: request.clone(),
            answer,
            evict,
            has_retry_time: false,
        };
        self.with(scope, |queue, rates, now| {
            let is_recent = rates.is_recent(&waiter.request, now);
            queue.push(waiter, is_recent, rates, now);
        });
        let queued = Queued {
            throttle: Arc::clone(self),
            request,
            id,
        };
        LoginAttempt {
            queued,
            answers,
            evicted,
            outcome: Cell::new(Outcome::Free),
        }
    }

    /// Changes the queue of `scope`.
    fn with(&self, scope: Scope, change: impl FnOnce(&mut Queue, &Rates, Instant)) {
        let mut queues = self.queues.lock(self.queues.hash(scope));
        let queue = queues.entry(scope).or_default();
        change(queue, &self.rates, (self.clock)());
        if queue.is_empty() {
            queues.remove(&scope);
        }
    }
}

/// An attempt's entry in the queue of its target.
#[derive(Clone)]
struct Queued {
    throttle: Arc<LoginThrottle>,
    request: Request,
    id: Id,
}

impl Queued {
    fn with(&self, change: impl FnOnce(&mut Queue, &Rates, Instant)) {
        self.throttle.with(self.request.scope, change);
    }
}

/// Outcome of an attempt, if it ends now.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// It cost the server nothing.
    Free,
    /// It got this far, since this time.
    Failed(Reached, Instant),
    Succeeded,
}

/// Attempt that waits or runs. Dropping it ends it.
#[must_use = "dropping it ends the attempt"]
pub(super) struct LoginAttempt {
    queued: Queued,
    answers: Receiver<Answer>,
    evicted: Receiver<()>,
    outcome: Cell<Outcome>,
}

impl LoginAttempt {
    /// Waits for the next answer.
    pub(super) async fn answer(&self) -> Answer {
        // The queue keeps the sender as long as the attempt waits.
        self.answers.recv().await.unwrap_or(Answer::Full)
    }

    /// Notes that the time of [`Answer::RetryIn`] is over.
    pub(super) fn retry(&self) {
        let Queued { request, id, .. } = &self.queued;
        self.queued
            .with(|queue, rates, now| queue.retry(*id, request, rates, now));
    }

    /// Returns whether as many attempts run at the target as may.
    pub(super) fn is_target_busy(&self) -> bool {
        let Queued {
            throttle, request, ..
        } = &self.queued;
        let queues = throttle.queues.lock(throttle.queues.hash(request.scope));
        let queue = queues.get(&request.scope);
        queue.is_some_and(|queue| queue.is_full(request.max_running))
    }

    /// Returns when the unanswered prompt of this attempt has to end.
    pub(super) async fn evicted(&self) {
        if self.evicted.recv().await.is_err() {
            // No sender is left.
            std::future::pending().await
        }
    }

    /// Notes that the server is connected, or the key being decrypted: without success, the attempt
    /// counts as failed.
    pub(super) fn note_reached(&self) {
        let now = (self.queued.throttle.clock)();
        self.outcome.set(Outcome::Failed(Reached::Server, now));
    }

    /// Notes that authentication begins.
    pub(super) fn note_authentication(&self) {
        if let Outcome::Failed(_, since) = self.outcome.get() {
            let reached = Reached::Authentication;
            self.outcome.set(Outcome::Failed(reached, since));
        }
    }

    /// Ends the attempt: the client is logged in, or the key decrypted.
    pub(super) fn succeeded(self) {
        self.outcome.set(Outcome::Succeeded);
    }

    /// Ends the attempt without a charge: it cost the server nothing.
    pub(super) fn refund(self) {
        self.outcome.set(Outcome::Free);
    }
}

impl Drop for LoginAttempt {
    fn drop(&mut self) {
        let Queued {
            throttle,
            request,
            id,
        } = &self.queued;
        let now = (throttle.clock)();
        let success = match self.outcome.get() {
            Outcome::Succeeded => {
                throttle.rates.note_success(request, now);
                Some(true)
            }
            Outcome::Failed(reached, since) => {
                let age = now.saturating_duration_since(since);
                throttle.rates.note_failure(request, reached, age, now);
                Some(false)
            }
            Outcome::Free => None,
        };
        self.queued
            .with(|queue, rates, now| queue.remove(*id, request.client, success, rates, now));
    }
}

/// Reports to the throttle whether the login of a session waits for its user. Owned by the session,
/// which knows that; the connector owns the attempt.
#[derive(Default)]
pub(super) struct QuestionTracker {
    attempt: RefCell<Option<Queued>>,
    has_question: Cell<bool>,
}

impl QuestionTracker {
    pub(super) fn follow(&self, attempt: &LoginAttempt) {
        *self.attempt.borrow_mut() = Some(attempt.queued.clone());
    }

    pub(super) fn note(&self, has_question: bool) {
        if self.has_question.replace(has_question) == has_question {
            return;
        }
        if let Some(attempt) = &*self.attempt.borrow() {
            let (id, max_prompted) = (attempt.id, attempt.request.max_running);
            attempt.with(|queue, rates, now| {
                queue.note_prompt(id, has_question, max_prompted, rates, now);
            });
        }
    }
}
