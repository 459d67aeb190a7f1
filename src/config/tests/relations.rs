//! Relations between settings.

use super::*;

fn contradictions(assignments: &[&str]) -> Vec<String> {
    let errors = load_set(assignments).expect_err("must be refused");
    assert!(
        errors
            .iter()
            .all(|error| matches!(error, ConfigError::Contradiction(_)))
    );
    errors.iter().map(ToString::to_string).collect()
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
          (--set): a host can never have more connections than there may be"
        ],
    );
    assert!(load_set(&["limits.max_connections=10"]).is_ok());
}

/// The value and source of a setting.
fn of(loaded: &Loaded, key: &str) -> (String, String) {
    let value = loaded.config.toml_value(key).unwrap();
    (value, loaded.source(key).to_string())
}

#[test]
fn a_limit_that_is_not_set_follows_the_one_that_is() {
    let (all, per_host) = ("limits.max_connections", "limits.max_connections_per_host");
    for (set, key, value, source) in [
        (
            "limits.max_connections=5",
            per_host,
            "5",
            "default, follows limits.max_connections",
        ),
        ("limits.max_connections=50", per_host, "10", "default"),
        (
            "limits.max_connections_per_host=2000",
            all,
            "2000",
            "default, follows limits.max_connections_per_host",
        ),
        ("limits.max_connections_per_host=20", all, "1000", "default"),
    ] {
        let loaded = load_set(&[set]).unwrap();
        assert_eq!(
            of(&loaded, key),
            (value.to_owned(), source.to_owned()),
            "{set}"
        );
    }
    let loaded = load(&Layers {
        preset: Some("high-performance".into()),
        ..set(&["limits.max_connections=500"])
    });
    let source = "preset high-performance, follows limits.max_connections".to_owned();
    assert_eq!(of(&loaded.unwrap(), per_host), ("500".to_owned(), source));
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
    let short = vec![String::from("limits.connection_timeout=2s")];
    let preset = Some(String::from("security"));
    assert!(
        load(&Layers {
            preset,
            set: short,
            ..Layers::default()
        })
        .is_ok()
    );
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
    let whole = ["limits.connection_timeout=45s"];
    let flag = Flag {
        name: "--x",
        key: "ssh.auth_timeout",
        value: "46s".into(),
    };
    let variable = ("SSHARD_SSH__AUTH_TIMEOUT".into(), "46s".into());
    assert!(
        load(&Layers {
            flags: vec![flag],
            ..set(&whole)
        })
        .is_err()
    );
    assert!(
        load(&Layers {
            env: vec![variable],
            ..set(&whole)
        })
        .is_err()
    );
}

#[test]
fn plaintext_beyond_loopback_needs_allow_plaintext() {
    for open in [
        "0.0.0.0:1",
        "[::]:1",
        "192.168.1.1:1",
        "127.0.0.1:1,10.0.0.1:1",
    ] {
        let [error] = contradictions(&[&format!("server.listen={open}")])
            .try_into()
            .unwrap();
        assert!(error.contains("passwords cross it"), "{error}");
        assert!(error.contains("server.allow_plaintext=true"), "{error}");
        let listen = format!("server.listen={open}");
        assert!(load_set(&[&listen, "server.allow_plaintext=true"]).is_ok());
        assert!(load_set(&[&listen, "tls.cert_file=/c", "tls.key_file=/k"]).is_ok());
    }
    for closed in [
        "127.0.0.1:1",
        "127.9.9.9:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
    ] {
        assert!(
            load_set(&[&format!("server.listen={closed}")]).is_ok(),
            "{closed}"
        );
    }
}

