//! Client address behind trusted proxies, in records, limits and the log.

use crate::common::raw::upgrade_request;
use crate::common::{Admin, Bridge, DEADLINE, Raw, poll, run};
use crate::{bridge, upgrade};

/// Returns the client's address in the record of a session with these header lines.
fn recorded(bridge: &Bridge, headers: &str) -> String {
    let admin = Admin::of(bridge);
    let mut raw = Raw::connect(bridge.addr());
    let request = upgrade_request(bridge.addr(), "/ws/127.0.0.1/1");
    raw.send(format!("{request}Sec-WebSocket-Protocol: sshard.v1\r\n{headers}\r\n").as_bytes());
    assert_eq!(raw.answer().status, 101, "{headers}");
    let session = poll(DEADLINE, || admin.sessions().pop()).expect("a session");
    drop(raw);
    admin.wait_empty();
    session["client_ip"].as_str().unwrap().to_owned()
}

#[test]
fn the_header_of_a_trusted_proxy_names_the_client() {
    let proxies = "server.trusted_proxies=127.0.0.1,10.0.0.0/8";
    let table: &[(&str, &[(&str, &str)])] = &[
        (
            "x-forwarded-for",
            &[
                ("", "127.0.0.1"),
                ("X-Forwarded-For: 198.51.100.7\r\n", "198.51.100.7"),
                (
                    "X-Forwarded-For: 203.0.113.9, 198.51.100.7, 10.0.0.2\r\n",
                    "198.51.100.7",
                ),
                (
                    "X-Forwarded-For: 198.51.100.7\r\nx-forwarded-for: 10.0.0.2\r\n",
                    "198.51.100.7",
                ),
                ("X-Forwarded-For: [2001:db8::7]:443\r\n", "2001:db8::7"),
                ("X-Forwarded-For: ::ffff:198.51.100.7\r\n", "198.51.100.7"),
                ("X-Forwarded-For: 198.51.100.7, unknown\r\n", "127.0.0.1"),
                ("X-Forwarded-For:\r\n", "127.0.0.1"),
                (
                    "Forwarded: for=203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\n",
                    "127.0.0.1",
                ),
            ],
        ),
        (
            "forwarded",
            &[
                (
                    "Forwarded: for=\"[2001:db8::7]:4711\";proto=https\r\n",
                    "2001:db8::7",
                ),
                (
                    "Forwarded: for=203.0.113.9, for=198.51.100.7\r\nForwarded: for=10.0.0.2\r\n",
                    "198.51.100.7",
                ),
                ("Forwarded: for=_hidden\r\n", "127.0.0.1"),
                ("X-Forwarded-For: 203.0.113.9\r\n", "127.0.0.1"),
            ],
        ),
        (
            "x-real-ip",
            &[
                ("X-Real-IP: 198.51.100.7\r\n", "198.51.100.7"),
                (
                    "X-Real-IP: 203.0.113.9\r\nX-Real-IP: 198.51.100.7\r\n",
                    "127.0.0.1",
                ),
                ("X-Forwarded-For: 203.0.113.9\r\n", "127.0.0.1"),
            ],
        ),
    ];
    for (header, rows) in table {
        let header = format!("server.client_ip_header={header}");
        let bridge = bridge(&[proxies, &header]);
        for (lines, client) in *rows {
            assert_eq!(recorded(&bridge, lines), *client, "{header} {lines}");
        }
    }
}

#[test]
fn headers_of_other_peers_are_ignored() {
    let bridge = bridge(&["server.trusted_proxies=10.0.0.0/8"]);
    let lines = "X-Forwarded-For: 198.51.100.7\r\n";
    assert_eq!(recorded(&bridge, lines), "127.0.0.1");
}

#[test]
fn limits_and_the_log_use_the_client_address() {
    let bridge = bridge(&[crate::BEHIND_PROXY, "limits.max_connections_per_client=1"]);
    let open = |client: &str| {
        let mut raw = Raw::connect(bridge.addr());
        let request = upgrade_request(bridge.addr(), "/ws/127.0.0.1/1");
        let lines = format!("Sec-WebSocket-Protocol: sshard.v1\r\nX-Forwarded-For: {client}\r\n");
        raw.send(format!("{request}{lines}\r\n").as_bytes());
        let status = raw.answer().status;
        (status, raw)
    };
    let (first, _one) = open("198.51.100.7");
    let (second, _two) = open("198.51.100.8");
    assert_eq!((first, second), (101, 101));
    assert_eq!(open("203.0.113.9, 198.51.100.7").0, 503);
    bridge.wait_stderr(
        "connection refused: a limit is reached client=198.51.100.7",
        DEADLINE,
    );
    assert_eq!(upgrade(&bridge, "").status, 101);
}

#[test]
fn a_bad_network_is_an_error_that_names_it() {
    for bad in ["10.0.0.1/8", "10.0.0.0/33", "localhost", "::ffff:10.0.0.1"] {
        let set = format!("server.trusted_proxies=::1,{bad}");
        let ended = run(&["serve", "--allow", "a:22", "--set", &set, "--check"], &[]);
        assert_eq!(ended.code, Some(78), "{bad}: {ended:?}");
        let said = format!("in place of {bad:?}");
        assert!(ended.stderr.contains(&said), "{bad}: {ended:?}");
    }
}
