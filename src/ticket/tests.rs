//! Tables of tickets, each with its outcome.

use super::*;
use crate::error::TicketProblem as P;
use crate::secret_file::SecretFileError;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const NOW: u64 = 1_900_000_000;

fn key_file(content: &[u8], mode: u32) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(file.path(), mode).unwrap();
    file
}

fn tickets_of(file: &Path) -> Result<Option<Tickets>, KeyError> {
    Tickets::from_settings(&Admission {
        ticket_key_file: Some(file.to_owned()),
        ..Admission::default()
    })
}

fn tickets() -> Tickets {
    let file = key_file(format!("{KEY}\n").as_bytes(), 0o600);
    tickets_of(file.path()).unwrap().unwrap()
}

fn claims() -> Value {
    json!({ "target": "db.example.org:22", "sub": "alice", "iat": NOW - 10, "exp": NOW + 60 })
}

fn signed(header: &Header, claims: &Value, key: &str) -> String {
    encode(header, claims, &EncodingKey::from_secret(key.as_bytes())).unwrap()
}

fn hs256(claims: &Value) -> String {
    signed(&Header::new(Algorithm::HS256), claims, KEY)
}

fn said(ticket: &str) -> Result<(), P> {
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    tickets().verify(ticket, "alice", now).map(|_| ())
}

#[test]
fn claims_and_times_are_checked() {
    // Changes to good claims; null: removed.
    for (expected, changes) in [
        (
            Ok(()),
            vec![
                json!({}),
                json!({ "iat": null, "nbf": NOW - 10 }),
                // More claims.
                json!({ "iss": "x", "aud": "y", "jti": 1 }),
                // One second left; as old as may be; lasts for ever, just made.
                json!({ "exp": NOW + 1 }),
                json!({ "iat": NOW - 300 }),
                json!({ "exp": u64::MAX }),
                // The issuer's clock is ahead.
                json!({ "iat": NOW + 30 }),
            ],
        ),
        (
            Err(P::Expired),
            vec![
                json!({ "exp": NOW }),
                json!({ "exp": NOW - 1 }),
                // Too old.
                json!({ "iat": NOW - 301 }),
                json!({ "iat": null, "nbf": NOW - 301 }),
            ],
        ),
        (
            Err(P::NotYet),
            vec![
                json!({ "iat": NOW + 31 }),
                json!({ "nbf": NOW + 31 }),
                json!({ "iat": u64::MAX }),
            ],
        ),
        (
            Err(P::NotValid),
            vec![
                json!({ "exp": null }),
                json!({ "iat": null }),
                json!({ "target": null }),
                json!({ "sub": null }),
                json!({ "exp": "1900000060" }),
                json!({ "exp": -1 }),
                json!({ "exp": 1_900_000_060.5 }),
                json!({ "target": ["db.example.org:22"] }),
            ],
        ),
        (
            Err(P::OtherUser),
            vec![
                json!({ "sub": "bob" }),
                json!({ "sub": "Alice" }),
                json!({ "sub": "" }),
            ],
        ),
    ] {
        for change in changes {
            let mut claims = claims();
            let all = claims.as_object_mut().unwrap();
            all.extend(change.as_object().unwrap().clone());
            all.retain(|_, value| !value.is_null());
            assert_eq!(said(&hs256(&claims)), expected, "{change}");
        }
    }
}

fn part(value: &Value) -> String {
    // The URL-safe alphabet, without padding: what `encode` makes of a header.
    let token = hs256(value);
    token.split('.').nth(1).unwrap().to_owned()
}

#[test]
fn forged_tickets_are_refused() {
    let good = hs256(&claims());
    let [header, payload, signature]: [&str; 3] =
        good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let with_header = |header: Value| format!("{}.{payload}.{signature}", part(&header));
    let with_alg = |alg| signed(&Header::new(alg), &claims(), KEY);
    let with_key = |key: &str| signed(&Header::default(), &claims(), key);
    let none = part(&json!({ "alg": "none" }));
    let long = "W".repeat(1000);
    let mut crit = Header::new(Algorithm::HS256);
    crit.crit = Some(vec!["exp".to_owned()]);
    let other = part(&json!({ "target": "db.example.org:22", "sub": "alice" }));
    let rows = [
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("no signature", format!("{header}.{payload}.")),
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{good}.{signature}")),
        ("alg none", format!("{none}.{payload}.")),
        ("alg none, signed", with_header(json!({ "alg": "none" }))),
        ("alg RS256", with_header(json!({ "alg": "RS256" }))),
        ("alg in lower case", with_header(json!({ "alg": "hs256" }))),
        ("no alg", with_header(json!({ "typ": "JWT" }))),
        ("another header", with_header(json!({ "alg": "HS256" }))),
        ("HS512", with_alg(Algorithm::HS512)),
        ("HS384", with_alg(Algorithm::HS384)),
        ("crit", signed(&crit, &claims(), KEY)),
        ("another key", with_key(&KEY.replace('0', "1"))),
        ("an empty key", with_key("")),
        ("the key and more", with_key(&format!("{KEY}\n"))),
        ("another payload", format!("{header}.{other}.{signature}")),
        ("a shorter signature", good[..good.len() - 2].to_owned()),
        ("a longer signature", format!("{good}AA")),
        ("a blank before", format!(" {good}")),
        ("a line break behind", format!("{good}\n")),
        ("too long", format!("{good}{}", "A".repeat(MAX_TICKET))),
        ("nested", format!("{long}.{long}.")),
        ("not ASCII", "\u{e9}.\u{e9}.\u{e9}".to_owned()),
    ];
    for (about, ticket) in &rows {
        assert_eq!(said(ticket), Err(P::NotValid), "{about}");
    }
    assert_eq!(said(&good), Ok(()));
    // A claim twice: which one another reader saw, nobody knows.
    let key = EncodingKey::from_secret(KEY.as_bytes());
    for (users, expected) in [
        (&["alice"][..], Ok(())),
        (&["bob", "alice"], Err(P::NotValid)),
    ] {
        let token = encode(&Header::default(), &Users(users), &key).unwrap();
        assert_eq!(said(&token), expected, "{users:?}");
    }
}

