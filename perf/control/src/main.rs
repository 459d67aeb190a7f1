//! The control of the measurements: the plainest bridge there can be on tokio's multi-thread
//! runtime, a task per session, with sshard's russh, tungstenite and cipher. Both dialects' least:
//! login, bytes both ways, resize, exit. No host keys, limits, deadlines; loopback alone, on a free
//! port that it prints.

use async_tungstenite::WebSocketStream;
use async_tungstenite::tokio::{TokioAdapter, accept_hdr_async_with_config};
use async_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};
use futures_util::StreamExt;
use russh::client::{self, AuthResult, Handle, Msg};
use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};
use russh::{Channel, ChannelMsg, Preferred, cipher};
use std::{borrow::Cow, num::NonZeroUsize, sync::Arc};
use tokio::net::{TcpListener, TcpStream};

const PROTOCOL: &str = "sec-websocket-protocol";
const HELLO: &str = r#"{"type":"hello","version":1,"features":[]}"#;
const READY: &str = r#"{"type":"ready","session":"0","input_window":65536}"#;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The plain tokio bridge that sshard is measured against.
#[derive(clap::Parser)]
struct Options {
    /// Worker threads of the runtime.
    #[arg(long, default_value = "1")]
    threads: NonZeroUsize,
}

#[derive(serde::Deserialize)]
struct Auth {
    username: String,
    password: Option<String>,
    private_key: Option<String>,
    command: Option<String>,
}

#[derive(serde::Deserialize)]
struct Resize {
    cols: u32,
    rows: u32,
}

struct AnyHostKey;

impl client::Handler for AnyHostKey {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

/// From the path to a running shell. The handle keeps the connection.
async fn start(path: &str, auth: Auth) -> Result<(Handle<AnyHostKey>, Channel<Msg>), Failure> {
    let mut preferred = Preferred::DEFAULT;
    preferred.cipher = Cow::Borrowed(&[cipher::AES_256_GCM]);
    let config = client::Config {
        preferred,
        nodelay: true,
        ..client::Config::default()
    };
    let address = path.trim_start_matches("/ws/").replace('/', ":");
    let mut handle = client::connect(Arc::new(config), address, AnyHostKey).await?;
    let (user, password) = (auth.username, auth.password.unwrap_or_default());
    let accepted = if let Some(pem) = auth.private_key {
        let key = PrivateKeyWithHashAlg::new(Arc::new(decode_secret_key(&pem, None)?), None);
        handle.authenticate_publickey(user, key).await?
    } else {
        handle.authenticate_password(user, password).await?
    };
    if !matches!(accepted, AuthResult::Success) {
        return Err("the login was refused".into());
    }
    let channel = handle.channel_open_session().await?;
    let pty = channel.request_pty(false, "xterm-256color", 80, 24, 0, 0, &[]);
    pty.await?;
    match auth.command {
        Some(command) => channel.exec(false, command).await?,
        None => channel.request_shell(false).await?,
    }
    Ok((handle, channel))
}

/// Bytes both ways until either side ends. The exit status (0 if the server told none), or None
/// when it was the client that closed.
async fn relay(
    ws: &mut WebSocketStream<TokioAdapter<TcpStream>>,
    ssh: &mut Channel<Msg>,
    v1: bool,
) -> Result<Option<u32>, Failure> {
    let mut status = 0;
    loop {
        tokio::select! {
            message = ws.next() => match message.transpose()? {
                Some(Message::Binary(input)) => ssh.data_bytes(input).await?,
                Some(Message::Text(text)) => match serde_json::from_str::<Resize>(&text) {
                    Ok(size) => ssh.window_change(size.cols, size.rows, 0, 0).await?,
                    Err(_) if v1 => {}
                    Err(_) => ssh.data_bytes(text).await?,
                },
                None | Some(Message::Close(_)) => return Ok(None),
                Some(_) => {}
            },
            message = ssh.wait() => match message {
                Some(ChannelMsg::Data { data }) => ws.send(Message::Binary(data)).await?,
                Some(ChannelMsg::ExitStatus { exit_status }) => status = exit_status,
                None => return Ok(Some(status)),
                Some(_) => {}
            },
        }
    }
}

#[expect(clippy::result_large_err, reason = "tungstenite's own type")]
async fn session(socket: TcpStream) -> Result<(), Failure> {
    socket.set_nodelay(true)?;
    let (mut path, mut v1) = (String::new(), false);
    let upgrade = |request: &Request, mut reply: Response| -> Result<Response, ErrorResponse> {
        request.uri().path().clone_into(&mut path);
        if let Some(offer) = request.headers().get(PROTOCOL) {
            v1 = true;
            reply.headers_mut().insert(PROTOCOL, offer.clone());
        }
        Ok(reply)
    };
    // As sshard has it: tungstenite zeroes the buffer up front, and takes 128 KiB by default.
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let mut ws = accept_hdr_async_with_config(socket, upgrade, Some(config)).await?;
    if v1 {
        ws.send(Message::text(HELLO)).await?;
    }
    let first = ws.next().await.ok_or("gone before `auth`")??;
    let auth = serde_json::from_slice(&first.into_data())?;
    let (_handle, mut channel) = start(&path, auth).await?;
    if v1 {
        ws.send(Message::text(READY)).await?;
    }
    if let Some(status) = relay(&mut ws, &mut channel, v1).await? {
        if v1 {
            let exit = format!(r#"{{"type":"exit","status":{status},"core_dumped":false}}"#);
            ws.send(Message::text(exit)).await?;
        }
        let (code, reason) = (CloseCode::Normal, format!("exit={status}").into());
        ws.close(Some(CloseFrame { code, reason })).await?;
    }
    // Until both closes are through: tungstenite sends its answer to the client's when it is read
    // on.
    while let Some(Ok(_)) = ws.next().await {}
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "plain tokio is the point")]
async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(error) = session(socket).await {
                eprintln!("a session failed: {error}");
            }
        });
    }
}

fn main() -> Result<(), Failure> {
    let Options { threads } = clap::Parser::parse();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(threads.get()).enable_all();
    runtime.build()?.block_on(serve())
}
