//! Client of the admin API: one request, one bounded answer.

use super::SessionsError;
use crate::config::Admin;
use crate::control::Token;
use crate::control::admin::{CSRF_HEADER, CSRF_VALUE};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use ureq::typestate::WithoutBody;
use ureq::{Agent, RequestBuilder};

/// Longest time for a request and its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Largest answer: a list of more sessions than there can be.
const MAX_ANSWER: u64 = 512 * 1024 * 1024;

/// Client of one admin listener.
pub(super) struct Client {
    agent: Agent,
    address: SocketAddr,
    token: Option<Token>,
}

/// The part of problem+json (RFC 9457) that people read.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

impl Client {
    pub(super) fn new(config: &Admin) -> Result<Self, SessionsError> {
        let address = config.listen.first().ok_or(SessionsError::NoListener)?;
        let token = config.token_file.as_deref().map(Token::read).transpose()?;
        let agent = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .build();
        Ok(Self {
            agent: agent.into(),
            address: reachable(*address),
            token,
        })
    }

    pub(super) fn get(&self, path: &str) -> Result<String, SessionsError> {
        self.ask(self.agent.get(self.url(path)))
    }

    pub(super) fn delete(&self, path: &str) -> Result<String, SessionsError> {
        let request = self.agent.delete(self.url(path));
        self.ask(request.header(CSRF_HEADER, CSRF_VALUE))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn ask(&self, request: RequestBuilder<WithoutBody>) -> Result<String, SessionsError> {
        let request = match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {}", token.as_str())),
            None => request,
        };
        let mut answer = request.call().map_err(|error| self.no_answer(&error))?;
        let body = answer.body_mut().with_config().limit(MAX_ANSWER);
        let text = body
            .read_to_string()
            .map_err(|error| self.no_answer(&error))?;
        match answer.status().as_u16() {
            200..=299 => Ok(text),
            401 => Err(SessionsError::Unauthorized),
            _ => Err(SessionsError::Refused(parse::<Problem>(&text)?.detail)),
        }
    }

    fn no_answer(&self, error: &ureq::Error) -> SessionsError {
        SessionsError::NoAnswer {
            address: self.address.to_string(),
            reason: error.to_string(),
        }
    }
}

pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, SessionsError> {
    serde_json::from_str(text).map_err(|error| SessionsError::NotOurs(error.to_string()))
}

/// Returns the address to connect to: loopback for a listener on every address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_address_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:2", "[::1]:2"),
            ("192.0.2.1:3", "192.0.2.1:3"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }
}
