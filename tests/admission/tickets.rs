//! Admission tickets: which are accepted, and the errors of the others.

use crate::common::fixture::{bridge_to, path_to};
use crate::common::raw::{Raw, exchange, upgrade_request};
use crate::common::{
    Admin, Bridge, Client, DEADLINE, Options, ScriptedSsh, SshScript, run, wait_until,
};
use crate::{expect_refused, refuses_setting};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";

pub(crate) struct TicketFixture {
    pub(crate) bridge: Bridge,
    pub(crate) ssh: ScriptedSsh,
    pub(crate) key_file: PathBuf,
    _directory: tempfile::TempDir,
}

impl TicketFixture {
    pub(crate) fn new(settings: &[&str]) -> Self {
        let ssh = ScriptedSsh::start(SshScript::default());
        let directory = tempfile::tempdir().unwrap();
        let key_file = directory.path().join("key");
        write_key(&key_file, KEY);
        let file = format!("admission.ticket_key_file={}", key_file.display());
        let named = format!("targets.named=db={}", ssh.addr());
        let all = [&[file.as_str(), &named], settings].concat();
        Self {
            bridge: bridge_to(&[ssh.addr()], &all),
            ssh,
            key_file,
            _directory: directory,
        }
    }

    /// Valid claims for `alice`.
    pub(crate) fn claims(&self) -> Value {
        claims(self.ssh.addr())
    }

    pub(crate) fn ticket(&self) -> String {
        signed(&self.claims(), KEY)
    }

    /// A ticket in which one claim is another.
    fn ticket_with(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims();
        claims[name] = value;
        signed(&claims, KEY)
    }

    fn client(&self, path: &str, options: &Options, ticket: Option<&str>) -> Client {
        let mut client = Client::connect(self.bridge.addr(), path, options);
        let mut auth = json!({ "username": "alice", "password": "p" });
        if let Some(ticket) = ticket {
            auth["ticket"] = ticket.into();
        }
        client.auth_v1(&auth);
        client
    }

    /// Client that sends this ticket in `auth`.
    fn with(&self, ticket: Option<&str>) -> Client {
        self.client(&path_to(self.ssh.addr()), &Options::v1(), ticket)
    }

    pub(crate) fn admits(&self, ticket: &str) {
        self.with(Some(ticket)).wait_type("ready");
    }

    pub(crate) fn refuses(&self, ticket: Option<&str>, said: &str) {
        let mut client = self.with(ticket);
        let error = expect_refused(&mut client, "ticket-refused", 4403);
        assert_eq!(error["message"], said);
        assert_eq!(error["retryable"], false);
    }
}

/// Text for a ticket that is malformed, or of another key.
pub(crate) const NOT_VALID: &str =
    "the admission ticket is not valid: it is malformed, or signed with another key";

pub(crate) fn write_key(file: &PathBuf, key: &str) {
    fs::write(file, format!("{key}\n")).unwrap();
    fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
}

/// Valid claims of a ticket of `alice` for `target`.
pub(crate) fn claims(target: SocketAddr) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = now.as_secs();
    json!({ "target": target.to_string(), "sub": "alice", "iat": now, "exp": now + 60 })
}

