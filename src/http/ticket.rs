//! The admission ticket in the request: `Authorization: Bearer TICKET` (RFC 6750 section 2.1).
//! Extracts it; `crate::ticket` verifies it. Never in the URL: those end up in logs.

use super::problem::Problem;
use crate::message::{MAX_TICKET, Secret};
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

const SCHEME: &str = "Bearer ";

/// Returns the ticket, if the request carries one. Other schemes are ignored: they may be for a
/// proxy.
///
/// # Errors
/// 400: two headers, or a ticket that cannot be one.
pub(super) fn ticket(headers: &HeaderMap) -> Result<Option<Secret>, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        let detail = "at most one Authorization header is accepted";
        return Err(Problem::bad_request(detail));
    }
    let Some((scheme, ticket)) = value.as_bytes().split_at_checked(SCHEME.len()) else {
        return Ok(None);
    };
    if !scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) {
        return Ok(None);
    }
    let ticket = std::str::from_utf8(ticket.trim_ascii());
    match ticket {
        Ok(ticket) if (1..=MAX_TICKET).contains(&ticket.len()) => {
            Ok(Some(Secret::new(ticket.to_owned())))
        }
        Ok(_) | Err(_) => Err(Problem::bad_request(
            "an admission ticket is ASCII text of 1 byte to 4 KiB",
        )),
    }
}
