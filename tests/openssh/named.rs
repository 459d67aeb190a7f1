//! Targets with a name that fix more than an address: user, host keys, methods, agent.

use crate::common::{Bridge, Client, DEADLINE, KeyPair, Log, Options, Sshd, account};
use crate::{expect_error, expect_ready, expect_shell, with_password};
use serde_json::{Value, json};
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};

const ED25519: &[&str] = &["-t", "ed25519"];
const RSA: &[&str] = &["-t", "rsa", "-b", "2048"];

/// A bridge with one target, `box`, which has these fields beside its address.
fn bridge(sshd: &Sshd, fields: &str, settings: &[&str]) -> Bridge {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = format!(
        "[[targets.named]]\nname = 'box'\nhost = '127.0.0.1'\nport = {}\n{fields}\n",
        sshd.port()
    );
    std::fs::write(file.path(), text).unwrap();
    let mut args = vec!["--config", file.path().to_str().unwrap()];
    args.extend(["--set", "ssh.known_hosts=/dev/null"]);
    args.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
    Bridge::start(&args, &[])
}

fn client(bridge: &Bridge, fields: &Value) -> Client {
    let mut client = Client::connect(bridge.addr(), "/ws/box", &Options::v1());
    client.auth_v1(fields);
    client
}

fn gets_in(bridge: &Bridge, fields: &Value) {
    let mut client = client(bridge, fields);
    expect_ready(&mut client);
    expect_shell(&mut client);
}

fn pins(keys: &[&KeyPair]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| key.fingerprint()).collect();
    format!("host_keys = {keys:?}")
}

fn pinned(sshd: &Sshd) -> String {
    pins(&sshd.host_keys().iter().collect::<Vec<_>>())
}

#[test]
fn pinned_keys_are_accepted_and_no_others() {
    let sshd = Sshd::start();
    let bridge_of = |fields: &str, settings: &[&str]| bridge(&sshd, fields, settings);
    gets_in(&bridge_of(&pinned(&sshd), &[]), &with_password(json!({})));
    sshd.wait_log("Accepted password");
    let log = sshd.log().len();
    let other = KeyPair::generate(ED25519, "");
    let other_pins = pins(&[&other]);
    for policy in ["strict", "accept-new", "ask", "off"] {
        let policy = format!("ssh.host_key_policy={policy}");
        let bridge = bridge_of(&other_pins, &[&policy]);
        let mut client = client(&bridge, &with_password(json!({})));
        expect_error(&mut client, "handshake", "host-key-changed", 4409);
    }
    assert!(!sshd.log()[log..].contains("password"));
}

/// A fingerprint has no type, so the bridge cannot ask for the key that it is of.
#[test]
fn a_host_that_presents_a_key_of_another_type_than_the_pinned_one_is_named_with_it() {
    let sshd = Sshd::start();
    let [ed25519, rsa] = sshd.host_keys() else {
        panic!("it has other keys");
    };
    let bridge_to = |keys: &[&KeyPair]| bridge(&sshd, &pins(keys), &[]);
    let bridge = bridge_to(&[rsa]);
    let mut client = client(&bridge, &with_password(json!({})));
    expect_error(&mut client, "handshake", "host-key-changed", 4409);
    let presented = format!(
        "algorithm=\"ssh-ed25519\" fingerprint={}",
        ed25519.fingerprint()
    );
    bridge.wait_stderr(&presented, DEADLINE);
    bridge.wait_stderr("add it to host_keys, but only after", DEADLINE);
    gets_in(&bridge_to(&[rsa, ed25519]), &with_password(json!({})));
}

#[test]
fn a_pinned_key_is_accepted_whatever_the_known_hosts_hold() {
    let sshd = Sshd::start();
    let other = KeyPair::generate(ED25519, "");
    let file = tempfile::NamedTempFile::new().unwrap();
    let line = format!("[127.0.0.1]:{} {}\n", sshd.port(), other.public_line());
    std::fs::write(file.path(), line).unwrap();
    let known = format!("ssh.known_hosts={}", file.path().display());
    let bridge = bridge(&sshd, &pinned(&sshd), &[&known]);
    gets_in(&bridge, &with_password(json!({})));
}

