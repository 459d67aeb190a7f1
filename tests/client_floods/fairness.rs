//! Effect of a flood on another session and on a health check, as a ratio to the same without it.

use crate::common::fixture::{bridge_to, path_to};
use crate::common::raw::exchange;
use crate::common::tls::{self, Files, Pair};
use crate::common::{Bridge, Client, Event, Options, ScriptedSsh, SshScript, Start, wait_until};
use crate::crowd::{Flood, Kind};
use futures_rustls::rustls::ClientConfig;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Keys timed before a flood and during it.
const KEYS: usize = 200;

/// Pause between two keys; a fast typist's is ten times as long.
const PAUSE: Duration = Duration::from_millis(5);

/// Highest ratio of an echo's time during a flood to that without one.
const MOST: u32 = 10;

/// Attempts, of which one must succeed: the machine is shared.
const ATTEMPTS: usize = 5;

struct FloodFixture {
    bridge: Bridge,
    ssh: ScriptedSsh,
    trust: Arc<ClientConfig>,
    is_tls: bool,
    _files: Files,
}

impl FloodFixture {
    fn new(kind: Kind) -> Self {
        let ssh = ScriptedSsh::start(SshScript::start(Start::Echo));
        let pair = Pair::new();
        let files = Files::new(&pair);
        let [cert, key] = files.settings();
        let mut settings = vec![
            "rate_limit.enabled=false",
            "log.level=error",
            "limits.max_connections_per_host=1000",
            "limits.max_unauthenticated=1000",
        ];
        let is_tls = kind == Kind::TlsRecords;
        if is_tls {
            settings.extend([cert.as_str(), key.as_str()]);
        }
        Self {
            bridge: bridge_to(&[ssh.addr()], &settings),
            ssh,
            trust: tls::trusting(&[&pair]),
            is_tls,
            _files: files,
        }
    }

    fn honest(&self) -> Client {
        let mut options = Options::v1();
        if self.is_tls {
            options = options.tls(&self.trust);
        }
        let path = path_to(self.ssh.addr());
        let mut client = Client::connect(self.bridge.addr(), &path, &options);
        client.auth_v1(&json!({ "username": "u" }));
        client.wait_type("ready");
        client.output_until("[cat]");
        client
    }

    fn flood(&self, kind: Kind) -> Flood {
        let (addr, path) = (self.bridge.addr(), path_to(self.ssh.addr()));
        Flood::start(kind, addr, path, Arc::clone(&self.trust))
    }

    /// A health check in the usual way; the port that speaks TLS has none that is plain.
    fn is_healthy(&self) -> bool {
        if self.is_tls {
            return true;
        }
        let addr = self.bridge.addr();
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {addr}\r\n\r\n");
        exchange(addr, &request).status == 200
    }
}

/// Measures the 99th percentile of the echo time.
fn p99(client: &mut Client) -> Duration {
    let mut times: Vec<Duration> = (0..KEYS)
        .map(|_| {
            std::thread::sleep(PAUSE);
            let start = Instant::now();
            client.send_binary(b"x");
            while !matches!(client.recv(), Event::Output(bytes) if bytes == b"x") {}
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[KEYS * 99 / 100 - 1]
}

/// Echo without and with the flood, and whether each health check during it was answered well.
fn attempt(fixture: &FloodFixture, kind: Kind) -> (Duration, Duration, bool) {
    let mut client = fixture.honest();
    let quiet = p99(&mut client);
    let flood = fixture.flood(kind);
    wait_until("the flood has not begun", || flood.sent() > 10_000);
    let mut healthy = fixture.is_healthy();
    let flooded = p99(&mut client);
    healthy &= fixture.is_healthy();
    (quiet, flooded, healthy)
}

#[test]
fn thirty_floods_do_not_delay_the_echo_of_another_session() {
    let mut bad = Vec::new();
    for kind in Kind::ALL {
        let fixture = FloodFixture::new(kind);
        let (mut seen, mut noise) = (Vec::new(), Duration::ZERO);
        let good = (0..ATTEMPTS).any(|_| {
            let (quiet, flooded, healthy) = attempt(&fixture, kind);
            seen.push((quiet, flooded, healthy));
            noise = noise.max(quiet);
            healthy && flooded < noise * MOST
        });
        println!("{kind:?}: quiet, flooded, healthy: {seen:?}");
        if !good {
            bad.push(kind);
        }
    }
    assert!(bad.is_empty(), "starved by {bad:?}");
}
