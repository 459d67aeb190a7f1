//! The report as people and programs read it.

use super::{planted, report};
use serde_json::json;

const FEW_PORTS: (&str, &str) = ("proc/sys/net/ipv4/ip_local_port_range", "60000 60004");

#[test]
fn the_table_stands_in_columns_and_says_what_to_change() {
    let text = report(&planted(&[FEW_PORTS]), None).text();
    let lines: Vec<&str> = text.lines().collect();
    let column = lines[0].find("VERDICT").unwrap();
    for line in &lines[1..18] {
        let verdict = line.get(column..).unwrap();
        assert!(
            verdict.starts_with("ok ") || verdict.starts_with("caps "),
            "{text}"
        );
        assert_eq!(line.as_bytes()[column - 1], b' ', "{text}");
    }
    assert_eq!(lines[18], "");
    assert!(
        lines[19].starts_with("net.ipv4.ip_local_port_range: "),
        "{text}"
    );
    let last = "1000 sessions on 2 shards do not fit. \
                The tightest limit is limits.max_connections: 1000 sessions.";
    assert_eq!(lines[20..], ["", last]);
    assert!(text.contains("5 per target address"), "{text}");
}

#[test]
fn a_good_host_is_told_nothing_to_change() {
    let text = report(&planted(&[]), Some(700)).text();
    assert_eq!(text.lines().count(), 20, "{text}");
    assert!(text.contains("\n700 sessions on 2 shards fit."), "{text}");
}

#[test]
fn json_has_the_same() {
    let report = report(&planted(&[FEW_PORTS]), None);
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(value["fits"], json!(false));
    assert_eq!(value["sessions"], json!(1000));
    assert_eq!(value["shards"], json!(2));
    assert_eq!(
        value["at_most"],
        json!({ "sessions": 1000, "check": "limits.max_connections" })
    );
    let checks = value["checks"].as_array().unwrap();
    let ports = checks
        .iter()
        .find(|check| check["name"] == "net.ipv4.ip_local_port_range")
        .unwrap();
    assert_eq!(ports["value"], "60000 60004");
    assert_eq!(ports["verdict"], "caps");
    assert_eq!(
        ports["cap"],
        json!({ "count": 5, "of": "sessions to one target address" })
    );
    assert_eq!(checks[1]["cap"], json!(null));
}

#[test]
fn control_characters_of_a_planted_file_do_not_reach_the_terminal() {
    let evil = ("proc/sys/kernel/osrelease", "6.1\u{1b}]0;x\u{7}");
    let text = report(&planted(&[evil]), None).text();
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text:?}"
    );
    assert!(text.contains("6.1\\u{1b}]0;x\\u{7}"), "{text}");
}
