//! SSH authentication (RFC 4252, RFC 4256): "none" first, whose refusal tells what the server
//! takes, as OpenSSH's client does; then certificate, key, agent, password, keyboard-interactive, in
//! this order, as far as the server and the rules let each on. What a server does not take it is
//! not shown. How one method is tried is in `attempts` and `interactive`.

use super::SshEvents;
use super::handler::{HandlerError, SessionHandler};
use super::keys::Identity;
use super::ledger::Ledger;
use crate::config::{AuthMethod, AuthMethods};
use crate::error::SessionError;
use crate::message::Credentials;
use russh::client::Handle;
use russh::{MethodKind, MethodSet};
use std::path::PathBuf;

/// Steps of authentication a server may ask for in a row, "none" among them.
/// RFC 4252 sets no bound; OpenSSH gives up after six attempts.
const MAX_STEPS: usize = 17;
/// What a login may use, beside what the client brings.
#[derive(Debug, Clone, Default)]
pub struct LoginRules {
    /// The methods that may be tried.
    pub methods: AuthMethods,
    /// Socket of an ssh-agent whose keys are tried as well.
    pub agent_socket: Option<PathBuf>,
}

/// What to try next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Certificate,
    Key,
    Agent,
    Password,
    Interactive,
    None,
}

impl Method {
    /// As the audit log names it.
    fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Key => "publickey",
            Self::Agent => "agent",
            Self::Password => "password",
            Self::Interactive => "keyboard-interactive",
            Self::None => "none",
        }
    }

    fn kind(self) -> MethodKind {
        match self {
            Self::Certificate | Self::Key | Self::Agent => MethodKind::PublicKey,
            Self::Password => MethodKind::Password,
            Self::Interactive => MethodKind::KeyboardInteractive,
            Self::None => MethodKind::None,
        }
    }

    /// "none" asks the server what it wants; it shows nothing.
    fn is_allowed(self, methods: &AuthMethods) -> bool {
        match self {
            Self::Certificate | Self::Key | Self::Agent => methods.allow(AuthMethod::Publickey),
            Self::Password => methods.allow(AuthMethod::Password),
            Self::Interactive => methods.allow(AuthMethod::KeyboardInteractive),
            Self::None => true,
        }
    }
}

/// What one method brought.
pub(super) enum Outcome {
    LoggedIn,
    Refused {
        remaining: MethodSet,
        partial: bool,
    },
    /// There was nothing to try.
    Skipped,
    /// The connection ended instead of an answer.
    Ended,
}

pub(super) struct Login<'a> {
    pub(super) handle: &'a mut Handle<SessionHandler>,
    pub(super) ledger: &'a Ledger,
    pub(super) credentials: Credentials,
    pub(super) identity: Option<Identity>,
    pub(super) rules: LoginRules,
    pub(super) can_ask: bool,
    pub(super) rounds: usize,
    pub(super) prompt_bytes: usize,
    /// The password answered a hidden prompt already, or was a factor itself.
    pub(super) password_used: bool,
    /// The server was shown something it could refuse.
    pub(super) shown: bool,
    /// Not to be offered again: taken as one factor of several, or wrong.
    spent: Vec<Method>,
    pub(super) events: &'a dyn SshEvents,
}

/// Logs in, or says why not. Returns the methods the server accepted, in
/// their order.
///
/// # Errors
/// `LoginFailed` if the server refused what there was to offer, `CannotAsk` if
/// it asks what this client cannot be asked, `PasswordExpired`,
/// `ConnectionLost` if it went away before it was shown anything,
/// `AgentUnavailable`, `CryptoBusy`, `ServerMisbehaved`.
pub(super) async fn login(
    handle: &mut Handle<SessionHandler>,
    ledger: &Ledger,
    mut credentials: Credentials,
    identity: Option<Identity>,
    rules: LoginRules,
    can_ask: bool,
    events: &dyn SshEvents,
) -> Result<Vec<&'static str>, SessionError> {
    // An optional credential that is empty was not brought.
    let password = credentials.password.take();
    credentials.password = password.filter(|password| !password.expose().is_empty());
    let login = Login {
        handle,
        ledger,
        credentials,
        identity,
        rules,
        can_ask,
        rounds: 0,
        prompt_bytes: 0,
        password_used: false,
        shown: false,
        spent: Vec::new(),
        events,
    };
    login.run().await
}

