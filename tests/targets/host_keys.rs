//! Host keys under every spelling of a host, and bounds on the growth of the file of known hosts.

use crate::common::fixture::bridge_to;
use crate::common::{Bridge, Client, DEADLINE, Event, Options, ScriptedSsh, SshScript};
use crate::dns::Dns;
use crate::inside::{Refusal, add_address, ask, inside};
use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use serde_json::json;
use std::fs;
use std::net::Ipv6Addr;

/// Allows every address outside of the special ranges.
const BROAD: &str = "targets.allow=0.0.0.0/0:*,[::/0]:*,*.test:*";

/// A server at every address of this machine, and a file of known hosts.
struct HostKeyFixture {
    ssh: ScriptedSsh,
    file: tempfile::NamedTempFile,
    _dns: Dns,
}

impl HostKeyFixture {
    /// `known` with `PORT` for the server's port, `OTHER` for a key that is not its own.
    fn new(known: &str) -> Self {
        add_address("64:ff9b::c000:20a/128");
        add_address("2002:c000:20a::1/128");
        let ssh = ScriptedSsh::start_on(Ipv6Addr::UNSPECIFIED.into(), SshScript::default());
        let file = tempfile::NamedTempFile::new().unwrap();
        let other = PrivateKey::from(Ed25519Keypair::from_seed(&[8; 32]));
        let other = other.public_key().to_openssh().unwrap();
        let text = known
            .replace("PORT", &ssh.addr().port().to_string())
            .replace("OTHER", &other);
        fs::write(file.path(), text).unwrap();
        Self {
            ssh,
            file,
            _dns: Dns::start(),
        }
    }

    fn bridge(&self, policy: &str, settings: &[&str]) -> Bridge {
        let own = [
            format!("ssh.host_key_policy={policy}"),
            format!("ssh.known_hosts={}", self.file.path().display()),
        ];
        let own = own.iter().map(String::as_str);
        let all: Vec<&str> = own.chain([BROAD]).chain(settings.iter().copied()).collect();
        bridge_to(&[], &all)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file.path()).unwrap()
    }

    fn path(&self, host: &str) -> String {
        format!("/ws/{host}/{}", self.ssh.addr().port())
    }

    /// Outcome of a login from `source`: `ready`, or the code of the error.
    fn word(&self, bridge: &Bridge, source: &str, host: &str) -> String {
        let options = Options::v1().from(source);
        let mut client = Client::connect(bridge.addr(), &self.path(host), &options);
        client.auth_v1(&json!({ "username": "u" }));
        match client.recv() {
            Event::Json(value) if value["type"] == "error" => {
                value["code"].as_str().unwrap().to_owned()
            }
            Event::Json(value) => value["type"].as_str().unwrap().to_owned(),
            other => panic!("{other:?}"),
        }
    }
}

/// Spellings of three hosts, all of them this machine.
const SPELLINGS: [&[&str]; 3] = [
    &[
        "192.0.2.10",
        "%3192.0.2.10",
        "[::ffff:192.0.2.10]",
        "[::FFFF:C000:20A]",
        "[0:0:0:0:0:ffff:c000:020a]",
        "[64:ff9b::192.0.2.10]",
        "[64:FF9B::c000:20a]",
        "[2002:c000:20a::1]",
    ],
    &[
        "public.test",
        "PUBLIC.Test",
        "public.test.",
        "Public.TEST.",
        "%50ublic%2etest",
        "public.test%2E",
    ],
    &[
        "[2001:db8::10]",
        "[2001:DB8::0010]",
        "[2001:0db8:0:0:0:0:0:10]",
        "[2001:db8::0.0.0.16]",
        "%5b2001:db8::10%5d",
    ],
];

/// Spellings that resolvers would parse as the first address.
const NUMBERS: &[&str] = &[
    "192.0.522",
    "192.522",
    "3221225994",
    "0xc000020a",
    "0XC0.0.2.10",
    "0300.0.2.012",
    "192.0.2.10.",
    "192.0.2.0xa",
];

