//! Sessions as text: a table, or one in detail. Names from outside (targets, users) are escaped.

use super::Session;
use crate::tools::text::{self, plain, size};
use std::fmt::Write as _;
use std::time::Duration;

/// Digits of an id in the table: enough to be unique.
const ID_SHOWN: usize = 12;

const HEADINGS: [&str; 11] = [
    "ID", "STATE", "SINCE", "SHARD", "CLIENT", "TARGET", "USER", "AGE", "IDLE", "IN", "OUT",
];

/// Returns all sessions, one per line under a heading.
pub(super) fn list(sessions: &[Session]) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(sessions.iter().map(row));
    text::table(&rows)
}

fn row(session: &Session) -> [String; HEADINGS.len()] {
    [
        plain(&session.id).chars().take(ID_SHOWN).collect(),
        plain(&session.state),
        ago(session, &session.since),
        session.shard.to_string(),
        plain(&session.client_ip),
        target(session),
        or_dash(session.user.as_deref().map(plain)),
        age(session.duration),
        ago(session, &session.last_activity),
        size(session.input_bytes),
        size(session.output_bytes),
    ]
}

/// Returns the target that the client asked for, and the address behind a name.
fn target(session: &Session) -> String {
    match &session.target_address {
        Some(address) if *address != session.target => {
            format!("{} ({})", plain(&session.target), plain(address))
        }
        _ => plain(&session.target),
    }
}

/// Returns one session, one property per line.
pub(super) fn one(session: &Session) -> String {
    let lines = [
        ("id", plain(&session.id)),
        ("state", plain(&session.state)),
        ("since", plain(&session.since)),
        ("shard", session.shard.to_string()),
        ("client", plain(&session.client_ip)),
        ("target", plain(&session.target)),
        (
            "address",
            or_dash(session.target_address.as_deref().map(plain)),
        ),
        ("sessions to it", or_dash(session.host_connections)),
        ("user", or_dash(session.user.as_deref().map(plain))),
        ("created", plain(&session.created_at)),
        ("last activity", plain(&session.last_activity)),
        ("age", age(session.duration)),
        ("input", size(session.input_bytes)),
        ("output", size(session.output_bytes)),
    ];
    let mut text = String::new();
    for (name, value) in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<15} {value}", format!("{name}:"));
    }
    text
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Returns the time since a date, by the bridge's clock.
fn ago(session: &Session, date: &str) -> String {
    let seconds = || {
        let created = humantime::parse_rfc3339(&session.created_at).ok()?;
        let then = humantime::parse_rfc3339(date).ok()?;
        let before = then.duration_since(created).ok()?.as_secs_f64();
        Some((session.duration - before).max(0.0))
    };
    or_dash(seconds().map(age))
}

/// Returns the two largest units: `1d 2h`, `3m 4s`.
fn age(seconds: f64) -> String {
    let Ok(age) = Duration::try_from_secs_f64(seconds) else {
        return "-".to_owned();
    };
    let seconds = age.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    fn session(target: &str, user: Option<&str>) -> Session {
        Session {
            id: "0123456789abcdef0123456789abcdef".to_owned(),
            shard: 1,
            state: "detached".to_owned(),
            since: "2026-01-01T01:00:30.000Z".to_owned(),
            target: target.to_owned(),
            target_address: None,
            client_ip: "192.0.2.7".to_owned(),
            user: user.map(str::to_owned),
            created_at: "2026-01-01T00:00:00.000Z".to_owned(),
            last_activity: "2026-01-01T01:00:00.000Z".to_owned(),
            duration: 3661.5,
            input_bytes: 1023,
            output_bytes: 5 * 1024 * 1024 * 1024,
            host_connections: Some(3),
        }
    }

    #[test]
    fn columns_stand_under_each_other() {
        let sessions = [
            session("db", Some("müller")),
            session("a.example.org:22", None),
        ];
        let table = list(&sessions);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("ID            STATE     SINCE  SHARD  CLIENT     TARGET"));
        assert!(lines[1].starts_with("0123456789ab  detached  31s    1      192.0.2.7  db"));
        let column = |line: &str, word: &str| line[..line.find(word).unwrap()].width();
        let start = column(lines[0], "AGE");
        assert_eq!(column(lines[1], "1h 1m"), start);
        assert_eq!(column(lines[2], "1h 1m"), start);
        assert!(
            lines[1].ends_with("1h 1m  1m 1s  1023 B  5.0 GiB"),
            "{table}"
        );
    }

    #[test]
    fn a_named_target_is_shown_by_its_name_and_its_address() {
        let mut named = session("db", None);
        named.target_address = Some("192.0.2.1:22".to_owned());
        let mut plain = session("192.0.2.1:22", None);
        plain.target_address = Some("192.0.2.1:22".to_owned());
        let table = list(&[named, plain]);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[1].contains("  db (192.0.2.1:22)  -  "), "{table}");
        assert!(lines[2].contains("  192.0.2.1:22       -  "), "{table}");
    }

    #[test]
    fn units_fit_the_size() {
        for (seconds, text) in [
            (0.4, "0s"),
            (59.9, "59s"),
            (61.0, "1m 1s"),
            (90_000.0, "1d 1h"),
        ] {
            assert_eq!(age(seconds), text);
        }
        for (bytes, text) in [(0, "0 B"), (1024, "1.0 KiB"), (10 * 1024, "10 KiB")] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let evil = session("\u{1b}]0;x\u{7}", Some("a\u{9b}31m\n\u{202e}b\u{200b}"));
        for text in [list(std::slice::from_ref(&evil)), one(&evil)] {
            let bad = |c: char| crate::plain_text::is_deceptive(c) && c != '\n';
            assert!(!text.contains(bad), "{text:?}");
            assert!(text.contains("\\u{202e}b\\u{200b}"), "{text}");
        }
        assert_eq!(list(&[evil]).lines().count(), 2);
    }
}
