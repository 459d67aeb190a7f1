//! Client of one session through the bridge: a WebSocket in either dialect, from connect to close.

mod event;
mod target;

pub(crate) use event::unexpected;
pub use event::{Event, Failure};
pub use target::{BadUrl, Dialect, Target, Url};

use bytes::Bytes;
use event::event;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Read buffer of a session, in bytes; the library's default is 128 KiB.
const READ_BUFFER: usize = 4 * 1024;
/// Read buffer of sessions with bulk output, in bytes.
const BULK_READ_BUFFER: usize = 64 * 1024;
/// Byte that a compatible client sends to detect the shell by its echo.
const PROBE: &str = ".";

/// Session that is ready.
#[derive(Debug)]
pub struct Session {
    socket: WebSocketStream<TcpStream>,
    dialect: Dialect,
    acks: Option<Acks>,
    /// Largest amount of unacknowledged input; u64::MAX in the compatible dialect.
    pub input_window: u64,
    /// Time from the TCP connection to `ready`.
    pub set_up: Duration,
    /// Bytes of output received before the session was ready: in the compatible dialect the first
    /// output shows that it is.
    pub early_output: usize,
}

#[derive(Debug)]
struct Acks {
    window: u64,
    consumed: u64,
    acknowledged: u64,
}

impl Session {
    /// Connects, logs in, and waits until the session can be used.
    ///
    /// # Errors
    /// When any step fails.
    pub async fn open(target: &Target, index: usize) -> Result<Self, Failure> {
        let began = Instant::now();
        let until = tokio::time::Instant::from_std(began + target.deadline);
        let mut session = timeout_at(until, Self::upgrade(target, index))
            .await
            .map_err(|_| Failure::new("timeout", "no upgrade within the deadline"))??;
        timeout_at(until, session.log_in(target))
            .await
            .map_err(|_| Failure::new("timeout", "not ready within the deadline"))??;
        session.set_up = began.elapsed();
        Ok(session)
    }

    async fn upgrade(target: &Target, index: usize) -> Result<Self, Failure> {
        let tcp = target::connect(target, index).await.map_err(|error| {
            // The words of the kind, such as `connection refused`.
            let kind = error.kind().to_string().replace(' ', "-");
            Failure::new(format!("connect-{kind}"), error.to_string())
        })?;
        let url = format!("ws://{}{}", target.url.bridge, target.url.path);
        let mut request = url.into_client_request()?;
        if target.dialect == Dialect::V1 {
            let offer = HeaderValue::from_static("sshard.v1");
            request
                .headers_mut()
                .insert("Sec-WebSocket-Protocol", offer);
        }
        let buffer = if target.bulk {
            BULK_READ_BUFFER
        } else {
            READ_BUFFER
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(buffer)
            .write_buffer_size(0);
        let (socket, _) = client_async_with_config(request, tcp, Some(config)).await?;
        Ok(Self {
            socket,
            dialect: target.dialect,
            acks: target.flow_window.map(|window| Acks {
                window,
                consumed: 0,
                acknowledged: 0,
            }),
            input_window: u64::MAX,
            set_up: Duration::ZERO,
            early_output: 0,
        })
    }

    async fn log_in(&mut self, target: &Target) -> Result<(), Failure> {
        self.text(target.auth().to_string()).await?;
        if self.dialect == Dialect::Compatible {
            // In a message of its own: not every bridge takes the bytes behind the object for
            // input.
            self.text(PROBE.to_owned()).await?;
            return match self.next().await? {
                Event::Output(bytes) => {
                    self.early_output = bytes.len();
                    Ok(())
                }
                other => Err(unexpected(&other)),
            };
        }
        loop {
            match self.next().await? {
                Event::Ready(window) => {
                    self.input_window = window;
                    return Ok(());
                }
                end @ (Event::Close(..) | Event::Exit(_)) => return Err(unexpected(&end)),
                _ => {}
            }
        }
    }

    /// Receives the next event; answers pings. Cancel-safe.
    ///
    /// # Errors
    /// An `error` of the bridge, a connection that ended without a close, a malformed message.
    pub async fn next(&mut self) -> Result<Event, Failure> {
        receive(&mut self.socket).await
    }

    /// Counts consumed output, and acknowledges it per quarter window. Not cancel-safe.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn consumed(&mut self, bytes: usize) -> Result<(), Failure> {
        let Some(acks) = &mut self.acks else {
            return Ok(());
        };
        acks.consumed = acks.consumed.saturating_add(bytes as u64);
        if acks.consumed.saturating_sub(acks.acknowledged) < acks.window / 4 {
            return Ok(());
        }
        acks.acknowledged = acks.consumed;
        let ack = json!({ "type": "ack", "bytes": acks.consumed });
        self.text(ack.to_string()).await
    }

    /// Sends input.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, input: Bytes) -> Result<(), Failure> {
        Ok(self.socket.send(Message::Binary(input)).await?)
    }

    /// Sends a size of the terminal.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn resize(&mut self, cols: u16, rows: u16) -> Result<(), Failure> {
        let key = match self.dialect {
            Dialect::V1 => "type",
            Dialect::Compatible => "action",
        };
        let resize = json!({ key: "resize", "cols": cols, "rows": rows });
        self.text(resize.to_string()).await
    }

    /// Sends a close frame, and waits for the bridge's.
    ///
    /// # Errors
    /// When there is none within `deadline`.
    pub async fn close(mut self, deadline: Duration) -> Result<(), Failure> {
        let closing = async {
            self.socket.close(None).await?;
            // Messages in flight are discarded.
            while let Some(message) = self.socket.next().await {
                match message {
                    Ok(_) => {}
                    Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        match tokio::time::timeout(deadline, closing).await {
            Ok(closed) => Ok(closed?),
            Err(_) => Err(Failure::new("timeout", "no answer to a close")),
        }
    }

    /// Splits the two directions, so that input does not wait for output. No acks are sent.
    pub fn split(
        self,
    ) -> (
        impl Sink<Message, Error = Error> + Unpin,
        impl Stream<Item = Result<Message, Error>> + Unpin,
    ) {
        self.socket.split()
    }

    async fn text(&mut self, text: String) -> Result<(), Failure> {
        Ok(self.socket.send(Message::text(text)).await?)
    }
}

/// Receives as [`Session::next`] does, from the input of [`Session::split`].
pub(crate) async fn receive(
    socket: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
) -> Result<Event, Failure> {
    match socket.next().await {
        Some(message) => event(message?),
        None => Err(Failure::new(
            "reset",
            "the connection ended without a close",
        )),
    }
}

#[cfg(test)]
mod tests;
