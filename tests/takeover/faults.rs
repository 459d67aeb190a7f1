//! New processes that fail, and files that are no takeover socket.

use crate::common::{Bridge, DEADLINE, PausedThread, run_line, words};
use crate::fixture::TakeoverFixture;
use rustix::process::Signal;
use socket2::{Domain, SockAddr, Socket, Type};
use sshard::control::takeover::take_over;
use std::fs;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

/// Error of a peer that runs as another user.
const OTHER_USER: &str = "only the same user or root may take over";

/// Runs `serve` with these arguments, which has to fail and to say so.
fn fails(fixture: &TakeoverFixture, more: &str, said: &str) {
    let ended = run_line(&fixture.line(more));
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.stderr.contains(said), "{ended:?}");
}

/// Binds a socket that does not listen.
fn bound(path: &Path) -> Socket {
    let socket = Socket::new(Domain::UNIX, Type::SEQPACKET, None).unwrap();
    socket.bind(&SockAddr::unix(path).unwrap()).unwrap();
    socket
}

fn serves(fixture: &TakeoverFixture, bridge: &Bridge) {
    let mut client = fixture.ready(bridge.addr());
    fixture.works(&mut client);
}

#[test]
fn a_new_process_that_fails_leaves_the_old_one_serving() {
    let fixture = TakeoverFixture::new();
    let old = fixture.generation("--shards 2");
    // Found out when the sockets are there.
    let elsewhere = "--listen 127.0.0.9:0 --set server.proxy_protocol=127.0.0.9:0";
    fails(&fixture, elsewhere, "is not the address of a passed socket");
    old.wait_stderr_count("not handed over; this process goes on", 1);
    serves(&fixture, &old);

    // One that connects and leaves, and one that says something else.
    for said in [&b""[..], b"hello"] {
        let client = Socket::new(Domain::UNIX, Type::SEQPACKET, None).unwrap();
        let path = SockAddr::unix(fixture.socket()).unwrap();
        client.connect(&path).unwrap();
        if !said.is_empty() {
            client.send(said).unwrap();
        }
        drop(client);
    }
    old.wait_stderr_count("not handed over; this process goes on", 3);
    serves(&fixture, &old);
    // And then one that does it right.
    let new = fixture.generation("--shards 1");
    assert_eq!(new.addr(), old.addr());
    serves(&fixture, &new);
}

/// A passed listener serves in place of `admin.listen`, wherever it is.
#[test]
fn a_new_process_without_a_token_refuses_an_admin_listener_that_other_machines_reach() {
    let fixture = TakeoverFixture::new();
    let token = tempfile::NamedTempFile::new().unwrap();
    fs::write(token.path(), "t".repeat(32)).unwrap();
    let token = token.path().display();
    let guarded = format!("--admin-listen 0.0.0.0:0 --set admin.token_file={token}");
    let old = fixture.generation(&guarded);
    let said = "can be reached from other machines; set admin.token_file";
    fails(&fixture, "--admin-listen 127.0.0.1:0", said);
    old.wait_stderr_count("not handed over; this process goes on", 1);
    serves(&fixture, &old);
    let new = fixture.generation(&guarded);
    assert_eq!(new.admin_addr(), old.admin_addr());
}

/// A listener that is passed would be served otherwise.
#[test]
fn a_new_process_without_an_admin_listener_does_not_keep_the_old_ones() {
    let fixture = TakeoverFixture::new();
    let mut old = fixture.generation("");
    let admin = old.admin_addr();
    let new = fixture.generation("--set admin.listen=");
    assert_eq!(old.wait_exit(DEADLINE).code(), Some(0));
    let refused = TcpStream::connect(admin).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert!(!new.stdout().contains("admin at"), "{}", new.stdout());
    serves(&fixture, &new);
}

