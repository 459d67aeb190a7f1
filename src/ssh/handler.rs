//! russh's callbacks as [`SshEvents`]. Rejects every channel that a server tries to open. The other
//! decisions are made by `host_keys` and `packet_budget`.

use super::algorithms::is_open_to_truncation;
use super::disconnect_cause::DisconnectCause;
use super::host_keys::HostKeyCheck;
use super::packet_budget::{PacketBudget, Violation};
use super::shell_start::{Refusal, ShellStart};
use super::{SshEvent, SshEvents};
use crate::error::HostKeyProblem;
use crate::message::{Exit, SignalName};
use russh::client::{ChannelOpenHandle, DisconnectReason, Handler, Msg, Session};
use russh::keys::{Algorithm, PublicKeyOrCertificate};
use russh::{Channel, ChannelId, ChannelOpenFailure, Names, Sig};
use send_wrapper::SendWrapper;
use std::cell::RefCell;
use std::rc::Rc;

/// Bytes of an exit message that are passed on; a longer one is cut, and the cut is marked.
const MAX_EXIT_MESSAGE: usize = 4 * 1024;

/// Error of a callback, with which russh ends the connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandlerError {
    #[error(transparent)]
    Russh(#[from] russh::Error),
    #[error(transparent)]
    HostKey(#[from] HostKeyProblem),
    #[error("the SSH server broke a rule: {0}")]
    Violation(Violation),
    #[error(
        "the agreed algorithms need strict key exchange, which the SSH server does not support"
    )]
    NotStrict,
}

/// Algorithm of the host key that both sides agreed on, once they have.
pub(super) type AgreedHostKey = Rc<RefCell<Option<Algorithm>>>;

/// russh wants `Send`; the wrapped parts stay on the shard (see `stream`).
pub(super) struct SessionHandler {
    pub(super) events: SendWrapper<Rc<dyn SshEvents>>,
    pub(super) host_keys: HostKeyCheck,
    pub(super) budget: SendWrapper<Rc<PacketBudget>>,
    pub(super) disconnect_cause: SendWrapper<Rc<DisconnectCause>>,
    pub(super) start: SendWrapper<Rc<ShellStart>>,
    /// Algorithm with which the host had to sign the first key exchange; `None` before that is
    /// over.
    pub(super) host_key: SendWrapper<AgreedHostKey>,
    /// Refuses algorithms that need strict key exchange where there is none.
    pub(super) needs_strict: bool,
    /// An exit status or signal was passed on. Further ones are dropped, so that none of them wait
    /// for the session.
    pub(super) exit_seen: bool,
}

impl SessionHandler {
    fn output(&self, data: &[u8]) -> Result<(), HandlerError> {
        self.budget
            .note_output(data.len())
            .map_err(HandlerError::Violation)?;
        if !data.is_empty() {
            self.start.note_output();
            self.events.output(data);
        }
        Ok(())
    }

    /// Reports the end of the process; the first report counts.
    fn note_exit(&mut self, exit: Exit) {
        self.start.note_exit();
        if !std::mem::replace(&mut self.exit_seen, true) {
            self.events.event(SshEvent::Exit(exit));
        }
    }

    fn note_reply(&self, success: bool) {
        if let Some(refusal) = self.start.note_reply(success) {
            self.events.event(match refusal {
                Refusal::Terminal => SshEvent::NoTerminal,
                Refusal::Shell => SshEvent::StartRefused,
            });
        }
    }
}

impl Drop for SessionHandler {
    /// Reports the end of the connection: russh drops its handler with its session loop, however
    /// that ends.
    fn drop(&mut self) {
        self.start.note_lost();
        self.events.event(match self.budget.violation() {
            Some(rule) => SshEvent::Misbehaved(rule),
            None => SshEvent::Disconnected(self.disconnect_cause.cause()),
        });
    }
}

impl Handler for SessionHandler {
    type Error = HandlerError;

    async fn auth_banner(&mut self, banner: &str, _: &mut Session) -> Result<(), Self::Error> {
        self.budget
            .note_banner(banner.len())
            .map_err(HandlerError::Violation)?;
        self.events.event(SshEvent::Banner(banner.to_owned()));
        Ok(())
    }

