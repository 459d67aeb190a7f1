//! `server.proxy_protocol`: the client's address from a proxy's header.

use super::common::raw::{Raw, exchange};
use super::common::tls::{Files, Pair, client, trusting};
use super::common::{Admin, Bridge, DEADLINE, run_line, wait_until};
use super::upgrade;
use futures_rustls::rustls::Stream;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A header that names the client 192.0.2.7.
const HEADER: &[u8] = b"PROXY TCP4 192.0.2.7 127.0.0.2 51234 443\r\n";

const LISTEN: [&str; 4] = ["--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0"];

/// A bridge whose second listener is for proxies.
fn bridge(settings: &[&str]) -> Bridge {
    let mut args = vec!["serve", "--shards", "2", "--allow", "127.0.0.1:1"];
    args.extend(LISTEN);
    args.extend(["--log-level", "debug"]);
    args.extend(["--set", "server.proxy_protocol=127.0.0.2:0"]);
    args.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
    Bridge::command(&args, &[])
}

/// A session whose connection began with these bytes.
fn session(addr: SocketAddr, header: &[u8]) -> Raw {
    let mut raw = Raw::connect(addr);
    raw.send(&[header, upgrade(addr).as_bytes()].concat());
    let answer = raw.answer();
    assert_eq!(answer.status, 101, "{answer:?}");
    assert_eq!(raw.text()["type"], "hello");
    raw
}

/// The client of the only session.
fn only_client(admin: &Admin) -> String {
    let sessions = admin.sessions();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    sessions[0]["client_ip"].as_str().unwrap().to_owned()
}

fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [
        b"\r\n\r\n\0\r\nQUIT\n",
        &[command, family][..],
        &length,
        block,
    ]
    .concat()
}

#[test]
fn the_client_address_is_that_of_the_header() {
    let bridge = bridge(&[]);
    let admin = Admin::of(&bridge);
    let block = [192, 0, 2, 9, 127, 0, 0, 2, 0xc8, 0x22, 1, 0xbb];
    let mut block_6 = "2001:db8::9"
        .parse::<std::net::Ipv6Addr>()
        .unwrap()
        .octets()
        .to_vec();
    block_6.extend([0; 16]);
    block_6.extend([0xc8, 0x22, 1, 0xbb]);
    for (header, client) in [
        (HEADER.to_vec(), "192.0.2.7"),
        (
            b"PROXY TCP6 2001:db8::7 ::1 51234 443\r\n".to_vec(),
            "2001:db8::7",
        ),
        (
            b"PROXY TCP6 ::ffff:192.0.2.8 ::1 51234 443\r\n".to_vec(),
            "192.0.2.8",
        ),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (v2(0x21, 0x11, &block), "192.0.2.9"),
        (v2(0x21, 0x21, &block_6), "2001:db8::9"),
        (v2(0x20, 0x00, &[]), "127.0.0.1"),
    ] {
        let raw = session(bridge.addrs()[1], &header);
        assert_eq!(only_client(&admin), client);
        drop(raw);
        admin.wait_empty();
    }
}

#[test]
fn a_header_may_arrive_byte_by_byte() {
    let bridge = bridge(&[]);
    let addr = bridge.addrs()[1];
    for header in [
        HEADER.to_vec(),
        v2(
            0x21,
            0x11,
            &[192, 0, 2, 7, 127, 0, 0, 2, 0xc8, 0x22, 1, 0xbb],
        ),
    ] {
        let mut raw = Raw::connect(addr);
        for byte in &header {
            raw.send(&[*byte]);
        }
        raw.send(upgrade(addr).as_bytes());
        assert_eq!(raw.answer().status, 101);
        assert_eq!(raw.text()["type"], "hello");
        assert_eq!(only_client(&Admin::of(&bridge)), "192.0.2.7");
        drop(raw);
        Admin::of(&bridge).wait_empty();
    }
}

#[test]
fn a_connection_without_a_valid_header_is_closed() {
    let bridge = bridge(&[]);
    let admin = Admin::of(&bridge);
    let addr = bridge.addrs()[1];
    let request = upgrade(addr);
    let rows: [&[u8]; 7] = [
        request.as_bytes(),
        b"PROXY TCP4 192.0.2.7 127.0.0.2 051234 443\r\n",
        b"PROXY TCP4 192.0.2.7 127.0.0.2 51234 65536\r\n",
        b"PROXY TCP4 192.0.2.7\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\0",
        b"\r\n\r\n\0\r\nQUIT\n\x2f\x11\0\0",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    ];
    for (count, row) in rows.iter().enumerate() {
        let mut raw = Raw::connect(addr);
        raw.send(row);
        assert_eq!(raw.rest(), b"", "{}", row.escape_ascii());
        assert_eq!(admin.failed_handshakes("proxy-header"), count as u64 + 1);
    }
}

#[test]
fn an_unfinished_header_is_closed_at_the_upgrade_timeout() {
    let bridge = bridge(&["server.upgrade_timeout=300ms"]);
    for said in [
        &b""[..],
        b"PROXY TCP4",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c",
    ] {
        let mut raw = Raw::connect(bridge.addrs()[1]);
        raw.send(said);
        assert_eq!(raw.rest(), b"");
    }
    assert_eq!(Admin::of(&bridge).failed_handshakes("timeout"), 3);
}

