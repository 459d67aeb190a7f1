//! Steps of a login that the login throttle may delay or refuse: reading a private key, and
//! connecting to the target.
//!
//! Guarantees that each waits at most three quarters of its stage, so that the client gets the
//! reason. Does not count failures: `throttle` does.

use super::{Connector, limit_error};
use crate::bridge::throttle::{Answer, LoginAttempt, Scope};
use crate::error::{ConnectFailure, Deadline, LimitKind, SessionError, Stage};
use crate::limits::{ConnectionPermit, TargetKey};
use crate::message::Credentials;
use crate::runtime::{Stream, timeout};
use crate::ssh::connect_tcp;
use crate::ssh::keys::{self, Identity};
use crate::targets::{Resolution, TargetRequest};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

impl Connector {
    /// Reads the client's key before connecting: an unusable key must not cost the target a
    /// connection without a login. It is read before the policy is evaluated, so that a bad key
    /// cannot probe for targets (`targets.uniform_errors`), and after the ticket is verified. It
    /// counts as the login stage, for errors and deadline.
    ///
    /// With a password, an unusable key does not end the session; its error is returned, for the
    /// case that the password is refused too.
    pub(super) async fn load_identity(
        &self,
        credentials: &mut Credentials,
    ) -> Result<(Option<Identity>, Option<SessionError>), SessionError> {
        if credentials.private_key.is_none() && credentials.certificate.is_none() {
            return Ok((None, None));
        }
        self.report_stage(Stage::Login);
        let attempt = match &credentials.passphrase {
            Some(_) => Some(self.await_key_attempt().await?),
            // No key derivation: cheap.
            None => None,
        };
        let read = keys::identity(credentials, &self.snapshot.ssh, self.record.client_ip()).await;
        match (&read, attempt) {
            (Ok(_), Some(attempt)) => attempt.succeeded(),
            // Not the client's fault.
            (Err(SessionError::CryptoBusy | SessionError::Internal), Some(attempt)) => {
                attempt.refund();
            }
            (Ok(_) | Err(_), _) => {}
        }
        let password = credentials.password.as_ref();
        let has_password = password.is_some_and(|password| !password.expose().is_empty());
        let read = match read {
            Err(error @ SessionError::UnusableKey(_)) if has_password => {
                tracing::warn!(%error, "the private key cannot be used; logging in with the password alone");
                (None, Some(error))
            }
            other => {
                let identity = other.inspect_err(|error| self.audit.note_login(Err(error)))?;
                (identity, None)
            }
        };
        self.report_stage(Stage::Resolve);
        Ok(read)
    }

    /// Waits for an attempt to decrypt a key. Wrong passphrases cost as much as right ones, and
    /// count as failed logins.
    async fn await_key_attempt(&self) -> Result<LoginAttempt, SessionError> {
        let limit = self.snapshot.config.ssh.auth_timeout;
        let attempt = self.await_attempt(Scope::Keys, "", limit).await;
        let attempt = attempt.map_err(|error| match error {
            SessionError::Throttled(seconds) => SessionError::KeysThrottled(seconds),
            other => other,
        })?;
        attempt.note_reached();
        Ok(attempt)
    }

    /// Waits until the throttle admits the attempt, for at most three quarters of `stage`, so that
    /// the client gets the reason before the deadline.
    async fn await_attempt(
        &self,
        scope: Scope,
        user: &str,
        stage: Duration,
    ) -> Result<LoginAttempt, SessionError> {
        let (client, mut now) = (self.record.client_ip(), crate::clock::now());
        let until = now + stage * 3 / 4;
        // The latest configuration, as for the policy: one count of failures cannot have two rates.
        let config = Arc::clone(&self.context.snapshot.load().config);
        let logins = &self.context.logins;
        let attempt = logins.enqueue(scope, client, user, &config);
        let mut retry = None;
        loop {
            let wake = retry.unwrap_or(until);
            let wait = wake.saturating_duration_since(now);
            match timeout(wait, attempt.answer()).await {
                Some(Answer::Start) => return Ok(attempt),
                Some(Answer::Throttled(wait)) => return Err(throttled(wait)),
                Some(Answer::Full) => return Err(LimitKind::Logins.into()),
                Some(Answer::RetryIn(wait)) => retry = Some(until.min(now + wait)),
                None if wake == until && attempt.is_target_busy() => {
                    return Err(LimitKind::Logins.into());
                }
                None if wake == until => return Err(throttled(Duration::from_secs(1))),
                None => {
                    retry = None;
                    attempt.retry();
                }
            }
            now = crate::clock::now();
        }
    }

    /// Tries the addresses in order. Each has an equal share of the time left in the stage, and an
    /// attempt of its own: limits are per address.
    pub(super) async fn connect_any(
        &self,
        connection_permit: &ConnectionPermit,
        resolution: &Resolution,
        addresses: &[SocketAddr],
        user: &str,
    ) -> Result<(Stream, TargetKey, LoginAttempt), SessionError> {
        let config = &self.snapshot.config.ssh;
        let mut last = SessionError::Unreachable;
        let start = crate::clock::now();
        for (index, address) in addresses.iter().enumerate() {
            let target = TargetKey::from(resolution.counted_as(*address));
            if let Err(refused) = connection_permit.check(target) {
                last = limit_error(refused);
                continue;
            }
            let left = config.connect_timeout.saturating_sub(start.elapsed());
            let scope = Scope::Target(target);
            let attempt = self.await_attempt(scope, user, left).await?;
            // Other sessions may have started meanwhile.
            if let Err(refused) = connection_permit.check(target) {
                last = limit_error(refused);
                continue;
            }
            let left = config.connect_timeout.saturating_sub(start.elapsed());
            let share = left / u32::try_from(addresses.len() - index).unwrap_or(1);
            match timeout(share, connect_tcp(*address, config.receive_buffer.bytes())).await {
                Some(Ok(socket)) => {
                    attempt.note_reached();
                    self.questions.follow(&attempt);
                    self.record.set_target_address(*address);
                    return Ok((socket, target, attempt));
                }
                Some(Err(error)) => {
                    tracing::info!(%address, %error, "no connection to the target");
                    let visible = match &self.target {
                        TargetRequest::Host { .. } => Some(*address),
                        TargetRequest::Named(_) => None,
                    };
                    last = SessionError::NotConnected(ConnectFailure::new(&error, visible));
                }
                None => {
                    tracing::info!(%address, "no answer from the target");
                    last = SessionError::Deadline(Deadline {
                        stage: Stage::Connect,
                        setting: "ssh.connect_timeout",
                        limit: config.connect_timeout,
                    });
                }
            }
        }
        Err(last)
    }
}

/// Rounds up to whole seconds: a retry any sooner would be refused again.
fn throttled(wait: Duration) -> SessionError {
    SessionError::Throttled(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}
