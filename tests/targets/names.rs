//! Policy on names whose addresses change or mix.

use crate::common::fixture::bridge_to;
use crate::common::{Bridge, Client, DEADLINE, Options, Received, ScriptedSsh, SshScript};
use crate::dns::Dns;
use crate::inside::{CountingListener, PUBLIC, Refusal, ask, inside};
use std::net::{Ipv4Addr, Ipv6Addr};

const REBINDINGS: usize = 100;

/// A name server, an SSH server at the public address, and a listener on loopback with the same
/// port.
struct World {
    dns: Dns,
    ssh: ScriptedSsh,
    inner: [CountingListener; 2],
    bridge: Bridge,
}

impl World {
    /// `allow` and `deny` with `PORT` for the port.
    fn new(allow: &str, deny: &str) -> Self {
        let ssh = ScriptedSsh::start_on(PUBLIC.into(), SshScript::default());
        let port = ssh.addr().port();
        let rules = |text: &str| text.replace("PORT", &port.to_string());
        let settings = [
            format!("targets.allow={}", rules(allow)),
            format!("targets.deny={}", rules(deny)),
            "targets.resolve_timeout=2s".to_owned(),
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
    inside(
        "names::a_rebinding_name_is_connected_to_at_the_allowed_address",
        || {
            let world = World::new("*.rebind.test:PORT,*.bounce.test:PORT", "");
            for number in 0..REBINDINGS {
                let name = format!("n{number}.rebind.test");
                let path = world.path(&name);
                let mut client = Client::connect(world.bridge.addr(), &path, &Options::v1());
                client.login_v1("u", "p");
                assert_eq!(world.dns.asked(&name), 1, "{name}");
                let name = format!("n{number}.bounce.test");
                let refused = (Refusal::Close(4403), "target-refused".to_owned());
                assert_eq!(world.ask(&name), refused);
                assert_eq!(world.dns.asked(&name), 1, "{name}");
            }
            assert_eq!(world.connected(), REBINDINGS);
            assert_eq!(world.came_in(), 0);
        },
    );
}

#[test]
fn a_name_is_allowed_by_its_addresses() {
    inside("names::a_name_is_allowed_by_its_addresses", || {
        let world = World::new("*.test:PORT,[2001:db8::/32]:PORT", "192.0.2.11:PORT");
        for (name, word) in [
            ("public.test", "ready"),
            ("PUBLIC.Test.", "ready"),
            ("alias-out.test", "ready"),
            ("most.test", "target-refused"),
            ("loop.test", "target-refused"),
            ("loop6.test", "target-refused"),
            ("mapped.test", "target-refused"),
            ("nat64.test", "target-refused"),
            ("sixtofour.test", "target-refused"),
            ("compatible.test", "target-refused"),
            ("meta.test", "target-refused"),
            ("zero.test", "target-refused"),
            ("zero6.test", "target-refused"),
            ("link.test", "target-refused"),
            ("multicast.test", "target-refused"),
            ("mixed.test", "target-refused"),
            ("mixed4.test", "target-refused"),
            ("mixed6.test", "target-refused"),
            ("alias.test", "target-refused"),
            ("many.test", "name-not-found"),
            ("flood.test", "name-not-found"),
            ("gone.test", "name-not-found"),
            ("empty.test", "name-not-found"),
            ("broken.test", "name-server-failed"),
            ("cut.test", "name-server-failed"),
            ("x.hang.test", "deadline"),
        ] {
            let before = world.connected();
            let (refusal, got) = world.ask(name);
            assert_eq!(got, word, "{name}");
            let code = match word {
                "ready" => 0,
                "target-refused" => 4403,
                "deadline" => 4408,
                _ => 4502,
            };
            assert_eq!(refusal, Refusal::Close(code), "{name}");
            let expected = before + usize::from(word == "ready");
            assert_eq!(world.connected(), expected, "{name}");
        }
        assert_eq!(world.came_in(), 0);
        // One code for both, and each its own text.
        for (text, sessions) in [
            ("the target's name has no address", 4),
            ("no name server answered for the target's name", 2),
        ] {
            world.bridge.wait_stderr_count(text, sessions);
        }
    });
}

/// Sixty-four addresses are accepted; the first that answers is used.
#[test]
fn a_name_may_have_sixty_four_addresses() {
    inside("names::a_name_may_have_sixty_four_addresses", || {
        let world = World::new("most.test:PORT", "");
        assert_eq!(world.ask("most.test").1, "ready");
        assert_eq!(world.connected(), 1);
    });
}

/// The name server does not see a name that no rule could allow.
#[test]
fn a_name_that_no_rule_could_allow_is_not_looked_up() {
    inside(
        "names::a_name_that_no_rule_could_allow_is_not_looked_up",
        || {
            let world = World::new("public.test:PORT,*.public.test:PORT", "x.public.test:PORT");
            let other_port = format!("/ws/public.test/{}", world.ssh.addr().port() ^ 1);
            for path in [
                world.path("other.test"),
                world.path("public.test.evil.test"),
                world.path("notpublic.test"),
                world.path("x.public.test"),
                world.path("127.0.0.1"),
                other_port,
            ] {
                let refused = (Refusal::Close(4403), "target-refused".to_owned());
                assert_eq!(ask(world.bridge.addr(), &path), refused, "{path}");
            }
            assert_eq!(world.dns.queries(), 0);
            world
                .bridge
                .wait_stderr("no rule allows this host", DEADLINE);
            assert_eq!(world.ask("public.test").1, "ready");
            assert_eq!(world.dns.asked("public.test"), 1);
            // A network rule could allow any name with its port.
            let world_of_networks = format!("targets.allow=10.0.0.0/8:{}", world.ssh.addr().port());
            let bridge = bridge_to(&[], &[&world_of_networks]);
            let refused = ask(bridge.addr(), &world.path("loop.test"));
            assert_eq!(refused.1, "target-refused");
            assert_eq!(world.dns.asked("loop.test"), 1);
            assert_eq!(world.came_in(), 0);
        },
    );
}
