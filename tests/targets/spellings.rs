//! Spellings of targets that must not be reached, under rules as broad as they can be written: each
//! with its status or close code. Listeners that count connections are at every one of these
//! addresses that a machine can have.

use crate::common::fixture::bridge_to;
use crate::dns::Dns;
use crate::inside::Refusal::{Close, Status};
use crate::inside::{CountingListener, PUBLIC, Refusal, ask, inside};
use std::net::Ipv6Addr;

const BROAD: &str = "targets.allow=0.0.0.0/0:*,[::/0]:*,*.test:*,*.localhost:*";

/// Paths below `/ws/`; `PORT` is the listeners' port.
const SPELLINGS: &[(&str, Refusal)] = &[
    // Loopback, as IPv4 and as what inet_aton takes for it.
    ("127.0.0.1/PORT", Close(4403)),
    ("127.0.0.2/PORT", Close(4403)),
    ("127.255.255.254/PORT", Close(4403)),
    ("127.1/PORT", Status(400)),
    ("127.0.1/PORT", Status(400)),
    ("0x7f.1/PORT", Status(400)),
    ("0X7F.0.0.1/PORT", Status(400)),
    ("0x7f000001/PORT", Status(400)),
    ("0177.0.0.1/PORT", Status(400)),
    ("0177.1/PORT", Status(400)),
    ("017700000001/PORT", Status(400)),
    ("2130706433/PORT", Status(400)),
    ("0127.0.0.1/PORT", Status(400)),
    ("127.0.0.1./PORT", Status(400)),
    ("127.1./PORT", Status(400)),
    ("127.0.0.0x1/PORT", Status(400)),
    ("0x/PORT", Status(400)),
    ("0X7f%2e1/PORT", Status(400)),
    ("%30x7f.1/PORT", Status(400)),
    ("2130706433./PORT", Status(400)),
    ("2130706433%2E/PORT", Status(400)),
    ("4294967297/PORT", Status(400)),
    ("99999999999999999999/PORT", Status(400)),
    ("127.0.0.1.1/PORT", Status(400)),
    ("127.0.0.256/PORT", Status(400)),
    ("127.0.0.01/PORT", Status(400)),
    ("loop.test.1/PORT", Status(400)),
    ("loop.0x1/PORT", Status(400)),
    ("loop.08/PORT", Status(400)),
    ("%31%32%37.0.0.1/PORT", Close(4403)),
    ("127%2e0%2E0%2e1/PORT", Close(4403)),
    ("%2531%2532%2537.0.0.1/PORT", Status(400)),
    // Unspecified.
    ("0/PORT", Status(400)),
    ("0.0.0.0/PORT", Close(4403)),
    ("0x0/PORT", Status(400)),
    ("00.0/PORT", Status(400)),
    ("0.1.2.3/PORT", Close(4403)),
    ("[::]/PORT", Close(4403)),
    // Loopback in IPv6, and IPv4 within IPv6.
    ("[::1]/PORT", Close(4403)),
    ("%5b::1%5D/PORT", Close(4403)),
    ("[0:0:0:0:0:0:0:1]/PORT", Close(4403)),
    ("[::0.0.0.1]/PORT", Close(4403)),
    ("[::127.0.0.1]/PORT", Close(4403)),
    ("[::ffff:127.0.0.1]/PORT", Close(4403)),
    ("[::ffff:7f00:1]/PORT", Close(4403)),
    ("[::FFFF:0:127.0.0.1]/PORT", Close(4403)),
    ("[64:ff9b::7f00:1]/PORT", Close(4403)),
    ("[64:ff9b:1::7f00:1]/PORT", Close(4403)),
    ("[2002:7f00:1::]/PORT", Close(4403)),
    ("[2002:7f00:1::1]/PORT", Close(4403)),
    ("::1/PORT", Status(400)),
    ("[::1/PORT", Status(400)),
    ("[[::1]]/PORT", Status(400)),
    ("[127.0.0.1]/PORT", Status(400)),
    ("[::1%25lo]/PORT", Status(400)),
    ("[::1%25]/PORT", Status(400)),
    // Link-local, metadata.
    ("169.254.169.254/PORT", Close(4403)),
    ("169.254.43518/PORT", Status(400)),
    ("0xa9fea9fe/PORT", Status(400)),
    ("2852039166/PORT", Status(400)),
    ("[::ffff:a9fe:a9fe]/PORT", Close(4403)),
    ("[64:ff9b::169.254.169.254]/PORT", Close(4403)),
    ("169.254.0.1/PORT", Close(4403)),
    ("169.254.170.2/PORT", Close(4403)),
    ("100.100.100.200/PORT", Close(4403)),
    ("[fd00:ec2::254]/PORT", Close(4403)),
    ("168.63.129.16/PORT", Close(4403)),
    ("192.0.0.192/PORT", Close(4403)),
    ("[fd20:ce::254]/PORT", Close(4403)),
    ("[FD20:00CE:0::0254]/PORT", Close(4403)),
    ("[::ffff:168.63.129.16]/PORT", Close(4403)),
    ("[::ffff:c000:c0]/PORT", Close(4403)),
    ("[64:ff9b::168.63.129.16]/PORT", Close(4403)),
    ("[2002:c000:c0::1]/PORT", Close(4403)),
    // Teredo, of loopback and metadata: as its client, and as its server.
    ("[2001:0:4136:e378:8000:63bf:80ff:fffe]/PORT", Close(4403)),
    ("[2001::4136:e378:0:0:5601:5601]/PORT", Close(4403)),
    ("[2001:0:a9fe:a9fe:8000:63bf:f7f7:f7f7]/PORT", Close(4403)),
    // ISATAP.
    ("[2001:db8::5efe:7f00:1]/PORT", Close(4403)),
    ("[2001:db8::200:5efe:169.254.169.254]/PORT", Close(4403)),
    ("[fe80::1]/PORT", Close(4403)),
    ("[fe80::1%25lo]/PORT", Status(400)),
    ("fe80::1%lo/PORT", Status(400)),
    // Multicast, broadcast, reserved.
    ("224.0.0.1/PORT", Close(4403)),
    ("239.255.255.250/PORT", Close(4403)),
    ("[ff02::1]/PORT", Close(4403)),
    ("255.255.255.255/PORT", Close(4403)),
    ("240.0.0.1/PORT", Close(4403)),
    ("0xffffffff/PORT", Status(400)),
    // Names.
    ("localhost/PORT", Close(4403)),
    ("LOCALHOST/PORT", Close(4403)),
    ("%6c%6F%63alhost/PORT", Close(4403)),
    ("LOCALHOST./PORT", Close(4403)),
    ("x.localhost/PORT", Close(4502)),
    ("loop.test/PORT", Close(4403)),
    ("loop.test./PORT", Close(4403)),
    ("LoOp6.TEST/PORT", Close(4403)),
    ("alias.test/PORT", Close(4403)),
    ("mixed.test/PORT", Close(4403)),
    ("mixed6.test/PORT", Close(4403)),
    ("mapped.test/PORT", Close(4403)),
    ("nat64.test/PORT", Close(4403)),
    ("meta.test/PORT", Close(4403)),
    ("loop.test../PORT", Status(400)),
    (".loop.test/PORT", Status(400)),
    ("loop..test/PORT", Status(400)),
    ("-loop.test/PORT", Status(400)),
    // Other digits, other dots.
    ("%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1/PORT", Status(400)),
    ("127%E3%80%820%E3%80%820%E3%80%821/PORT", Status(400)),
    ("%E2%91%A0%E2%91%A1%E2%91%A6.0.0.1/PORT", Status(400)),
    ("l\u{f6}calhost/PORT", Status(400)),
    ("localhos%74%CC%81/PORT", Status(400)),
    // Encodings.
    ("127.0.0.1%00/PORT", Status(400)),
    ("127.0.0.1%00.test/PORT", Status(400)),
    ("127.0.0.1%0d%0a/PORT", Status(400)),
    ("127.0.0.1%0aX:%20y/PORT", Status(400)),
    ("127.0.0.1%20/PORT", Status(400)),
    ("%09127.0.0.1/PORT", Status(400)),
    ("127.0.0.1%1b/PORT", Status(400)),
    ("127.0.0.1%23.test/PORT", Status(400)),
    ("127.0.0.1%3f.test/PORT", Status(400)),
    ("127.0.0.1%5c.test/PORT", Status(400)),
    ("127.0.0.1%2f/PORT", Status(400)),
    ("127.0.0.1%2fPORT/PORT", Status(400)),
    ("127.0.0.1%3aPORT/PORT", Status(400)),
    ("127.0.0.1%/PORT", Status(400)),
    ("127.0.0.1%2/PORT", Status(400)),
    ("127.0.0.1%zz/PORT", Status(400)),
    ("127.0.0.1%u0031/PORT", Status(400)),
    // UTF-8 longer than it must be, for '.' and for '1'.
    ("127%c0%ae0.0.1/PORT", Status(400)),
    ("%c0%b127.0.0.1/PORT", Status(400)),
    ("%e0%80%b127.0.0.1/PORT", Status(400)),
    // The rest of a URL.
    ("u@127.0.0.1/PORT", Status(400)),
    ("u:p@127.0.0.1/PORT", Status(400)),
    ("public.test@127.0.0.1/PORT", Status(400)),
    ("127.0.0.1:PORT", Status(400)),
    ("127.0.0.1:PORT/PORT", Status(400)),
    ("http://127.0.0.1/PORT", Status(400)),
    ("/127.0.0.1/PORT", Status(400)),
    ("127.0.0.1//PORT", Status(400)),
    ("127.0.0.1/PORT/", Status(400)),
    ("../ws/127.0.0.1/PORT", Status(400)),
    ("x/../127.0.0.1/PORT", Status(400)),
    ("../PORT", Status(400)),
    ("%2e%2e/PORT", Status(400)),
    ("./127.0.0.1/PORT", Status(400)),
    ("127.0.0.1/PORT;x", Status(400)),
    ("127.0.0.1/PORT?", Status(400)),
    ("127.0.0.1/PORT%3f", Status(400)),
    ("127.0.0.1\\/PORT", Status(400)),
    // Ports.
    ("127.0.0.1/0", Status(400)),
    ("127.0.0.1/00", Status(400)),
    ("127.0.0.1/65536", Status(400)),
    ("127.0.0.1/4294967318", Status(400)),
    ("127.0.0.1/-1", Status(400)),
    ("127.0.0.1/+PORT", Status(400)),
    ("127.0.0.1/0PORT", Status(400)),
    ("127.0.0.1/PORT.0", Status(400)),
    ("127.0.0.1/0x16", Status(400)),
    ("127.0.0.1/ssh", Status(400)),
    ("127.0.0.1/%20PORT", Status(400)),
    ("127.0.0.1/PORT%00", Status(400)),
    ("127.0.0.1/%D9%A2%D9%A2", Status(400)),
    ("127.0.0.1/", Status(400)),
    ("/PORT", Status(400)),
];

