//! The presets: named sets of values between the defaults and the configuration file.

use super::settings::{Config, settings};
use super::value::Raw;

/// Name of a preset, and the key and value of each setting in it.
pub(super) type Preset = (&'static str, &'static [(&'static str, &'static str)]);

pub(super) const PRESETS: &[Preset] = &[
    (
        "high-performance",
        &[
            ("limits.max_connections", "50000"),
            ("limits.max_connections_per_host", "1000"),
            ("limits.max_unauthenticated", "5000"),
            ("limits.connection_timeout", "120s"),
            ("websocket.read_buffer_size", "32KiB"),
            ("websocket.write_buffer_size", "32KiB"),
        ],
    ),
    (
        "security",
        &[
            ("limits.max_connections", "1000"),
            ("limits.max_connections_per_host", "10"),
            ("limits.max_unauthenticated", "200"),
            // A tenth of the pool: ten addresses fill it, not one.
            ("limits.max_connections_per_client", "20"),
            ("limits.connection_timeout", "30s"),
            ("rate_limit.enabled", "true"),
            ("ssh.auth_timeout", "25s"),
            ("ssh.host_key_policy", "strict"),
            ("compat.enabled", "false"),
            ("web.enabled", "false"),
            ("admin.page", "false"),
        ],
    ),
    (
        "development",
        &[
            ("limits.max_connections", "10"),
            ("limits.max_connections_per_host", "2"),
            ("limits.connection_timeout", "10s"),
            ("ssh.auth_timeout", "10s"),
            ("log.level", "debug"),
            ("log.messages", "true"),
        ],
    ),
];

/// Returns the preset of that name.
pub(super) fn find(name: &str) -> Option<Preset> {
    PRESETS.iter().find(|(known, _)| *known == name).copied()
}

/// Names of all presets.
pub(super) fn names() -> Vec<&'static str> {
    PRESETS.iter().map(|(name, _)| *name).collect()
}

/// Returns whether some preset sets `key` to the value it has in `config`.
pub(super) fn has(key: &str, config: &Config) -> bool {
    let values = PRESETS.iter().flat_map(|(_, values)| *values);
    let mut of_key = values.filter(|(known, _)| *known == key);
    of_key.any(|(_, value)| toml_value(key, value) == config.toml_value(key))
}

/// Value of a preset for a setting, as it is printed.
pub(super) fn toml_value(key: &str, value: &str) -> Option<String> {
    let setting = settings().find(|setting| setting.key == key)?;
    let mut config = Config::default();
    (setting.assign)(&mut config, &Raw::Text(value)).ok()?;
    Some((setting.write)(&config))
}
