//! Servers with Nagle's algorithm send the end of a large write only when all before it is
//! acknowledged, which a kernel may delay for 40 ms: once per SSH window, so that 5 MiB take
//! seconds. Each is compared with OpenSSH's client at the same server in the same minute.

use crate::servers::{Kind, Server};
use crate::table::ServerFixture;
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BYTES: usize = 5 * 1024 * 1024;

/// Attempts of each, of which the fastest counts: the machine may be busy.
const ROUNDS: usize = 12;

/// From the start of the login to the end of the output.
fn through_the_bridge(fixture: &ServerFixture, command: &str) -> Duration {
    let start = Instant::now();
    let end = fixture.ready(json!({ "command": command })).transcript();
    assert_eq!((end.output.len(), end.status()), (BYTES, 0));
    start.elapsed()
}

/// The same of `ssh -tt`.
fn through_ssh(server: &Server, command: &str) -> Duration {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str, mode| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    };
    let credentials = server.auth(json!({}));
    let field = |name: &str| credentials[name].as_str().unwrap_or_default();
    let password = format!("#!/bin/sh\necho '{}'\n", field("password"));
    let key = write("key", field("private_key"), 0o600);
    let start = Instant::now();
    let mut done = Command::new("ssh")
        .args(["-tt", "-e", "none", "-F", "none", "-p"])
        .arg(server.addr().port().to_string())
        .args(["-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"])
        .args([
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "IdentitiesOnly=yes",
            "-i",
        ])
        .arg(key)
        .arg(format!("{}@127.0.0.1", field("username")))
        .arg(command)
        .env("SSH_ASKPASS", write("password", &password, 0o700))
        .env("SSH_ASKPASS_REQUIRE", "force")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ssh starts; run tests/setup.sh first");
    // Some servers end the session with its input.
    let stdin = done.stdin.take();
    let done = done.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(
        done.stdout.len(),
        BYTES,
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    start.elapsed()
}

fn is_as_fast_as_ssh(kind: Kind, command: &str) {
    let server = Server::start(kind);
    // TinySSH of 2023 needs it.
    let fixture = ServerFixture::with(server, &["ssh.legacy_algorithms=true"]);
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        fastest[0] = fastest[0].min(through_the_bridge(&fixture, command));
        fastest[1] = fastest[1].min(through_ssh(&fixture.server, command));
        if fastest[0] <= 2 * fastest[1] {
            return;
        }
    }
    panic!(
        "{kind:?}: {:?} through the bridge, {:?} through ssh",
        fastest[0], fastest[1]
    );
}

#[test]
fn each_server_is_as_fast_as_through_ssh() {
    // By the library, in writes as large as the window allows.
    let output = format!("output {BYTES}");
    // By a program in a terminal, in small writes.
    let program_output = format!("stty raw; head -c {BYTES} /dev/zero");
    for (kind, command) in [
        (Kind::Paramiko, &output),
        (Kind::NodeSsh2, &output),
        (Kind::NodeSsh2, &program_output),
        (Kind::TinySsh, &program_output),
        (Kind::Libssh, &output),
        (Kind::Mina, &output),
    ] {
        is_as_fast_as_ssh(kind, command);
    }
}