#[test]
fn a_certificate_needs_its_key() {
    for half in ["tls.cert_file=/x", "tls.key_file=/x"] {
        let [error] = contradictions(&[half]).try_into().unwrap();
        assert!(
            error.ends_with("needs both the certificate and its key"),
            "{error}"
        );
    }
    assert!(load_set(&["tls.cert_file=/c", "tls.key_file=/k"]).is_ok());
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
fn a_proxied_listener_is_one_of_them_and_somebody_may_connect() {
    let listen = "server.listen=127.0.0.1:1,10.0.0.1:0";
    let plain = "server.allow_plaintext=true";
    for elsewhere in ["127.0.0.1:2", "127.0.0.2:1", "10.0.0.1:7"] {
        let proxied = format!("server.proxy_protocol={elsewhere}");
        let [error] = contradictions(&[listen, plain, &proxied])
            .try_into()
            .unwrap();
        let said = format!("{elsewhere} is not one of server.listen");
        assert!(error.contains(&said), "{error}");
    }
    let proxied = "server.proxy_protocol=10.0.0.1:0,127.0.0.1:1";
    assert!(load_set(&[listen, plain, proxied]).is_ok());
    let nobody = "server.proxy_protocol_from=";
    let [error] = contradictions(&[listen, plain, proxied, nobody])
        .try_into()
        .unwrap();
    assert!(error.contains("nobody may connect there"), "{error}");
    assert!(load_set(&[nobody]).is_ok());
}

#[test]
fn listeners_are_some_and_distinct() {
    let [error] = contradictions(&["server.listen="]).try_into().unwrap();
    assert!(error.ends_with("at least one address is needed"), "{error}");
    let [error] = contradictions(&["server.listen=[::1]:1,[::1]:1"])
        .try_into()
        .unwrap();
    assert!(error.ends_with("[::1]:1 is listed twice"), "{error}");
    assert!(load_set(&["server.listen=127.0.0.1:0,127.0.0.1:0"]).is_ok());
}

/// Each of the two would be refused by the kernel, once the other listens.
#[test]
fn no_port_may_have_two_listeners() {
    let plain = "server.allow_plaintext=true";
    for (listen, admin) in [
        ("127.0.0.1:5", "127.0.0.1:5"),
        ("0.0.0.0:5", "127.0.0.1:5"),
        ("[::]:5", "127.0.0.1:5"),
        ("[::]:5", "[::1]:5"),
        ("[::ffff:127.0.0.1]:5", "127.0.0.1:5"),
        ("127.0.0.1:1,127.0.0.1:5", "127.0.0.1:2,127.0.0.1:5"),
        ("127.0.0.1:5,0.0.0.0:5", ""),
        ("[::1]:5,[::]:5", ""),
    ] {
        let set = [
            format!("server.listen={listen}"),
            format!("admin.listen={admin}"),
        ];
        let [error] = contradictions(&[&set[0], &set[1], plain])
            .try_into()
            .unwrap();
        assert!(error.contains("cannot both listen"), "{error}");
    }
    for (listen, admin) in [
        ("127.0.0.1:5", "127.0.0.1:6"),
        ("127.0.0.1:5", "127.0.0.2:5"),
        ("127.0.0.1:5", "[::1]:5"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        // With an IPv4 address beside it, `[::]` takes IPv6 alone.
        ("0.0.0.0:5,[::]:5", ""),
        ("[::]:5,127.0.0.1:6", "127.0.0.1:5"),
        ("[fe80::1%1]:5,[fe80::1%2]:5", ""),
    ] {
        let set = [
            format!("server.listen={listen}"),
            format!("admin.listen={admin}"),
        ];
        let loaded = load_set(&[&set[0], &set[1], plain]);
        assert!(loaded.is_ok(), "{listen} {admin}: {loaded:?}");
    }
}

#[test]
fn an_admin_listener_beyond_loopback_needs_a_token() {
    for open in [
        "0.0.0.0:1",
        "[::]:1",
        "10.0.0.1:1",
        "127.0.0.1:1,192.0.2.1:1",
    ] {
        let set = format!("admin.listen={open}");
        let [error] = contradictions(&[&set]).try_into().unwrap();
        assert!(error.contains("admin.token_file"), "{error}");
        assert!(load_set(&[&set, "admin.token_file=/x"]).is_ok());
    }
    let [error] = contradictions(&["admin.listen=[::1]:1,[::1]:1"])
        .try_into()
        .unwrap();
    assert!(error.ends_with("[::1]:1 is listed twice"), "{error}");
    assert!(load_set(&["admin.listen="]).is_ok());
}

#[test]
fn tickets_are_required_only_with_a_key() {
    let [error] = contradictions(&["admission.required=true"])
        .try_into()
        .unwrap();
    assert!(error.contains("admission.ticket_key_file"), "{error}");
    let set = ["admission.required=true", "admission.ticket_key_file=/x"];
    assert!(load_set(&set).is_ok());
}

#[test]
fn a_setting_that_is_wrong_itself_is_in_no_contradiction() {
    let errors = load_set(&[
        "limits.max_connections=5",
        "limits.max_connections_per_host=x",
    ]);
    assert_eq!(errors.unwrap_err().iter().count(), 1);
    let errors = load_set(&["ssh.auth_timeout=31s", "limits.connection_timeout=60"]);
    assert_eq!(errors.unwrap_err().iter().count(), 1);
}

#[test]
fn serving_needs_a_target() {
    let error = load(&Layers::default())
        .unwrap()
        .require_targets()
        .unwrap_err()
        .to_string();
    for way in ["--allow host:port", "targets.allow", "targets.named"] {
        assert!(error.contains(way), "{error}");
    }
    assert!(
        load_set(&["targets.allow=a:22"])
            .unwrap()
            .require_targets()
            .is_ok()
    );
    assert!(
        load_set(&["targets.named=a=b:22"])
            .unwrap()
            .require_targets()
            .is_ok()
    );
}

#[test]
fn a_stage_of_a_preset_may_be_longer_than_the_whole() {
    use crate::config::{builder::Builder, validate::check, value::Raw};
    let errors = |source| {
        let mut builder = Builder::default();
        builder.set("ssh.auth_timeout", &Raw::Text("50s"), "50s", source);
        builder.set(
            "limits.connection_timeout",
            &Raw::Text("40s"),
            "40s",
            Source::Set,
        );
        check(&mut builder);
        builder.errors.len()
    };
    assert_eq!(errors(Source::Preset("slow")), 0);
    assert_eq!(errors(Source::Set), 1);
}
