//! I/O of an attachment: texts and pings to the client, and the closing of its WebSocket.

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

    /// Notes the bytes that wait unread: while the client's messages are not read, its pong shows only there.
    pub(in crate::bridge) fn look_at_unread(&mut self) {
        if let Some(bytes) = self.socket.unread_bytes() {
            self.note_unread(bytes);
        }
    }

    /// Sends one text. To be called when the socket is ready.
    pub(in crate::bridge) fn send_text(&mut self, cx: &mut Context<'_>, message: &ServerMessage) {
        if let Some(text) = self.processor.encode(message) {
            self.socket.send_text(cx, &text);
        }
    }

    /// Sends the texts and the ping that wait, as far as the socket takes them. Control text goes before output.
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

    /// Closes the WebSocket: the last texts, the close frame, the end of our direction, in that order. Ready once the
    /// client has closed, too. The caller reads what it sends until then, and bounds the wait.
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
            // A browser reports the end when TCP ends: it is not to wait for the SSH side, nor for the linger clock.
            let _ = self.socket.poll_shutdown(cx);
        }
        if self.done && (flushed || self.close_sent) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Closes a client's WebSocket without its session, within `limit`: the shell runs on, or serves another client.
    pub async fn close_alone(mut self, code: u16, reason: String, limit: Duration) {
        let closed = poll_fn(|cx| {
            self.flush_texts(cx);
            let _ = self.poll_end(cx);
            self.poll_close(cx, code, &reason)
        });
        closed.or(runtime::sleep(limit)).await;
    }

    /// Sends the close frame, if the socket takes it, and ends our direction: nothing else of the session is trusted.
    pub(in crate::bridge) fn close_now(&mut self, cx: &mut Context<'_>, code: u16, reason: &str) {
        self.socket.send_close(code, reason);
        let _ = self.socket.poll_flush(cx);
        let _ = self.socket.poll_shutdown(cx);
    }

    /// Reads what nobody looks at any more, to the end of the client's direction.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.done {
            let event = ready!(self.socket.poll_recv(cx));
            self.done = matches!(event, WsEvent::Closed { .. } | WsEvent::Gone);
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

    /// A text frame of the server, and its close frame.
    fn frames(text: &str, close: &[u8]) -> Vec<u8> {
        let head = |first: u8, bytes: &[u8]| {
            [&[first, u8::try_from(bytes.len()).unwrap()], bytes].concat()
        };
        [head(0x81, text.as_bytes()), head(0x88, close)].concat()
    }

    #[test]
    fn a_client_is_closed_without_its_session_and_gets_what_waits_for_it() {
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
                // Far away, if it is not needed.
                let limit = if answers { 3600 } else { 0 };
                let limit = Duration::from_secs(limit) + Duration::from_millis(50);
                client.close_alone(4001, "moved".to_owned(), limit).await;
                let seen = sees.join().unwrap();
                let text = r#"{"type":"notice","kind":"no-terminal"}"#;
                assert!(
                    seen.starts_with(&frames(text, &[])[..text.len() + 2]),
                    "{seen:?}"
                );
                if !answers {
                    assert_eq!(seen, frames(text, b"\x0f\xa1moved"));
                }
            });
        }
    }
}
