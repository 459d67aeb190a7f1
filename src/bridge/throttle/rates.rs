//! Rates of failed logins: decides whether one more attempt may start, by the cost of earlier ones.
//!
//! A server sees the bridge's address and not the client's, and OpenSSH (9.8 and later) bans an
//! address by its PerSourcePenalties: 5 s for a failed login, 1 s for a connection that ends before
//! one, 10 to 20 s for one left until LoginGraceTime, 90 s for a crash. An address above 15 s is
//! banned, for at most 10 min; penalties decay by one second per second. So every connection that
//! reached a server and ends without a login is charged twice: to its client at this target
//! (`rate_limit.login_failures`), and in these seconds to the target, whoever the client
//! (`rate_limit.target_penalty`).
//!
//! - A running attempt counts as failed, because its outcome is known too late.
//! - A client that failed here, or has another attempt running, leaves the last failed login's
//!   worth of the target's budget to the others, so that none can use it up alone.
//! - A recently authenticated user of a client is trusted: neither charge delays it, until its next
//!   failure. The trust is for this user alone: one account does not help to guess others.
//! - While logins succeed, more may run at once, as in TCP's slow start. A failure resets that.
//!
//! Does not lock or queue (`queue` does).

use super::{FailureRates, Request, Scope};
use crate::limits::{ClientKey, Rate, RateTable};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time for which a login is trusted, and a failure distrusted.
const MEMORY: Duration = Duration::from_secs(600);

/// Bound of a debt: PerSourcePenalties' `max`.
pub(super) const MOST_DEBT: Duration = Duration::from_secs(600);

/// Running attempts of one client's recently authenticated users, before any has succeeded.
const RECENT_WINDOW: u32 = 8;

/// PerSourcePenalties' `authfail`: price of a failed login, in seconds.
const AUTH_FAILED: u32 = 5;

/// `noauth`: price of a connection that ends before authentication.
const NO_AUTH: u32 = 1;

/// `grace-exceeded`, the larger of its values: price of a connection that was left open.
const GRACE_EXCEEDED: u32 = 20;

/// Age at which a connection may have reached the server's LoginGraceTime, 120 s by default.
const GRACE: Duration = Duration::from_secs(110);

/// Decision on an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Start {
        /// Recently authenticated user, or failures are not counted.
        is_recent: bool,
    },
    /// Wait until another one ends.
    Wait,
    /// Wait until another one of the target ends; so has everybody who has not failed.
    WaitForTarget,
    /// Wait for this time, or until another one ends.
    RetryIn(Duration),
    /// Refuse; one more is allowed after this time.
    Refuse(Duration),
}

/// Running attempts at one target.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Load {
    /// Those of users that are not recently authenticated, of all clients.
    pub(super) untrusted: u32,
    /// Of `untrusted`, those whose user is not prompted.
    pub(super) unprompted_untrusted: u32,
    /// Successes of all clients since the last failure, while attempts run.
    pub(super) successes: u32,
    /// Of `untrusted`, those of this client.
    pub(super) client_untrusted: u32,
    /// Those of this client's recently authenticated users.
    pub(super) client_recent: u32,
    /// This client's successes since its last failure, while it has attempts running.
    pub(super) client_successes: u32,
}

/// Last step of an attempt that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// The server is connected, or the key is being decrypted.
    Server,
    /// Authentication has begun.
    Authentication,
}

type Key = (ClientKey, Scope);

pub(super) struct Rates {
    /// Recently authenticated users, by client and target.
    recent: RateTable,
    /// Failed logins, by client and target.
    failures: RateTable,
    /// Clients that failed recently, by target.
    recent_failures: RateTable,
    /// Seconds of penalty, by target.
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
            recent_failures: table(),
            targets: table(),
        }
    }

    pub(super) fn is_recent(&self, request: &Request, now: Instant) -> bool {
        self.recent.holds(user_key(request), now)
    }

    pub(super) fn decide(&self, request: &Request, load: &Load, now: Instant) -> Decision {
        let Some(rates) = request.rates else {
            return Decision::Start { is_recent: true };
        };
        if self.is_recent(request, now) {
            return if load.client_recent < RECENT_WINDOW + load.client_successes {
                Decision::Start { is_recent: true }
            } else {
                Decision::Wait
            };
        }
        let key = (request.client, request.scope);
        if let Err(wait) = self.failures.check(key, rates.client, now) {
            return Decision::Refuse(wait);
        }
        let own = counted_running(load.client_untrusted, load.client_successes);
        let all = self.failures.check_many(key, rates.client, own, now);
        match rates.target {
            _ if all.is_err() => Decision::Wait,
            Some(rate) => self.decide_at_target(key, rate, load, now),
            None => Decision::Start { is_recent: false },
        }
    }

    fn decide_at_target(&self, key: Key, rate: Rate, load: &Load, now: Instant) -> Decision {
        let is_clean =
            load.client_untrusted == 0 && self.recent_failures.check(key, memory(), now).is_ok();
        let check = |attempts: u32| {
            let reserve = u32::from(!is_clean);
            let price = (attempts + reserve) * AUTH_FAILED;
            self.targets.check_many(key.1, rate, price, now)
        };
        // Unanswered prompts of others do not delay a client without any.
        let others = if is_clean {
            load.unprompted_untrusted
        } else {
            load.untrusted
        };
        match (check(1), check(counted_running(others, load.successes))) {
            (Err(wait), _) if is_clean => Decision::RetryIn(wait),
            (Err(wait), _) => Decision::Refuse(wait),
            (Ok(()), Ok(())) => Decision::Start { is_recent: false },
            (Ok(()), Err(_)) if is_clean => Decision::WaitForTarget,
            (Ok(()), Err(_)) => Decision::Wait,
        }
    }

    /// Charges an attempt that reached the server and ended without success, `age` after its start.
    pub(super) fn note_failure(
        &self,
        request: &Request,
        reached: Reached,
        age: Duration,
        now: Instant,
    ) {
        let Some(FailureRates {
            client,
            most_debt,
            target,
        }) = request.rates
        else {
            return;
        };
        let key = (request.client, request.scope);
        self.recent.forget(user_key(request));
        self.failures.charge(key, client, 1, most_debt, now);
        self.recent_failures.charge(key, memory(), 1, MEMORY, now);
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
        if request.rates.is_some() && request.scope != Scope::Keys {
            self.recent.take_own(user_key(request), memory(), now);
        }
    }
}

fn user_key(request: &Request) -> (ClientKey, Scope, Arc<str>) {
    (request.client, request.scope, Arc::clone(&request.user))
}

/// Counts one more attempt beside `others`, less one for every two successes.
fn counted_running(others: u32, successes: u32) -> u32 {
    (others + 1).saturating_sub(successes / 2).max(1)
}
