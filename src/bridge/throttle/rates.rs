//! Decides whether one more login may be tried, by the cost of earlier ones. No lock, no queue.
//!
//! A server sees the bridge's address and not the client's, and OpenSSH (9.8 and later) bans an
//! address by its PerSourcePenalties: 5 s for a failed login, 1 s for a connection that ends
//! before one, 10 to 20 s for one left until LoginGraceTime, 90 s for a crash; banned is who has
//! run up more than 15 s, for at most 10 min, and time pays a second each second. So every
//! connection that reached a server and ends without a login is charged twice: to its client at
//! this target (`rate_limit.login_failures`), and in these seconds to the target, whoever the
//! client (`rate_limit.target_penalty`).
//!
//! - What is under way is counted as if it failed: it is known too late otherwise.
//! - A client that failed here, or has another login under way, leaves the last failed login's
//!   worth of the target's budget to the others. So none can use it up alone.
//! - A user that logged in from a client lately is believed: neither charge holds it up. Its next
//!   failure ends that. The belief is for this user alone: an account opens no way to others.
//! - Where logins succeed one after the other, more may be under way, as in TCP's slow start: a
//!   crowd is not served two by two. A failure starts that afresh.

use super::{Request, Rules, Scope};
use crate::limits::{ClientKey, Rate, RateTable};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time for which a login is taken for a sign of good intent, and a failure for one of bad.
const MEMORY: Duration = Duration::from_secs(600);

/// The most a debt grows to: PerSourcePenalties' `max`.
pub(super) const MOST_DEBT: Duration = Duration::from_secs(600);

/// Logins under way of one client's recently authenticated users, before any has succeeded.
const RECENT_WINDOW: u32 = 8;

/// PerSourcePenalties' `authfail`: the price of a login that failed, in seconds.
const AUTH_FAILED: u32 = 5;

/// `noauth`: of a connection that never came to authenticate.
const NO_AUTH: u32 = 1;

/// `grace-exceeded`, the larger of its values: of a connection that was left alone.
const GRACE_EXCEEDED: u32 = 20;

/// Age from which a connection may have met the server's LoginGraceTime, 120 s by default.
const GRACE: Duration = Duration::from_secs(110);

/// Decision on a login, from the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Start {
        /// It counts as one that may fail.
        stranger: bool,
    },
    /// Until another one ends.
    Wait,
    /// Until this much time has passed, or another one ends.
    RetryIn(Duration),
    /// This long until one more is allowed.
    Refuse(Duration),
}

/// Logins under way at one target.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Load {
    /// Strangers', of all clients.
    pub(super) strangers: u32,
    /// Of those, the ones whose user is not asked anything.
    pub(super) unasked_strangers: u32,
    /// Successes of all clients since the last failure, while logins are under way.
    pub(super) successes: u32,
    /// Strangers' of this client.
    pub(super) client_strangers: u32,
    /// Others of this client.
    pub(super) client_recent: u32,
    /// This client's successes since its last failure, while it has logins under way.
    pub(super) client_successes: u32,
}

/// Last step reached by a login that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// The server, or the worker that reads the key.
    Server,
    /// Authentication began.
    Authentication,
}

type Key = (ClientKey, Scope);

pub(super) struct Rates {
    /// Users that logged in lately.
    recent: RateTable,
    /// Logins that failed, by client.
    failures: RateTable,
    /// Clients that failed lately.
    offenders: RateTable,
    /// Seconds of penalty.
    targets: RateTable,
}

fn memory() -> Rate {
    Rate::new(1, MEMORY)
}

impl Rates {
    pub(super) fn new(slots: usize, epoch: Instant) -> Self {
        let table = || RateTable::new(slots, epoch);
        Self {
            recent: table(),
            failures: table(),
            offenders: table(),
            targets: table(),
        }
    }

    pub(super) fn is_recent(&self, request: &Request, now: Instant) -> bool {
        self.recent.check(user_key(request), memory(), now).is_err()
    }

    pub(super) fn decide(&self, request: &Request, load: &Load, now: Instant) -> Verdict {
        let Some(rules) = request.rules else {
            return Verdict::Start { stranger: false };
        };
        if self.is_recent(request, now) {
            return if load.client_recent < RECENT_WINDOW + load.client_successes {
                Verdict::Start { stranger: false }
            } else {
                Verdict::Wait
            };
        }
        let key = (request.client, request.scope);
        if let Err(wait) = self.failures.check(key, rules.client, now) {
            return Verdict::Refuse(wait);
        }
        let own = under_way(load.client_strangers, load.client_successes);
        if self
            .failures
            .check_many(key, rules.client, own, now)
            .is_err()
        {
            return Verdict::Wait;
        }
        match rules.target {
            Some(rate) => self.decide_at_target(key, rate, load, now),
            None => Verdict::Start { stranger: true },
        }
    }

    fn decide_at_target(&self, key: Key, rate: Rate, load: &Load, now: Instant) -> Verdict {
        let is_clean =
            load.client_strangers == 0 && self.offenders.check(key, memory(), now).is_ok();
        let check = |attempts: u32| {
            let reserve = u32::from(!is_clean);
            let price = (attempts + reserve) * AUTH_FAILED;
            self.targets.check_many(key.1, rate, price, now)
        };
        match check(1) {
            Err(wait) if is_clean => return Verdict::RetryIn(wait),
            Err(wait) => return Verdict::Refuse(wait),
            Ok(()) => {}
        }
        // Unanswered questions of others do not keep out whoever has none.
        let others = if is_clean {
            load.unasked_strangers
        } else {
            load.strangers
        };
        match check(under_way(others, load.successes)) {
            Ok(()) => Verdict::Start { stranger: true },
            Err(_) => Verdict::Wait,
        }
    }

    /// A login that reached the server ended without success, `age` after it began.
    pub(super) fn note_failure(
        &self,
        request: &Request,
        reached: Reached,
        age: Duration,
        now: Instant,
    ) {
        let Some(Rules {
            client,
            most_debt,
            target,
        }) = request.rules
        else {
            return;
        };
        let key = (request.client, request.scope);
        self.recent.forget(user_key(request));
        self.failures.charge(key, client, 1, most_debt, now);
        self.offenders.charge(key, memory(), 1, MEMORY, now);
        let price = match reached {
            _ if age >= GRACE => GRACE_EXCEEDED,
            Reached::Authentication => AUTH_FAILED,
            Reached::Server => NO_AUTH,
        };
        if let Some(rate) = target {
            self.targets
                .charge(request.scope, rate, price, MOST_DEBT, now);
        }
    }

    pub(super) fn note_success(&self, request: &Request, now: Instant) {
        if request.rules.is_some() && request.scope != Scope::Keys {
            let key = user_key(request);
            self.recent.charge(key, memory(), 1, MEMORY, now);
        }
    }
}

fn user_key(request: &Request) -> (ClientKey, Scope, Arc<str>) {
    (request.client, request.scope, Arc::clone(&request.user))
}

/// One more beside `others`, less what successes make good.
fn under_way(others: u32, successes: u32) -> u32 {
    (others + 1).saturating_sub(successes / 2).max(1)
}