#[test]
fn a_target_with_a_user_refuses_other_users() {
    let sshd = Sshd::start();
    let fields = format!("{}\nuser = '{}'", pinned(&sshd), account().user);
    let mine = bridge(&sshd, &fields, &[]);
    gets_in(&mine, &with_password(json!({})));
    let connections = sshd.log().matches("Connection from").count();
    for user in ["root", "sshard-test ", "SSHARD-TEST", "sshard-testt"] {
        let mut client = client(&mine, &json!({ "username": user, "password": "x" }));
        expect_error(&mut client, "resolve", "target-refused", 4403);
    }
    assert_eq!(sshd.log().matches("Connection from").count(), connections);
}

#[test]
fn methods_that_are_not_allowed_are_not_tried() {
    let sshd = Sshd::start();
    let key = KeyPair::generate(ED25519, "");
    sshd.authorise(&key);
    let both = with_password(json!({ "private_key": key.private_pem() }));
    let password = with_password(json!({}));
    // Allowed methods, credentials, the accepted one; None where nothing is tried.
    let table: [(&str, &Value, Option<&str>); 5] = [
        ("'publickey'", &both, Some("publickey")),
        ("'password'", &both, Some("password")),
        (
            "'keyboard-interactive'",
            &both,
            Some("keyboard-interactive"),
        ),
        ("'publickey'", &password, None),
        ("'publickey', 'password'", &password, Some("password")),
    ];
    for (methods, auth, accepted) in table {
        let before = sshd.log();
        let list = format!("auth_methods = [{methods}]");
        let own = bridge(&sshd, &format!("{}\n{list}", pinned(&sshd)), &[]);
        let all = format!("ssh.auth_methods={}", methods.replace(['\'', ' '], ""));
        let of_all = bridge(&sshd, &pinned(&sshd), &[&all]);
        for (bridge, count) in [(own, 1), (of_all, 2)] {
            match accepted {
                Some(accepted) => {
                    gets_in(&bridge, auth);
                    let line = format!("Accepted {accepted}");
                    sshd.wait_log_count(&line, before.matches(&line).count() + count);
                }
                None => {
                    let mut client = client(&bridge, auth);
                    expect_error(&mut client, "login", "login-failed", 4401);
                }
            }
        }
        let log = sshd.log().split_off(before.len());
        let others = ["publickey", "password", "keyboard-interactive"];
        for other in others.into_iter().filter(|way| Some(*way) != accepted) {
            let line = format!("Accepted {other}");
            assert!(!log.contains(&line), "{methods}: {line}");
        }
        assert!(!log.contains("Failed"), "{methods}");
    }
}

#[test]
fn a_targets_methods_override_those_of_ssh_auth_methods() {
    let sshd = Sshd::start();
    let fields = format!("{}\nauth_methods = ['password']", pinned(&sshd));
    let bridge = bridge(&sshd, &fields, &["ssh.auth_methods=publickey"]);
    gets_in(&bridge, &with_password(json!({})));
}

/// A real ssh-agent.
struct Agent {
    process: Child,
    directory: tempfile::TempDir,
}

