//! Relations between settings.

use super::*;

fn contradictions(assignments: &[&str]) -> Vec<String> {
    let errors = load_set(assignments).expect_err("must be refused");
    let text = |error: &ConfigError| match error {
        ConfigError::Contradiction(text) => text.clone(),
        other => panic!("{other}"),
    };
    errors.iter().map(text).collect()
}

fn the_contradiction(assignments: &[&str]) -> String {
    let [error] = contradictions(assignments).try_into().unwrap();
    error
}

#[test]
fn a_host_may_not_have_more_connections_than_there_are() {
    assert_eq!(
        contradictions(&[
            "limits.max_connections=5",
            "limits.max_connections_per_host=6"
        ]),
        [
            "limits.max_connections_per_host = 6 (--set) is above limits.max_connections = 5 \
          (--set): one target cannot have more connections than the whole bridge"
        ],
    );
    assert!(load_set(&["limits.max_connections=10"]).is_ok());
}

#[test]
fn a_limit_that_is_not_set_follows_the_one_that_is() {
    let (all, per_host) = ("limits.max_connections", "limits.max_connections_per_host");
    let high = Some("high-performance");
    for (preset, set, most, key, value, source) in [
        (
            None,
            all,
            5,
            per_host,
            "5",
            "default, follows limits.max_connections",
        ),
        (None, all, 50, per_host, "10", "default"),
        (
            high,
            all,
            500,
            per_host,
            "500",
            "preset high-performance, follows limits.max_connections",
        ),
        (
            None,
            per_host,
            2000,
            all,
            "2000",
            "default, follows limits.max_connections_per_host",
        ),
        (None, per_host, 20, all, "1000", "default"),
    ] {
        let set = format!("{set}={most}");
        let loaded = load_preset(preset, &[&set]).unwrap();
        assert_eq!(
            of(&loaded, key),
            (value.to_owned(), source.to_owned()),
            "{set}"
        );
    }
}

#[test]
fn a_deadline_of_several_stages_follows_the_longest_that_is_set() {
    let whole = "limits.connection_timeout";
    for (set, value, cause) in [
        (&["ssh.auth_timeout=40s"][..], "\"40s\"", "ssh.auth_timeout"),
        (
            &[
                "ssh.auth_timeout=40s",
                "targets.resolve_timeout=50s",
                "ssh.connect_timeout=45s",
            ],
            "\"50s\"",
            "targets.resolve_timeout",
        ),
    ] {
        let loaded = load_set(set).unwrap();
        let source = format!("default, follows {cause}");
        assert_eq!(of(&loaded, whole), (value.to_owned(), source), "{set:?}");
    }
    let loaded = load_set(&["tls.handshake_timeout=1m"]).unwrap();
    let source = "default, follows tls.handshake_timeout".to_owned();
    assert_eq!(
        of(&loaded, "server.upgrade_timeout"),
        ("\"1m\"".to_owned(), source)
    );
    assert_eq!(of(&loaded, whole).1, "default");
}

#[test]
fn a_stage_the_operator_set_must_fit_in_a_whole_that_is_set() {
    for key in [
        "targets.resolve_timeout",
        "ssh.connect_timeout",
        "ssh.handshake_timeout",
        "ssh.auth_timeout",
    ] {
        let whole = "limits.connection_timeout=30s";
        assert_eq!(
            contradictions(&[&format!("{key}=31s"), whole]),
            [format!(
                "{key} = \"31s\" (--set) is longer than limits.connection_timeout = \"30s\" \
                 (--set), which ends the session before"
            )],
        );
        assert!(load_set(&[&format!("{key}=30s"), whole]).is_ok());
    }
    // Who repeats the default, or a preset's value, asks for no more than it gives: a printed file
    // must load.
    for repeated in ["ssh.auth_timeout=25s", "ssh.auth_timeout=10s"] {
        assert!(load_set(&[repeated, "limits.connection_timeout=2s"]).is_ok());
    }
    // Only what the operator chose for the stage counts, not a default or a preset.
    assert!(load_set(&["limits.connection_timeout=2s"]).is_ok());
    assert!(load_preset(Some("security"), &["limits.connection_timeout=2s"]).is_ok());
}