    async fn check_server_key(
        &mut self,
        presented: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        match presented {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                self.host_keys.check(key, &self.events).await?;
            }
            PublicKeyOrCertificate::Certificate(certificate) => {
                self.host_keys.check_certificate(certificate)?;
            }
        }
        Ok(true)
    }

    async fn data(
        &mut self,
        _: ChannelId,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.output(data)
    }

    async fn extended_data(
        &mut self,
        _: ChannelId,
        _: u32,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.output(data)
    }

    async fn kex_done(
        &mut self,
        _: Option<&[u8]>,
        names: &Names,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.host_key.borrow().is_some() {
            return self.budget.note_rekey().map_err(HandlerError::Violation);
        }
        if is_open_to_truncation(names) {
            if self.needs_strict {
                return Err(HandlerError::NotStrict);
            }
            tracing::warn!(
                "the target has no strict key exchange (CVE-2023-48795), and is connected to because of \
                 ssh.legacy_algorithms; update its SSH server"
            );
        }
        self.host_key.replace(Some(names.key.clone()));
        Ok(())
    }

    async fn channel_eof(&mut self, _: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.budget.note_end_of_output();
        Ok(())
    }

    async fn channel_success(&mut self, _: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.note_reply(true);
        Ok(())
    }

    async fn channel_failure(&mut self, _: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.note_reply(false);
        Ok(())
    }

    async fn exit_status(
        &mut self,
        _: ChannelId,
        status: u32,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.note_exit(Exit {
            status: Some(status),
            ..Exit::default()
        });
        Ok(())
    }

    async fn exit_signal(
        &mut self,
        _: ChannelId,
        signal: Sig,
        core_dumped: bool,
        message: &str,
        _: &str,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.note_exit(Exit {
            status: None,
            signal: Some(SignalName::from_remote(signal_name(&signal))),
            core_dumped,
            message: crate::message::cut(message, MAX_EXIT_MESSAGE),
        });
        Ok(())
    }

    async fn channel_open_failure(
        &mut self,
        _: ChannelId,
        _: ChannelOpenFailure,
        text: &str,
        _: &str,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.disconnect_cause.note_refusal(text);
        Ok(())
    }

    async fn channel_close(&mut self, _: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.start.note_close();
        self.events.event(SshEvent::ChannelClosed);
        Ok(())
    }

    /// Returns the error, which the connection's handle then resolves to.
    async fn disconnected(
        &mut self,
        reason: DisconnectReason<Self::Error>,
    ) -> Result<(), Self::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                self.disconnect_cause.note_disconnect(&info)
            }
            DisconnectReason::Error(error) => {
                tracing::debug!(%error, "the SSH connection ended");
                if let HandlerError::Russh(error) = &error {
                    self.disconnect_cause.note_error(error);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    // russh's defaults accept channels that a server opens.

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reject(reply).await
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reject(reply).await
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reject(reply).await
    }

    async fn server_channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reject(reply).await
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reject(reply).await
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reject(reply).await
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reject(reply).await
    }

    async fn should_accept_unknown_server_channel(&mut self, _: ChannelId, _: &str) -> bool {
        false
    }
}

async fn reject(reply: ChannelOpenHandle) -> Result<(), HandlerError> {
    reply
        .reject(ChannelOpenFailure::AdministrativelyProhibited)
        .await;
    Ok(())
}

/// Returns the name on the wire; russh's own conversion is private.
fn signal_name(signal: &Sig) -> &str {
    match signal {
        Sig::ABRT => "ABRT",
        Sig::ALRM => "ALRM",
        Sig::FPE => "FPE",
        Sig::HUP => "HUP",
        Sig::ILL => "ILL",
        Sig::INT => "INT",
        Sig::KILL => "KILL",
        Sig::PIPE => "PIPE",
        Sig::QUIT => "QUIT",
        Sig::SEGV => "SEGV",
        Sig::TERM => "TERM",
        Sig::USR1 => "USR1",
        Sig::Custom(name) => name,
    }
}
