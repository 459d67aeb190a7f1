//! The server as clients see it, over its real socket: russh's client here, programs there.

mod connection;
mod flow;
mod shell;

use super::{EmbeddedServer, USER};
use crate::tools::demo::program::Program;
use russh::client::{self, Handle, Msg};
use russh::keys::{PublicKey, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, ChannelReadHalf, Sig};
use std::sync::Arc;
use std::time::Duration;

/// A client that trusts one key, as the bridge will.
struct Pinned(PublicKey);

impl client::Handler for Pinned {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        Ok(match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => *key == self.0,
            _ => false,
        })
    }
}

/// Columns and rows of a terminal whose size does not matter.
const SIZE: [u32; 2] = [80, 24];

/// Everything in these tests waits for events; this only turns a hang into a failure.
async fn within<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, future).await.expect("a hang")
}

fn program() -> Program {
    let env = [
        ("SHELL", "/bin/sh"),
        ("PATH", "/usr/bin:/bin"),
        ("HOME", "/"),
    ];
    let env = env.map(|(name, value)| (name.into(), value.into()));
    Program::choose(None, env).unwrap()
}

fn server() -> EmbeddedServer {
    // Programs inherit a signal that is ignored, as by `nohup cargo test`, but none that is handled
    // as in `sshard demo`.
    signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::default()).unwrap();
    EmbeddedServer::start(program()).unwrap()
}

async fn connect(server: &EmbeddedServer) -> Handle<Pinned> {
    let handler = Pinned(server.server.host_key.clone());
    let config = Arc::new(client::Config::default());
    within(client::connect(config, server.server.address, handler))
        .await
        .unwrap()
}

async fn logged_in() -> (EmbeddedServer, Handle<Pinned>) {
    let server = server();
    let client = login(&server).await;
    (server, client)
}

async fn login(server: &EmbeddedServer) -> Handle<Pinned> {
    let mut client = connect(server).await;
    let result = client.authenticate_password(USER, server.password());
    assert!(within(result).await.unwrap().success());
    client
}

/// All a channel said until its close.
#[derive(Default)]
struct Transcript {
    output: Vec<u8>,
    errors: Vec<u8>,
    status: Option<u32>,
    signal: Option<Sig>,
}

impl Transcript {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.output).unwrap()
    }

    /// Reads on until the channel closes.
    async fn read_on(mut self, channel: &mut Channel<Msg>) -> Self {
        while let Some(message) = within(channel.wait()).await {
            self.take(message);
        }
        self
    }

    /// Reads on until the output ends in `end`, and forgets the output then.
    async fn until(&mut self, channel: &mut Channel<Msg>, end: &str) -> String {
        while !self.output.ends_with(end.as_bytes()) {
            let message = within(channel.wait()).await;
            let so_far = String::from_utf8_lossy(&self.output);
            self.take(message.unwrap_or_else(|| panic!("closed after {so_far:?}")));
        }
        String::from_utf8(std::mem::take(&mut self.output)).unwrap()
    }

    fn take(&mut self, message: ChannelMsg) {
        match message {
            ChannelMsg::Data { data } => self.output.extend_from_slice(&data),
            ChannelMsg::ExtendedData { data, ext: 1 } => self.errors.extend_from_slice(&data),
            ChannelMsg::ExitStatus { exit_status } => self.status = Some(exit_status),
            ChannelMsg::ExitSignal { signal_name, .. } => self.signal = Some(signal_name),
            ChannelMsg::Failure => panic!("a request was refused"),
            _ => {}
        }
    }
}

async fn exec(client: &Handle<Pinned>, command: &str) -> Transcript {
    let mut channel = within(client.channel_open_session()).await.unwrap();
    channel.exec(true, command).await.unwrap();
    Transcript::default().read_on(&mut channel).await
}

async fn open_shell(client: &Handle<Pinned>) -> Channel<Msg> {
    let channel = open_pty(client, SIZE).await;
    channel.request_shell(true).await.unwrap();
    channel
}

async fn open_pty(client: &Handle<Pinned>, [columns, rows]: [u32; 2]) -> Channel<Msg> {
    let channel = within(client.channel_open_session()).await.unwrap();
    let term = "xterm-256color";
    let requested = channel.request_pty(true, term, columns, rows, 0, 0, &[]);
    requested.await.unwrap();
    channel
}

/// Sends all of `input` and EOF while it reads, and returns what was read.
async fn exchange(channel: Channel<Msg>, input: Vec<u8>) -> Transcript {
    let (read, write) = channel.split();
    let send = async {
        write.data_bytes(input).await.unwrap();
        write.eof().await.unwrap();
    };
    within(async { tokio::join!(send, read_all(read)).1 }).await
}

async fn read_all(mut read: ChannelReadHalf) -> Transcript {
    let mut transcript = Transcript::default();
    while let Some(message) = within(read.wait()).await {
        transcript.take(message);
    }
    transcript
}
