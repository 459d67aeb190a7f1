//! Limits that change while sessions run, and limits per client.

use crate::common::fixture::path_to;
use crate::common::{Admin, Bridge, Options, Raw, ScriptedSsh, SshScript};
use crate::site::{By, Site};
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

fn with_limits(all: u32, per_host: u32) -> String {
    format!(
        "targets.allow = [\"ALLOW\"]\nssh.host_key_policy = \"off\"\n\
         limits = {{ max_connections = {all}, max_connections_per_host = {per_host} }}\n"
    )
}

#[test]
fn a_lowered_limit_ends_no_session_and_admits_none_until_there_is_room() {
    for by in [By::Signal, By::Request] {
        for (lowered, code) in [((2, 2), "limit"), ((5, 2), "target-limit")] {
            let site = Site::new(&with_limits(5, 5));
            let mut clients: Vec<_> = (0..4).map(|_| site.ready()).collect();
            site.reload(&with_limits(lowered.0, lowered.1), by);
            assert_eq!(site.admin.stat("max_connections"), u64::from(lowered.0));
            assert_eq!(site.admin.stat("max_per_host"), u64::from(lowered.1));
            for client in &mut clients {
                site.works(client);
            }
            site.refuses(code, 1013);
            // Four to two: still no room. To one: there is.
            clients.truncate(2);
            site.admin.wait_sessions(2);
            site.refuses(code, 1013);
            clients.truncate(1);
            site.admin.wait_sessions(1);
            clients.push(site.ready());
            site.refuses(code, 1013);
            site.reload(&with_limits(5, 5), by);
            clients.push(site.ready());
            assert_eq!(site.admin.stat("connections"), 3);
        }
    }
}

#[test]
fn a_limit_raised_above_that_of_the_start_admits_as_many() {
    let site = Site::new(&with_limits(1, 1));
    let mut clients = vec![site.ready()];
    site.refuses("limit", 1013);
    site.reload(&with_limits(3, 3), By::Signal);
    clients.extend((0..2).map(|_| site.ready()));
    site.refuses("limit", 1013);
    assert_eq!(site.admin.stat("connections"), 3);
    clients.iter_mut().for_each(|client| site.works(client));
}

/// Sends an upgrade request from this local address and returns the status.
fn upgrade_from(source: &str, bridge: SocketAddr, path: &str) -> (u16, TcpStream) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let source: SocketAddr = format!("{source}:0").parse().unwrap();
    socket.bind(&source.into()).unwrap();
    socket.connect(&bridge.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream
        .set_read_timeout(Some(crate::common::DEADLINE))
        .unwrap();
    let request = crate::common::raw::upgrade_request(bridge, path);
    let request = format!("{request}Sec-WebSocket-Protocol: sshard.v1\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    let status = std::str::from_utf8(&status[9..]).unwrap();
    (status.parse().unwrap(), stream)
}

#[test]
fn one_client_cannot_use_up_the_limit_of_others() {
    let ssh = ScriptedSsh::start(SshScript::default());
    let target = ssh.addr().to_string();
    let mut args = vec!["--shards", "2", "--allow", &target];
    args.extend(["--set", "limits.max_connections_per_client=2"]);
    let bridge = Bridge::start(&args, &[]);
    let admin = Admin::of(&bridge);
    let path = path_to(ssh.addr());
    let from = |source| upgrade_from(source, bridge.addr(), &path);
    let first = [from("127.0.0.2"), from("127.0.0.2")];
    assert!(first.iter().all(|(status, _)| *status == 101));
    assert_eq!(from("127.0.0.2").0, 503);
    let other = from("127.0.0.3");
    assert_eq!(other.0, 101);
    drop(first);
    admin.wait_sessions(1);
    assert_eq!(from("127.0.0.2").0, 101);
}

#[test]
fn the_limit_per_client_is_off_by_default() {
    let site = Site::new(&with_limits(100, 100));
    let path = path_to(site.ssh.addr());
    let held: Vec<Raw> = (0..40)
        .map(|_| Raw::upgrade(site.bridge.addr(), &path, &Options::v1()))
        .collect();
    assert_eq!(site.admin.stat("unauthenticated"), held.len() as u64);
}
