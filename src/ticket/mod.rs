//! Admission tickets: signed statements of another server, which knows the user, on who may log in
//! where.
//!
//! A ticket is a compact JWS (RFC 7515) with the claims of a JWT (RFC 7519): `target` and `sub`,
//! the SSH user, which both bind; `exp`; and `iat` or `nbf`, from which its age is counted. The
//! signature is HMAC-SHA-256 (`HS256`), and no header can select another. Other claims (`iss`,
//! `aud` ...) are ignored: the key has no other use.
//!
//! The crate `jsonwebtoken` parses and verifies it, on aws-lc-rs, which russh uses as well: no
//! second implementation of cryptography. It compares in constant time and wipes the key. Its
//! checks of times are off, because it reads the machine's clock itself.
//!
//! A ticket may be used more than once while it is valid. It proves to the bridge that the issuer
//! admits this user, and nothing to the SSH server: a stolen ticket is of no use without the
//! credentials. Does not issue tickets.

mod key;
#[cfg(test)]
mod tests;

pub use key::KeyError;

use crate::config::Admission;
use crate::error::TicketProblem;
use crate::message::MAX_TICKET;
use crate::net::canonical_host;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tolerance for an issuer's clock that is ahead of this machine's.
const SKEW: Duration = Duration::from_secs(30);

/// Verifier of tickets.
pub struct Tickets {
    key: DecodingKey,
    validation: Validation,
    required: bool,
    max_age: Duration,
}

/// Claims of a ticket whose signature is valid.
#[derive(serde::Deserialize)]
struct Claims {
    target: String,
    sub: String,
    exp: u64,
    iat: Option<u64>,
    nbf: Option<u64>,
}

/// Valid ticket of the right user; the target is still to be compared.
pub struct VerifiedTicket {
    target: String,
}

impl Tickets {
    /// Makes the verifier of the settings; `None` if tickets are off. Reads the key.
    ///
    /// # Errors
    /// The key cannot be used.
    pub fn from_settings(settings: &Admission) -> Result<Option<Self>, KeyError> {
        let Some(file) = &settings.ticket_key_file else {
            return Ok(None);
        };
        let key = DecodingKey::from_secret(&key::read(file)?);
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Ok(Some(Self {
            key,
            validation,
            required: settings.required,
            max_age: settings.max_ticket_age,
        }))
    }

    /// Returns whether a ticket is required.
    pub fn are_required(&self) -> bool {
        self.required
    }

    /// Verifies a ticket of `user`, at the wall-clock time `now`.
    ///
    /// # Errors
    /// Problem of the ticket; contains nothing of its content.
    pub fn verify(
        &self,
        ticket: &str,
        user: &str,
        now: SystemTime,
    ) -> Result<VerifiedTicket, TicketProblem> {
        if ticket.len() > MAX_TICKET {
            return Err(TicketProblem::NotValid);
        }
        let token = decode::<Claims>(ticket, &self.key, &self.validation)
            .map_err(|_| TicketProblem::NotValid)?;
        // No critical header is supported (RFC 7515 section 4.1.11).
        if token.header.crit.is_some() {
            return Err(TicketProblem::NotValid);
        }
        let claims = token.claims;
        self.check_time(&claims, now)?;
        if claims.sub != user {
            return Err(TicketProblem::OtherUser);
        }
        Ok(VerifiedTicket {
            target: claims.target,
        })
    }

    fn check_time(&self, claims: &Claims, now: SystemTime) -> Result<(), TicketProblem> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let made = claims.iat.or(claims.nbf).ok_or(TicketProblem::NotValid)?;
        let starts = made.max(claims.nbf.unwrap_or(made));
        if Duration::from_secs(starts) > now + SKEW {
            return Err(TicketProblem::NotYet);
        }
        let too_old = now.saturating_sub(Duration::from_secs(made)) > self.max_age;
        if too_old || now >= Duration::from_secs(claims.exp) {
            return Err(TicketProblem::Expired);
        }
        Ok(())
    }
}

impl VerifiedTicket {
    /// Returns whether the ticket is for this target, whose `host` is canonical. A ticket names
    /// `host:port`, in any spelling of the host and with IPv6 in brackets, or exactly the
    /// configured name where the client requested a named target.
    pub fn is_for(&self, name: Option<&str>, host: &str, port: u16) -> bool {
        let is_address = self.target.rsplit_once(':').is_some_and(|(claimed, at)| {
            let bracketed = claimed.starts_with('[') && claimed.ends_with(']');
            at == port.to_string()
                && bracketed == claimed.contains(':')
                && canonical_host(claimed) == host
        });
        is_address || name.is_some_and(|name| self.target == name)
    }
}
