//! Values of each preset.

use super::*;

#[test]
fn presets_have_their_values() {
    for (name, values) in [
        (
            "high-performance",
            &[
                ("limits.max_connections", "50000"),
                ("limits.max_connections_per_host", "1000"),
                ("limits.max_unauthenticated", "5000"),
                ("limits.connection_timeout", "\"2m\""),
                ("websocket.read_buffer_size", "\"32KiB\""),
                ("websocket.write_buffer_size", "\"32KiB\""),
            ][..],
        ),
        (
            "security",
            &[
                ("limits.max_connections", "1000"),
                ("limits.max_connections_per_host", "10"),
                ("limits.max_unauthenticated", "200"),
                ("limits.max_connections_per_client", "20"),
                ("limits.connection_timeout", "\"30s\""),
                ("ssh.auth_timeout", "\"25s\""),
                ("ssh.host_key_policy", "\"strict\""),
                ("compat.enabled", "false"),
                ("admin.page", "false"),
                ("rate_limit.enabled", "true"),
            ],
        ),
        (
            "development",
            &[
                ("limits.max_connections", "10"),
                ("limits.max_connections_per_host", "2"),
                ("limits.connection_timeout", "\"10s\""),
                ("log.level", "\"debug\""),
                ("log.messages", "true"),
            ],
        ),
    ] {
        let loaded = load_preset(Some(name), &[]).unwrap();
        for (key, value) in values {
            let of_preset = (value.to_string(), format!("preset {name}"));
            assert_eq!(of(&loaded, key), of_preset, "{key}");
        }
    }
    assert!(!Config::default().rate_limit.enabled);
}

#[test]
fn an_unknown_preset_names_those_there_are() {
    let errors = load_preset(Some("fast"), &[]).unwrap_err();
    let expected = "--preset fast: expected one of high-performance, security, development";
    assert_eq!(errors.to_string(), expected);
}

#[test]
fn every_deadline_of_the_defaults_and_presets_can_be_reached() {
    for loaded in load_each_preset(&[]) {
        for nested in follow::nested_deadlines(&loaded.config) {
            let (key, whole) = (nested.key, nested.whole);
            assert!(
                nested.stage <= nested.limit,
                "{key} is cut short by {whole}"
            );
        }
    }
}
