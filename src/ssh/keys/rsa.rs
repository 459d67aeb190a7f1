//! RSA keys for AWS-LC, from PKCS#1 or from the numbers of OpenSSH's container. Every copy of a
//! number that reveals the key is wiped, or is on the stack, which the caller overwrites. The `rsa`
//! crate behind russh is not used: it frees p - 1 and q - 1 without wiping them.

use super::problem::DAMAGED;
use aws_lc_rs::rsa::KeyPair;
use crypto_bigint::{NonZero, U8192};
use pkcs1::RsaPrivateKey as Pkcs1;
use pkcs8::der::asn1::UintRef;
use pkcs8::der::{Decode as _, SecretDocument};
use russh::keys::PublicKey;
use russh::keys::ssh_key::Mpint;
use russh::keys::ssh_key::private::RsaKeypair;
use russh::keys::ssh_key::public::{KeyData, RsaPublicKey};
use zeroize::Zeroizing;

/// Size of moduli, in bits; AWS-LC's bounds. Smaller ones are not safe, larger ones cost more than
/// a worker should spend: a signature with 4096 bits takes 4 ms, with 8192 bits 90 ms, and with
/// 16,384 bits a second.
const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Longest public exponent, in bits; AWS-LC's bound. 65,537 has 17.
const MAX_EXPONENT_BITS: usize = 33;

const UNRELATED: &str = "its RSA parameters are inconsistent";

/// Reads a key in PKCS#1 (RFC 8017 appendix A.1.2).
///
/// # Errors
/// For damaged DER, sizes out of bounds, and inconsistent parameters.
pub(super) fn from_pkcs1(der: &[u8]) -> Result<(PublicKey, KeyPair), &'static str> {
    let key = Pkcs1::from_der(der).map_err(|_| DAMAGED)?;
    let private = [key.private_exponent, key.prime1, key.prime2];
    let derived = [key.exponent1, key.exponent2, key.coefficient];
    let parts = private
        .into_iter()
        .chain(derived)
        .map(|part| part.as_bytes().len());
    let (n, e) = (key.modulus.as_bytes(), key.public_exponent.as_bytes());
    check_sizes(n, e, parts)?;
    let [n, e] = [n, e].map(Mpint::from_positive_bytes);
    let public = RsaPublicKey::new(e, n).map_err(|_| DAMAGED)?;
    let pair = KeyPair::from_der(der).map_err(|_| UNRELATED)?;
    Ok((PublicKey::from(KeyData::Rsa(public)), pair))
}

/// Converts a key of OpenSSH's container by way of PKCS#1, which contains the two numbers that
/// OpenSSH omits.
///
/// # Errors
/// Those of [`from_pkcs1`].
pub(super) fn from_openssh(pair: &RsaKeypair) -> Result<(PublicKey, KeyPair), &'static str> {
    let (public, private) = (pair.public(), pair.private());
    let [n, e] = [public.n(), public.e()].map(positive);
    let [d, p, q, iqmp] = [private.d(), private.p(), private.q(), private.iqmp()].map(positive);
    check_sizes(n, e, [d, p, q, iqmp].into_iter().map(<[u8]>::len))?;
    let encode = || {
        let (exponent1, exponent2) = (crt_exponent(d, p)?, crt_exponent(d, q)?);
        let number = |bytes| UintRef::new(bytes).ok();
        let key = Pkcs1 {
            modulus: number(n)?,
            public_exponent: number(e)?,
            private_exponent: number(d)?,
            prime1: number(p)?,
            prime2: number(q)?,
            exponent1: number(&exponent1)?,
            exponent2: number(&exponent2)?,
            coefficient: number(iqmp)?,
            other_prime_infos: None,
        };
        SecretDocument::try_from(&key).ok()
    };
    from_pkcs1(encode().ok_or(UNRELATED)?.as_bytes())
}