pub(crate) fn signed(claims: &Value, key: &str) -> String {
    let key = EncodingKey::from_secret(key.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

pub(crate) const REQUIRED: &str = "admission.required=true";

#[test]
fn a_valid_ticket_is_needed_where_tickets_are_required() {
    let fixture = TicketFixture::new(&[REQUIRED]);
    fixture.admits(&fixture.ticket());
    // Again: a ticket lasts until it expires.
    fixture.admits(&fixture.ticket());
    fixture.refuses(
        None,
        "an admission ticket is required; get one from its issuer",
    );
    let change = |name, value| fixture.ticket_with(name, value);
    let now = fixture.claims()["iat"].as_u64().unwrap();
    let expired = "the admission ticket has expired; get a new one";
    let other_key = signed(&fixture.claims(), &KEY.replace('0', "1"));
    let hs512 = encode(
        &Header::new(Algorithm::HS512),
        &fixture.claims(),
        &EncodingKey::from_secret(KEY.as_bytes()),
    );
    let early =
        "the admission ticket is not valid yet; compare its issuer's clock with the server's";
    let other_user = "the admission ticket is for another user";
    let other_target = "the admission ticket is for another target";
    for (ticket, said) in [
        ("nonsense".to_owned(), NOT_VALID),
        (other_key, NOT_VALID),
        (hs512.unwrap(), NOT_VALID),
        (change("exp", json!("soon")), NOT_VALID),
        (change("exp", json!(now - 1)), expired),
        (change("iat", json!(now - 400)), expired),
        (change("iat", json!(now + 400)), early),
        (change("sub", json!("bob")), other_user),
        (change("target", json!("192.0.2.1:22")), other_target),
        (change("target", json!("db")), other_target),
    ] {
        fixture.refuses(Some(&ticket), said);
    }
    // Too long for the field.
    let mut client = fixture.with(Some(&"a".repeat(4097)));
    expect_refused(&mut client, "bad-message", 4400);
}

#[test]
fn a_refused_ticket_opens_no_connection_and_reveals_nothing_of_the_target() {
    let fixture = TicketFixture::new(&[REQUIRED, "targets.uniform_errors=true"]);
    // A target that no rule allows looks the same.
    for path in [path_to(fixture.ssh.addr()), "/ws/192.0.2.1/22".to_owned()] {
        let mut client = fixture.client(&path, &Options::v1(), None);
        expect_refused(&mut client, "ticket-refused", 4403);
    }
    assert_eq!(fixture.ssh.received(), []);
}

/// Otherwise its holder could list the rules, and have private keys read.
#[test]
fn a_ticket_for_another_target_is_refused_alike_whether_the_target_is_allowed_or_not() {
    for uniform in ["true", "false"] {
        let uniform = format!("targets.uniform_errors={uniform}");
        let fixture = TicketFixture::new(&[REQUIRED, &uniform, "targets.deny=denied.test:22"]);
        let ticket = fixture.ticket_with("target", json!("192.0.2.9:22"));
        let bad_key = "-----BEGIN OPENSSH PRIVATE KEY-----\nAA\n-----END OPENSSH PRIVATE KEY-----";
        let allowed = path_to(fixture.ssh.addr());
        let mut answers = Vec::new();
        for path in [
            &allowed,
            "/ws/db",
            "/ws/192.0.2.1/22",
            "/ws/127.0.0.1/1",
            "/ws/denied.test/22",
        ] {
            for key in [None, Some(bad_key)] {
                let mut client = Client::connect(fixture.bridge.addr(), path, &Options::v1());
                client.auth_v1(&json!({
                    "username": "alice",
                    "private_key": key,
                    "passphrase": key.map(|_| "p"),
                    "ticket": ticket,
                }));
                let error = expect_refused(&mut client, "ticket-refused", 4403);
                answers.push((path, error));
            }
        }
        let (_, first) = &answers[0];
        for (path, answer) in &answers {
            assert_eq!(answer, first, "{path}");
        }
        assert_eq!(fixture.ssh.received(), []);
    }
}

#[test]
fn a_ticket_for_a_named_target_has_its_name_or_its_address() {
    let fixture = TicketFixture::new(&[REQUIRED]);
    for target in [json!("db"), fixture.claims()["target"].clone()] {
        let ticket = fixture.ticket_with("target", target);
        let mut client = fixture.client("/ws/db", &Options::v1(), Some(&ticket));
        client.wait_type("ready");
    }
    let ticket = fixture.ticket_with("target", json!("web"));
    let mut client = fixture.client("/ws/db", &Options::v1(), Some(&ticket));
    expect_refused(&mut client, "ticket-refused", 4403);
}

#[test]
fn an_optional_ticket_must_be_valid_too() {
    let fixture = TicketFixture::new(&[]);
    fixture.with(None).wait_type("ready");
    fixture.admits(&fixture.ticket());
    fixture.refuses(Some("nonsense"), NOT_VALID);
}

#[test]
fn the_header_carries_the_ticket_in_both_dialects() {
    let fixture = TicketFixture::new(&[REQUIRED]);
    let path = path_to(fixture.ssh.addr());
    let bearer = format!("Bearer {}", fixture.ticket());
    let v1 = Options::v1().header("Authorization", &bearer);
    fixture.client(&path, &v1, None).wait_type("ready");
    let v1 = Options::v1().header("Authorization", &bearer.replace("Bearer", "bearer"));
    fixture.client(&path, &v1, None).wait_type("ready");
    // What `auth` says goes first.
    let mut client = fixture.client(&path, &v1, Some("nonsense"));
    expect_refused(&mut client, "ticket-refused", 4403);
    // Another scheme is no ticket.
    let basic = Options::v1().header("Authorization", "Basic YTpi");
    let mut client = fixture.client(&path, &basic, None);
    expect_refused(&mut client, "ticket-refused", 4403);

    let logged_in = |options: &Options| {
        let mut client = Client::connect(fixture.bridge.addr(), &path, options);
        client.login_compatible("alice", "p");
        client
    };
    let compatible = Options::compatible().header("Authorization", &bearer);
    let shell = logged_in(&compatible);
    let admin = Admin::of(&fixture.bridge);
    wait_until("no session is active", || {
        admin.sessions().iter().any(|s| s["state"] == "active")
    });
    drop(shell);
    assert_eq!(logged_in(&Options::compatible()).until_close().0, 4403);
    let forged = Options::compatible().header("Authorization", "Bearer nonsense");
    assert_eq!(logged_in(&forged).until_close().0, 4403);
}

#[test]
fn a_header_that_cannot_be_a_ticket_is_400() {
    let fixture = TicketFixture::new(&[]);
    let addr = fixture.bridge.addr();
    let ask = |lines: &str, query: &str| {
        let path = format!("{}{query}", path_to(fixture.ssh.addr()));
        let request = upgrade_request(addr, &path);
        let protocol = "Sec-WebSocket-Protocol: sshard.v1\r\n";
        exchange(addr, &format!("{request}{protocol}{lines}\r\n")).status
    };
    let ticket = fixture.ticket();
    let good = format!("Authorization: Bearer {ticket}\r\n");
    assert_eq!(ask(&good, ""), 101);
    assert_eq!(ask(&good.repeat(2), ""), 400);
    let long = format!("Authorization: Bearer {}\r\n", "a".repeat(4097));
    assert_eq!(ask(&long, ""), 400);
    assert_eq!(ask("Authorization: Bearer \u{e9}.\r\n", ""), 101);
    assert_eq!(ask("Authorization: Basic YTpi\r\n", ""), 101);
    // Never in the URL.
    assert_eq!(ask("", &format!("?ticket={ticket}")), 400);
}

#[test]
fn a_bad_key_is_an_error_of_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    let set = format!("admission.ticket_key_file={}", file.display());
    let refused = |why: &str| {
        refuses_setting(&set, "admission.ticket_key_file: ");
        refuses_setting(&set, why);
    };
    refused("cannot read the file");
    write_key(&file, &KEY[1..]);
    refused("32 to 1024 bytes");
    write_key(&file, KEY);
    let good = ["serve", "--allow", "a:22", "--set", &set, "--check"];
    assert_eq!(run(&good, &[]).code, Some(0));
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    refused("chmod 600");
}

#[test]
fn neither_ticket_nor_key_is_ever_logged() {
    let fixture = TicketFixture::new(&[
        "log.level=trace",
        "log.messages=true",
        "admin.show_users=true",
    ]);
    let ticket = fixture.ticket();
    let [_, payload, signature]: [&str; 3] =
        ticket.split('.').collect::<Vec<_>>().try_into().unwrap();
    fixture.admits(&ticket);
    let path = path_to(fixture.ssh.addr());
    let bearer = format!("Bearer {ticket}");
    let v1 = Options::v1().header("Authorization", &bearer);
    fixture.client(&path, &v1, None).wait_type("ready");
    let forged = format!("{ticket}AA");
    fixture.refuses(Some(&forged), NOT_VALID);
    let mut raw = Raw::connect(fixture.bridge.addr());
    let request = upgrade_request(fixture.bridge.addr(), &format!("{path}?{ticket}"));
    raw.send(format!("{request}Authorization: {bearer}\r\n\r\n").as_bytes());
    assert_eq!(raw.answer().status, 400);
    let admin = Admin::of(&fixture.bridge);
    admin.wait_empty();
    let api = ["/metrics", "/stats", "/api/v1/config"].map(|path| admin.get(path).body);
    fixture.bridge.wait_stderr("ticket-refused", DEADLINE);
    let log = fixture.bridge.stderr();
    for (what, text) in [("log", &log), ("api", &api.concat())] {
        for secret in [payload, signature, KEY] {
            assert!(!text.contains(secret), "{secret} is in the {what}");
        }
    }
}