#[test]
fn forbidden_spellings_are_refused_and_not_connected_to() {
    inside(|| {
        assert!(SPELLINGS.len() >= 40);
        let _dns = Dns::start();
        // Takes IPv4 too: a connection to any address of this machine comes here.
        let listener = CountingListener::at(Ipv6Addr::UNSPECIFIED, 0);
        let port = listener.addr.port().to_string();
        let bridge = bridge_to(&[], &[BROAD, "ssh.connect_timeout=2s"]);
        let mut wrong = Vec::new();
        for (spelling, expected) in SPELLINGS {
            let path = format!("/ws/{}", spelling.replace("PORT", &port));
            let (got, word) = ask(bridge.addr(), &path);
            if got != *expected || listener.came() != 0 {
                wrong.push(format!(
                    "{spelling}: {got:?} {word}, {} came",
                    listener.came()
                ));
            }
        }
        let listeners = [bridge.addr(), bridge.admin_addr()];
        for own in listeners {
            let (got, _) = ask(bridge.addr(), &format!("/ws/{}/{}", own.ip(), own.port()));
            assert_eq!(got, Close(4403), "{own}");
        }
        assert!(
            wrong.is_empty(),
            "{} rows:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        // And the listener does count.
        let (got, word) = ask(bridge.addr(), &format!("/ws/{PUBLIC}/{port}"));
        assert_eq!((got, word.as_str()), (Close(4502), "server-refused"));
        assert_eq!(listener.came(), 1);
        println!("{} spellings refused", SPELLINGS.len());
    });
}
