//! Failed logins of one client at one target: after a few it must wait.
//!
//! On by default, because the target sees the bridge's address and not the client's: without it
//! one abuser gets everybody's bridge banned. The key is the client and the target together, so
//! that no failure of his keeps anybody else out, or him from any other target.
//!
//! A token is taken before the target is dialled, so that many attempts at once do not all pass
//! on the same look. One that logs in gives it back, as does one that never came to authenticate.
//! Failures alone are counted a second time: while what is taken is only under way, others wait
//! for it; once it has failed, they are refused.
//!
//! Where a client has logged in to a target, its next logins there wait for none under way: a
//! crowd behind one address is not served two by two. Then as many guesses can be under way at
//! once as `limits.max_connections_per_host` allows, but only by who has an account there.

use crate::clock;
use crate::config::RateLimit;
use crate::limits::{ClientKey, Rate, RateTable, TargetKey, Token};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

type Key = (ClientKey, TargetKey);

/// How long a login vouches for the next ones.
const VOUCHED: Duration = Duration::from_secs(600);

/// What clients have taken of their attempts; shared by the shards.
pub struct LoginThrottle {
    /// Logged in lately.
    vouched: RateTable,
    /// Failed, or under way.
    attempts: RateTable,
    /// Failed.
    failures: RateTable,
}

/// Why there may be no attempt now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotNow {
    /// Others of the client are under way at this target. May change at any time.
    UnderWay,
    /// Too many have failed; this long until one more is allowed.
    Failed(Duration),
}

/// A login that may begin. Dropping it before [`LoginAttempt::begin`] gives it back; after that,
/// only [`LoginAttempt::did_not_fail`] does.
#[must_use = "dropping it ends the attempt"]
pub(super) struct LoginAttempt(Option<Counted>);

struct Counted {
    throttle: Arc<LoginThrottle>,
    key: Key,
    rate: Rate,
    /// None of a client that is vouched for.
    token: Option<Token>,
    begun: bool,
}

fn vouched() -> Rate {
    Rate::new(1, VOUCHED)
}

impl LoginThrottle {
    /// Nobody has failed yet; remembers at least `slots` pairs of client and target.
    pub fn new(slots: usize, epoch: Instant) -> Arc<Self> {
        Arc::new(Self {
            vouched: RateTable::new(slots, epoch),
            attempts: RateTable::new(slots, epoch),
            failures: RateTable::new(slots, epoch),
        })
    }

    /// One attempt of `client` at `target`, if there is one.
    pub(super) fn attempt(
        self: &Arc<Self>,
        client: IpAddr,
        target: SocketAddr,
        settings: &RateLimit,
        now: Instant,
    ) -> Result<LoginAttempt, NotNow> {
        let exempt = settings.exempt.iter().any(|net| net.contains(client));
        if settings.login_failures == 0 || exempt {
            return Ok(LoginAttempt(None));
        }
        let key = (client.into(), target.into());
        let rate = Rate::new(settings.login_failures, settings.login_period);
        self.failures
            .check(key, rate, now)
            .map_err(NotNow::Failed)?;
        let is_vouched_for = self.vouched.check(key, vouched(), now).is_err();
        let token = if is_vouched_for {
            None
        } else {
            let taken = self.attempts.take(key, rate, now);
            Some(taken.map_err(|_| NotNow::UnderWay)?)
        };
        Ok(LoginAttempt(Some(Counted {
            throttle: Arc::clone(self),
            key,
            rate,
            token,
            begun: false,
        })))
    }
}

impl LoginAttempt {
    /// Authentication begins. If nothing more is heard of it, it has failed: whoever leaves when
    /// his password is on its way must not have tried it for nothing.
    pub(super) fn begin(&mut self) {
        if let Some(counted) = &mut self.0 {
            counted.begun = true;
        }
    }

    /// Nothing was shown to the target that it could count.
    pub(super) fn did_not_fail(mut self) {
        if let Some(counted) = &mut self.0 {
            counted.begun = false;
        }
    }

    /// The client is logged in.
    pub(super) fn succeeded(self) {
        if let Some(counted) = &self.0 {
            let (key, now) = (counted.key, clock::now());
            // Refused where it is vouched for already.
            let _ = counted.throttle.vouched.take(key, vouched(), now);
        }
        self.did_not_fail();
    }
}

