//! Private keys in OpenSSH's own container (its PROTOCOL.key). Ciphers, KDF and keys are ssh-key's.
//! The container is decrypted here and passed on as a plain one, because ssh-key refuses containers
//! that OpenSSH writes and reads: numbers of a curve without leading zeros, comments that are not
//! UTF-8, and longer padding than its own.

use super::problem::{DAMAGED, DSA, NO_PASSPHRASE, TOO_MANY_ROUNDS, WRONG_PASSPHRASE};
use russh::keys::PrivateKey;
use russh::keys::ssh_key::{Cipher, Kdf};
use zeroize::Zeroizing;

const MAGIC: &[u8] = b"openssh-key-v1\0";
/// Block size to which plain keys are padded, in bytes.
const BLOCK: usize = 8;

const FIDO: &str = "it is a FIDO security key (sk-), which signs only on the device, \
     so the bridge cannot use it; use another key";

/// Reads the container `bytes`, with at most `max_rounds` rounds of bcrypt.
///
/// # Errors
/// A description of the problem.
pub(super) fn read(
    bytes: &[u8],
    passphrase: Option<&str>,
    max_rounds: u32,
) -> Result<Box<PrivateKey>, &'static str> {
    let container = Container::parse(bytes).ok_or(DAMAGED)?;
    let is_encrypted = container.cipher.is_some();
    let private = container.decrypt(passphrase, max_rounds)?;
    let private = Private::parse(&private).ok_or(match is_encrypted {
        true => WRONG_PASSPHRASE,
        false => DAMAGED,
    })?;
    match private.kind {
        b"ssh-dss" => return Err(DSA),
        kind if kind.starts_with(b"sk-") => return Err(FIDO),
        _ => {}
    }
    let plain = private.plain_container(container.public).ok_or(DAMAGED)?;
    let key = PrivateKey::from_bytes(&plain).map_err(|_| DAMAGED)?;
    Ok(Box::new(key))
}

struct Container<'a> {
    cipher: Cipher,
    kdf: Kdf,
    public: &'a [u8],
    private: &'a [u8],
    /// Tag of an AEAD cipher, behind everything else.
    tag: &'a [u8],
}

impl<'a> Container<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Fields(bytes.strip_prefix(MAGIC)?);
        let cipher = Cipher::new(rest.text()?).ok()?;
        let (kdf, mut options) = (rest.text()?, Fields(rest.string()?));
        let kdf = match kdf {
            "none" => Kdf::None,
            "bcrypt" => Kdf::Bcrypt {
                salt: options.string()?.to_vec(),
                rounds: options.number()?,
            },
            _ => return None,
        };
        // As OpenSSH, no more than one key.
        if rest.number()? != 1 || cipher.is_some() != kdf.is_some() {
            return None;
        }
        Some(Self {
            cipher,
            kdf,
            public: rest.string()?,
            private: rest.string()?,
            tag: rest.0,
        })
    }

    fn decrypt(
        &self,
        passphrase: Option<&str>,
        max_rounds: u32,
    ) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let mut private = Zeroizing::new(self.private.to_vec());
        let Kdf::Bcrypt { rounds, .. } = &self.kdf else {
            return Ok(private);
        };
        if *rounds > max_rounds {
            return Err(TOO_MANY_ROUNDS);
        }
        let passphrase = passphrase.ok_or(NO_PASSPHRASE)?;
        let derived = self.kdf.derive_key_and_iv(self.cipher, passphrase);
        let (key, iv) = derived.map_err(|_| DAMAGED)?;
        let tag = self.cipher.has_tag().then(|| self.tag.try_into());
        let tag = tag.transpose().map_err(|_| DAMAGED)?;
        let decrypted = self.cipher.decrypt(&key, &iv, &mut private, tag);
        decrypted.map_err(|_| WRONG_PASSPHRASE)?;
        Ok(private)
    }
}

/// The decrypted section.
struct Private<'a> {
    check: &'a [u8],
    kind: &'a [u8],
    /// Numbers of the key, as encoded.
    numbers: Vec<&'a [u8]>,
}

impl<'a> Private<'a> {
    /// Returns `None` if the two check numbers differ, or if the section cannot be read.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (check, rest) = bytes.split_at_checked(8)?;
        let (first, second) = check.split_at_checked(4)?;
        if first != second {
            return None;
        }
        let mut rest = Fields(rest);
        let kind = rest.string()?;
        let count = match kind {
            b"ssh-rsa" => 6,
            b"ssh-ed25519" => 2,
            // Curve, point and secret.
            kind if kind.starts_with(b"ecdsa-sha2-") => 3,
            // The caller reports the type.
            _ => 0,
        };
        let numbers: Option<Vec<_>> = (0..count).map(|_| rest.string()).collect();
        // The comment; the padding stays unread.
        rest.string().filter(|_| count > 0).or(Some(b""))?;
        Some(Self {
            check,
            kind,
            numbers: numbers?,
        })
    }

    /// Encodes a plain container without the comment, padded as ssh-key requires.
    fn plain_container(&self, public: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut private = Zeroizing::new(Vec::with_capacity(self.capacity()));
        private.extend_from_slice(self.check);
        put(&mut private, self.kind)?;
        for (index, number) in self.numbers.iter().enumerate() {
            match (self.scalar_len(), index) {
                (Some(len), 2) => put_padded(&mut private, number, len)?,
                _ => put(&mut private, number)?,
            }
        }
        put(&mut private, b"")?;
        let padding = private.len().next_multiple_of(BLOCK) - private.len();
        private.extend((1..=u8::MAX).take(padding));
        let mut whole = Zeroizing::new(Vec::with_capacity(private.len() + public.len() + 64));
        whole.extend_from_slice(MAGIC);
        for text in [&b"none"[..], b"none", b""] {
            put(&mut whole, text)?;
        }
        whole.extend_from_slice(&1_u32.to_be_bytes());
        put(&mut whole, public)?;
        put(&mut whole, &private)?;
        Some(whole)
    }

    /// Capacity for the whole section, so that growing leaves no copy behind.
    fn capacity(&self) -> usize {
        let numbers = self.numbers.iter().map(|number| number.len() + 4);
        numbers.sum::<usize>() + self.kind.len() + 128
    }

    /// Length of a curve's secret number, in bytes.
    fn scalar_len(&self) -> Option<usize> {
        match self.kind {
            b"ecdsa-sha2-nistp256" => Some(32),
            b"ecdsa-sha2-nistp384" => Some(48),
            b"ecdsa-sha2-nistp521" => Some(66),
            _ => None,
        }
    }
}

/// Reader of strings and numbers (RFC 4251 section 5).
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(string)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.string()?).ok()
    }
}

fn put(out: &mut Vec<u8>, string: &[u8]) -> Option<()> {
    out.extend_from_slice(&u32::try_from(string.len()).ok()?.to_be_bytes());
    out.extend_from_slice(string);
    Some(())
}

/// Appends a number, padded with leading zeros to `len` bytes.
fn put_padded(out: &mut Vec<u8>, number: &[u8], len: usize) -> Option<()> {
    let Some(zeros) = len.checked_sub(number.len()) else {
        return put(out, number);
    };
    out.extend_from_slice(&u32::try_from(len).ok()?.to_be_bytes());
    out.extend(std::iter::repeat_n(0, zeros));
    out.extend_from_slice(number);
    Some(())
}
