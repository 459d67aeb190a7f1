//! Login with the keys of an ssh-agent on this host (draft-miller-ssh-agent): the socket, and the
//! choice of keys; the protocol is russh's. Has no deadline: the login's ends a wait for an agent
//! that hangs.

use super::handler::SessionHandler;
use super::keys::SignError;
use crate::error::SessionError;
use crate::runtime::Stream;
use crate::runtime::tokio_io::{AsyncRead, AsyncWrite, ReadBuf};
use futures_lite::io::{AsyncRead as FuturesRead, AsyncWrite as FuturesWrite};
use russh::client::Handle;
use russh::keys::HashAlg;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use send_wrapper::SendWrapper;
use socket2::{Domain, SockAddr, Type};
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Most keys that are offered to a server: OpenSSH's sshd ends a connection after six attempts.
const MAX_KEYS: usize = 5;

/// Connection to an agent. Dropping it closes the connection.
pub(super) struct Agent {
    client: AgentClient<Socket>,
    /// Keys to try.
    pub(super) identities: std::vec::IntoIter<AgentIdentity>,
}

impl Agent {
    /// Connects to the agent at `path` for the connection of `handle`, and asks for its keys.
    ///
    /// # Errors
    /// `AgentUnavailable`; the log says why.
    pub(super) async fn connect(
        path: &Path,
        handle: &Handle<SessionHandler>,
    ) -> Result<Self, SessionError> {
        let unavailable = |error: &dyn std::fmt::Display| {
            tracing::error!(
                socket = %path.display(),
                %error,
                "the ssh-agent cannot be used; check that it runs, and that the bridge may open its socket"
            );
            SessionError::AgentUnavailable
        };
        let socket = connect(path).map_err(|error| unavailable(&error))?;
        let mut client = AgentClient::connect(Socket(SendWrapper::new(socket)));
        if let Some(binding) = handle.agent_session_binding() {
            // For keys that are restricted to destinations. An agent that does not support these
            // replies with a failure.
            match client.bind_session(binding, false).await {
                Ok(()) | Err(russh::keys::Error::AgentFailure) => {}
                Err(error) => return Err(unavailable(&error)),
            }
        }
        let identities = client.request_identities().await;
        let mut identities = identities.map_err(|error| unavailable(&error))?;
        identities.truncate(MAX_KEYS);
        Ok(Self {
            client,
            identities: identities.into_iter(),
        })
    }
}

impl russh::Signer for Agent {
    type Error = SignError;

    async fn auth_sign(
        &mut self,
        identity: &AgentIdentity,
        hash: Option<HashAlg>,
        request: Vec<u8>,
    ) -> Result<Vec<u8>, SignError> {
        let signed = self.client.sign_request(identity, hash, request).await;
        signed.map_err(|error| SignError::Agent(error.to_string()))
    }
}

/// Connects without waiting: an agent whose queue is full is an error (connect(2), EAGAIN).
fn connect(path: &Path) -> io::Result<Stream> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = socket2::Socket::new(Domain::UNIX, kind, None)?;
    socket.connect(&SockAddr::unix(path)?)?;
    Stream::new(socket)
}

/// Socket of the agent with tokio's I/O traits, which russh needs. `stream` says why the wrapper is
/// sound.
struct Socket(SendWrapper<Stream>);

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut *self.0).poll_read(cx, buf.initialize_unfilled());
        let count = ready!(read)?;
        buf.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_close(cx)
    }
}
