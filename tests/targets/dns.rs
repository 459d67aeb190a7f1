//! Name server of the zone `test`, with names for every kind of answer. Answers over UDP alone, and
//! records the queries.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex};

/// Types of queries.
const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

/// Answer to a query. The TTL of every record is 0.
enum Reply {
    Addresses(Vec<IpAddr>),
    /// CNAME, and the addresses of the other name.
    Alias(&'static str, Vec<IpAddr>),
    /// Codes of RFC 1035 section 4.1.1.
    Refused(u8),
    Truncated,
    Silence,
}

const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;

pub(crate) struct Dns {
    queries: Arc<Mutex<Vec<(String, u16)>>>,
}

impl Dns {
    /// Starts to listen at the address of the inner resolv.conf.
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.53:53").unwrap();
        let queries = Arc::<Mutex<Vec<(String, u16)>>>::default();
        let seen = Arc::clone(&queries);
        std::thread::spawn(move || {
            let mut packet = [0; 512];
            let mut asked: HashMap<String, usize> = HashMap::new();
            while let Ok((length, client)) = socket.recv_from(&mut packet) {
                let (name, kind) = question(&packet[..length]);
                seen.lock().unwrap().push((name.clone(), kind));
                let nth = asked.entry(format!("{name} {kind}")).or_default();
                let reply = zone(&name, *nth);
                *nth += 1;
                if let Some(answer) = encode(&packet[..length], kind, reply) {
                    socket.send_to(&answer, client).unwrap();
                }
            }
        });
        Self { queries }
    }

    /// Number of queries for the IPv4 addresses of this name.
    pub(crate) fn asked(&self, name: &str) -> usize {
        let queries = self.queries.lock().unwrap();
        let of_name = queries.iter().filter(|(n, kind)| n == name && *kind == A);
        of_name.count()
    }

    /// Number of all queries.
    pub(crate) fn queries(&self) -> usize {
        self.queries.lock().unwrap().len()
    }
}

/// Answer to the `nth` query for `name`.
fn zone(name: &str, nth: usize) -> Reply {
    let ips =
        |texts: &[&str]| -> Vec<IpAddr> { texts.iter().map(|t| t.parse().unwrap()).collect() };
    let addresses = |texts: &[&str]| Reply::Addresses(ips(texts));
    let (public, inner) = ("192.0.2.10", "127.0.0.1");
    match name {
        // Another address each time: first one that may be reached, or first one that may not.
        _ if name.ends_with(".rebind.test") => addresses(&[if nth == 0 { public } else { inner }]),
        _ if name.ends_with(".bounce.test") => addresses(&[if nth == 0 { inner } else { public }]),
        _ if name.ends_with(".hang.test") => Reply::Silence,
        "public.test" | "x.public.test" => addresses(&[public]),
        "loop.test" => addresses(&[inner]),
        "loop6.test" => addresses(&["::1"]),
        "mapped.test" => addresses(&["::ffff:127.0.0.1"]),
        "nat64.test" => addresses(&["64:ff9b::7f00:1"]),
        "sixtofour.test" => addresses(&["2002:7f00:1::"]),
        "compatible.test" => addresses(&["::127.0.0.1"]),
        "meta.test" => addresses(&["169.254.169.254"]),
        "zero.test" => addresses(&["0.0.0.0"]),
        "zero6.test" => addresses(&["::"]),
        "link.test" => addresses(&["fe80::1"]),
        "multicast.test" => addresses(&["224.0.0.1"]),
        "mixed.test" => addresses(&[public, "::1"]),
        "mixed4.test" => addresses(&[public, inner]),
        "mixed6.test" => addresses(&["2001:db8::10", inner]),
        "alias.test" => Reply::Alias("loop.test", ips(&[inner])),
        "alias-out.test" => Reply::Alias("public.test", ips(&[public])),
        "most.test" => Reply::Addresses(row(64)),
        "many.test" => Reply::Addresses(row(65)),
        "flood.test" => Reply::Addresses(row(100)),
        "broken.test" => Reply::Refused(SERVFAIL),
        "cut.test" => Reply::Truncated,
        "empty.test" => addresses(&[]),
        _ => Reply::Refused(NXDOMAIN),
    }
}

/// The public address and the ones after it.
fn row(count: u8) -> Vec<IpAddr> {
    let address = |n| IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10 + n));
    (0..count).map(address).collect()
}

/// Name and type of the one question.
fn question(query: &[u8]) -> (String, u16) {
    let mut labels = Vec::new();
    let mut rest = &query[12..];
    while rest[0] != 0 {
        let (label, after) = rest[1..].split_at(usize::from(rest[0]));
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        rest = after;
    }
    (labels.join("."), u16::from_be_bytes([rest[1], rest[2]]))
}

/// The answer to a query for `kind`; None is silence.
fn encode(query: &[u8], kind: u16, reply: Reply) -> Option<Vec<u8>> {
    let (mut flags, mut alias, mut addresses) = (0x8180_u16, None, Vec::new());
    match reply {
        Reply::Addresses(all) => addresses = all,
        Reply::Alias(name, all) => (alias, addresses) = (Some(name), all),
        Reply::Refused(code) => flags |= u16::from(code),
        Reply::Truncated => flags |= 0x0200,
        Reply::Silence => return None,
    }
    addresses.retain(|ip| kind == if ip.is_ipv4() { A } else { AAAA });
    // The question as it stood; options that came after it are left out.
    let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let count = addresses.len() + usize::from(alias.is_some());
    let mut answer = query[..2].to_vec();
    answer.extend(flags.to_be_bytes());
    answer.extend([0, 1]);
    answer.extend(u16::try_from(count).unwrap().to_be_bytes());
    answer.extend([0; 4]);
    answer.extend(&query[12..end]);
    // Where the question's name stands.
    let mut owner = vec![0xc0, 12];
    if let Some(name) = alias {
        let name = wire_name(name);
        record(&mut answer, &owner, CNAME, &name);
        owner = name;
    }
    for ip in addresses {
        match ip {
            IpAddr::V4(v4) => record(&mut answer, &owner, A, &v4.octets()),
            IpAddr::V6(v6) => record(&mut answer, &owner, AAAA, &v6.octets()),
        }
    }
    Some(answer)
}

fn record(answer: &mut Vec<u8>, owner: &[u8], kind: u16, data: &[u8]) {
    answer.extend(owner);
    answer.extend(kind.to_be_bytes());
    // Class IN, TTL 0.
    answer.extend([0, 1, 0, 0, 0, 0]);
    answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    answer.extend(data);
}

fn wire_name(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| {
        let length = u8::try_from(label.len()).unwrap();
        std::iter::once(length).chain(label.bytes())
    });
    labels.chain([0]).collect()
}
