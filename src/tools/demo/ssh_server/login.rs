//! Who may log in: one user with a random password. It also makes the random host key. Both live
//! as long as the server and are written nowhere.

use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The one user.
pub(super) const USER: &str = "demo";
/// Letters and digits that nobody takes for one another: no 0 O, 1 l I. 32 of them, so that five
/// bits choose one evenly.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Length of the password: 100 bits.
const LENGTH: usize = 20;

/// The one account.
pub(super) struct Login {
    password: Zeroizing<String>,
}

impl Login {
    /// With a fresh password.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        getrandom::fill(bytes.as_mut())?;
        let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied();
        let letters = bytes.iter().filter_map(letter).map(char::from);
        // One allocation, so that no shorter copy is left behind unwiped.
        let mut password = Zeroizing::new(String::with_capacity(LENGTH));
        password.extend(letters);
        Ok(Self { password })
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }

    /// Takes as long for a wrong password as for the right one of the same length.
    pub(super) fn accepts(&self, user: &str, password: &str) -> bool {
        let user = user.as_bytes().ct_eq(USER.as_bytes());
        let password = password.as_bytes().ct_eq(self.password.as_bytes());
        (user & password).into()
    }
}

/// A fresh Ed25519 host key.
///
/// # Errors
/// The system has no randomness to give.
pub(super) fn host_key() -> Result<PrivateKey, getrandom::Error> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut())?;
    Ok(PrivateKey::from(Ed25519Keypair::from_seed(&seed)))
}

#[cfg(test)]
mod tests {
    use super::{ALPHABET, LENGTH, Login, USER};

    #[test]
    fn accepts_its_own_password_alone() {
        let login = Login::random().unwrap_or_else(|error| unreachable!("{error}"));
        let password = login.password().to_owned();
        assert!(login.accepts(USER, &password));
        assert!(!login.accepts("root", &password));
        assert!(!login.accepts(USER, ""));
        assert!(!login.accepts(USER, &password[1..]));
        assert!(!login.accepts(USER, &format!("{password}x")));
        assert!(!login.accepts(USER, &password.to_uppercase()));
    }

    #[test]
    fn passwords_are_long_plain_and_all_different() {
        let password = || Login::random().map(|login| login.password().to_owned());
        let passwords: Vec<_> = (0..50).filter_map(|_| password().ok()).collect();
        assert_eq!(passwords.len(), 50);
        let plain = |p: &String| p.len() == LENGTH && p.bytes().all(|b| ALPHABET.contains(&b));
        assert!(passwords.iter().all(plain));
        let distinct: std::collections::HashSet<_> = passwords.iter().collect();
        assert_eq!(distinct.len(), 50);
    }
}
