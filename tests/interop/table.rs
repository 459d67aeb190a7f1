//! The interoperability table: the same session at every server.

use crate::common::fixture::{auth_at, bridge_to};
use crate::common::{Bridge, Client, random_bytes, sha256};
use crate::servers::{Kind, Server};
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::OnceLock;

const MIB: usize = 1024 * 1024;
const OUTPUT: usize = 5 * MIB;

/// A file of random bytes that everybody may read.
fn random_file() -> &'static Path {
    static FILE: OnceLock<tempfile::TempPath> = OnceLock::new();
    FILE.get_or_init(|| {
        let file = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        fs::write(&file, random_bytes(OUTPUT)).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        file
    })
}

/// A server and a bridge that may reach it.
pub(crate) struct ServerFixture {
    pub(crate) server: Server,
    pub(crate) bridge: Bridge,
}

impl ServerFixture {
    pub(crate) fn new(server: Server) -> Self {
        Self::with(server, &[])
    }

    pub(crate) fn with(server: Server, settings: &[&str]) -> Self {
        let bridge = bridge_to(&[server.addr()], settings);
        Self { server, bridge }
    }

    /// A client whose shell or command has started.
    pub(crate) fn ready(&self, fields: Value) -> Client {
        let fields = self.server.auth(fields);
        let mut client = auth_at(&self.bridge, self.server.addr(), &fields);
        client.wait_type("ready");
        client
    }
}

fn terminal_and_resize(fixture: &ServerFixture) {
    let command = "echo $TERM; (while sleep 0.1; do stty size; done </dev/tty) & read line; \
                   kill $!; exit 7";
    let mut client =
        fixture.ready(json!({ "command": command, "cols": 132, "rows": 43, "term": "vt220" }));
    let start = client.output_until("43 132");
    assert!(start.contains("vt220"), "{start}");
    // Many at once, of which the last counts.
    for cols in 60..100 {
        client.send_json(&json!({ "type": "resize", "cols": cols, "rows": 31 }));
    }
    client.output_until("31 99");
    client.send_binary(b"\n");
    assert_eq!(client.transcript().status(), 7);
}

fn output(fixture: &ServerFixture) {
    let file = random_file();
    let command = format!("stty raw; cat {}; exit 3", file.display());
    let end = fixture.ready(json!({ "command": command })).transcript();
    assert_eq!(end.output.len(), OUTPUT);
    assert!(end.output == fs::read(file).unwrap(), "the bytes differ");
    assert_eq!(end.status(), 3);
}

fn input(fixture: &ServerFixture) {
    let bytes = &fs::read(random_file()).unwrap()[..MIB];
    let command = format!("stty raw -echo; echo GO; head -c {MIB} | sha256sum; exit 4");
    let mut client = fixture.ready(json!({ "command": command }));
    client.output_until("GO");
    for piece in bytes.chunks(10_000) {
        client.send_binary(piece);
    }
    let end = client.transcript();
    let output = String::from_utf8_lossy(&end.output);
    assert!(output.contains(&sha256(bytes)), "{output}");
    assert_eq!(end.status(), 4);
}

fn login_shell(fixture: &ServerFixture) {
    let mut client = fixture.ready(json!({}));
    client.send_binary("echo $((6 * 7)) grüße\r".as_bytes());
    client.output_until("42 grüße");
    client.send_binary(b"exit 5\r");
    assert_eq!(client.transcript().status(), 5);
}

const LIBRARIES: [Kind; 6] = [
    Kind::AsyncSsh,
    Kind::Paramiko,
    Kind::NodeSsh2,
    Kind::Erlang,
    Kind::Libssh,
    Kind::Mina,
];

/// The whole table with one server.
fn works(fixture: &ServerFixture) {
    terminal_and_resize(fixture);
    output(fixture);
    input(fixture);
    login_shell(fixture);
}

#[test]
fn each_server_works() {
    for kind in [Kind::Dropbear].into_iter().chain(LIBRARIES) {
        println!("{kind:?}");
        works(&ServerFixture::new(Server::start(kind)));
    }
}

/// In the middle of output and of input.
#[test]
fn each_server_works_across_key_exchanges() {
    for kind in LIBRARIES {
        println!("{kind:?}");
        let fixture = ServerFixture::new(Server::rekeying(kind));
        output(&fixture);
        input(&fixture);
    }
}

/// Debian's, of 2023, has no strict key exchange, and only a cipher that needs it.
#[test]
fn tinyssh_works_as_legacy_equipment() {
    let server = Server::start(Kind::TinySsh);
    works(&ServerFixture::with(
        server,
        &["ssh.legacy_algorithms=true"],
    ));
}

/// CVE-2023-48795.
#[test]
fn tinyssh_is_refused_without_legacy_algorithms() {
    let server = Server::start(Kind::TinySsh);
    let bridge = bridge_to(&[server.addr()], &[]);
    let mut client = auth_at(&bridge, server.addr(), &server.auth(json!({})));
    let error = client.expect_error(4502, "TinySSH");
    assert_eq!(error["code"], "no-common-algorithm");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("CVE-2023-48795"), "{message}");
}
