//! Listener, bounds and deadline, over real sockets. Handlers are tested by their users.

use super::*;
use std::io::Read;
use std::net::{Ipv4Addr, TcpStream as Client};

struct RefuseAll;

impl Handler for RefuseAll {
    type Error = russh::Error;
}

const READ_TIMEOUT: Duration = Duration::from_secs(30);

fn server(max_connections: usize, login_timeout: Option<Duration>) -> Server {
    server_at(Ipv4Addr::LOCALHOST, max_connections, login_timeout)
}

fn server_at(address: Ipv4Addr, max_connections: usize, login_timeout: Option<Duration>) -> Server {
    let listener = listen((address, 0).into(), 16).unwrap();
    let config = config(host_key(&[7; 32]), &[MethodKind::Password]);
    let options = Options {
        name: "test",
        threads: 1,
        max_connections,
        login_timeout,
    };
    Server::start(listener, config, options, |_| RefuseAll).unwrap()
}

fn connect(server: &Server) -> Client {
    let client = Client::connect(server.address).unwrap();
    client.set_read_timeout(Some(READ_TIMEOUT)).unwrap();
    client
}

/// Waits for the first byte, which says that the connection is served.
fn wait_served(client: &mut Client) {
    client.read_exact(&mut [0]).unwrap();
}

#[test]
fn the_known_hosts_line_names_the_port() {
    let server = server(1, None);
    let start = format!("[127.0.0.1]:{} ssh-ed25519 AAAA", server.address.port());
    assert!(server.known_hosts().unwrap().starts_with(&start));
}

#[test]
fn connections_above_the_bound_wait_for_a_slot() {
    let server = server(2, None);
    let mut clients = [connect(&server), connect(&server)];
    clients.iter_mut().for_each(wait_served);
    let mut third = connect(&server);
    third
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    assert!(third.read(&mut [0]).is_err(), "not served yet");
    assert_eq!((server.open(), server.total()), (2, 2));
    third.set_read_timeout(Some(READ_TIMEOUT)).unwrap();
    drop(clients);
    wait_served(&mut third);
    assert_eq!(server.total(), 3);
}

#[test]
fn a_connection_without_a_login_is_closed_at_the_deadline() {
    let server = server(1, Some(Duration::from_millis(20)));
    let mut said = Vec::new();
    connect(&server).read_to_end(&mut said).unwrap();
    assert!(said.starts_with(b"SSH-2.0-"), "{said:?}");
}

#[test]
fn dropping_the_server_ends_listener_and_connections() {
    // An address of its own, so that nothing else listens on the port once it is free.
    let server = server_at(Ipv4Addr::new(127, 0, 0, 87), 1, None);
    let address = server.address;
    let mut client = connect(&server);
    wait_served(&mut client);
    drop(server);
    let ended = client.read_to_end(&mut Vec::new());
    assert!(ended.is_ok() || ended.is_err_and(|e| e.kind() == io::ErrorKind::ConnectionReset));
    assert!(Client::connect(address).is_err());
}