#[test]
fn a_changed_key_is_refused_under_every_spelling() {
    inside(|| {
        let fixture = HostKeyFixture::new(
            "[192.0.2.10]:PORT OTHER\n[Public.Test]:PORT OTHER\n[2001:DB8:0::10]:PORT OTHER\n",
        );
        let before = fixture.text();
        for policy in ["accept-new", "ask", "strict"] {
            let bridge = fixture.bridge(policy, &[]);
            for spelling in SPELLINGS.into_iter().flatten() {
                let got = ask(bridge.addr(), &fixture.path(spelling));
                let changed = (Refusal::Close(4409), "host-key-changed".to_owned());
                assert_eq!(got, changed, "{policy} {spelling}");
            }
            for spelling in NUMBERS {
                let (got, _) = ask(bridge.addr(), &fixture.path(spelling));
                assert_eq!(got, Refusal::Status(400), "{policy} {spelling}");
            }
        }
        assert_eq!(fixture.text(), before);
    });
}

#[test]
fn a_host_key_is_stored_once_for_all_spellings() {
    inside(|| {
        let fixture = HostKeyFixture::new("");
        let bridge = fixture.bridge("accept-new", &[]);
        for spelling in SPELLINGS.into_iter().flatten() {
            let (_, word) = ask(bridge.addr(), &fixture.path(spelling));
            assert_eq!(word, "ready", "{spelling}");
        }
        let text = fixture.text();
        let names: Vec<&str> = text.lines().filter_map(|l| l.split(' ').next()).collect();
        let port = fixture.ssh.addr().port();
        let expected = ["192.0.2.10", "public.test", "2001:db8::10"];
        assert_eq!(
            names,
            expected.map(|host| format!("[{host}]:{port}")),
            "{text}"
        );
        // One who reads the file anew knows them all.
        let strict = fixture.bridge("strict", &[]);
        for spelling in SPELLINGS.into_iter().flatten() {
            let (_, word) = ask(strict.addr(), &fixture.path(spelling));
            assert_eq!(word, "ready", "{spelling}");
        }
    });
}

/// A wildcard allows any number of names.
#[test]
fn keys_stored_for_one_client_are_bounded() {
    inside(|| {
        let fixture = HostKeyFixture::new("");
        let settings = [
            "ssh.new_host_keys_per_client=3",
            "ssh.new_host_keys_period=1h",
        ];
        let bridge = fixture.bridge("accept-new", &settings);
        let name = |client: &str, number: usize| {
            let host = format!("n{number}.c{}.rebind.test", client.replace('.', "-"));
            fixture.word(&bridge, client, &host)
        };
        for client in ["127.0.0.1", "127.0.0.2"] {
            let words: Vec<_> = (0..6).map(|number| name(client, number)).collect();
            let limit = "host-key-limit";
            assert_eq!(
                words,
                ["ready", "ready", "ready", limit, limit, limit],
                "{client}"
            );
        }
        assert_eq!(fixture.text().lines().count(), 6);
        bridge.wait_stderr("ssh.new_host_keys_per_client", DEADLINE);
        // What is known is known to all, however much they have had written.
        assert_eq!(
            fixture.word(&bridge, "127.0.0.1", "n0.c127-0-0-2.rebind.test"),
            "target-refused"
        );
        assert_eq!(fixture.word(&bridge, "127.0.0.3", "public.test"), "ready");
        for client in ["127.0.0.1", "127.0.0.2"] {
            assert_eq!(fixture.word(&bridge, client, "PUBLIC.test."), "ready");
        }
        assert_eq!(fixture.text().lines().count(), 7);
    });
}

#[test]
fn keys_stored_for_all_clients_are_bounded() {
    inside(|| {
        let fixture = HostKeyFixture::new("# the operator's\n");
        let settings = [
            "ssh.new_host_keys_per_client=1",
            "ssh.new_host_keys_period=1h",
        ];
        let bridge = fixture.bridge("accept-new", &settings);
        let words = (1..=20).map(|n| {
            let host = format!("n{n}.rebind.test");
            fixture.word(&bridge, &format!("127.0.1.{n}"), &host)
        });
        assert_eq!(words.filter(|word| word == "ready").count(), 16);
        assert_eq!(fixture.text().lines().count(), 17);
        // And the file has an end, whoever asks.
        let settings = ["ssh.max_known_hosts_lines=18"];
        let bridge = fixture.bridge("accept-new", &settings);
        let words = (1..=3).map(|n| {
            let host = format!("m{n}.rebind.test");
            fixture.word(&bridge, &format!("127.0.2.{n}"), &host)
        });
        let words: Vec<_> = words.collect();
        assert_eq!(
            words,
            ["ready", "host-key-not-stored", "host-key-not-stored"]
        );
        assert_eq!(fixture.text().lines().count(), 18);
        bridge.wait_stderr("ssh.max_known_hosts_lines", DEADLINE);
    });
}