fn positive(number: &Mpint) -> &[u8] {
    number.as_positive_bytes().unwrap_or_default()
}

/// Computes `d` mod (`prime` - 1) on the stack, in constant time. `None` for numbers that no key of
/// the allowed sizes has.
fn crt_exponent(d: &[u8], prime: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let modulus = NonZero::new(fixed(prime)?.wrapping_sub(&U8192::ONE)).into_option()?;
    let exponent = fixed(d)?.rem(&modulus);
    Some(Zeroizing::new(exponent.to_be_bytes().as_ref().to_vec()))
}

fn fixed(number: &[u8]) -> Option<U8192> {
    let mut padded = Zeroizing::new([0; U8192::BYTES]);
    let start = U8192::BYTES.checked_sub(number.len())?;
    padded.get_mut(start..)?.copy_from_slice(number);
    Some(U8192::from_be_slice(padded.as_slice()))
}

/// `n` and `e` without leading zeros; `parts`: lengths of the private numbers, in bytes.
fn check_sizes(
    n: &[u8],
    e: &[u8],
    mut parts: impl Iterator<Item = usize>,
) -> Result<(), &'static str> {
    if bits(n) < *BITS.start() {
        return Err("its RSA modulus has fewer than 2048 bits, which is not safe; make a new key");
    }
    if bits(n) > *BITS.end() {
        return Err("its RSA modulus has more than the 8192 bits that are allowed here");
    }
    if bits(e) > MAX_EXPONENT_BITS {
        return Err("its RSA public exponent has more than the 33 bits that are allowed here");
    }
    // Otherwise the modulus would not bound the cost of the other numbers.
    if parts.any(|part| part > n.len()) {
        return Err(UNRELATED);
    }
    Ok(())
}

/// Returns the number of significant bits.
fn bits(number: &[u8]) -> usize {
    let blank = number.first().map_or(0, |first| first.leading_zeros());
    number.len() * 8 - blank as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::keys::tests::KeyDir;
    use russh::keys::PrivateKey;
    use russh::keys::ssh_key::private::RsaPrivateKey;

    #[test]
    fn numbers_that_do_not_belong_together_are_refused() {
        let text = KeyDir::new().keygen("-t rsa -b 2048", "");
        let key = PrivateKey::from_openssh(text).unwrap();
        let pair = key.key_data().rsa().unwrap();
        let (public, private) = (pair.public(), pair.private());
        let private = [private.d(), private.iqmp(), private.p(), private.q()];
        let numbers: Vec<&Mpint> = [public.e(), public.n()]
            .into_iter()
            .chain(private)
            .collect();
        let read = |numbers: &[Vec<u8>]| {
            let mut numbers = numbers
                .iter()
                .map(|bytes| Mpint::from_positive_bytes(bytes));
            let mut next = || numbers.next().unwrap();
            let public = RsaPublicKey::new(next(), next())?;
            let private = RsaPrivateKey::new(next(), next(), next(), next())?;
            RsaKeypair::new(public, private).map(|pair| from_openssh(&pair).map(|_| ()))
        };
        let good: Vec<Vec<u8>> = numbers
            .iter()
            .map(|n| n.as_positive_bytes().unwrap().to_vec())
            .collect();
        assert_eq!(read(&good).unwrap(), Ok(()));
        for index in 0..good.len() {
            for bad in [vec![], vec![1], vec![0xff; 256], vec![0xff; 2000]] {
                let mut numbers = good.clone();
                numbers[index] = bad;
                // ssh-key refuses some of them first.
                let read = read(&numbers).unwrap_or(Err("ssh-key"));
                assert!(read.is_err(), "number {index} as {:x?}", numbers[index]);
            }
            let mut numbers = good.clone();
            *numbers[index].last_mut().unwrap() ^= 2;
            assert!(
                read(&numbers).unwrap_or(Err("ssh-key")).is_err(),
                "number {index}"
            );
        }
    }
}
