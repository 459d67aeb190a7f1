//! Sockets that systemd passes (sd_listen_fds(3)): LISTEN_FDS, LISTEN_PID, and the descriptor 3.

use crate::common::fixture::path_to;
use crate::common::{Bridge, Client, Options, run_under};
use crate::site::Site;
use rustix::io::{FdFlags, fcntl_setfd};
use serde_json::json;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::thread;

/// Listener that a child process inherits, and the command line that passes it on.
struct Passed {
    listener: TcpListener,
    script: String,
}

impl Passed {
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

fn args(target: &str) -> Vec<&str> {
    let mut args = vec!["serve", "--listen", "127.0.0.1:1", "--shards", "2"];
    args.extend(["--allow", target, "--set", "ssh.host_key_policy=off"]);
    args
}

#[test]
fn a_passed_socket_is_the_listener_and_its_queue_is_served() {
    let site = Site::new();
    let passed = Passed::on("127.0.0.1:0");
    let address = passed.addr();
    let path = path_to(site.ssh.addr());
    thread::scope(|scope| {
        // They wait in the kernel's queue before there is a process.
        let early: Vec<_> = (0..4)
            .map(|_| {
                let stream = std::net::TcpStream::connect(address).unwrap();
                drop(stream);
                scope.spawn(|| {
                    let mut client = Client::connect(address, &path, &Options::v1());
                    client.auth_v1(&json!({ "username": "u" }));
                    client.wait_type("ready");
                })
            })
            .collect();
        let target = site.ssh.addr().to_string();
        let bridge = Bridge::under(&passed.starter(), &args(&target), &[]);
        assert_eq!(bridge.addr(), address);
        assert!(bridge.stderr_contains("server.listen is not used"));
        for client in early {
            client.join().unwrap();
        }
        let mut client = site.ready(address);
        site.works(&mut client);
    });
}

#[test]
fn a_passed_socket_that_other_machines_can_reach_needs_allow_plaintext() {
    let passed = Passed::on("0.0.0.0:0");
    let ended = run_under(&passed.starter(), &args("192.0.2.1:22"), &[]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.stderr.contains("server.allow_plaintext"), "{ended:?}");
}
