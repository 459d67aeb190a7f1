//! What must hold between settings.

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
        contradictions(&["limits.max_connections=5"]),
        [
            "limits.max_connections_per_host = 10 (default) is above limits.max_connections = 5 \
          (--set): a host can never have more connections than there may be"
        ],
    );
    assert!(load_set(&["limits.max_connections=10"]).is_ok());
}

#[test]
fn a_stage_the_operator_set_must_fit_in_the_whole() {
    for key in [
        "targets.resolve_timeout",
        "ssh.connect_timeout",
        "ssh.handshake_timeout",
        "ssh.auth_timeout",
    ] {
        assert_eq!(
            contradictions(&[&format!("{key}=31s")]),
            [format!(
                "{key} = \"31s\" (--set) is longer than limits.connection_timeout = \"30s\" \
                 (default), which ends the session before"
            )],
        );
        assert!(load_set(&[&format!("{key}=30s")]).is_ok());
    }
    // Who repeats the default asks for no more than it gives: a printed file must load.
    assert!(load_set(&["ssh.auth_timeout=25s", "limits.connection_timeout=20s"]).is_ok());
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
fn what_lies_within_a_sessions_life_must_fit_in_it() {
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
    let flag = Flag {
        name: "--x",
        key: "ssh.auth_timeout",
        value: "46s".into(),
    };
    let variable = ("SSHARD_SSH__AUTH_TIMEOUT".into(), "46s".into());
    assert!(
        load(&Layers {
            flags: vec![flag],
            ..Layers::default()
        })
        .is_err()
    );
    assert!(
        load(&Layers {
            env: vec![variable],
            ..Layers::default()
        })
        .is_err()
    );
}

#[test]
fn plaintext_beyond_loopback_must_be_asked_for() {
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
        contradictions(&["tls.handshake_timeout=11s"]),
        [
            "tls.handshake_timeout = \"11s\" (--set) is longer than server.upgrade_timeout = \
             \"10s\" (default), which ends it before"
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
    assert!(error.ends_with("[::1]:1 stands there twice"), "{error}");
    assert!(load_set(&["server.listen=127.0.0.1:0,127.0.0.1:0"]).is_ok());
}

#[test]
fn the_administrators_port_is_open_to_others_only_with_a_token() {
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
    assert!(error.ends_with("[::1]:1 stands there twice"), "{error}");
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
    use crate::config::{layers::Draft, validate::check, value::Raw};
    let errors = |source| {
        let mut draft = Draft::default();
        draft.set("ssh.auth_timeout", &Raw::Text("50s"), "50s", source);
        check(&mut draft);
        draft.errors.len()
    };
    assert_eq!(errors(Source::Preset("slow")), 0);
    assert_eq!(errors(Source::Set), 1);
}