#[test]
fn a_deadline_within_a_session_must_fit_in_its_lifetime() {
    for key in [
        "session.idle_timeout",
        "session.hold_timeout",
        "websocket.stall_timeout",
    ] {
        let set = [&format!("{key}=16m"), "session.max_lifetime=15m"];
        assert_eq!(
            contradictions(&set),
            [format!(
                "{key} = \"16m\" (--set) is longer than session.max_lifetime = \"15m\" (--set), \
                 which ends the session before"
            )],
        );
        assert!(load_set(&[set[0]]).is_ok());
    }
    // The default of `hold_timeout` is cut short in silence.
    assert!(load_set(&["session.max_lifetime=1m"]).is_ok());
}

#[test]
fn each_layer_of_the_operator_counts_for_a_stage() {
    for stage in [
        flag("--x", "ssh.auth_timeout", "46s"),
        env(&[("SSHARD_SSH__AUTH_TIMEOUT", "46s")]),
    ] {
        let whole = vec!["limits.connection_timeout=45s".to_owned()];
        assert!(
            load(&Layers {
                set: whole,
                ..stage
            })
            .is_err()
        );
    }
}

#[test]
fn plaintext_beyond_loopback_needs_allow_plaintext() {
    for open in [
        "0.0.0.0:1",
        "[::]:1",
        "192.168.1.1:1",
        "127.0.0.1:1,10.0.0.1:1",
    ] {
        let listen = format!("server.listen={open}");
        let error = the_contradiction(&[&listen]);
        assert!(error.contains("passwords cross it"), "{error}");
        assert!(error.contains("server.allow_plaintext=true"), "{error}");
        assert!(load_set(&[&listen, "server.allow_plaintext=true"]).is_ok());
        assert!(load_set(&[&listen, "tls.cert_file=/c", "tls.key_file=/k"]).is_ok());
    }
    for closed in [
        "127.0.0.1:1",
        "127.9.9.9:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
    ] {
        let listen = format!("server.listen={closed}");
        assert!(load_set(&[&listen]).is_ok(), "{closed}");
    }
}

#[test]
fn the_tls_handshake_is_part_of_the_upgrade() {
    assert_eq!(
        contradictions(&["tls.handshake_timeout=11s", "server.upgrade_timeout=10s"]),
        [
            "tls.handshake_timeout = \"11s\" (--set) is longer than server.upgrade_timeout = \
             \"10s\" (--set), which ends it before"
        ],
    );
    // The default is cut short in silence.
    assert!(load_set(&["server.upgrade_timeout=1s"]).is_ok());
}

#[test]
fn a_proxied_listener_is_one_of_them_and_a_proxy_may_connect() {
    let listen = "server.listen=127.0.0.1:1,10.0.0.1:0";
    let plain = "server.allow_plaintext=true";
    for elsewhere in ["127.0.0.1:2", "127.0.0.2:1", "10.0.0.1:7"] {
        let proxied = format!("server.proxy_protocol={elsewhere}");
        let error = the_contradiction(&[listen, plain, &proxied]);
        let said = format!("{elsewhere} is not one of server.listen");
        assert!(error.contains(&said), "{error}");
    }
    let proxied = "server.proxy_protocol=10.0.0.1:0,127.0.0.1:1";
    assert!(load_set(&[listen, plain, proxied]).is_ok());
    let no_proxy = "server.proxy_protocol_from=";
    let error = the_contradiction(&[listen, plain, proxied, no_proxy]);
    assert!(
        error.contains("no proxy may connect to those listeners"),
        "{error}"
    );
    assert!(load_set(&[no_proxy]).is_ok());
}

#[test]
fn listeners_are_some_and_distinct() {
    let error = the_contradiction(&["server.listen="]);
    assert!(error.ends_with("at least one address is needed"), "{error}");
    for listen in ["server.listen", "admin.listen"] {
        let error = the_contradiction(&[&format!("{listen}=[::1]:1,[::1]:1")]);
        assert!(error.starts_with(listen), "{error}");
        assert!(error.ends_with("[::1]:1 is listed twice"), "{error}");
    }
    assert!(load_set(&["server.listen=127.0.0.1:0,127.0.0.1:0"]).is_ok());
}

