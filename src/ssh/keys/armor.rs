//! Lenient PEM reader (RFC 7468, RFC 1421): finds the first block with a private key in pasted
//! text, and describes the text if it has none.
//!
//! Reads all that `ssh-keygen -y` and OpenSSL read, and more: text before and behind the block,
//! blanks at line ends, empty lines, lines of any length, line ends lost or replaced by `\n`.
//! Decodes base64 and nothing else. Not a PEM library, because those refuse most of this, and leave
//! copies of the key in memory that are not wiped.

use base64ct::{Base64Unpadded, Encoding as _};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// PEM block with a private key.
pub(super) struct Block<'a> {
    /// Between `BEGIN` and the dashes.
    pub(super) label: &'a str,
    /// Value of the header `DEK-Info`, of a key encrypted as in RFC 1421.
    pub(super) dek_info: Option<&'a str>,
    /// The decoded body.
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

/// Finds the first private key in `text`.
///
/// # Errors
/// A description of the text, and what to do about it.
pub(super) fn private_block(text: &str) -> Result<Block<'_>, &'static str> {
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once(BEGIN) {
        let Some((label, begun)) = begun.split_once(DASHES) else {
            return Err(TRUNCATED);
        };
        let Some((body, behind)) = split_end(begun, label) else {
            return Err(TRUNCATED);
        };
        // OpenSSL writes the parameters of an EC key in front of it.
        if label.ends_with("PRIVATE KEY") {
            let (dek_info, body) = split_headers(body);
            let bytes = decode(body).ok_or(DAMAGED)?;
            return Ok(Block {
                label,
                dek_info,
                bytes,
            });
        }
        rest = behind;
    }
    Err(describe_other(text))
}

const TRUNCATED: &str = "its END line is missing or does not match: the text was cut off";
const DAMAGED: &str = "the text between its BEGIN and END lines is damaged: it is not base64";

/// Splits the body from the text behind the END line of `label`.
fn split_end<'a>(begun: &'a str, label: &str) -> Option<(&'a str, &'a str)> {
    let (body, end) = begun.split_once("-----END ")?;
    let behind = end.strip_prefix(label)?.strip_prefix(DASHES)?;
    Some((body, behind))
}

/// Splits the headers of RFC 1421 from the base64 behind them, which has no colon; returns the
/// value of `DEK-Info`.
fn split_headers(body: &str) -> (Option<&str>, &str) {
    let Some((before, last)) = body.rsplit_once(':') else {
        return (None, body);
    };
    let base64 = last.split_once('\n').map_or("", |(_, base64)| base64);
    let headers = body.strip_suffix(base64).unwrap_or(before);
    let dek_info = headers.lines().find_map(|line| {
        let value = line.trim_start().strip_prefix("DEK-Info:")?;
        Some(value.trim())
    });
    (dek_info, base64)
}

/// Decodes base64 with blanks in it, in memory that is wiped.
fn decode(body: &str) -> Option<Zeroizing<Vec<u8>>> {
    // One allocation each, so that growing leaves no copy behind.
    let mut packed = Zeroizing::new(String::with_capacity(body.len()));
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        // A line end that was escaped twice.
        if c == '\\' && chars.next_if(|next| matches!(next, 'n' | 'r')).is_some() {
            continue;
        }
        if !is_blank(c) {
            packed.push(c);
        }
    }
    let digits = packed.trim_end_matches('=');
    let mut bytes = Zeroizing::new(vec![0; digits.len() * 3 / 4]);
    let len = Base64Unpadded::decode(digits, &mut bytes).ok()?.len();
    bytes.truncate(len);
    (len > 0).then_some(bytes)
}

/// Returns whether a character is a blank, or one without width as web pages and editors insert.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Describes a text without a private key, and says what to do.
fn describe_other(text: &str) -> &'static str {
    let text = text.trim_matches(is_blank);
    let has = |needle: &str| text.contains(needle);
    if text.is_empty() {
        "it is empty"
    } else if has("PuTTY-User-Key-File-") {
        "it is a PuTTY key (PPK); convert it with: puttygen key.ppk -O private-openssh -o key"
    } else if has_line_of(text, |kind| kind.contains("-cert-v0")) {
        "it is a certificate, which belongs in the field certificate; \
         the private key is in the file whose name has no -cert.pub"
    } else if has_line_of(text, |_| true) || has(" PUBLIC KEY-----") || has("SSH2 PUBLIC KEY") {
        "it is a public key; the private key is in the file whose name has no .pub"
    } else if has("SSH2 ENCRYPTED PRIVATE KEY") {
        "it is a key in the format of ssh.com; convert it with: ssh-keygen -i -f key"
    } else if has("BEGIN CERTIFICATE") || has("BEGIN X509 CERTIFICATE") {
        "it is an X.509 certificate, which SSH does not use; send the private key"
    } else if has("BEGIN PGP") {
        "it is a PGP key, which SSH does not use"
    } else {
        "it is not a private key in a supported format: OpenSSH, PKCS#1, PKCS#8 or SEC1"
    }
}