impl Drop for LoginAttempt {
    fn drop(&mut self) {
        let Some(Counted {
            throttle,
            key,
            rate,
            token,
            begun,
        }) = self.0.take()
        else {
            return;
        };
        let now = clock::now();
        if begun {
            // Refused only if as many failures are counted already.
            let _ = throttle.failures.take(key, rate, now);
        } else if let Some(token) = token {
            throttle.attempts.give_back(token, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn target(port: u16) -> SocketAddr {
        ([198, 51, 100, 1], port).into()
    }

    fn settings() -> RateLimit {
        RateLimit::default()
    }

    fn throttle() -> Arc<LoginThrottle> {
        LoginThrottle::new(64, clock::now())
    }

    fn attempt(
        throttle: &Arc<LoginThrottle>,
        client: IpAddr,
        port: u16,
    ) -> Result<LoginAttempt, NotNow> {
        throttle.attempt(client, target(port), &settings(), clock::now())
    }

    fn fail(throttle: &Arc<LoginThrottle>, client: IpAddr, port: u16) {
        attempt(throttle, client, port).ok().unwrap().begin();
    }

    fn refused(result: Result<LoginAttempt, NotNow>) -> Option<NotNow> {
        result.err()
    }

    #[test]
    fn after_two_failures_one_must_wait() {
        let throttle = throttle();
        fail(&throttle, CLIENT, 22);
        fail(&throttle, CLIENT, 22);
        let Some(NotNow::Failed(wait)) = refused(attempt(&throttle, CLIENT, 22)) else {
            panic!("not refused");
        };
        assert!(wait <= settings().login_period && wait > Duration::from_secs(4));
        // Another client, and another target, are not concerned.
        assert!(attempt(&throttle, [192, 0, 2, 2].into(), 22).is_ok());
        assert!(attempt(&throttle, CLIENT, 23).is_ok());
        let later = clock::now() + settings().login_period;
        let again = throttle.attempt(CLIENT, target(22), &settings(), later);
        assert!(again.is_ok());
    }

    #[test]
    fn who_logs_in_has_lost_nothing() {
        let throttle = throttle();
        for _ in 0..100 {
            let mut login = attempt(&throttle, CLIENT, 22).ok().unwrap();
            login.begin();
            login.did_not_fail();
            drop(attempt(&throttle, CLIENT, 22).ok().unwrap());
        }
        fail(&throttle, CLIENT, 22);
        assert!(attempt(&throttle, CLIENT, 22).is_ok());
    }

    #[test]
    fn a_crowd_waits_for_the_first_login_alone_and_failures_count_all_the_same() {
        let throttle = throttle();
        let mut first = attempt(&throttle, CLIENT, 22).ok().unwrap();
        first.begin();
        first.succeeded();
        let crowd: Vec<_> = (0..100)
            .map(|_| attempt(&throttle, CLIENT, 22).ok().unwrap())
            .collect();
        // Neither another client nor another target is vouched for.
        for (client, port) in [([192, 0, 2, 2].into(), 22), (CLIENT, 23)] {
            let held = [(), ()].map(|()| attempt(&throttle, client, port).ok().unwrap());
            let third = refused(attempt(&throttle, client, port));
            assert_eq!(third, Some(NotNow::UnderWay));
            drop(held);
        }
        drop(crowd);
        fail(&throttle, CLIENT, 22);
        fail(&throttle, CLIENT, 22);
        let third = refused(attempt(&throttle, CLIENT, 22));
        assert!(matches!(third, Some(NotNow::Failed(_))), "{third:?}");
    }

    #[test]
    fn what_is_under_way_is_waited_for() {
        let throttle = throttle();
        let first = attempt(&throttle, CLIENT, 22).ok().unwrap();
        let mut second = attempt(&throttle, CLIENT, 22).ok().unwrap();
        let third = refused(attempt(&throttle, CLIENT, 22));
        assert_eq!(third, Some(NotNow::UnderWay));
        second.begin();
        drop(second);
        let third = refused(attempt(&throttle, CLIENT, 22));
        assert_eq!(third, Some(NotNow::UnderWay));
        drop(first);
        assert!(attempt(&throttle, CLIENT, 22).is_ok());
    }

    #[test]
    fn nobody_is_counted_where_that_is_off() {
        let throttle = throttle();
        let off = RateLimit {
            login_failures: 0,
            ..settings()
        };
        let exempt = RateLimit {
            exempt: vec![crate::net::Net::single(CLIENT)],
            ..settings()
        };
        for settings in [off, exempt] {
            for _ in 0..10 {
                let login = throttle.attempt(CLIENT, target(22), &settings, clock::now());
                login.ok().unwrap().begin();
            }
        }
    }
}
