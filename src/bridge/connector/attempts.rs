//! Steps of a login that may be refused because of earlier logins, or wait for others: reading a
//! private key, and dialling the target.

use super::{Connector, limit_error};
use crate::bridge::throttle::{LoginAttempt, Scope, Word};
use crate::error::{ConnectFailure, Deadline, LimitKind, SessionError, Stage};
use crate::limits::{Admission, TargetKey};
use crate::message::Credentials;
use crate::runtime::{Stream, timeout};
use crate::ssh::connect_tcp;
use crate::ssh::keys::{self, Identity};
use crate::targets::{Resolution, TargetRequest};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

impl Connector {
    /// Reads the client's key before anything is dialled: one that cannot be used must not cost
    /// the target a connection that ends without a login. Before the target is looked at, so that
    /// a bad key cannot ask which targets there are (`targets.uniform_errors`). It is part of the
    /// login, in stage and deadline.
    ///
    /// Beside a password a key that cannot be used does not end the session; what is wrong with
    /// it is returned, for the case that the password is not taken either.
    pub(super) async fn read_keys(
        &self,
        credentials: &mut Credentials,
    ) -> Result<(Option<Identity>, Option<SessionError>), SessionError> {
        if credentials.private_key.is_none() && credentials.certificate.is_none() {
            return Ok((None, None));
        }
        self.enter(Stage::Login);
        let attempt = match &credentials.passphrase {
            Some(_) => Some(self.key_attempt().await?),
            // Nothing is derived; reading is cheap.
            None => None,
        };
        let read = keys::identity(credentials, &self.snapshot.ssh, self.record.client_ip()).await;
        match (&read, attempt) {
            (Ok(_), Some(attempt)) => attempt.succeeded(),
            // The fault is not the client's.
            (Err(SessionError::CryptoBusy | SessionError::Internal), Some(attempt)) => {
                attempt.refund();
            }
            (Ok(_) | Err(_), _) => {}
        }
        let password = credentials.password.as_ref();
        let has_password = password.is_some_and(|password| !password.expose().is_empty());
        let read = match read {
            Err(error @ SessionError::UnusableKey(_)) if has_password => {
                tracing::warn!(%error, "logging in with the password alone");
                (None, Some(error))
            }
            other => {
                let identity = other.inspect_err(|error| self.audit.note_login(Err(error)))?;
                (identity, None)
            }
        };
        self.enter(Stage::Resolve);
        Ok(read)
    }

    /// One of the client's turns to have a passphrase tried: wrong ones cost as much as right
    /// ones, and are counted like failed logins.
    async fn key_attempt(&self) -> Result<LoginAttempt, SessionError> {
        let limit = self.snapshot.config.ssh.auth_timeout;
        let attempt = self
            .attempt(Scope::Keys, "", limit)
            .await
            .map_err(|error| match error {
                SessionError::Throttled(seconds) => SessionError::KeysThrottled(seconds),
                other => other,
            })?;
        attempt.note_reached();
        Ok(attempt)
    }

    /// Waits for the logins that are under way, as long as they let this one wait; not for all
    /// of `stage`, so that its caller hears the reason.
    async fn attempt(
        &self,
        scope: Scope,
        user: &str,
        stage: Duration,
    ) -> Result<LoginAttempt, SessionError> {
        let (client, mut now) = (self.record.client_ip(), crate::clock::now());
        let until = now + stage * 3 / 4;
        // The latest, like the policy: one count of failures cannot keep two rates.
        let config = Arc::clone(&self.context.snapshot.load().config);
        let logins = &self.context.logins;
        let attempt = logins.join(scope, client, user, &config);
        let mut retry = None;
        loop {
            let wake = retry.unwrap_or(until);
            let wait = wake.saturating_duration_since(now);
            match timeout(wait, attempt.word()).await {
                Some(Word::Start) => return Ok(attempt),
                Some(Word::Throttled(wait)) => return Err(throttled(wait)),
                Some(Word::Full) => return Err(LimitKind::Logins.into()),
                Some(Word::RetryIn(wait)) => retry = Some(until.min(now + wait)),
                None if wake == until && attempt.waits_for_place() => {
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

    /// Tries the addresses in order, each with an equal share of what is left
    /// of the stage, and with its own attempt: limits are by address.
    pub(super) async fn dial_first(
        &self,
        admission: &Admission,
        resolution: &Resolution,
        addresses: &[SocketAddr],
        user: &str,
    ) -> Result<(Stream, TargetKey, LoginAttempt), SessionError> {
        let config = &self.snapshot.config.ssh;
        let mut last = SessionError::Unreachable;
        let start = crate::clock::now();
        for (index, address) in addresses.iter().enumerate() {
            let target = TargetKey::from(resolution.counted_as(*address));
            if let Err(refused) = admission.check(target) {
                last = limit_error(refused);
                continue;
            }
            let left = config.connect_timeout.saturating_sub(start.elapsed());
            let attempt = self.attempt(Scope::Target(target), user, left).await?;
            // Sessions may have begun meanwhile.
            if let Err(refused) = admission.check(target) {
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
                    let shown = match &self.target {
                        TargetRequest::Host { .. } => Some(*address),
                        TargetRequest::Named(_) => None,
                    };
                    last = SessionError::NotConnected(ConnectFailure::new(&error, shown));
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

/// In whole seconds, rounded up: sooner would be too soon.
fn throttled(wait: Duration) -> SessionError {
    SessionError::Throttled(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}
