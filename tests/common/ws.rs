//! A blocking WebSocket client of the bridge. It checks no order of messages: tests do.

use super::raw::Answer;
use super::timed::Timed;
use super::{DEADLINE, tls};
use futures_rustls::rustls::ClientConfig;
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::HandshakeError;
use tungstenite::http::{HeaderName, HeaderValue};
use tungstenite::{Error, Message, WebSocket};

/// Number of last events in the panic of a failed wait.
const SHOWN: usize = 40;

/// Options of a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Subprotocol that is offered; `None` for the compatible dialect.
    pub(crate) subprotocol: Option<&'static str>,
    /// Headers in place of the usual ones: `Origin`, `Host` and so on.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// TLS, with the trust of this configuration.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Local address to connect from.
    pub(crate) source: Option<IpAddr>,
    /// SO_RCVBUF in bytes, where the system's default would hide that nothing is read.
    pub(crate) receive_buffer: Option<usize>,
}

impl Options {
    pub(crate) fn v1() -> Self {
        Self {
            subprotocol: Some("sshard.v1"),
            ..Self::default()
        }
    }

    pub(crate) fn compatible() -> Self {
        Self::default()
    }

    pub(crate) fn tls(mut self, config: &Arc<ClientConfig>) -> Self {
        self.tls = Some(Arc::clone(config));
        self
    }

    pub(crate) fn from(mut self, source: &str) -> Self {
        self.source = Some(source.parse().unwrap());
        self
    }

    pub(crate) fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// Event of the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    Json(Value),
    Output(Vec<u8>),
    /// A close frame; code 1005 when it had none.
    Close(u16, String),
    /// The connection ended, and not by a close frame just now.
    Reset,
}

pub(crate) struct Client {
    socket: WebSocket<Timed>,
    /// Output that `wait_type` and similar calls passed over, and that `output_until` has read.
    pub(crate) output: Vec<u8>,
    seen: Vec<String>,
}

impl Client {
    /// Connects to `path` and expects the upgrade.
    pub(crate) fn connect(addr: SocketAddr, path: &str, options: &Options) -> Self {
        Self::try_connect(addr, path, options)
            .unwrap_or_else(|refused| panic!("{path} was refused: {refused:?}"))
    }

