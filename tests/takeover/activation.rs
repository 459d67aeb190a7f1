//! Sockets that systemd passes (sd_listen_fds(3)): LISTEN_FDS, LISTEN_PID, and the descriptor 3.

use crate::common::{Bridge, DEADLINE, run_under, words};
use crate::fixture::TakeoverFixture;
use rustix::io::{FdFlags, fcntl_setfd};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::thread;

/// Listener that a child process inherits, and the command line that passes it on.
struct PassedListener {
    listener: TcpListener,
    script: String,
}

impl PassedListener {
    fn on(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        fcntl_setfd(&listener, FdFlags::empty()).unwrap();
        let number = listener.as_raw_fd();
        let script = format!("LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3<&{number}");
        Self { listener, script }
    }

    fn starter(&self) -> [&str; 3] {
        ["bash", "-c", &self.script]
    }

    fn addr(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }
}

const SERVE: &str = "serve --listen 127.0.0.1:1 --shards 2 --set ssh.host_key_policy=off --allow";

#[test]
fn a_passed_socket_is_the_listener_and_its_queue_is_served() {
    let fixture = TakeoverFixture::new();
    let passed = PassedListener::on("127.0.0.1:0");
    let address = passed.addr();
    thread::scope(|scope| {
        // They wait in the kernel's queue before there is a process.
        let early: Vec<_> = (0..4)
            .map(|_| {
                let stream = std::net::TcpStream::connect(address).unwrap();
                drop(stream);
                scope.spawn(|| drop(fixture.ready(address)))
            })
            .collect();
        let line = format!("{SERVE} {}", fixture.ssh.addr());
        let bridge = Bridge::under(&passed.starter(), &words(&line), &[]);
        assert_eq!(bridge.addr(), address);
        bridge.wait_stderr("server.listen is not used", DEADLINE);
        for client in early {
            client.join().unwrap();
        }
        let mut client = fixture.ready(address);
        fixture.works(&mut client);
    });
}

#[test]
fn a_passed_socket_that_other_machines_can_reach_needs_allow_plaintext() {
    let passed = PassedListener::on("0.0.0.0:0");
    let line = format!("{SERVE} 192.0.2.1:22");
    let ended = run_under(&passed.starter(), &words(&line), &[]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.stderr.contains("server.allow_plaintext"), "{ended:?}");
}
