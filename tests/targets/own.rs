//! The bridge's own listeners as targets.

use crate::common::fixture::{bridge_to, path_to};
use crate::common::{Bridge, closed_port, free_port};
use crate::inside::{PUBLIC, Refusal, add_address, ask, inside};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

fn refused(bridge: &Bridge, target: SocketAddr) -> bool {
    // From loopback, wherever else it listens.
    let ours = SocketAddr::from((Ipv4Addr::LOCALHOST, bridge.addr().port()));
    let (refusal, word) = ask(ours, &path_to(target));
    let refused = word == "target-refused";
    assert_eq!(refused, refusal == Refusal::Close(4403), "{word}");
    refused
}

#[test]
fn broad_rules_do_not_allow_own_listeners() {
    inside(|| {
        let rules = "targets.allow=127.0.0.0/8:*,127.0.0.1:*,localhost:*,[::1]:*,0.0.0.0/8:*";
        let bridge = bridge_to(&[], &[rules, "ssh.handshake_timeout=1s"]);
        let (public, admin) = (bridge.addr(), bridge.admin_addr());
        for port in [public.port(), admin.port()] {
            for host in [
                "127.0.0.1",
                "[::ffff:127.0.0.1]",
                "localhost",
                "0.0.0.0",
                "[64:ff9b::7f00:1]",
            ] {
                let (_, word) = ask(public, &format!("/ws/{host}/{port}"));
                assert_eq!(word, "target-refused", "{host} {port}");
            }
        }
        // The rules are as broad as they say, beside these two.
        assert!(!refused(&bridge, closed_port()));
        bridge.wait_stderr_count("the bridge itself listens at", 8);
    });
}

/// Includes addresses that the machine gets later.
#[test]
fn a_wildcard_listener_is_recognised_at_every_address() {
    inside(|| {
        let port = free_port().port();
        let listen = format!("server.listen=0.0.0.0:{port}");
        let rules = "targets.allow=192.0.2.0/24:*,127.0.0.0/8:*,169.254.0.0/16:*,[2001:db8::/32]:*";
        let open = "server.allow_plaintext=true";
        let bridge = bridge_with(&[&listen, open, rules, "ssh.connect_timeout=1s"]);
        let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), port);
        for ip in ["192.0.2.10", "192.0.2.11", "127.0.0.1", "127.9.9.9"] {
            assert!(refused(&bridge, at(ip)), "{ip}");
        }
        assert!(!refused(&bridge, at("192.0.2.99")));
        add_address("192.0.2.99/32");
        assert!(refused(&bridge, at("192.0.2.99")));
        // 0.0.0.0 takes no IPv6 connection.
        assert!(!refused(&bridge, at("2001:db8::10")));
    });
}

#[test]
fn an_exact_entry_allows_an_own_listener() {
    inside(|| {
        for (rule, opens) in [
            ("targets.allow=192.0.2.0/24:PORT", false),
            ("targets.allow=192.0.2.10:1-65535", false),
            ("targets.allow=192.0.2.10:PORT", true),
            ("targets.named=self=192.0.2.10:PORT", true),
        ] {
            let public = SocketAddr::new(IpAddr::V4(PUBLIC), free_port().port());
            let listen = format!("server.listen={public},127.0.0.1:{}", public.port());
            let open = "server.allow_plaintext=true";
            let rule = rule.replace("PORT", &public.port().to_string());
            let bridge = bridge_with(&[&listen, open, &rule, "ssh.handshake_timeout=1s"]);
            let ours = SocketAddr::from((Ipv4Addr::LOCALHOST, bridge.addr().port()));
            let path = if rule.contains("named") {
                "/ws/self".to_owned()
            } else {
                path_to(public)
            };
            let (_, word) = ask(ours, &path);
            assert_eq!(word == "target-refused", !opens, "{rule}: {word}");
        }
    });
}

/// Starts a bridge as `bridge_to`, with the listeners of the settings.
fn bridge_with(settings: &[&str]) -> Bridge {
    let mut args = vec!["serve", "--set", "server.shards=1"];
    args.extend(["--log-level", "debug", "--set", "ssh.host_key_policy=off"]);
    args.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
    Bridge::command(&args, &[])
}