/// Returns whether the text contains an SSH public key or certificate of such a kind
/// (`authorized_keys` may have options in front of it).
fn has_line_of(text: &str, is_wanted: impl Fn(&str) -> bool) -> bool {
    text.lines().any(|line| {
        let words = line.split_whitespace();
        words.clone().zip(words.skip(1)).any(|(kind, blob)| {
            let prefixes = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "rsa-sha2-"];
            let is_kind = prefixes.iter().any(|prefix| kind.starts_with(prefix));
            is_kind && blob.starts_with("AAAA") && is_wanted(kind)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(text: &str) -> Result<Vec<u8>, &'static str> {
        private_block(text).map(|block| block.bytes.to_vec())
    }

    #[test]
    fn a_block_is_found_in_any_text_around_it() {
        for text in [
            "-----BEGIN X PRIVATE KEY-----\naGVsbG8gd29ybGQ=\n-----END X PRIVATE KEY-----\n",
            "-----BEGIN X PRIVATE KEY-----\naGVsbG8gd29ybGQ=\n-----END X PRIVATE KEY-----",
            "-----BEGIN X PRIVATE KEY-----\r\naGVsbG8gd29ybGQ=\r\n-----END X PRIVATE KEY-----\r\n",
            "-----BEGIN X PRIVATE KEY-----\n\naGVs\n\n\nbG8gd29ybGQ=\n\n-----END X PRIVATE KEY-----\n\n",
            "-----BEGIN X PRIVATE KEY-----  \n  aGVsbG8gd29  \n\tybGQ=\t\n-----END X PRIVATE KEY-----  ",
            "-----BEGIN X PRIVATE KEY-----\na\nGVsb\nG8gd29ybGQ\n=\n-----END X PRIVATE KEY-----\nssh-rsa AAAA x",
            "\u{feff}a note\n-----BEGIN X PRIVATE KEY-----\naGVsbG8gd29ybGQ=\n-----END X PRIVATE KEY-----",
            "-----BEGIN X PRIVATE KEY----- aGVsbG8g d29ybGQ= -----END X PRIVATE KEY-----",
            "-----BEGIN X PRIVATE KEY-----\\naGVsbG8g\\r\\nd29ybGQ=\\n-----END X PRIVATE KEY-----\\n",
            "-----BEGIN X PRIVATE KEY-----\nK: v\nL: w\n\naGVsbG8gd29ybGQ=\n-----END X PRIVATE KEY-----",
            "-----BEGIN EC PARAMETERS-----\nBggq\n-----END EC PARAMETERS-----\n\
             -----BEGIN X PRIVATE KEY-----\na\u{a0}GVsbG8gd29y\u{200b}bGQ\n-----END X PRIVATE KEY-----",
        ] {
            assert_eq!(bytes_of(text).unwrap(), b"hello world", "{text:?}");
        }
    }

    fn pem(label: &str, body: &str) -> String {
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    #[test]
    fn the_first_of_several_keys_is_taken() {
        let both = pem("A PRIVATE KEY", "YQ==") + &pem("B PRIVATE KEY", "Yg==");
        let found = private_block(&both).unwrap();
        assert_eq!(found.label, "A PRIVATE KEY");
        assert_eq!(found.bytes.as_slice(), b"a");
    }

    #[test]
    fn headers_are_split_from_the_body() {
        let headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\n";
        let text = pem("RSA PRIVATE KEY", &format!("{headers}YWJj\nZGVm"));
        let block = private_block(&text).unwrap();
        assert_eq!(block.label, "RSA PRIVATE KEY");
        assert_eq!(block.dek_info, Some("AES-128-CBC,00FF"));
        assert_eq!(block.bytes.as_slice(), b"abcdef");
    }

    #[test]
    fn a_text_without_a_private_key_is_described() {
        let convert = "puttygen key.ppk -O private-openssh -o key";
        let truncated = "-----BEGIN OPENSSH PRIVATE KEY-----\nYQ==\n";
        let mismatch = "-----BEGIN A PRIVATE KEY-----\nYQ==\n-----END B PRIVATE KEY-----";
        for (text, named) in [
            ("", "empty"),
            (" \n\u{feff}", "empty"),
            (
                "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n",
                convert,
            ),
            ("\n PuTTY-User-Key-File-2: ssh-rsa\n", "PuTTY"),
            ("ssh-ed25519 AAAAC3Nz me@here", "public key"),
            ("from=\"10.0.0.1\" ssh-rsa AAAAB3Nz", "public key"),
            ("sk-ssh-ed25519@openssh.com AAAAGnNr", "public key"),
            (&pem("PUBLIC KEY", "YQ=="), "public key"),
            (&pem("RSA PUBLIC KEY", "YQ=="), "public key"),
            (
                "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----",
                "public key",
            ),
            (
                "ssh-rsa-cert-v01@openssh.com AAAAHHNz me",
                "is a certificate",
            ),
            (
                "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nYQ==\n",
                "ssh-keygen -i",
            ),
            (&pem("CERTIFICATE", "YQ=="), "X.509"),
            (&pem("PGP PRIVATE KEY BLOCK", "YQ=="), "PGP"),
            (truncated, "cut off"),
            ("-----BEGIN OPENSSH PRIVATE KEY", "cut off"),
            (mismatch, "cut off"),
            (&pem("X PRIVATE KEY", "Y?=="), "damaged"),
            (&pem("X PRIVATE KEY", ""), "damaged"),
            ("correct horse", "not a private key"),
        ] {
            let problem = bytes_of(text).unwrap_err();
            assert!(problem.contains(named), "{text:?}: {problem}");
        }
    }
}