    /// Connects to `path`; an HTTP answer other than the upgrade is the error, with that part of
    /// the body that came with the head.
    pub(crate) fn try_connect(
        addr: SocketAddr,
        path: &str,
        options: &Options,
    ) -> Result<Self, Answer> {
        let tcp = connect_tcp(addr, options);
        let mut request = format!("ws://{addr}{path}").into_client_request().unwrap();
        let offer = options
            .subprotocol
            .map(|name| ("Sec-WebSocket-Protocol", name.to_owned()));
        for (name, value) in options.headers.iter().cloned().chain(offer) {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            let value = HeaderValue::from_str(&value).unwrap();
            request.headers_mut().insert(name, value);
        }
        let stream = Timed {
            tcp,
            tls: options.tls.as_ref().map(|config| tls::client(config, addr)),
            until: Instant::now() + DEADLINE,
        };
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Self {
                socket,
                output: Vec::new(),
                seen: Vec::new(),
            }),
            Err(HandshakeError::Failure(Error::Http(response))) => {
                let headers = response.headers().iter();
                Err(Answer {
                    status: response.status().as_u16(),
                    headers: headers
                        .map(|(name, value)| {
                            let value = String::from_utf8_lossy(value.as_bytes());
                            (name.to_string(), value.into_owned())
                        })
                        .collect(),
                    body: response
                        .body()
                        .as_deref()
                        .map(|body| String::from_utf8_lossy(body).into_owned())
                        .unwrap_or_default(),
                })
            }
            Err(other) => panic!("the upgrade of {path} failed: {other}"),
        }
    }

    /// The certificate the server showed.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        let tls = self.socket.get_ref().tls.as_ref().unwrap();
        tls.peer_certificates().unwrap()[0].to_vec()
    }

    /// The socket below, for a test that stops reading, resets or half-closes.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.socket.get_ref().tcp
    }

    pub(crate) fn send(&mut self, message: Message) {
        self.try_send(message)
            .unwrap_or_else(|error| self.fail(&format!("could not send: {error}")));
    }

    /// Sends; an error when the server is gone, or takes nothing until the deadline.
    pub(crate) fn try_send(&mut self, message: Message) -> Result<(), Error> {
        self.socket.get_mut().until = Instant::now() + DEADLINE;
        self.socket.send(message)
    }

    pub(crate) fn send_json(&mut self, value: &Value) {
        self.send_text(&value.to_string());
    }

    pub(crate) fn send_text(&mut self, text: &str) {
        self.send(Message::text(text));
    }

    pub(crate) fn send_binary(&mut self, bytes: &[u8]) {
        self.send(Message::binary(bytes.to_vec()));
    }

    /// The next event; pings are answered on the way.
    pub(crate) fn recv(&mut self) -> Event {
        self.recv_within(DEADLINE)
            .unwrap_or_else(|| self.fail("nothing came"))
    }

    /// The next event; None when `deadline` passes first.
    pub(crate) fn recv_within(&mut self, deadline: Duration) -> Option<Event> {
        self.socket.get_mut().until = Instant::now() + deadline;
        loop {
            let event = match self.socket.read() {
                Ok(Message::Text(text)) => match serde_json::from_str(text.as_str()) {
                    Ok(value) => Event::Json(value),
                    Err(error) => self.fail(&format!("text is no JSON ({error}): {text}")),
                },
                Ok(Message::Binary(bytes)) => Event::Output(bytes.to_vec()),
                Ok(Message::Close(frame)) => {
                    // Our half of the closing handshake; the server may not wait for it.
                    let _ = self.socket.flush();
                    frame.map_or(Event::Close(1005, String::new()), |frame| {
                        Event::Close(frame.code.into(), frame.reason.as_str().to_owned())
                    })
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => continue,
                Err(Error::Io(error)) if is_timeout(&error) => return None,
                Err(Error::Io(_) | Error::ConnectionClosed | Error::AlreadyClosed) => Event::Reset,
                Err(Error::Protocol(
                    tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                )) => Event::Reset,
                Err(error) => self.fail(&format!("the server broke the protocol: {error}")),
            };
            self.note(&event);
            return Some(event);
        }
    }

    /// The next JSON message of this type; output on the way is kept, other messages passed over.
    /// The end of the connection is a failure.
    pub(crate) fn wait_type(&mut self, kind: &str) -> Value {
        let until = Instant::now() + DEADLINE;
        loop {
            match self.recv_until(until, kind) {
                Event::Json(value) if value["type"] == kind => return value,
                Event::Json(_) => {}
                Event::Output(bytes) => self.output.extend(bytes),
                Event::Close(..) | Event::Reset => self.fail(&format!("no {kind:?} came")),
            }
        }
    }

    /// All output kept so far, as text, once it holds `pattern`. Clears what was kept.
    pub(crate) fn output_until(&mut self, pattern: &str) -> String {
        let until = Instant::now() + DEADLINE;
        loop {
            let text = String::from_utf8_lossy(&self.output);
            if text.contains(pattern) {
                let text = text.into_owned();
                self.output.clear();
                return text;
            }
            match self.recv_until(until, pattern) {
                Event::Json(_) => {}
                Event::Output(bytes) => self.output.extend(bytes),
                Event::Close(..) | Event::Reset => self.fail(&format!("no {pattern:?} came")),
            }
        }
    }

    /// Reads until `total` bytes of output are kept. Nothing else comes on the way.
    pub(crate) fn read_output(&mut self, total: usize) {
        while self.output.len() < total {
            match self.recv() {
                Event::Output(bytes) => self.output.extend(bytes),
                other => self.fail(&format!("{other:?} in place of output")),
            }
        }
    }

    /// The next event is `error`, which is returned; then come the close frame with `close` and the
    /// error's text, as far as it fits, and the end.
    pub(crate) fn expect_error(&mut self, close: u16, about: &str) -> Value {
        let error = match self.recv() {
            Event::Json(error) if error["type"] == "error" => error,
            other => self.fail(&format!("{about}: {other:?} in place of an error")),
        };
        let Event::Close(code, reason) = self.recv() else {
            self.fail(&format!("{about}: no close frame"));
        };
        let message = error["message"].as_str().unwrap();
        // What does not fit into a close frame is cut.
        let cut = reason.strip_suffix(" [cut]");
        let whole = message == reason || cut.is_some_and(|start| message.starts_with(start));
        assert!(
            code == close && whole,
            "{about}: {code} {reason:?} after {error}"
        );
        assert_eq!(self.recv(), Event::Reset, "{about}");
        error
    }

    /// Code and reason of the close frame, after everything before it; output is kept.
    pub(crate) fn until_close(&mut self) -> (u16, String) {
        let until = Instant::now() + DEADLINE;
        loop {
            match self.recv_until(until, "a close frame") {
                Event::Json(_) => {}
                Event::Output(bytes) => self.output.extend(bytes),
                Event::Close(code, reason) => return (code, reason),
                Event::Reset => self.fail("the connection ended without a close frame"),
            }
        }
    }

    /// `hello`, then `auth` with user and password, then `ready`, which is returned.
    pub(crate) fn login_v1(&mut self, user: &str, password: &str) -> Value {
        self.auth_v1(&json!({ "username": user, "password": password }));
        self.wait_type("ready")
    }

    /// `hello`, which is returned, then `auth` with these fields.
    pub(crate) fn auth_v1(&mut self, fields: &Value) -> Value {
        let hello = self.wait_type("hello");
        let mut auth = fields.clone();
        auth["type"] = "auth".into();
        self.send_json(&auth);
        hello
    }

    /// The compatible dialect's first message.
    pub(crate) fn login_compatible(&mut self, user: &str, password: &str) {
        self.send_json(&json!({ "username": user, "password": password }));
    }

    /// Answers a question, which is a `prompt`.
    pub(crate) fn answer(&mut self, prompt: &Value, answers: &[&str]) {
        self.send_json(&json!({ "type": "answer", "id": prompt["id"], "answers": answers }));
    }

    /// Answers a question, which is a `host_key`.
    pub(crate) fn answer_host_key(&mut self, question: &Value, accept: bool) {
        let id = &question["id"];
        self.send_json(&json!({ "type": "host_key_answer", "id": id, "accept": accept }));
    }

    fn recv_until(&mut self, until: Instant, wanted: &str) -> Event {
        let left = until.saturating_duration_since(Instant::now());
        self.recv_within(left)
            .unwrap_or_else(|| self.fail(&format!("waited for {wanted:?}")))
    }

    fn note(&mut self, event: &Event) {
        let text = match event {
            Event::Output(bytes) => {
                let start = &bytes[..bytes.len().min(120)];
                format!("Output({} bytes) {}", bytes.len(), start.escape_ascii())
            }
            other => format!("{other:?}"),
        };
        if self.seen.len() == SHOWN {
            self.seen.remove(0);
        }
        self.seen.push(text);
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{what}; the last events were:\n{}", self.seen.join("\n"));
    }
}

/// A message for [`Client::try_send`].
pub(crate) fn text(value: &Value) -> Message {
    Message::text(value.to_string())
}

pub(super) fn connect_tcp(addr: SocketAddr, options: &Options) -> TcpStream {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).unwrap();
    if let Some(source) = options.source {
        socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    }
    if let Some(bytes) = options.receive_buffer {
        // Before the connection is made: the window's scale is settled then.
        socket.set_recv_buffer_size(bytes).unwrap();
    }
    socket.connect_timeout(&addr.into(), DEADLINE).unwrap();
    socket.set_tcp_nodelay(true).unwrap();
    socket.into()
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
