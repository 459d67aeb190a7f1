//! The interoperability table: the same session at every server.

use crate::common::fixture::{bridge_to, path_to};
use crate::common::{Bridge, Client, Event, Options};
use crate::servers::{Kind, Server};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

const MIB: usize = 1024 * 1024;
const OUTPUT: usize = 5 * MIB;

/// A file of random bytes, so that lost, repeated or swapped parts are detected.
fn random_file() -> &'static Path {
    static FILE: OnceLock<tempfile::TempPath> = OnceLock::new();
    FILE.get_or_init(|| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut random =
            std::io::Read::take(fs::File::open("/dev/urandom").unwrap(), OUTPUT as u64);
        std::io::copy(&mut random, &mut file).unwrap();
        let world = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(file.path(), world).unwrap();
        file.into_temp_path()
    })
}

/// In hexadecimal, as `sha256sum` prints it.
fn sha256(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let sum = Command::new("sha256sum").arg(file.path()).output().unwrap();
    String::from_utf8(sum.stdout).unwrap()[..64].to_owned()
}

/// A server and a bridge that may reach it.
pub(crate) struct Pair {
    pub(crate) server: Server,
    pub(crate) bridge: Bridge,
}

impl Pair {
    pub(crate) fn new(server: Server) -> Self {
        Self::with(server, &[])
    }

    pub(crate) fn with(server: Server, settings: &[&str]) -> Self {
        let bridge = bridge_to(&[server.addr()], settings);
        Self { server, bridge }
    }

    /// A client whose shell or command has started.
    pub(crate) fn ready(&self, fields: Value) -> Client {
        let path = path_to(self.server.addr());
        let mut client = Client::connect(self.bridge.addr(), &path, &Options::v1());
        client.auth_v1(&self.server.auth(fields));
        client.wait_type("ready");
        client
    }
}

/// All output to the end, and the exit status.
pub(crate) fn drain(client: &mut Client) -> (Vec<u8>, i64) {
    let mut output = std::mem::take(&mut client.output);
    let mut status = -1;
    loop {
        match client.recv() {
            Event::Output(bytes) => output.extend(bytes),
            Event::Json(message) if message["type"] == "exit" => {
                status = message["status"]
                    .as_i64()
                    .unwrap_or_else(|| panic!("{message}"));
            }
            Event::Json(message) => assert_ne!(message["type"], "error", "{message}"),
            Event::Close(code, reason) => {
                assert_eq!(code, 1000, "{reason}");
                return (output, status);
            }
            Event::Reset => panic!("reset after {} bytes", output.len()),
        }
    }
}

fn terminal_and_resize(pair: &Pair) {
    let command = "echo $TERM; (while sleep 0.1; do stty size; done </dev/tty) & read line; \
                   kill $!; exit 7";
    let mut client =
        pair.ready(json!({ "command": command, "cols": 132, "rows": 43, "term": "vt220" }));
    let start = client.output_until("43 132");
    assert!(start.contains("vt220"), "{start}");
    // Many at once, of which the last counts.
    for cols in 60..100 {
        client.send_json(&json!({ "type": "resize", "cols": cols, "rows": 31 }));
    }
    client.output_until("31 99");
    client.send_binary(b"\n");
    assert_eq!(drain(&mut client).1, 7);
}

fn output(pair: &Pair) {
    let file = random_file();
    let command = format!("stty raw; cat {}; exit 3", file.display());
    let (output, status) = drain(&mut pair.ready(json!({ "command": command })));
    assert_eq!(output.len(), OUTPUT);
    assert_eq!(sha256(&output), sha256(&fs::read(file).unwrap()));
    assert_eq!(status, 3);
}

fn input(pair: &Pair) {
    let bytes = &fs::read(random_file()).unwrap()[..MIB];
    let command = format!("stty raw -echo; echo GO; head -c {MIB} | sha256sum; exit 4");
    let mut client = pair.ready(json!({ "command": command }));
    client.output_until("GO");
    for piece in bytes.chunks(10_000) {
        client.send_binary(piece);
    }
    let (output, status) = drain(&mut client);
    let output = String::from_utf8_lossy(&output);
    assert!(output.contains(&sha256(bytes)), "{output}");
    assert_eq!(status, 4);
}

fn login_shell(pair: &Pair) {
    let mut client = pair.ready(json!({}));
    client.send_binary("echo $((6 * 7)) grüße\r".as_bytes());
    client.output_until("42 grüße");
    client.send_binary(b"exit 5\r");
    assert_eq!(drain(&mut client).1, 5);
}

/// Runs the whole table with one server.
fn works(kind: Kind) {
    works_with(&Pair::new(Server::start(kind)));
}

fn works_with(pair: &Pair) {
    terminal_and_resize(pair);
    output(pair);
    input(pair);
    login_shell(pair);
}

#[test]
fn openssh_works() {
    works(Kind::OpenSsh);
}

#[test]
fn dropbear_works() {
    works(Kind::Dropbear);
}

/// Debian's, of 2023, has no strict key exchange, and only a cipher that needs it.
#[test]
fn tinyssh_works_as_legacy_equipment() {
    let server = Server::start(Kind::TinySsh);
    works_with(&Pair::with(server, &["ssh.legacy_algorithms=true"]));
}

/// CVE-2023-48795.
#[test]
fn tinyssh_is_refused_without_legacy_algorithms() {
    let server = Server::start(Kind::TinySsh);
    let bridge = bridge_to(&[server.addr()], &[]);
    let mut client = Client::connect(bridge.addr(), &path_to(server.addr()), &Options::v1());
    client.auth_v1(&server.auth(json!({})));
    let error = client.wait_type("error");
    assert_eq!(error["code"], "no-common-algorithm");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("CVE-2023-48795")
    );
    assert_eq!(client.until_close().0, 4502);
}

#[test]
fn asyncssh_works() {
    works(Kind::AsyncSsh);
}

#[test]
fn paramiko_works() {
    works(Kind::Paramiko);
}

#[test]
fn node_ssh2_works() {
    works(Kind::NodeSsh2);
}

#[test]
fn erlang_works() {
    works(Kind::Erlang);
}

#[test]
fn libssh_works() {
    works(Kind::Libssh);
}

#[test]
fn apache_mina_works() {
    works(Kind::Mina);
}

/// In the middle of output and of input.
fn changes_keys(kind: Kind) {
    let pair = Pair::new(Server::rekeying(kind));
    output(&pair);
    input(&pair);
}

#[test]
fn openssh_works_across_key_exchanges() {
    changes_keys(Kind::OpenSsh);
}

#[test]
fn asyncssh_works_across_key_exchanges() {
    changes_keys(Kind::AsyncSsh);
}

#[test]
fn paramiko_works_across_key_exchanges() {
    changes_keys(Kind::Paramiko);
}

#[test]
fn node_ssh2_works_across_key_exchanges() {
    changes_keys(Kind::NodeSsh2);
}

#[test]
fn erlang_works_across_key_exchanges() {
    changes_keys(Kind::Erlang);
}

#[test]
fn libssh_works_across_key_exchanges() {
    changes_keys(Kind::Libssh);
}

#[test]
fn apache_mina_works_across_key_exchanges() {
    changes_keys(Kind::Mina);
}
