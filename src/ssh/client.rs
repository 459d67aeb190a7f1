//! SSH client connection, from a connected socket to a running shell: key exchange (here), login
//! (`auth`), start of the shell (`start`). Each step is one call, so that the caller can name the
//! stage and keep its deadline. Has no clock of its own.

use super::algorithms::{ClientConfigs, MAX_OUTPUT_PACKET};
use super::credit::ReadCredit;
use super::disconnect_cause::{self, DisconnectCause};
use super::handler::{AgreedHostKey, HandlerError, SessionHandler};
use super::host_keys::HostKeyCheck;
use super::identification::{Identification, NoVersion};
use super::packet_budget::PacketBudget;
use super::shell_start::ShellStart;
use super::stream::SshStream;
use super::{SshEvent, SshEvents};
use crate::config;
use crate::error::SessionError;
use crate::runtime::{ShortTimers, Stream};
use crate::workers::Workers;
use russh::AlgorithmKind;
use russh::client::{self, Handle};
use russh::keys::Algorithm;
use russh::keys::ssh_encoding::Decode as _;
use send_wrapper::SendWrapper;
use std::cell::RefCell;
use std::rc::Rc;

/// Settings of a shard's SSH connections, and the workers they use.
pub struct SshSettings {
    /// The `ssh` section.
    pub config: config::Ssh,
    /// Threads that read private keys and sign with them.
    pub workers: Workers,
    russh: ClientConfigs,
}

impl SshSettings {
    /// Takes the settings of a configuration.
    pub fn new(config: config::Ssh, workers: Workers) -> Self {
        Self {
            config,
            workers,
            russh: ClientConfigs::new(),
        }
    }
}

/// An SSH connection, before or after login. Dropping it lets the connection end in order; dropping
/// its [`SshLoop`](super::SshLoop) ends it at once.
pub struct SshClient {
    pub(super) handle: Handle<SessionHandler>,
    pub(super) credit: Rc<ReadCredit>,
    pub(super) budget: Rc<PacketBudget>,
    pub(super) disconnect_cause: Rc<DisconnectCause>,
    pub(super) shell_start: Rc<ShellStart>,
    /// Held until the shell is asked for: the login may wait for the server's extension info.
    _timers: ShortTimers,
}

impl SshClient {
    /// Exchanges keys and checks the host key. Text before the server's version line becomes a
    /// banner.
    ///
    /// The first poll may start russh's loop, which [`SshLoop::adopt`](super::SshLoop::adopt)
    /// takes.
    ///
    /// # Errors
    /// `NotSsh`, `SshVersion`, `ServerRefused`, `NoCommonAlgorithm`, `HostKey`, `HandshakeFailed`,
    /// `ConnectionLost`, `Disconnected`, `NotUtf8FromServer`, `ServerMisbehaved`.
    pub async fn handshake(
        socket: Stream,
        settings: &SshSettings,
        host_keys: HostKeyCheck,
        events: Rc<dyn SshEvents>,
        credit: Rc<ReadCredit>,
    ) -> Result<Self, SessionError> {
        let config = settings.russh.get(
            &settings.config,
            &host_keys.known_algorithms(),
            host_keys.wants_certificate(),
        );
        let budget = Rc::new(PacketBudget::new(MAX_OUTPUT_PACKET, crate::clock::now));
        let identification = Rc::<RefCell<Identification>>::default();
        let disconnect_cause = Rc::<DisconnectCause>::default();
        let shell_start = Rc::<ShellStart>::default();
        let agreed = AgreedHostKey::default();
        let stream = SshStream::new(
            socket,
            Rc::clone(&credit),
            Rc::clone(&budget),
            Rc::clone(&identification),
        );
        let handler = SessionHandler {
            events: SendWrapper::new(Rc::clone(&events)),
            host_keys,
            budget: SendWrapper::new(Rc::clone(&budget)),
            disconnect_cause: SendWrapper::new(Rc::clone(&disconnect_cause)),
            start: SendWrapper::new(Rc::clone(&shell_start)),
            host_key: SendWrapper::new(Rc::clone(&agreed)),
            needs_strict: !settings.config.legacy_algorithms,
            exit_seen: false,
        };
        match client::connect_stream(config, stream, handler).await {
            Ok(handle) if !is_signed_as_agreed(&handle, &agreed) => Err(
                SessionError::ServerMisbehaved("it signed with another algorithm than agreed"),
            ),
            Ok(handle) => {
                let (text, bytes) = identification.borrow_mut().take_text();
                if bytes > 0 && budget.note_banner(bytes).is_ok() {
                    events.event(SshEvent::Banner(text));
                }
                Ok(Self {
                    handle,
                    credit,
                    budget,
                    disconnect_cause,
                    shell_start,
                    _timers: ShortTimers::begin(),
                })
            }
            Err(HandlerError::NotStrict) => Err(not_strict()),
            Err(HandlerError::HostKey(problem)) => Err(problem.into()),
            Err(HandlerError::Violation(rule)) => Err(SessionError::ServerMisbehaved(rule)),
            Err(HandlerError::Russh(error)) => {
                Err(match (budget.violation(), disconnect_cause.known()) {
                    (Some(rule), _) => SessionError::ServerMisbehaved(rule),
                    (None, Some(cause)) => cause,
                    (None, None) => handshake_error(&error, &identification.borrow()),
                })
            }
        }
    }

