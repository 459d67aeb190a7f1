//! `server.allowed_origins`: the table beside the source, as headers of real requests.

use crate::common::Admin;
use crate::{bridge, refuses_setting, upgrade};

const ROWS: &str = include_str!("../../src/http/origins.txt");

fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROWS.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap())
}

#[test]
fn origins_are_answered_as_the_table_says() {
    let listed = rows().filter(|(word, _)| *word == "list");
    let listed: Vec<_> = listed.map(|(_, origin)| origin).collect();
    let bridge = bridge(&[&format!("server.allowed_origins={}", listed.join(","))]);
    let mut count = 0;
    for (word, origin) in rows().filter(|(word, _)| *word != "list") {
        let answer = upgrade(&bridge, &format!("Origin: {origin}\r\n"));
        assert_eq!(answer.status.to_string(), word, "{origin}: {answer:?}");
        count += 1;
    }
    assert!(count >= 20, "{count}");
    // The bridge's own pages still may, and who is no page.
    let own = format!("Origin: http://{}\r\n", bridge.addr());
    assert_eq!(upgrade(&bridge, &own).status, 101);
    assert_eq!(upgrade(&bridge, "").status, 101);
}

#[test]
fn a_request_with_two_origins_is_refused() {
    let bridge = bridge(&["server.allowed_origins=https://app.example.org"]);
    let good = "Origin: https://app.example.org\r\n";
    assert_eq!(upgrade(&bridge, good).status, 101);
    for headers in [
        good.repeat(2),
        format!("{good}Origin: https://evil.example\r\n"),
        format!("Origin: https://evil.example\r\n{good}"),
        format!("{good}Origin:\r\n"),
        "Origin:\r\n".to_owned(),
    ] {
        let answer = upgrade(&bridge, &headers);
        assert_eq!(answer.status, 403, "{headers}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
}

#[test]
fn a_listed_page_may_not_reach_the_administrators_port() {
    let bridge = bridge(&["server.allowed_origins=https://app.example.org"]);
    let admin = Admin::of(&bridge);
    let origin = ("Origin", "https://app.example.org");
    assert_eq!(admin.request("GET", "/stats", &[origin]).status, 403);
}

#[test]
fn a_bad_entry_is_an_error_that_names_it() {
    for bad in [
        "https://bad.example/",
        "bad.example",
        "*",
        "null",
        "https://*.bad.example",
        "https://bad.example:0",
        "https://bad.example.",
        "ftp://bad.example",
    ] {
        let set = format!("server.allowed_origins=https://good.example,{bad}");
        refuses_setting(&set, &format!("in place of {bad:?}"));
    }
}
