//! Client address behind trusted proxies, in records, limits and the log.

use crate::common::{Admin, Bridge, DEADLINE, poll};
use crate::{bridge, open, refuses_setting, upgrade};
use std::collections::BTreeSet;

/// Returns the client's address in the record of a session with these header lines.
fn recorded(bridge: &Bridge, headers: &str) -> String {
    let admin = Admin::of(bridge);
    let (answer, raw) = open(bridge, headers);
    assert_eq!(answer.status, 101, "{headers}");
    let session = poll(DEADLINE, || admin.sessions().pop()).expect("a session");
    drop(raw);
    admin.wait_empty();
    session["client_ip"].as_str().unwrap().to_owned()
}

/// Rows of the header that is believed, the client's address, and the lines of the request, with
/// slashes between them.
const CLIENTS: &str = r#"
x-forwarded-for = 127.0.0.1 | X: no header that counts
x-forwarded-for = 198.51.100.7 | X-Forwarded-For: 198.51.100.7
x-forwarded-for = 198.51.100.7 | X-Forwarded-For: 203.0.113.9, 198.51.100.7, 10.0.0.2
x-forwarded-for = 198.51.100.7 | X-Forwarded-For: 198.51.100.7 / x-forwarded-for: 10.0.0.2
x-forwarded-for = 2001:db8::7 | X-Forwarded-For: [2001:db8::7]:443
x-forwarded-for = 198.51.100.7 | X-Forwarded-For: ::ffff:198.51.100.7
x-forwarded-for = 127.0.0.1 | X-Forwarded-For: 198.51.100.7, unknown
x-forwarded-for = 127.0.0.1 | X-Forwarded-For:
x-forwarded-for = 127.0.0.1 | Forwarded: for=203.0.113.9 / X-Real-IP: 203.0.113.9
forwarded = 2001:db8::7 | Forwarded: for="[2001:db8::7]:4711";proto=https
forwarded = 198.51.100.7 | Forwarded: for=203.0.113.9, for=198.51.100.7 / Forwarded: for=10.0.0.2
forwarded = 127.0.0.1 | Forwarded: for=_hidden
forwarded = 127.0.0.1 | X-Forwarded-For: 203.0.113.9
x-real-ip = 198.51.100.7 | X-Real-IP: 198.51.100.7
x-real-ip = 127.0.0.1 | X-Real-IP: 203.0.113.9 / X-Real-IP: 198.51.100.7
x-real-ip = 127.0.0.1 | X-Forwarded-For: 203.0.113.9
"#;

#[test]
fn the_header_of_a_trusted_proxy_names_the_client() {
    let proxies = "server.trusted_proxies=127.0.0.1,10.0.0.0/8";
    let rows = CLIENTS.lines().filter(|row| !row.is_empty());
    let rows: Vec<_> = rows.map(|row| row.split_once(" = ").expect(row)).collect();
    let headers: BTreeSet<&str> = rows.iter().map(|(header, _)| *header).collect();
    for header in headers {
        let bridge = bridge(&[proxies, &format!("server.client_ip_header={header}")]);
        for (_, row) in rows.iter().filter(|(believed, _)| *believed == header) {
            let (client, lines) = row.split_once(" | ").unwrap();
            let lines = lines.replace(" / ", "\r\n") + "\r\n";
            assert_eq!(recorded(&bridge, &lines), client, "{header} {lines}");
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
    let open = |client: &str| open(&bridge, &format!("X-Forwarded-For: {client}\r\n"));
    let (first, _one) = open("198.51.100.7");
    let (second, _two) = open("198.51.100.8");
    assert_eq!((first.status, second.status), (101, 101));
    assert_eq!(open("203.0.113.9, 198.51.100.7").0.status, 503);
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
        refuses_setting(&set, &format!("in place of {bad:?}"));
    }
}
