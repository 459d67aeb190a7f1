//! Name servers that never answer do not block other look-ups.

use crate::common::{Bridge, Client, Options, ScriptedSsh, SshScript};
use crate::dns::Dns;
use crate::inside::{PUBLIC, inside};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;

/// On both families of loopback: two clients to the bridge. Four look-ups at once, two of one
/// client; sixteen and eight with those that hang.
fn bridge(ssh: &ScriptedSsh, resolve_timeout: &str) -> Bridge {
    let port = ssh.addr().port();
    Bridge::serve(&format!(
        "--listen 127.0.0.1:0 --listen [::1]:0 --shards 1 --set ssh.host_key_policy=off
         --set targets.allow=*.test:{port} --set targets.resolver_threads=4
         --set targets.resolve_timeout={resolve_timeout}"
    ))
}

fn ask_for(bridge: SocketAddr, name: &str, ssh: &ScriptedSsh) -> Client {
    let path = format!("/ws/{name}/{}", ssh.addr().port());
    let mut client = Client::connect(bridge, &path, &Options::v1());
    client.auth_v1(&json!({ "username": "u" }));
    client
}

#[test]
fn hanging_look_ups_do_not_delay_others() {
    inside(|| {
        let dns = Dns::start();
        let ssh = ScriptedSsh::start_on(PUBLIC.into(), SshScript::default());
        let bridge = bridge(&ssh, "5s");
        let [one, other] = [bridge.addrs()[0], bridge.addrs()[1]];
        // More than there are threads, all of one client.
        let names = (0..6).map(|n| format!("n{n}.hang.test"));
        let mut hung: Vec<Client> = names.map(|name| ask_for(one, &name, &ssh)).collect();
        // While they hang: another client is served.
        ask_for(other, "public.test", &ssh).wait_type("ready");
        for client in &mut hung {
            let event = client.recv_within(Duration::from_millis(1));
            assert_eq!(event, None, "the other client was served after them");
        }
        for client in &mut hung {
            assert_eq!(client.wait_type("error")["code"], "deadline");
            assert_eq!(client.until_close().0, 4408);
        }
        // When their deadlines are over: the same client is served, too.
        ask_for(one, "public.test", &ssh).wait_type("ready");
        assert_eq!(dns.asked("public.test"), 2);
    });
}

/// Sixteen threads at most, whatever hangs; and beyond them, a deadline.
#[test]
fn threads_of_hanging_look_ups_are_bounded() {
    inside(|| {
        let _dns = Dns::start();
        let ssh = ScriptedSsh::start_on(PUBLIC.into(), SshScript::default());
        let bridge = bridge(&ssh, "1s");
        let idle = bridge.threads();
        let mut most = 0;
        for address in bridge.addrs().iter().cycle().take(6) {
            let hung: Vec<Client> = (0..10)
                .map(|n| ask_for(*address, &format!("n{n}.hang.test"), &ssh))
                .collect();
            for mut client in hung {
                assert_eq!(client.until_close().0, 4408);
            }
            most = most.max(bridge.threads() - idle);
        }
        // Four there were.
        assert!(
            (4..=12).contains(&most),
            "{most} threads more than there were"
        );
    });
}
