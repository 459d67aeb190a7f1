//! Login, bounds, and the end of the server.

use super::EmbeddedServer;
use super::{USER, connect, exec, logged_in, program, server, within};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn only_the_right_user_and_password_get_in() {
    let server = server();
    assert!(server.server.address.ip().is_loopback());
    let (user, password) = (USER, server.password());
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
    let (one, two) = (server(), server());
    assert_ne!(one.server.host_key, two.server.host_key);
    assert_ne!(one.password(), two.password());
    assert_ne!(one.link_password(), two.link_password());
}

#[tokio::test]
async fn a_client_that_does_not_log_in_is_disconnected() {
    let server = EmbeddedServer::start_with(program(), Duration::from_millis(20)).unwrap();
    let mut silent = TcpStream::connect(server.server.address).await.unwrap();
    let mut said = Vec::new();
    within(silent.read_to_end(&mut said)).await.unwrap();
    assert_eq!(said, b"SSH-2.0-sshard_demo\r\n");
    // During the key exchange or after it, whichever the client got to.
    let handler = super::Pinned(server.server.host_key.clone());
    let config = std::sync::Arc::new(russh::client::Config::default());
    let client = russh::client::connect(config, server.server.address, handler);
    if let Ok(mut client) = within(client).await {
        let _ = within(&mut client).await;
        assert!(client.is_closed());
    }
}

#[tokio::test]
async fn channels_one_after_the_other_are_not_limited_but_one_at_a_time() {
    let (_server, client) = logged_in().await;
    for _ in 0..25 {
        assert_eq!(exec(&client, "echo").await.status, Some(0));
    }
    let _open = within(client.channel_open_session()).await.unwrap();
    assert!(within(client.channel_open_session()).await.is_err());
}

#[tokio::test]
async fn a_channel_runs_one_program() {
    let (_server, client) = logged_in().await;
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
    let (server, mut client) = logged_in().await;
    let mut channel = client.channel_open_session().await.unwrap();
    channel.exec(true, "yes").await.unwrap();
    within(channel.wait()).await.unwrap();
    drop(server);
    // The session ends, however much of the count is still on its way.
    let drain = async { while channel.wait().await.is_some() {} };
    within(drain).await;
    let _ = within(&mut client).await;
    assert!(client.is_closed());
}
