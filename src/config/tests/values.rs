//! Accepted and refused values of single settings.

use std::time::Duration;

use super::*;

/// The value as printed, or None where it is refused.
fn written(key: &str, value: &str) -> Option<String> {
    load_set(&[&format!("{key}={value}")])
        .ok()?
        .config
        .toml_value(key)
}

fn check_table(key: &str, accepted: &[(&str, &str)], refused: &[&str]) {
    for (value, expected) in accepted {
        let written = written(key, value);
        assert_eq!(written.as_deref(), Some(*expected), "{key}={value}");
    }
    for value in refused {
        let error = the_error(&set(&[&format!("{key}={value}")]));
        assert!(error.starts_with(&format!("{key} = ")), "{error}");
        assert!(error.contains("(--set): expected "), "{error}");
    }
}

#[test]
fn node_names() {
    let longest = "n".repeat(64);
    let accepted = [("", "\"\""), ("edge-1.a_B", "\"edge-1.a_B\"")];
    check_table("server.node", &accepted, &["a b", "a/b", "ü", "a\nb"]);
    assert!(written("server.node", &longest).is_some());
    assert!(written("server.node", &(longest + "n")).is_none());
}

#[test]
fn durations() {
    let accepted = [
        ("500ms", "\"500ms\""),
        ("30s", "\"30s\""),
        ("90s", "\"90s\""),
        ("60s", "\"1m\""),
        ("10m", "\"10m\""),
        ("24h", "\"24h\""),
        ("8760h", "\"8760h\""),
    ];
    let refused = [
        "",
        "0",
        "0s",
        "30",
        "30 s",
        "-1s",
        "+1s",
        "1.5s",
        "1d",
        "1S",
        "s",
        "1h30m",
        "8761h",
        "99999999999999999999s",
        "18446744073709552s", // 384 ms, if it wrapped
        "18446744073709551615h",
    ];
    check_table("session.hold_timeout", &accepted, &refused);
    let off = [("0", "0"), ("0s", "0"), ("1ms", "\"1ms\"")];
    check_table(
        "session.idle_timeout",
        &off,
        &["", "30", "off", "8761h", "-0"],
    );
    let loaded = load_set(&["session.max_lifetime=1h"]).unwrap();
    let hour = Some(Duration::from_secs(3600));
    assert_eq!(loaded.config.session.max_lifetime, hour);
    let error = the_error(&set(&["session.idle_timeout=15"]));
    assert!(
        error.ends_with("or 0 for off; for 15 seconds write 15s"),
        "{error}"
    );
}

#[test]
fn sizes() {
    let accepted = [
        ("4096", "\"4KiB\""),
        ("4KiB", "\"4KiB\""),
        ("5000", "5000"),
        ("64KiB", "\"64KiB\""),
        ("1MiB", "\"1MiB\""),
        ("1024KiB", "\"1MiB\""),
    ];
    let refused = [
        "",
        "0",
        "4095",
        "1048577",
        "2MiB",
        "64KB",
        "64kib",
        "64 KiB",
        "-1",
        "1.5MiB",
        "KiB",
        "99999999999999999999",
        "18446744073709551615GiB",
    ];
    check_table("websocket.read_buffer_size", &accepted, &refused);
    check_table("websocket.write_buffer_size", &accepted, &refused);
    check_table(
        "websocket.read_limit",
        &[("32KiB", "\"32KiB\"")],
        &["32767", "2MiB"],
    );
    let accepted = [("16KiB", "\"16KiB\""), ("16MiB", "\"16MiB\"")];
    check_table("ssh.receive_buffer", &accepted, &["16383", "1GiB"]);
}

#[test]
fn numbers_where_zero_means_nothing() {
    for key in [
        "limits.max_connections_per_host",
        "limits.max_unauthenticated",
        "server.backlog",
        "websocket.max_missed_pongs",
        "ssh.keepalive_max",
        "ssh.max_kdf_rounds",
        "targets.resolver_threads",
    ] {
        check_table(
            key,
            &[("1", "1")],
            &["0", "-1", "many", "", "4294967296", "1.0"],
        );
    }
    check_table(
        "limits.max_connections_per_client",
        &[("0", "0"), ("5", "5")],
        &["1000001"],
    );
}