/// A stuck shard is a likely reason to restart. The new process serves every connection, and keeps
/// the path, so that the next one finds it.
#[test]
fn a_process_with_a_stuck_shard_is_taken_over_and_the_next_one_too() {
    let fixture = TakeoverFixture::new();
    let mut old = fixture.generation("--shards 2 --drain-timeout 1s");
    let hold = PausedThread::stuck(&old, "sshard-1");
    let new = fixture.generation("--shards 2");
    old.wait_stderr_count(
        "a shard did not stop accepting in time; handing over anyway",
        1,
    );
    for _ in 0..8 {
        serves(&fixture, &new);
    }
    old.wait_stderr_count("the process ends without it", 1);
    drop(hold);
    assert_eq!(old.wait_exit(DEADLINE).code(), Some(0));
    let next = fixture.generation("--shards 1");
    assert_eq!(next.addr(), new.addr());
    serves(&fixture, &next);
}

/// The successor has the sockets, and dies before its own socket is at the path.
#[test]
fn an_old_process_whose_successor_died_does_not_stop_the_next_one() {
    let fixture = TakeoverFixture::new();
    let old = fixture.generation("--drain-timeout 1h");
    let mut session = fixture.ready(old.addr());
    let successor = take_over(&fixture.socket()).unwrap().unwrap();
    successor.finish().unwrap();
    old.wait_stderr_count("handed over to a new process", 1);
    let next = fixture.generation("");
    serves(&fixture, &next);
    fixture.works(&mut session);
    assert_eq!(fixture.own_sockets().len(), 2, "one of each process");
    let last = fixture.generation("");
    assert_eq!(last.addr(), next.addr(), "the sockets are passed again");
}

/// A zombie, as what was killed is until its parent asks. Perl plays it: it has to be a process of
/// its own.
#[test]
fn an_old_process_that_is_killed_before_it_confirms_does_not_stop_the_new_one() {
    let fixture = TakeoverFixture::new();
    let socket = bound(&fixture.socket());
    let program = r#"listen(STDIN, 1) or die $!;
        syswrite(STDOUT, "l") or die $!;
        accept(C, STDIN) or die $!;
        send(C, '{"version":1,"public":0,"admin":0}', 0) or die $!;
        defined(recv(C, $said, 256, 0)) or die $!;
        kill 'KILL', $$"#;
    let mut old = Command::new("perl")
        .args(["-MSocket", "-e", program])
        .stdin(OwnedFd::from(socket))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut listens = [0];
    let mut stdout = old.stdout.take().unwrap();
    stdout.read_exact(&mut listens).unwrap();
    let finished = take_over(&fixture.socket()).unwrap().unwrap().finish();
    assert!(finished.is_ok(), "{finished:?}");
    assert!(!old.wait().unwrap().success());
}

/// The old process waits for the first, and two more are in its queue, which is full then.
#[test]
fn silent_peers_delay_a_takeover_and_do_not_prevent_it() {
    let fixture = TakeoverFixture::new();
    let old = fixture.generation("");
    let path = SockAddr::unix(fixture.socket()).unwrap();
    let [_first, second, third] = std::array::from_fn(|_| {
        let peer = Socket::new(Domain::UNIX, Type::SEQPACKET, None).unwrap();
        peer.set_write_timeout(Some(DEADLINE)).unwrap();
        peer.connect(&path).unwrap();
        peer
    });
    let ended = run_line(&fixture.line(""));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("did not answer in time"), "{ended:?}");
    drop((second, third));
    old.wait_stderr("not handed over; this process goes on", 2 * DEADLINE);
    let new = fixture.generation("");
    assert_eq!(new.addr(), old.addr());
    serves(&fixture, &new);
}

/// The addresses are printed by then, and the pipe is closed.
#[test]
fn a_broken_standard_output_does_not_end_a_new_process() {
    let fixture = TakeoverFixture::new();
    let old = fixture.generation("");
    let mut new = Command::new("bash")
        .args(["-c", "exec \"$0\" \"$@\" >/dev/full 2>&1"])
        .arg(env!("CARGO_BIN_EXE_sshard"))
        .args(words(&fixture.line("")))
        .env("SSHARD_ADMIN__LISTEN", "127.0.0.1:0")
        .spawn()
        .unwrap();
    old.wait_stderr_count("handed over to a new process", 1);
    serves(&fixture, &old);
    new.kill().unwrap();
    new.wait().unwrap();
}

