//! Login, bounds, and the end of the server.

use super::{EmbeddedServer, ServerOptions};
use super::{builtin_server, connect, exec, login, within};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn only_the_right_user_and_password_get_in() {
    let server = builtin_server();
    assert!(server.address().ip().is_loopback());
    let (user, password) = (server.user(), server.password());
    let wrong = format!("{password}x");
    let table = [
        (user, password, true),
        (user, wrong.as_str(), false),
        (user, "", false),
        ("root", password, false),
    ];
    for (user, password, expected) in table {
        let mut client = connect(&server).await;
        let result = client.authenticate_password(user, password);
        assert_eq!(within(result).await.unwrap().success(), expected, "{user}");
    }
    let none = connect(&server).await.authenticate_none(user).await;
    assert!(!none.unwrap().success());
}

#[tokio::test]
async fn servers_have_keys_and_passwords_of_their_own() {
    let (one, two) = (builtin_server(), builtin_server());
    assert_ne!(one.host_key(), two.host_key());
    assert_ne!(one.password(), two.password());
}

#[tokio::test]
async fn a_client_that_does_not_log_in_is_disconnected() {
    let options = ServerOptions::default();
    let server = EmbeddedServer::start_with(options, Duration::from_millis(20)).unwrap();
    let mut silent = TcpStream::connect(server.address()).await.unwrap();
    let mut said = Vec::new();
    within(silent.read_to_end(&mut said)).await.unwrap();
    assert_eq!(said, b"SSH-2.0-sshard_demo\r\n");
    // During the key exchange or after it, whichever the client got to.
    let handler = super::Pinned(server.host_key().clone());
    let config = std::sync::Arc::new(russh::client::Config::default());
    let client = russh::client::connect(config, server.address(), handler);
    if let Ok(mut client) = within(client).await {
        let _ = within(&mut client).await;
        assert!(client.is_closed());
    }
}

#[tokio::test]
async fn connections_above_the_limit_are_closed_and_places_come_back() {
    let server = builtin_server();
    let mut streams = Vec::new();
    for _ in 0..super::super::MAX_CONNECTIONS {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        // Its first byte says that it has a place.
        within(stream.read_u8()).await.unwrap();
        streams.push(stream);
    }
    let mut refused = TcpStream::connect(server.address()).await.unwrap();
    assert_eq!(within(refused.read(&mut [0])).await.unwrap(), 0);
    drop(streams);
    // A place is free as soon as the server has seen one of them go.
    loop {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        if within(stream.read(&mut [0])).await.is_ok_and(|n| n == 1) {
            break;
        }
    }
}

#[tokio::test]
async fn channels_one_after_the_other_are_not_limited_but_at_once_they_are() {
    let server = builtin_server();
    let client = login(&server).await;
    for _ in 0..25 {
        assert_eq!(exec(&client, "echo").await.status, Some(0));
    }
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(within(client.channel_open_session()).await.unwrap());
    }
    assert!(within(client.channel_open_session()).await.is_err());
}

#[tokio::test]
async fn a_channel_runs_one_program() {
    let server = builtin_server();
    let client = login(&server).await;
    let mut channel = client.channel_open_session().await.unwrap();
    channel.request_shell(true).await.unwrap();
    channel.exec(true, "echo no").await.unwrap();
    let mut answers = Vec::new();
    while answers.len() < 2 {
        answers.push(within(channel.wait()).await.unwrap());
    }
    assert!(matches!(answers[0], russh::ChannelMsg::Success));
    assert!(matches!(answers[1], russh::ChannelMsg::Failure));
}

#[tokio::test]
async fn dropping_the_server_ends_its_connections() {
    let server = builtin_server();
    let address = server.address();
    let mut client = login(&server).await;
    let mut channel = client.channel_open_session().await.unwrap();
    channel.exec(true, "count 100000000000").await.unwrap();
    within(channel.wait()).await.unwrap();
    drop(server);
    assert!(TcpStream::connect(address).await.is_err());
    // The session ends, however much of the count is still on its way.
    let drain = async { while channel.wait().await.is_some() {} };
    within(drain).await;
    let _ = within(&mut client).await;
    assert!(client.is_closed());
}
