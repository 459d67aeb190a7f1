//! Login of the demo: one user, by a password that holds as long as the demo, or by the one in the
//! printed link, which is good for one login within [`LINK_LIFE`]. Both are random and in no file.

#![expect(
    clippy::disallowed_types,
    reason = "no shard comes here: logins are checked on the thread of the demo's SSH server"
)]

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;
use tokio::sync::Notify;
use zeroize::Zeroizing;

/// Name of the user.
pub(crate) const USER: &str = "demo";
/// Time from the start in which the link logs in.
pub(crate) const LINK_LIFE: Duration = Duration::from_secs(600);
/// Letters and digits that look different from one another: no 0 O, 1 l I. 32 of them, so that five
/// bits choose one evenly.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Length of a password: 100 bits.
const LENGTH: usize = 20;

/// User and passwords.
pub(super) struct Login {
    pub(super) password: Zeroizing<String>,
    /// Logs in once, within [`LINK_LIFE`] from the start.
    pub(super) link_password: Zeroizing<String>,
    /// End of the link's validity; `None` once it was used.
    link_until: Mutex<Option<Instant>>,
    /// Notified when the link has been used.
    pub(super) link_used: Notify,
}

impl Login {
    /// Makes the account, with fresh passwords.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub(super) fn random(now: Instant) -> Result<Self, getrandom::Error> {
        Ok(Self {
            password: random_password()?,
            link_password: random_password()?,
            link_until: Mutex::new(now.checked_add(LINK_LIFE)),
            link_used: Notify::new(),
        })
    }

    /// Checks a login; takes as long for a wrong password as for a right one of the same length. A
    /// login by the link's password uses it up.
    pub(super) fn accepts(&self, user: &str, password: &str, now: Instant) -> bool {
        let is = |text: &str, wanted: &str| text.as_bytes().ct_eq(wanted.as_bytes());
        let user = is(user, USER);
        let by_password = bool::from(user & is(password, &self.password));
        let by_link = bool::from(user & is(password, &self.link_password));
        by_password || (by_link && self.spend_link(now))
    }

    fn spend_link(&self, now: Instant) -> bool {
        let until = self.link_until.lock();
        let mut until = until.unwrap_or_else(PoisonError::into_inner);
        let good = until.take().is_some_and(|until| now < until);
        self.link_used.notify_one();
        good
    }
}

fn random_password() -> Result<Zeroizing<String>, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; LENGTH]);
    getrandom::fill(bytes.as_mut())?;
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied();
    let letters = bytes.iter().filter_map(letter).map(char::from);
    // One allocation, so that no shorter copy is left behind unwiped.
    let mut password = Zeroizing::new(String::with_capacity(LENGTH));
    password.extend(letters);
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> (Login, Instant) {
        let now = crate::clock::now();
        let login = Login::random(now).unwrap_or_else(|error| unreachable!("{error}"));
        (login, now)
    }

    #[test]
    fn accepts_its_own_password_alone_and_that_again_and_again() {
        let (login, now) = login();
        let password = login.password.to_string();
        for _ in 0..3 {
            assert!(login.accepts(USER, &password, now + 10 * LINK_LIFE));
        }
        assert!(!login.accepts("root", &password, now));
        assert!(!login.accepts(USER, "", now));
        assert!(!login.accepts(USER, &password[1..], now));
        assert!(!login.accepts(USER, &format!("{password}x"), now));
        assert!(!login.accepts(USER, &password.to_uppercase(), now));
    }

    #[test]
    fn the_link_logs_in_once() {
        let (login, now) = login();
        let password = login.link_password.to_string();
        // Wrong passwords do not use it up.
        assert!(!login.accepts("root", &password, now));
        assert!(!login.accepts(USER, &password[1..], now));
        assert!(login.accepts(USER, &login.password, now));
        assert!(login.accepts(USER, &password, now));
        assert!(!login.accepts(USER, &password, now));
    }

    #[test]
    fn the_link_expires() {
        let (login, now) = login();
        let password = login.link_password.to_string();
        assert!(!login.accepts(USER, &password, now + LINK_LIFE));
        assert!(!login.accepts(USER, &password, now), "nor later");
        let (login, now) = self::login();
        let just_in_time = now + LINK_LIFE - Duration::from_millis(1);
        assert!(login.accepts(USER, &login.link_password, just_in_time));
    }

    #[test]
    fn passwords_are_long_plain_and_all_different() {
        let logins: Vec<_> = (0..50).map(|_| login().0).collect();
        let passwords = logins.iter().flat_map(|l| [&l.password, &l.link_password]);
        let plain =
            |p: &Zeroizing<String>| p.len() == LENGTH && p.bytes().all(|b| ALPHABET.contains(&b));
        assert!(passwords.clone().all(plain));
        let distinct: std::collections::HashSet<&str> = passwords.map(|p| p.as_str()).collect();
        assert_eq!(distinct.len(), 100);
    }
}