    /// Returns the root cause of `error`: a broken rule, or else, of a lost connection, the reason
    /// that is known of its end.
    pub(super) fn cause_of(&self, error: SessionError) -> SessionError {
        match (self.budget.violation(), error) {
            (Some(rule), _) => SessionError::ServerMisbehaved(rule),
            (None, SessionError::ConnectionLost) => self.disconnect_cause.cause(),
            (None, error) => error,
        }
    }
}

/// Returns whether the host signed the first key exchange with the algorithm that was agreed on;
/// russh accepts any hash with an RSA key, SHA-1 too (RFC 8332 section 3.2 does not). Not checked
/// for later key exchanges: the peer has proved to be the host by then.
fn is_signed_as_agreed(handle: &Handle<SessionHandler>, agreed: &AgreedHostKey) -> bool {
    let binding = handle.agent_session_binding();
    let signature = binding.and_then(|binding| {
        let mut blob = binding.signature();
        String::decode(&mut blob).ok()
    });
    let agreed = agreed.borrow();
    agreed.as_ref().map(Algorithm::as_str) == signature.as_deref()
}

/// Error of a server without strict key exchange where the agreed algorithms need it. Reported as
/// no algorithm in common, because these do not count.
fn not_strict() -> SessionError {
    tracing::warn!(
        "the target has no strict key exchange (CVE-2023-48795); update its SSH server, or set \
         ssh.legacy_algorithms"
    );
    SessionError::NoCommonAlgorithm(
        "cipher: chacha20-poly1305@openssh.com and MACs of the kind -etm are not used with a \
         target that has no strict key exchange (CVE-2023-48795), and it offers no other"
            .to_owned(),
    )
}

/// Formats `key exchange: the bridge offers A,B; the target offers C,D`.
fn no_common_algorithm(kind: &AlgorithmKind, ours: &[String], theirs: &[String]) -> String {
    let kind = match kind {
        AlgorithmKind::Kex => "key exchange",
        AlgorithmKind::Key => "host key",
        AlgorithmKind::Cipher => "cipher",
        AlgorithmKind::Compression => "compression",
        AlgorithmKind::Mac => "MAC",
    };
    let theirs = crate::message::escape_remote_text(&theirs.join(","));
    let ours = ours.join(",");
    format!("{kind}: the bridge offers {ours}; the target offers {theirs}")
}

fn handshake_error(error: &russh::Error, identification: &Identification) -> SessionError {
    if let Some(problem) = identification.problem() {
        tracing::info!(%problem, "the target sent no usable SSH version line");
        return match problem {
            NoVersion::TooMuchText | NoVersion::Binary => SessionError::NotSsh,
            NoVersion::TooLong => {
                SessionError::ServerMisbehaved("its version line is longer than 255 bytes")
            }
            NoVersion::NotUtf8 => SessionError::NotUtf8FromServer,
            NoVersion::OtherVersion(version) => SessionError::SshVersion(version.clone()),
        };
    }
    if !identification.is_found() {
        let text = identification.refusal_text();
        let text = text.map(|text| crate::message::escape_remote_text(&text));
        tracing::info!(%error, text = text.as_deref(), "the target ended the connection before its SSH version line");
        return text.map_or(SessionError::NotSsh, SessionError::ServerRefused);
    }
    if let russh::Error::NoCommonAlgo { kind, ours, theirs } = error {
        let text = no_common_algorithm(kind, ours, theirs);
        tracing::warn!(
            offers = text,
            "no SSH algorithm in common; update the target's SSH server, or set ssh.legacy_algorithms for old equipment"
        );
        return SessionError::NoCommonAlgorithm(text);
    }
    tracing::info!(%error, "the SSH key exchange failed");
    if matches!(error, russh::Error::IO(_) | russh::Error::Disconnect) {
        return SessionError::ConnectionLost;
    }
    if disconnect_cause::is_not_utf8(error) {
        return SessionError::NotUtf8FromServer;
    }
    SessionError::HandshakeFailed
}