/// Valid claims, but for one `sub` per user.
struct Users<'a>(&'a [&'a str]);

impl serde::Serialize for Users<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove("sub");
        let users = self.0.iter().map(|user| ("sub", json!(user)));
        let others = claims.as_object().unwrap().iter();
        let others = others.map(|(name, value)| (name.as_str(), value.clone()));
        serializer.collect_map(users.chain(others))
    }
}

#[test]
fn a_ticket_names_its_target() {
    let rows = [
        ("db.example.org:22", None, "db.example.org", 22, true),
        ("db.example.org:22", None, "db.example.org", 23, false),
        ("db.example.org:22", None, "db.example.com", 22, false),
        ("db.example.org", None, "db.example.org", 22, false),
        ("10.0.0.5:22", None, "10.0.0.5", 22, true),
        ("[2001:db8::1]:22", None, "2001:db8::1", 22, true),
        ("2001:db8::1:22", None, "2001:db8::1", 22, false),
        ("db", Some("db"), "10.0.0.5", 22, true),
        ("10.0.0.5:22", Some("db"), "10.0.0.5", 22, true),
        ("db", None, "10.0.0.5", 22, false),
        ("web", Some("db"), "10.0.0.5", 22, false),
        ("DB", Some("db"), "10.0.0.5", 22, false),
        ("*", Some("db"), "10.0.0.5", 22, false),
        ("", None, "", 0, false),
        // Any spelling of a host is that host's.
        ("DB.Example.ORG.:22", None, "db.example.org", 22, true),
        ("[2001:DB8:0::1]:22", None, "2001:db8::1", 22, true),
        ("[::ffff:10.0.0.5]:22", None, "10.0.0.5", 22, true),
        ("127.1:22", None, "127.0.0.1", 22, false),
        ("[db.example.org]:22", None, "db.example.org", 22, false),
        ("[10.0.0.5]:22", None, "10.0.0.5", 22, false),
        ("db.example.org:022", None, "db.example.org", 22, false),
        ("db.example.org:+22", None, "db.example.org", 22, false),
    ];
    for (ticket, name, host, port, good) in rows {
        let target = ticket.to_owned();
        let found = VerifiedTicket { target }.is_for(name, host, port);
        assert_eq!(found, good, "{ticket} {name:?} {host}");
    }
}

#[test]
fn keys_are_read_from_files_of_the_owner() {
    let long = "k".repeat(1024);
    for (content, mode, accepted) in [
        (KEY.to_owned(), 0o600, true),
        (format!("{KEY}\n"), 0o400, true),
        (format!("{KEY}\r\n"), 0o600, true),
        (long.clone(), 0o600, true),
        (format!("{long}k"), 0o600, false),
        (KEY[1..].to_owned(), 0o600, false),
        (format!("{}\n", &KEY[1..]), 0o600, false),
        (String::new(), 0o600, false),
        (KEY.to_owned(), 0o640, false),
        (KEY.to_owned(), 0o604, false),
    ] {
        let file = key_file(content.as_bytes(), mode);
        let read = tickets_of(file.path());
        let size = content.len();
        assert_eq!(read.is_ok(), accepted, "{size} bytes, mode {mode:o}");
        if let Err(error) = read {
            assert!(error.to_string().starts_with("admission.ticket_key_file: "));
            assert!(!error.to_string().contains(&KEY[1..]));
        }
    }
    let gone = tickets_of(Path::new("/nonexistent/key"));
    assert!(matches!(
        gone,
        Err(KeyError::File(SecretFileError::Read(_)))
    ));
    let off = Tickets::from_settings(&Admission::default());
    assert!(off.unwrap().is_none());
}