impl Agent {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut process = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(directory.path().join("agent"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("ssh-agent starts; run tests/setup.sh first");
        let log = Log::drain(process.stdout.take().unwrap());
        let up = log.wait_for("SSH_AUTH_SOCK", DEADLINE);
        assert!(up, "ssh-agent does not start");
        Self { process, directory }
    }

    fn socket(&self) -> String {
        self.directory.path().join("agent").display().to_string()
    }

    fn add(&self, key: &std::path::Path) {
        let added = Command::new("ssh-add")
            .env("SSH_AUTH_SOCK", self.socket())
            .arg("-q")
            .arg(key)
            .output()
            .unwrap();
        assert!(added.status.success(), "{added:?}");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn with_agent(sshd: &Sshd, socket: &str, settings: &[&str]) -> Bridge {
    let user = account().user;
    let fields = format!(
        "{}\nuser = '{user}'\nagent_socket = '{socket}'",
        pinned(sshd)
    );
    bridge(sshd, &fields, settings)
}

fn nothing_but_a_name() -> Value {
    json!({ "username": account().user })
}

#[test]
fn keys_of_an_agent_log_in() {
    let kinds: [&[&str]; 6] = [
        ED25519,
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "ecdsa", "-b", "521"],
        RSA,
        // The agent's signature is passed on unchanged: as long as the modulus.
        &["-t", "rsa", "-b", "2050"],
    ];
    for kind in kinds {
        // RSA with SHA-1 is not accepted.
        let sshd = Sshd::start();
        let (agent, key) = (Agent::start(), KeyPair::generate(kind, ""));
        // Others first: the right one is found.
        for _ in 0..3 {
            agent.add(KeyPair::generate(ED25519, "").path());
        }
        agent.add(key.path());
        sshd.authorise(&key);
        gets_in(
            &with_agent(&sshd, &agent.socket(), &[]),
            &nothing_but_a_name(),
        );
        sshd.wait_log(&key.fingerprint());
    }
}

#[test]
fn a_certificate_of_an_agent_logs_in() {
    let authority = KeyPair::generate(ED25519, "");
    let line = format!(
        "TrustedUserCAKeys {}",
        authority.path().with_extension("pub").display()
    );
    for kind in [ED25519, RSA] {
        let sshd = Sshd::with(&[&line, "PasswordAuthentication no"]);
        let (agent, key) = (Agent::start(), KeyPair::generate(kind, ""));
        key.certify(&authority, &["-n", account().user]);
        agent.add(key.path());
        gets_in(
            &with_agent(&sshd, &agent.socket(), &[]),
            &nothing_but_a_name(),
        );
        sshd.wait_log("CA ED25519");
    }
}

#[test]
fn the_password_is_tried_after_an_agent_without_the_right_key() {
    let sshd = Sshd::start();
    let agent = Agent::start();
    let bridge = with_agent(&sshd, &agent.socket(), &[]);
    // It has none.
    gets_in(&bridge, &with_password(json!({})));
    agent.add(KeyPair::generate(ED25519, "").path());
    gets_in(&bridge, &with_password(json!({})));
    // A key of the client is tried first.
    let key = KeyPair::generate(ED25519, "");
    sshd.authorise(&key);
    let auth = json!({ "username": account().user, "private_key": key.private_pem() });
    gets_in(&bridge, &auth);
}

/// Of eight keys: sshd ends a connection at the sixth failure.
#[test]
fn an_agent_with_many_keys_leaves_an_attempt_for_the_password() {
    let sshd = Sshd::with(&["MaxAuthTries 6"]);
    let agent = Agent::start();
    for _ in 0..8 {
        agent.add(KeyPair::generate(ED25519, "").path());
    }
    let bridge = with_agent(&sshd, &agent.socket(), &[]);
    gets_in(&bridge, &with_password(json!({})));
}

#[test]
fn a_missing_agent_is_reported() {
    let sshd = Sshd::start();
    let bridge = with_agent(&sshd, "/nonexistent/agent", &[]);
    let mut client = client(&bridge, &nothing_but_a_name());
    let error = expect_error(&mut client, "login", "agent-unavailable", 4401);
    assert!(!error.to_string().contains("nonexistent"), "{error}");
    bridge.wait_stderr("/nonexistent/agent", DEADLINE);
}

/// One that accepts and never replies, and ones that reply with nonsense or close.
#[test]
fn an_agent_that_hangs_or_breaks_the_protocol_ends_the_login() {
    let sshd = Sshd::start();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent");
    let listener = UnixListener::bind(&path).unwrap();
    let socket = path.display().to_string();
    let hangs = with_agent(&sshd, &socket, &["ssh.auth_timeout=500ms"]);
    let mut waiting = client(&hangs, &nothing_but_a_name());
    expect_error(&mut waiting, "login", "deadline", 4408);
    drop(listener.accept().unwrap());
    let broken = with_agent(&sshd, &socket, &[]);
    for nonsense in [&b"\xff\xff\xff\xffxxxx"[..], b"\0\0\0\x01", b""] {
        let mut client = client(&broken, &nothing_but_a_name());
        let (mut stream, _) = listener.accept().unwrap();
        // The bridge may close before it has read all.
        let _ = stream.write_all(nonsense);
        let _ = stream.shutdown(Shutdown::Write);
        expect_error(&mut client, "login", "agent-unavailable", 4401);
    }
}
