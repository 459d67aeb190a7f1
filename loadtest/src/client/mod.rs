//! One session through the bridge: a WebSocket in either dialect, from the connection to its end.

mod event;
mod target;

pub(crate) use event::unexpected;
pub use event::{Event, Failure};
pub use target::{BadUrl, Dialect, Target};

use bytes::Bytes;
use event::{event, parse, told};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Read at a time, bytes. Per session, so not the library's 128 KiB.
const READ_BUFFER: usize = 4 * 1024;
/// For sessions that take bulk output.
const BULK_READ_BUFFER: usize = 64 * 1024;
/// A byte that a compatible client sends to see by its echo that the shell is up.
const PROBE: &str = ".";

/// A session that is up.
#[derive(Debug)]
pub struct Session {
    socket: WebSocketStream<TcpStream>,
    dialect: Dialect,
    acks: Option<Acks>,
    /// Input that may be unacknowledged; u64::MAX in the compatible dialect.
    pub input_window: u64,
    /// From the TCP connection to `ready`.
    pub set_up: Duration,
    /// Bytes of output that came before it was known to be ready: in the compatible dialect the
    /// first output is what tells.
    pub early: usize,
}

#[derive(Debug)]
struct Acks {
    window: u64,
    consumed: u64,
    told: u64,
}

impl Session {
    /// Connects, logs in, and waits until the session can be used.
    ///
    /// # Errors
    /// Whatever came in the way.
    pub async fn open(target: &Target, index: usize) -> Result<Self, Failure> {
        let began = Instant::now();
        let until = tokio::time::Instant::from_std(began + target.deadline);
        let mut session = timeout_at(until, Self::upgrade(target, index))
            .await
            .map_err(|_| Failure::new("timeout", "no upgrade"))??;
        timeout_at(until, session.log_in(target))
            .await
            .map_err(|_| Failure::new("timeout", "never ready"))??;
        session.set_up = began.elapsed();
        Ok(session)
    }

    async fn upgrade(target: &Target, index: usize) -> Result<Self, Failure> {
        let tcp = target::connect(target, index).await.map_err(|error| {
            Failure::new(format!("connect-{:?}", error.kind()), error.to_string())
        })?;
        let url = format!("ws://{}{}", target.bridge, target.path);
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
                told: 0,
            }),
            input_window: u64::MAX,
            set_up: Duration::ZERO,
            early: 0,
        })
    }

    async fn log_in(&mut self, target: &Target) -> Result<(), Failure> {
        self.text(target.auth().to_string()).await?;
        if self.dialect == Dialect::Compatible {
            if !target.echoes {
                return Ok(());
            }
            // In a message of its own: not every bridge takes the bytes behind the object for input.
            self.text(PROBE.to_owned()).await?;
            return match self.next().await? {
                Event::Output(bytes) => {
                    self.early = bytes.len();
                    Ok(())
                }
                other => Err(unexpected(&other)),
            };
        }
        loop {
            let Some(message) = self.socket.next().await else {
                return Err(Failure::new("reset", "before ready"));
            };
            match message? {
                Message::Text(text) => {
                    let value = parse(text.as_str())?;
                    match value.get("type").and_then(Value::as_str) {
                        Some("ready") => {
                            let window = value.get("input_window").and_then(Value::as_u64);
                            self.input_window = window.unwrap_or(u64::MAX);
                            return Ok(());
                        }
                        Some("error") => return Err(told(&value)),
                        Some("prompt" | "host_key") => {
                            let asked = "this tool only answers with a password";
                            return Err(Failure::new("asked", asked));
                        }
                        _ => {}
                    }
                }
                message @ Message::Close(_) => return Err(unexpected(&event(message)?)),
                _ => {}
            }
        }
    }

    /// The next event; pings are answered on the way. May be cancelled.
    ///
    /// # Errors
    /// An `error` of the bridge, a connection that ended without a close, nonsense.
    pub async fn next(&mut self) -> Result<Event, Failure> {
        receive(&mut self.socket).await
    }

    /// Says that so many bytes of output have been used. Not to be cancelled.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn consumed(&mut self, bytes: usize) -> Result<(), Failure> {
        let Some(acks) = &mut self.acks else {
            return Ok(());
        };
        acks.consumed = acks.consumed.saturating_add(bytes as u64);
        if acks.consumed.saturating_sub(acks.told) < acks.window / 4 {
            return Ok(());
        }
        acks.told = acks.consumed;
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

    /// Tells a size of the window.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn resize(&mut self, cols: u16, rows: u16) -> Result<(), Failure> {
        let word = match self.dialect {
            Dialect::V1 => "type",
            Dialect::Compatible => "action",
        };
        let resize = json!({ word: "resize", "cols": cols, "rows": rows });
        self.text(resize.to_string()).await
    }

    /// Closes, and waits for the other side's close.
    ///
    /// # Errors
    /// When there is none within `deadline`.
    pub async fn close(mut self, deadline: Duration) -> Result<(), Failure> {
        let closing = async {
            self.socket.close(None).await?;
            // What was on its way is passed over.
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

    /// The two directions apart, for input that must not wait for output. No acks are sent.
    pub fn split(
        self,
    ) -> (
        impl Sink<Message, Error = Error> + Unpin,
        Incoming<impl Stream<Item = Result<Message, Error>> + Unpin>,
    ) {
        let (output, input) = self.socket.split();
        (output, Incoming(input))
    }

    async fn text(&mut self, text: String) -> Result<(), Failure> {
        Ok(self.socket.send(Message::text(text)).await?)
    }
}

/// The receiving direction of a session.
#[derive(Debug)]
pub struct Incoming<S>(S);

impl<S: Stream<Item = Result<Message, Error>> + Unpin> Incoming<S> {
    /// As [`Session::next`].
    ///
    /// # Errors
    /// As [`Session::next`].
    pub async fn next(&mut self) -> Result<Event, Failure> {
        receive(&mut self.0).await
    }
}

async fn receive(
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
