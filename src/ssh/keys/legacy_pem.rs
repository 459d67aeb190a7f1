//! Decryption of old PEM files (`Proc-Type: 4,ENCRYPTED` and `DEK-Info`, RFC 1421): the key is MD5
//! over passphrase and salt, as by OpenSSL's `EVP_BytesToKey`. `ssh-keygen -m PEM` and `openssl
//! -traditional` write such files. Cheap to derive and so to guess, which is why they should not be
//! used. russh reads them for one cipher and RSA only.

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, InnerIvInit, KeyInit, KeyIvInit as _};
use des::TdesEde3;
use zeroize::Zeroizing;

/// Longest key, in bytes, rounded up to whole MD5 sums.
const MAX_KEY: usize = 32;

/// Decrypts `bytes` as `dek_info` says (`AES-128-CBC,` and the IV in hex).
///
/// # Errors
/// For a header that cannot be read and a wrong passphrase. One of 256 wrong passphrases is
/// detected only by the reader of the result.
pub(super) fn decrypt(
    mut bytes: Zeroizing<Vec<u8>>,
    dek_info: &str,
    passphrase: &str,
) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    const BAD_HEADER: &str = "its header DEK-Info cannot be read";
    let (cipher, iv) = dek_info.split_once(',').ok_or(BAD_HEADER)?;
    let iv = hex(iv.trim()).ok_or(BAD_HEADER)?;
    // The salt is the beginning of the IV.
    let salt = iv.get(..8).ok_or(BAD_HEADER)?;
    let key = derive(passphrase, salt);
    let buffer = bytes.as_mut_slice();
    let len = match cipher.trim() {
        "AES-128-CBC" => decrypt_with::<Aes128>(buffer, &*key, &iv, 16),
        "AES-192-CBC" => decrypt_with::<Aes192>(buffer, &*key, &iv, 24),
        "AES-256-CBC" => decrypt_with::<Aes256>(buffer, &*key, &iv, 32),
        "DES-EDE3-CBC" => decrypt_with::<TdesEde3>(buffer, &*key, &iv, 24),
        _ => {
            return Err("it is encrypted with a cipher that is not supported; \
                        re-encrypt it with: ssh-keygen -p -f key");
        }
    };
    bytes.truncate(len.ok_or("the passphrase is wrong")?);
    Ok(bytes)
}

/// Decrypts in place, and returns the length of the plain text.
fn decrypt_with<C>(buffer: &mut [u8], key: &[u8], iv: &[u8], key_len: usize) -> Option<usize>
where
    C: cbc::cipher::BlockCipherDecrypt + KeyInit,
    Decryptor<C>: InnerIvInit<Inner = C>,
{
    let key = key.get(..key_len)?;
    let decryptor = Decryptor::<C>::new_from_slices(key, iv).ok()?;
    Some(decryptor.decrypt_padded::<Pkcs7>(buffer).ok()?.len())
}

fn derive(passphrase: &str, salt: &[u8]) -> Zeroizing<[u8; MAX_KEY]> {
    let mut key = Zeroizing::new([0; MAX_KEY]);
    let mut last: Option<Zeroizing<[u8; 16]>> = None;
    for part in key.chunks_exact_mut(16) {
        let mut context = md5::Context::new();
        if let Some(last) = &last {
            context.consume(last.as_slice());
        }
        context.consume(passphrase);
        context.consume(salt);
        let sum = Zeroizing::new(context.finalize().0);
        part.copy_from_slice(sum.as_slice());
        last = Some(sum);
    }
    key
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| u8::try_from(c.to_digit(16)?).ok())
        .collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
