//! Namespaces for one test: the test program starts itself again in fresh namespaces, where it runs
//! that one test.

use crate::common::{Options, Raw};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Variable that is set inside the namespaces.
const MARK: &str = "SSHARD_TESTS_INSIDE";

/// Address outside of every special range, assigned inside.
pub(crate) const PUBLIC: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);

/// Timeout longer than any test.
const RESOLV_CONF: &str = "nameserver 127.0.0.53\noptions timeout:20 attempts:1\n";
const NSSWITCH: &str = "hosts: files dns\n";
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";

const SETUP: &str = r#"
files=$1; shift
ip link set lo up
for address in 192.0.2.10/32 192.0.2.11/32 169.254.169.254/32 2001:db8::10/128; do
    ip address add "$address" dev lo
done
for name in resolv.conf nsswitch.conf hosts; do
    mount --bind "$files/$name" "/etc/$name"
done
exec "$@"
"#;

/// Runs `body`, a closure of the calling test, inside.
pub(crate) fn inside<F: FnOnce()>(body: F) {
    if std::env::var_os(MARK).is_some() {
        return body();
    }
    // As in `targets::names::a_test::{{closure}}`; a test of another name would not pass below.
    let closure = std::any::type_name::<F>();
    let (_, path) = closure.split_once("::").unwrap();
    let test = path.trim_end_matches("::{{closure}}");
    let files = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("resolv.conf", RESOLV_CONF),
        ("nsswitch.conf", NSSWITCH),
        ("hosts", HOSTS),
    ] {
        std::fs::write(files.path().join(name), text).unwrap();
    }
    let run = Command::new("unshare")
        .args(["--mount", "--net", "--propagation", "private"])
        .args(["sh", "-euc", SETUP, "sh"])
        .arg(files.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(MARK, "1")
        .output()
        .expect("unshare starts; run tests/setup.sh first");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&run.stdout), said(&run.stderr));
    assert!(run.status.success(), "inside:\n{stdout}\n{stderr}");
    assert!(stdout.contains("1 passed"), "no such test: {stdout}");
}

/// Gives this machine one more address.
pub(crate) fn add_address(address: &str) {
    let added = Command::new("ip")
        .args(["address", "add", address, "dev", "lo"])
        .status();
    assert!(added.unwrap().success(), "{address}");
}

/// Listener that counts connections and sends nothing.
pub(crate) struct CountingListener {
    pub(crate) addr: SocketAddr,
    came: Arc<AtomicUsize>,
}

impl CountingListener {
    pub(crate) fn at(ip: impl Into<IpAddr>, port: u16) -> Self {
        let listener = TcpListener::bind((ip.into(), port)).unwrap();
        let came = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&came);
        let addr = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                drop(stream);
            }
        });
        Self { addr, came }
    }

    pub(crate) fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }
}

/// Refusal of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// By HTTP.
    Status(u16),
    /// By a close code, after `auth`.
    Close(u16),
}

/// Asks for `path`, whatever is in it, and logs in if that was upgraded. Returns the refusal, and
/// the word of the error message if there was one.
pub(crate) fn ask(bridge: SocketAddr, path: &str) -> (Refusal, String) {
    let mut raw = Raw::connect(bridge);
    let answer = raw.ask(bridge, path, &Options::v1());
    if answer.status != 101 {
        return (Refusal::Status(answer.status), String::new());
    }
    raw.send_frame(0x81, br#"{"type":"auth","username":"u"}"#);
    let mut word = String::new();
    loop {
        let frame = raw.frame().expect("a close frame");
        if let Some((code, _)) = frame.as_close() {
            return (Refusal::Close(code), word);
        }
        let text: serde_json::Value = serde_json::from_slice(&frame.payload).unwrap();
        match text["type"].as_str().unwrap() {
            "error" => text["code"].as_str().unwrap().clone_into(&mut word),
            // Reached, after all.
            "ready" => return (Refusal::Close(0), "ready".to_owned()),
            _ => {}
        }
    }
}