#[test]
fn shards_and_cpus() {
    let shards = [("auto", "\"auto\""), ("1", "1"), ("1024", "1024")];
    check_table("server.shards", &shards, &["0", "1025", "-1", "Auto", ""]);
    let cpus = [
        ("", "\"\""),
        ("3", "\"3\""),
        ("0-3,8", "\"0-3,8\""),
        ("8, 0,1,2-3,1", "\"0-3,8\""),
    ];
    check_table(
        "server.cpus",
        &cpus,
        &["3-0", "a", "0-", "-1", "1,,2", "0-99999999", "8192"],
    );
    let loaded = load_set(&["server.cpus=0-2,5"]).unwrap();
    assert!(loaded.config.server.cpus.iter().eq([0, 1, 2, 5]));
}

#[test]
fn addresses_and_hosts() {
    let listen = [
        ("127.0.0.1:1", "[\"127.0.0.1:1\"]"),
        ("127.0.0.1:1, [::1]:2", "[\"127.0.0.1:1\", \"[::1]:2\"]"),
    ];
    check_table(
        "server.listen",
        &listen,
        &["localhost:1", "8022", "127.0.0.1", "127.0.0.1:1,"],
    );
    let hosts = [
        ("", "[]"),
        ("Ssh.Example.org", "[\"ssh.example.org\"]"),
        (
            "a:8443,[::1],[::1]:1",
            "[\"a:8443\", \"[::1]\", \"[::1]:1\"]",
        ),
    ];
    let refused = [
        "a:", "a:0", "a:+1", "a:65536", ":1", "a b", "http://a", "a/b", "::1", "[::1", "[a]",
        "[::1]1", "a,,b", "u@a",
    ];
    check_table("server.public_hosts", &hosts, &refused);
    let targets = [("a:22,b", "[\"a:22\", \"b\"]")];
    check_table("targets.allow", &targets, &["a,,b"]);
}

#[test]
fn path_prefixes() {
    let accepted = [
        ("", "\"\""),
        ("/a", "\"/a\""),
        ("/a/b.c_d-e~f", "\"/a/b.c_d-e~f\""),
    ];
    let refused = [
        "/", "a", "/a/", "//a", "/a//b", "/a/../b", "/.", "/a?b", "/a b", "/%61", "/é",
    ];
    check_table("server.path_prefix", &accepted, &refused);
}

#[test]
fn words() {
    let policies = [
        ("strict", "\"strict\""),
        ("accept-new", "\"accept-new\""),
        ("ask", "\"ask\""),
        ("off", "\"off\""),
    ];
    check_table("ssh.host_key_policy", &policies, &["Strict", "yes", ""]);
    check_table(
        "compat.enabled",
        &[("true", "true"), ("false", "false")],
        &["1", "yes", ""],
    );
}

/// A text that begins like TOML and is none is bare.
#[test]
fn text_may_be_bare_or_toml() {
    let accepted = [
        (
            "[\"127.0.0.1:1\",\"[::1]:2\"]",
            "[\"127.0.0.1:1\", \"[::1]:2\"]",
        ),
        ("['127.0.0.1:1', ]", "[\"127.0.0.1:1\"]"),
        ("[::1]:2,127.0.0.1:1", "[\"[::1]:2\", \"127.0.0.1:1\"]"),
        ("[::1]:2", "[\"[::1]:2\"]"),
    ];
    let refused = [
        "[\"127.0.0.1:1\"",
        "[8022]",
        "[[\"127.0.0.1:1\"]]",
        "\"127.0.0.1:1\"",
        "{ a = \"127.0.0.1:1\" }",
        "[\"127.0.0.1:1\"] # one",
        "[\"127.0.0.1:1\"]\nbacklog = 1",
    ];
    check_table("server.listen", &accepted, &refused);
    let hosts = [
        ("[]", "[]"),
        ("[::1]", "[\"[::1]\"]"),
        ("[\"[::1]:1\", \"a\"]", "[\"[::1]:1\", \"a\"]"),
    ];
    check_table("server.public_hosts", &hosts, &["[\"a,b\"]", "[[::1]]"]);
    check_table(
        "session.hold_timeout",
        &[("\"30s\"", "\"30s\""), ("'30s'", "\"30s\"")],
        &["\"30s", "[\"30s\"]"],
    );
    check_table("server.shards", &[("\"auto\"", "\"auto\"")], &["\"1\""]);
    check_table("compat.enabled", &[], &["\"true\"", "[true]"]);
    let named = "[\"a=b:22\", { name = \"c\", host = \"d\", user = \"e\" }]";
    let printed = "[\"a=b:22\", { name = \"c\", host = \"d\", port = 22, user = \"e\" }]";
    check_table(
        "targets.named",
        &[(named, printed)],
        &["{ name = \"c\", host = \"d\" }"],
    );
    check_table(
        "audit.file",
        &[("\"/a b\"", "\"/a b\""), ("\"\"", "\"\"")],
        &["[\"/a\"]"],
    );
}
