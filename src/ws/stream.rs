//! The client's connection below HTTP and the WebSocket: plain or TLS.

use super::socket::CountingSocket;
use bytes::Bytes;
use futures_lite::io::{AsyncRead, AsyncWrite};
use futures_rustls::rustls::ServerConnection;
use futures_rustls::server::TlsStream;
use socket2::Socket;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A client's connection, ready for HTTP.
pub enum ClientStream {
    /// Without TLS.
    Plain(CountingSocket),
    /// With it; boxed, so that a plain one stays small.
    Tls(Box<TlsStream<CountingSocket>>),
}

/// TLS of a connection on which the handshake is over, apart from its socket. It stays in this
/// process: rustls gives no secrets away.
pub struct TlsState(pub(super) Box<ServerConnection>);

impl ClientStream {
    /// Takes the connection off this thread: its descriptor, bytes that were read and given back,
    /// and the state of its TLS, if it has any. [`super::Tls::resume`] continues with it.
    pub fn into_parts(self) -> (Socket, Bytes, Option<TlsState>) {
        match self {
            Self::Plain(socket) => {
                let (socket, unread) = socket.into_parts();
                (socket, unread, None)
            }
            Self::Tls(stream) => {
                let (socket, session) = stream.into_inner();
                let (socket, unread) = socket.into_parts();
                // Bytes given back are fewer than the handshake takes in one read.
                debug_assert!(unread.is_empty(), "bytes below TLS are lost");
                (socket, Bytes::new(), Some(TlsState(Box::new(session))))
            }
        }
    }

    /// The socket, below TLS.
    pub(super) fn socket(&self) -> &CountingSocket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    pub(super) fn socket_mut(&mut self) -> &mut CountingSocket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_mut().0,
        }
    }

    /// Returns whether it is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write_vectored(cx, bufs),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    /// Sends close_notify before the FIN, with TLS.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_close(cx),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_close(cx),
        }
    }
}