/// Each of the two would be refused by the kernel, once the other listens.
#[test]
fn no_port_may_have_two_listeners() {
    for (listen, admin, fine) in [
        ("127.0.0.1:5", "127.0.0.1:5", false),
        ("0.0.0.0:5", "127.0.0.1:5", false),
        ("[::]:5", "127.0.0.1:5", false),
        ("[::]:5", "[::1]:5", false),
        ("[::ffff:127.0.0.1]:5", "127.0.0.1:5", false),
        ("127.0.0.1:1,127.0.0.1:5", "127.0.0.1:2,127.0.0.1:5", false),
        ("127.0.0.1:5,0.0.0.0:5", "", false),
        ("[::1]:5,[::]:5", "", false),
        ("127.0.0.1:5", "127.0.0.1:6", true),
        ("127.0.0.1:5", "127.0.0.2:5", true),
        ("127.0.0.1:5", "[::1]:5", true),
        ("127.0.0.1:0", "127.0.0.1:0", true),
        // With an IPv4 address beside it, `[::]` takes IPv6 alone.
        ("0.0.0.0:5,[::]:5", "", true),
        ("[::]:5,127.0.0.1:6", "127.0.0.1:5", true),
        ("[fe80::1%1]:5,[fe80::1%2]:5", "", true),
    ] {
        let listen = format!("server.listen={listen}");
        let admin = format!("admin.listen={admin}");
        let set = [&*listen, &*admin, "server.allow_plaintext=true"];
        if fine {
            assert!(load_set(&set).is_ok(), "{set:?}");
        } else {
            let error = the_contradiction(&set);
            assert!(error.contains("cannot both listen"), "{error}");
        }
    }
}

#[test]
fn some_settings_need_another_one() {
    let pair = "needs both the certificate and its key";
    let (token, token_file) = ("admin.token_file", "admin.token_file=/x");
    let (key, key_file) = ("admission.ticket_key_file", "admission.ticket_key_file=/x");
    for (set, missing, words) in [
        ("tls.cert_file=/x", "tls.key_file=/x", pair),
        ("tls.key_file=/x", "tls.cert_file=/x", pair),
        ("admission.required=true", key_file, key),
        // Listeners beyond loopback.
        ("admin.listen=0.0.0.0:1", token_file, token),
        ("admin.listen=[::]:1", token_file, token),
        ("admin.listen=10.0.0.1:1", token_file, token),
        ("admin.listen=127.0.0.1:1,192.0.2.1:1", token_file, token),
    ] {
        let error = the_contradiction(&[set]);
        assert!(error.contains(words), "{error}");
        assert!(load_set(&[set, missing]).is_ok(), "{set} {missing}");
    }
    assert!(load_set(&["admin.listen="]).is_ok());
}

#[test]
fn a_setting_that_is_wrong_itself_is_in_no_contradiction() {
    for assignments in [
        [
            "limits.max_connections=5",
            "limits.max_connections_per_host=x",
        ],
        ["ssh.auth_timeout=31s", "limits.connection_timeout=60"],
    ] {
        let error = the_error(&set(&assignments));
        assert!(error.contains("(--set): expected "), "{error}");
    }
}

#[test]
fn serving_needs_a_target() {
    let require_targets = |set: &[&str]| load_set(set).unwrap().require_targets();
    let error = require_targets(&[]).unwrap_err().to_string();
    for way in ["--allow host:port", "targets.allow", "targets.named"] {
        assert!(error.contains(way), "{error}");
    }
    for target in ["targets.allow=a:22", "targets.named=a=b:22"] {
        assert!(require_targets(&[target]).is_ok(), "{target}");
    }
}

#[test]
fn a_stage_of_a_preset_may_be_longer_than_the_whole() {
    use crate::config::{builder::Builder, validate::check, value::Raw};
    let errors = |source| {
        let mut builder = Builder::default();
        for (key, value, source) in [
            ("ssh.auth_timeout", "50s", source),
            ("limits.connection_timeout", "40s", Source::Set),
        ] {
            builder.set(key, &Raw::Text(value), value, source);
        }
        check(&mut builder);
        builder.errors.len()
    };
    assert_eq!(errors(Source::Preset("slow")), 0);
    assert_eq!(errors(Source::Set), 1);
}