impl Login<'_> {
    async fn run(mut self) -> Result<Vec<&'static str>, SessionError> {
        let mut accepted = Vec::new();
        let mut pending = vec![Method::None];
        let mut refused_any = false;
        for _ in 0..MAX_STEPS {
            let Some(method) = pending.first().copied() else {
                break;
            };
            pending.remove(0);
            match self.attempt(method).await? {
                Outcome::LoggedIn => {
                    accepted.push(method.name());
                    return Ok(accepted);
                }
                Outcome::Skipped => {}
                Outcome::Ended => return Err(self.why_it_ended(refused_any).await),
                Outcome::Refused { remaining, partial } => {
                    if method == Method::None || partial {
                        // What was refused so far may only have been out of
                        // turn (RFC 4252 section 5.1).
                        pending = self.methods();
                    }
                    if partial {
                        accepted.push(method.name());
                    }
                    refused_any |= method != Method::None;
                    self.spend(method, &remaining, partial);
                    let spent = &self.spent;
                    pending.retain(|m| remaining.contains(&m.kind()) && !spent.contains(m));
                }
            }
        }
        Err(SessionError::LoginFailed)
    }

    /// russh says that no method remains, and ends, both when the server says so and when the
    /// connection is over. Its last word tells which it was.
    ///
    /// Servers that count attempts end the connection instead of refusing the last one: OpenSSH
    /// with a DISCONNECT, Dropbear without a word. So an end that answers a credential refuses it,
    /// while one that comes before any was shown, and a connection that breaks, may be tried again.
    async fn why_it_ended(self, refused_any: bool) -> SessionError {
        match self.handle.await {
            // DISCONNECT.
            Ok(()) | Err(HandlerError::Russh(russh::Error::NoAuthMethod)) => {
                SessionError::LoginFailed
            }
            Err(HandlerError::Russh(error)) if self.shown && is_end_of_stream(&error) => {
                SessionError::LoginFailed
            }
            Err(HandlerError::Russh(error)) if refused_any && is_reset(&error) => {
                SessionError::LoginFailed
            }
            _ => SessionError::ConnectionLost,
        }
    }

    /// Notes what is not to be offered again after this refusal.
    fn spend(&mut self, method: Method, remaining: &MethodSet, partial: bool) {
        match method {
            // Another round may ask for something else.
            Method::Interactive => {}
            _ if partial => {
                // One factor is hardly the next as well. Whoever can be asked
                // is; for the others it is the only answer there is.
                self.password_used |= method == Method::Password && self.can_ask;
                self.spent.push(method);
            }
            // Where passwords are taken, this one is wrong, and as wrong in a
            // prompt. Asking the user again would not be the login they sent.
            Method::Password if remaining.contains(&MethodKind::Password) => {
                self.spent.extend([Method::Password, Method::Interactive]);
            }
            _ => {}
        }
    }

    /// Returns the methods that can be offered, in the order of the protocol page.
    fn methods(&self) -> Vec<Method> {
        let identity = self.identity.as_ref();
        let offers = [
            (
                Method::Certificate,
                identity.is_some_and(|identity| identity.certificate.is_some()),
            ),
            (Method::Key, identity.is_some()),
            (Method::Agent, self.rules.agent_socket.is_some()),
            (Method::Password, self.credentials.password.is_some()),
            (Method::Interactive, true),
        ];
        offers
            .into_iter()
            .filter(|(method, offered)| *offered && method.is_allowed(&self.rules.methods))
            .map(|(method, _)| method)
            .collect()
    }

    async fn attempt(&mut self, method: Method) -> Result<Outcome, SessionError> {
        let user = self.credentials.username.clone();
        // Answers wait for a person: the connection may have ended long before.
        self.shown |= !matches!(method, Method::None | Method::Interactive);
        match method {
            Method::None => self.none(user).await,
            Method::Certificate => self.certificate(user).await,
            Method::Key => self.key(user).await,
            Method::Agent => self.agent(user).await,
            Method::Password => self.password(user).await,
            Method::Interactive => self.interactive(user).await,
        }
    }
}

/// Returns whether the server closed the connection, other than by resetting it.
fn is_end_of_stream(error: &russh::Error) -> bool {
    match error {
        russh::Error::Disconnect => true,
        russh::Error::IO(error) => error.kind() == std::io::ErrorKind::UnexpectedEof,
        _ => false,
    }
}

/// Returns whether the server closed the connection with data of ours unread.
fn is_reset(error: &russh::Error) -> bool {
    matches!(error, russh::Error::IO(error) if error.kind() == std::io::ErrorKind::ConnectionReset)
}