#[test]
fn other_listeners_refuse_a_header() {
    let bridge = bridge(&[]);
    let addr = bridge.addrs()[0];
    let header = std::str::from_utf8(HEADER).unwrap();
    let answer = exchange(addr, &format!("{header}{}", upgrade(addr)));
    assert_eq!(answer.status, 400);
    let _raw = session(addr, b"");
    assert_eq!(only_client(&Admin::of(&bridge)), "127.0.0.1");
}

#[test]
fn an_untrusted_sender_is_disconnected_and_logged_with_a_limit() {
    let bridge = bridge(&["server.proxy_protocol_from=10.0.0.0/8", "server.shards=1"]);
    let admin = Admin::of(&bridge);
    for _ in 0..20 {
        let mut raw = Raw::connect(bridge.addrs()[1]);
        let _ = raw.try_send(HEADER);
        assert_eq!(raw.rest(), b"");
    }
    assert_eq!(admin.failed_handshakes("untrusted-peer"), 20);
    let said = "its peer is not in server.proxy_protocol_from";
    bridge.wait_stderr(said, DEADLINE);
    let lines = bridge.stderr().matches(said).count();
    assert!(lines <= 2, "{lines} lines");
    // The other listener accepts connections of any peer.
    session(bridge.addrs()[0], b"");
}

#[test]
fn limits_per_client_count_the_clients_behind_the_proxy() {
    let bridge = bridge(&[
        "limits.max_connections_per_client=1",
        "compat.enabled=false",
    ]);
    let addr = bridge.addrs()[1];
    let from = |host: u8| format!("PROXY TCP4 192.0.2.{host} 127.0.0.2 51234 443\r\n").into_bytes();
    let _one = session(addr, &from(1));
    let _two = session(addr, &from(2));
    let mut clients: Vec<String> = Admin::of(&bridge)
        .sessions()
        .iter()
        .map(|session| session["client_ip"].as_str().unwrap().to_owned())
        .collect();
    clients.sort();
    assert_eq!(clients, ["192.0.2.1", "192.0.2.2"]);
}

/// The header first, then TLS, both in one segment.
#[test]
fn the_header_precedes_tls() {
    let pair = Pair::new();
    let files = Files::new(&pair);
    let [cert, key] = files.settings();
    let bridge = bridge(&[&cert, &key]);
    let addr = bridge.addrs()[1];
    let mut tcp = TcpStream::connect(addr).unwrap();
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut tls = client(&trusting(&[&pair]), SocketAddr::from(([127, 0, 0, 1], 443)));
    let mut first = HEADER.to_vec();
    tls.write_tls(&mut first).unwrap();
    tcp.write_all(&first).unwrap();
    let mut stream = Stream::new(&mut *tls, &mut tcp);
    stream.write_all(upgrade(addr).as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    let admin = Admin::of(&bridge);
    wait_until("no session", || !admin.sessions().is_empty());
    assert_eq!(only_client(&admin), "192.0.2.7");
}

#[test]
fn a_passed_socket_may_be_for_proxies_and_must_exist() {
    // The address is matched whatever the port, where the setting has none.
    let passed = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
    rustix::io::fcntl_setfd(&passed, rustix::io::FdFlags::empty()).unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&passed);
    let script = format!("LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3<&{number}");
    let starter = ["bash", "-c", &script];
    let args = |proxied: &'static str| {
        let mut args = vec!["serve", "--allow", "127.0.0.1:1", "--set", proxied];
        args.extend(["--listen", "127.0.0.2:0"]);
        args
    };
    let bridge = Bridge::under(&starter, &args("server.proxy_protocol=127.0.0.2:0"), &[]);
    let _raw = session(bridge.addr(), HEADER);
    assert_eq!(only_client(&Admin::of(&bridge)), "192.0.2.7");
    drop(bridge);
    let mut other = args("server.proxy_protocol=127.0.0.3:0");
    other.extend(["--listen", "127.0.0.3:0"]);
    let refused = super::common::run_under(&starter, &other, &[]);
    assert_eq!(refused.code, Some(78), "{refused:?}");
    let said = "127.0.0.3:0 is not the address of a passed socket";
    assert!(refused.stderr.contains(said), "{refused:?}");
}

#[test]
fn invalid_and_contradictory_settings_are_refused() {
    for (settings, said) in [
        (
            "--set server.proxy_protocol=127.0.0.9:1",
            "127.0.0.9:1 is not one of server.listen",
        ),
        (
            "--set server.listen=127.0.0.1:1 --set server.proxy_protocol=127.0.0.1:1
             --set server.proxy_protocol_from=",
            "no proxy may connect to those listeners",
        ),
        ("--set server.proxy_protocol_from=10.0.0.1/8", "10.0.0.1/8"),
    ] {
        let refused = run_line(&format!("serve --check --allow 127.0.0.1:22 {settings}"));
        assert_eq!(refused.code, Some(78), "{refused:?}");
        assert!(refused.stderr.contains(said), "{said}: {refused:?}");
    }
}
