//! Values of each preset.

use std::time::Duration;

use super::*;

#[test]
fn high_performance_preset() {
    let loaded = preset("high-performance");
    let (limits, websocket) = (&loaded.config.limits, &loaded.config.websocket);
    assert_eq!(
        (limits.max_connections, limits.max_connections_per_host),
        (50_000, 1000)
    );
    assert_eq!(limits.max_unauthenticated, 5000);
    assert_eq!(limits.connection_timeout, Duration::from_secs(120));
    assert_eq!(websocket.read_buffer_size.bytes(), 32_768);
    assert_eq!(websocket.write_buffer_size.bytes(), 32_768);
}

#[test]
fn security_preset() {
    let loaded = preset("security");
    let limits = &loaded.config.limits;
    assert_eq!(
        (limits.max_connections, limits.max_connections_per_host),
        (1000, 10)
    );
    assert_eq!(limits.max_unauthenticated, 200);
    assert_eq!(limits.max_connections_per_client, 20);
    assert_eq!(limits.connection_timeout, Duration::from_secs(30));
    assert_eq!(loaded.config.ssh.auth_timeout, Duration::from_secs(25));
    assert_eq!(loaded.config.ssh.host_key_policy, HostKeyPolicy::Strict);
    assert!(!loaded.config.compat.enabled);
    assert!(!loaded.config.admin.page);
    assert!(loaded.config.rate_limit.enabled);
    assert!(!Config::default().rate_limit.enabled);
    assert_eq!(
        loaded.source("compat.enabled").to_string(),
        "preset security"
    );
}

#[test]
fn development_preset() {
    let loaded = preset("development");
    let limits = &loaded.config.limits;
    assert_eq!(
        (limits.max_connections, limits.max_connections_per_host),
        (10, 2)
    );
    assert_eq!(limits.connection_timeout, Duration::from_secs(10));
    assert_eq!(loaded.config.log.level, LogLevel::Debug);
    assert!(loaded.config.log.messages);
}

#[test]
fn an_unknown_preset_names_those_there_are() {
    let layers = Layers {
        preset: Some("fast".into()),
        ..Layers::default()
    };
    let expected = "--preset fast: expected one of high-performance, security, development";
    assert_eq!(the_error(&layers), expected);
}