#[test]
fn a_socket_of_a_dead_process_does_not_stop_the_next_one() {
    let fixture = TakeoverFixture::new();
    let mut dead = fixture.generation("");
    dead.signal(Signal::KILL);
    dead.wait_exit(DEADLINE);
    assert!(fixture.socket().exists(), "its socket is still there");
    let [left] = &fixture.own_sockets()[..] else {
        panic!("{:?}", fixture.own_sockets());
    };
    // Named alike, and not what a process leaves.
    let precious = fixture.socket().with_extension("0123456789abcdef");
    fs::write(&precious, "precious").unwrap();
    let notes = fixture.socket().with_extension("notes");
    let other = fixture.socket().with_file_name("other.sock");
    drop([&notes, &other].map(|path| bound(path)));
    // What one leaves that is killed while it starts.
    let early = fixture.socket().with_extension(dead.pid().to_string());
    drop(bound(&early));
    let next = fixture.generation("");
    serves(&fixture, &next);
    let sockets = fixture.own_sockets();
    for kept in [&precious, &notes, &other] {
        assert!(sockets.contains(kept), "{}", kept.display());
    }
    for gone in [left, &early] {
        assert!(!sockets.contains(gone), "{}", gone.display());
    }
    assert_eq!(sockets.len(), 4, "and that of the new process: {sockets:?}");
}

#[test]
fn a_path_that_is_too_long_with_the_name_of_an_instance_is_refused() {
    let fixture = TakeoverFixture::new();
    let socket = fixture.socket().display().to_string();
    let target = fixture.ssh.addr();
    for (length, code) in [(90, 0), (91, 78)] {
        let path = format!("{socket}{}", "x".repeat(length - socket.len()));
        let ended = run_line(&format!("serve --check --allow {target} --takeover {path}"));
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert_eq!(ended.stderr.contains("too long"), code != 0, "{ended:?}");
    }
}

#[test]
fn the_socket_has_mode_0600_and_is_removed_at_the_end() {
    let fixture = TakeoverFixture::new();
    let mut bridge = fixture.generation("");
    let metadata = fs::metadata(fixture.socket()).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(metadata.uid(), rustix::process::geteuid().as_raw());
    bridge.signal(Signal::TERM);
    assert_eq!(bridge.wait_exit(DEADLINE).code(), Some(0));
    assert!(!fixture.socket().exists());
    assert!(
        fixture.own_sockets().is_empty(),
        "{:?}",
        fixture.own_sockets()
    );
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let fixture = TakeoverFixture::new();
    fs::write(fixture.socket(), "precious").unwrap();
    for said in ["server.takeover", "is not a socket"] {
        fails(&fixture, "", said);
    }
    assert_eq!(fs::read_to_string(fixture.socket()).unwrap(), "precious");
}

/// Runs a Perl program as the account of the tests, with this standard input.
fn run_as_other_user(program: &str, path: &Path, stdin: impl Into<Stdio>) {
    let ran = Command::new("setpriv")
        .args(["--reuid=sshard-test", "--regid=sshard-test"])
        .args(["--clear-groups", "perl", "-MSocket", "-e", program])
        .arg(path)
        .stdin(stdin)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
}

#[test]
fn a_socket_that_another_user_listens_at_is_not_trusted() {
    let fixture = TakeoverFixture::new();
    let path = fixture.socket();
    let socket = bound(&path);
    // The peer is who called listen(), even after its end (SO_PEERCRED, unix(7)).
    let listener = OwnedFd::from(socket.try_clone().unwrap());
    run_as_other_user("listen(STDIN, 1) or die $!", &path, listener);
    let ended = run_line(&fixture.line(""));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(OTHER_USER), "{ended:?}");
}

#[test]
fn a_process_of_another_user_gets_no_sockets() {
    let fixture = TakeoverFixture::new();
    let old = fixture.generation("");
    // As if the permissions were no obstacle.
    let path = fixture.socket();
    for open in [path.parent().unwrap(), &path] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let program = "socket(S, AF_UNIX, SOCK_SEQPACKET, 0) or die $!;
        connect(S, sockaddr_un($ARGV[0])) or die $!;
        defined(recv(S, $said, 256, 0)) or die $!;
        $said eq '' or die qq(it said $said)";
    run_as_other_user(program, &path, Stdio::null());
    old.wait_stderr_count(OTHER_USER, 1);
    serves(&fixture, &old);
    fixture.generation("");
}
