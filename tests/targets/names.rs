//! Policy on names whose addresses change or mix.

use crate::common::fixture::bridge_to;
use crate::common::{Bridge, Client, DEADLINE, Options, Received, ScriptedSsh, SshScript};
use crate::dns::Dns;
use crate::inside::{CountingListener, PUBLIC, Refusal, ask, inside};
use std::net::{Ipv4Addr, Ipv6Addr};

const REBINDINGS: usize = 100;

/// A name server, an SSH server at the public address, and a listener on loopback with the same
/// port.
struct NameFixture {
    dns: Dns,
    ssh: ScriptedSsh,
    inner: [CountingListener; 2],
    bridge: Bridge,
}

impl NameFixture {
    /// `allow` and `deny` with `PORT` for the port.
    fn new(allow: &str, deny: &str) -> Self {
        let ssh = ScriptedSsh::start_on(PUBLIC.into(), SshScript::default());
        let port = ssh.addr().port();
        let rules = |text: &str| text.replace("PORT", &port.to_string());
        let settings = [
            format!("targets.allow={}", rules(allow)),
            format!("targets.deny={}", rules(deny)),
            "targets.resolve_timeout=5s".to_owned(),
        ];
        let settings = settings.each_ref().map(String::as_str);
        Self {
            dns: Dns::start(),
            inner: [
                CountingListener::at(Ipv4Addr::LOCALHOST, port),
                CountingListener::at(Ipv6Addr::LOCALHOST, port),
            ],
            ssh,
            bridge: bridge_to(&[], &settings),
        }
    }

    fn path(&self, host: &str) -> String {
        format!("/ws/{host}/{}", self.ssh.addr().port())
    }

    fn ask(&self, host: &str) -> (Refusal, String) {
        ask(self.bridge.addr(), &self.path(host))
    }

    fn came_in(&self) -> usize {
        self.inner.iter().map(CountingListener::came).sum()
    }

    fn connected(&self) -> usize {
        let seen = self.ssh.received();
        seen.iter().filter(|s| **s == Received::Connected).count()
    }
}

/// One look-up per session: the address that the policy allows is the one that is connected to.
#[test]
fn a_rebinding_name_is_connected_to_at_the_allowed_address() {
    inside(|| {
        let fixture = NameFixture::new("*.rebind.test:PORT,*.bounce.test:PORT", "");
        for number in 0..REBINDINGS {
            let name = format!("n{number}.rebind.test");
            let path = fixture.path(&name);
            let mut client = Client::connect(fixture.bridge.addr(), &path, &Options::v1());
            client.login_v1("u", "p");
            assert_eq!(fixture.dns.asked(&name), 1, "{name}");
            let name = format!("n{number}.bounce.test");
            let refused = (Refusal::Close(4403), "target-refused".to_owned());
            assert_eq!(fixture.ask(&name), refused);
            assert_eq!(fixture.dns.asked(&name), 1, "{name}");
        }
        assert_eq!(fixture.connected(), REBINDINGS);
        assert_eq!(fixture.came_in(), 0);
    });
}

/// Names with an address that must not be reached.
const REFUSED: &str = "most.test loop.test loop6.test mapped.test nat64.test sixtofour.test \
    compatible.test meta.test zero.test zero6.test link.test multicast.test mixed.test mixed4.test \
    mixed6.test alias.test";

#[test]
fn a_name_is_allowed_by_its_addresses() {
    inside(|| {
        let fixture = NameFixture::new("*.test:PORT,[2001:db8::/32]:PORT", "192.0.2.11:PORT");
        for (word, code, names) in [
            ("ready", 0, "public.test PUBLIC.Test. alias-out.test"),
            ("target-refused", 4403, REFUSED),
            (
                "name-not-found",
                4502,
                "many.test flood.test gone.test empty.test",
            ),
            ("name-server-failed", 4502, "broken.test cut.test"),
            ("deadline", 4408, "x.hang.test"),
        ] {
            for name in names.split_whitespace() {
                let before = fixture.connected();
                let got = fixture.ask(name);
                assert_eq!(got, (Refusal::Close(code), word.to_owned()), "{name}");
                let expected = before + usize::from(word == "ready");
                assert_eq!(fixture.connected(), expected, "{name}");
            }
        }
        assert_eq!(fixture.came_in(), 0);
        // One code for both, and each its own text.
        for (text, sessions) in [
            ("the target's name has no address", 4),
            ("no name server answered for the target's name", 2),
        ] {
            fixture.bridge.wait_stderr_count(text, sessions);
        }
    });
}

/// Sixty-four addresses are accepted; the first that answers is used.
#[test]
fn a_name_may_have_sixty_four_addresses() {
    inside(|| {
        let fixture = NameFixture::new("most.test:PORT", "");
        assert_eq!(fixture.ask("most.test").1, "ready");
        assert_eq!(fixture.connected(), 1);
    });
}

/// The name server does not see a name that no rule could allow.
#[test]
fn a_name_that_no_rule_could_allow_is_not_looked_up() {
    inside(|| {
        let fixture = NameFixture::new("public.test:PORT,*.public.test:PORT", "x.public.test:PORT");
        let other_port = format!("/ws/public.test/{}", fixture.ssh.addr().port() ^ 1);
        for path in [
            fixture.path("other.test"),
            fixture.path("public.test.evil.test"),
            fixture.path("notpublic.test"),
            fixture.path("x.public.test"),
            fixture.path("127.0.0.1"),
            other_port,
        ] {
            let refused = (Refusal::Close(4403), "target-refused".to_owned());
            assert_eq!(ask(fixture.bridge.addr(), &path), refused, "{path}");
        }
        assert_eq!(fixture.dns.queries(), 0);
        fixture
            .bridge
            .wait_stderr("no rule allows this host", DEADLINE);
        assert_eq!(fixture.ask("public.test").1, "ready");
        assert_eq!(fixture.dns.asked("public.test"), 1);
        // A network rule could allow any name with its port.
        let networks = format!("targets.allow=10.0.0.0/8:{}", fixture.ssh.addr().port());
        let bridge = bridge_to(&[], &[&networks]);
        let refused = ask(bridge.addr(), &fixture.path("loop.test"));
        assert_eq!(refused.1, "target-refused");
        assert_eq!(fixture.dns.asked("loop.test"), 1);
        assert_eq!(fixture.came_in(), 0);
    });
}
