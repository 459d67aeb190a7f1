//! The bearer token of the admin listener (RFC 6750): read from a file that only its owner can
//! read, compared in constant time, never logged.

use crate::secret_file::{self, SecretFileError};
use arc_swap::ArcSwapOption;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use std::path::Path;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes of a token: long enough not to be guessed, short enough for a header.
const LENGTH: std::ops::RangeInclusive<usize> = 16..=512;

/// Reason why a token cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read, or others could read it.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// The text is no token.
    #[error(
        "the file must hold one token of {} to {} visible ASCII characters, such as \
         `openssl rand -hex 32` prints",
        LENGTH.start(), LENGTH.end()
    )]
    NotAToken,
}

/// Token that every request must carry.
pub struct Token(Zeroizing<String>);

/// Token in force, which a reload replaces; none without `admin.token_file`.
pub type SharedToken = Arc<ArcSwapOption<Token>>;

impl Token {
    /// Reads a token from its file.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        // One more than fits with a line break, to see that it is too long.
        let text = secret_file::read(path, LENGTH.end() + 3)?;
        let token = std::str::from_utf8(&text).map_err(|_| TokenError::NotAToken)?;
        let token = token.trim();
        let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
        if !LENGTH.contains(&token.len()) || !visible {
            return Err(TokenError::NotAToken);
        }
        Ok(Self(Zeroizing::new(token.to_owned())))
    }

    /// Text of the token, for a client to send. Not to be logged.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether exactly one Authorization header carries this token.
    pub(super) fn is_presented_by(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let presented = value.as_bytes().split_at_checked("Bearer ".len());
        presented.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(token.ct_eq(self.0.as_bytes()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    const TOKEN: &str = "0123456789abcdef";

    fn file(content: &str, mode: u32) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        let mode = std::fs::Permissions::from_mode(mode);
        file.as_file().set_permissions(mode).unwrap();
        file
    }

    fn read(content: &str) -> Result<Token, TokenError> {
        Token::read(file(content, 0o600).path())
    }

    #[test]
    fn a_token_is_one_long_visible_word() {
        for good in [
            TOKEN,
            "0123456789abcdef\n",
            &"x".repeat(512),
            " -~0123456789ab==\r\n",
        ] {
            assert!(read(good).is_ok(), "{good:?}");
        }
        let bad = [
            "",
            "short",
            "0123456789 abcdef",
            "0123456789abcdé",
            &"x".repeat(513),
        ];
        for bad in bad {
            assert!(matches!(read(bad), Err(TokenError::NotAToken)), "{bad:?}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        for mode in [0o644, 0o640, 0o602, 0o601] {
            let refused = Token::read(file(TOKEN, mode).path());
            let seen = match refused {
                Err(TokenError::File(SecretFileError::Exposed(seen))) => Some(seen),
                _ => None,
            };
            assert_eq!(seen, Some(mode));
        }
        assert!(Token::read(file(TOKEN, 0o400).path()).is_ok());
    }

    #[test]
    fn a_request_needs_exactly_this_token() {
        let token = read(TOKEN).unwrap();
        let headers = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            }
            headers
        };
        let right = format!("Bearer {TOKEN}");
        assert!(token.is_presented_by(&headers(&[&right])));
        assert!(token.is_presented_by(&headers(&["bearer 0123456789abcdef"])));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcdeg",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Basic 0123456789abcdef",
            TOKEN,
        ] {
            assert!(!token.is_presented_by(&headers(&[wrong])), "{wrong}");
        }
        assert!(!token.is_presented_by(&headers(&[])));
        assert!(!token.is_presented_by(&headers(&[&right, &right])));
    }
}
