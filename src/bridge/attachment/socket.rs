//! I/O of an attachment: sends texts and pings, and closes the WebSocket. Does not read messages:
//! the session does.

use super::{Attachment, SocketState};
use crate::bridge::queue;
use crate::message::ServerMessage;
use crate::runtime;
use crate::ws::{WsConnection, WsEvent};
use futures_lite::FutureExt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

impl Attachment<WsConnection> {
    /// State of the socket.
    pub(in crate::bridge) fn socket_state(&self) -> SocketState {
        SocketState {
            blocked: self.socket.is_blocked(),
            written: self.socket.bytes_written(),
        }
    }

    /// Sends one text. The socket must be ready.
    pub(in crate::bridge) fn send_text(&mut self, cx: &mut Context<'_>, message: &ServerMessage) {
        if let Some(text) = self.processor.encode(message) {
            self.socket.send_text(cx, &text);
        }
    }

    /// Sends queued texts and the ping, as far as the socket takes them. Texts go before output.
    pub(in crate::bridge) fn flush_texts(&mut self, cx: &mut Context<'_>) {
        while !self.texts.is_empty() && self.socket.poll_ready(cx).is_ready() {
            if let Some(message) = queue::next(&mut self.texts) {
                self.send_text(cx, &message);
            }
        }
        if let Some(number) = self.ping
            && self.texts.is_empty()
            && self.socket.poll_ready(cx).is_ready()
        {
            self.ping = None;
            self.socket.send_ping(number);
        }
        let _ = self.socket.poll_flush(cx);
    }

    /// Closes the WebSocket: the last texts, the close frame, the end of our direction, in that
    /// order. Ready once the client has closed, too. The caller reads until then, and bounds the
    /// wait.
    pub(in crate::bridge) fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        code: u16,
        reason: &str,
    ) -> Poll<()> {
        if !self.close_sent && self.texts.is_empty() && self.socket.poll_ready(cx).is_ready() {
            self.socket.send_close(code, reason);
            self.close_sent = true;
        }
        let flushed = self.socket.poll_flush(cx).is_ready();
        if self.close_sent && flushed {
            // A browser reports the close when TCP ends: that must not wait for the SSH side or the
            // linger timer.
            let _ = self.socket.poll_shutdown(cx);
        }
        if self.read_closed && (flushed || self.close_sent) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Closes a client's WebSocket without its session, within `limit`: the shell is kept, or
    /// serves another client. Reserved for session resume.
    pub async fn close_alone(mut self, code: u16, reason: String, limit: Duration) {
        let closed = poll_fn(|cx| {
            self.flush_texts(cx);
            let _ = self.poll_discard(cx);
            self.poll_close(cx, code, &reason)
        });
        closed.or(runtime::sleep(limit)).await;
    }

    /// Sends the close frame, if the socket takes it, and ends our direction. For a session whose
    /// other state is not trusted.
    pub(in crate::bridge) fn close_now(&mut self, cx: &mut Context<'_>, code: u16, reason: &str) {
        self.socket.send_close(code, reason);
        let _ = self.socket.poll_flush(cx);
        let _ = self.socket.poll_shutdown(cx);
    }

    /// Reads and discards up to the end of the client's direction.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.read_closed {
            let event = ready!(self.socket.poll_recv(cx));
            self.read_closed = matches!(event, WsEvent::Closed { .. } | WsEvent::Gone);
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed assertion is a failed test")]

    use super::*;
    use crate::message::{Dialect, NoticeKind};
    use crate::runtime::Stream;
    use crate::runtime::tests::{on_a_shard, pair};
    use crate::ws::{ClientStream, CountingSocket};
    use std::io::{Read, Write};

    /// A short frame of the server.
    fn frame(first: u8, bytes: &[u8]) -> Vec<u8> {
        [&[first, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    #[test]
    fn close_alone_sends_the_queued_texts_and_the_close_frame() {
        for answers in [true, false] {
            on_a_shard(move || async move {
                let (socket, mut peer) = pair();
                let socket = CountingSocket::new(Stream::new(socket).unwrap());
                let socket = ClientStream::Plain(socket);
                let ws = WsConnection::new(socket, Vec::new(), 65536, false).await;
                let mut client = Attachment::new(ws, Dialect::V1, 0);
                client.send(ServerMessage::notice(NoticeKind::NoTerminal));
                let sees = std::thread::spawn(move || {
                    if answers {
                        // A masked close frame without a code.
                        peer.write_all(&[0x88, 0x80, 0, 0, 0, 0]).unwrap();
                    }
                    let mut all = Vec::new();
                    peer.read_to_end(&mut all).unwrap();
                    all
                });
                // Not reached if the client answers.
                let limit = if answers { 3600 } else { 0 };
                let limit = Duration::from_secs(limit) + Duration::from_millis(50);
                client.close_alone(4001, "moved".to_owned(), limit).await;
                let seen = sees.join().unwrap();
                let text = frame(0x81, br#"{"type":"notice","kind":"no-terminal"}"#);
                assert!(seen.starts_with(&text), "{seen:?}");
                if !answers {
                    assert_eq!(seen[text.len()..], frame(0x88, b"\x0f\xa1moved"));
                }
            });
        }
    }
}
