//! Settings that the operator has not set (defaults and preset values), adapted to related ones
//! that the operator has set, so that one setting can be changed without an error about the default
//! of another.
//!
//! Does not change what the operator has set: two such settings that contradict each other are an
//! error (`validate`).

use super::builder::{Builder, Source};
use super::presets;
use super::settings::Config;
use std::time::Duration;

/// Keys of the lower and the higher of two bounds.
pub(super) const CONNECTIONS: [&str; 2] =
    ["limits.max_connections_per_host", "limits.max_connections"];

/// Adapts the settings that the operator has not set.
pub(super) fn adapt(builder: &mut Builder) {
    connections(builder);
    deadlines(builder);
}

fn connections(builder: &mut Builder) {
    let [per_host, all] = CONNECTIONS;
    let limits = &mut builder.config.limits;
    if limits.max_connections_per_host <= limits.max_connections {
        return;
    }
    if builder.is_set(all) && builder.is_adaptable(per_host) {
        builder.config.limits.max_connections_per_host = builder.config.limits.max_connections;
        builder.follow(per_host, all);
    } else if builder.is_set(per_host) && builder.is_adaptable(all) {
        builder.config.limits.max_connections = builder.config.limits.max_connections_per_host;
        builder.follow(all, per_host);
    }
}

/// Extends a deadline that spans others to the longest of these that the operator asks for.
fn deadlines(builder: &mut Builder) {
    for Nested {
        key, stage, whole, ..
    } in nested_deadlines(&builder.config)
    {
        if !is_asked_for(builder, key) || !builder.is_adaptable(whole) {
            continue;
        }
        let limit = match whole {
            "limits.connection_timeout" => &mut builder.config.limits.connection_timeout,
            "server.upgrade_timeout" => &mut builder.config.server.upgrade_timeout,
            // Unlimited while it is not set.
            _ => continue,
        };
        if stage > *limit {
            *limit = stage;
            builder.follow(whole, key);
        }
    }
}

/// Returns whether the operator asks for this deadline. Repeating a default or a preset's value
/// does not count: a printed configuration does so, and must load again.
pub(super) fn is_asked_for(builder: &Builder, key: &str) -> bool {
    let repeats = builder.config.toml_value(key) == Config::default().toml_value(key)
        || presets::has(key, &builder.config);
    builder.is_set(key) && !repeats
}

/// Deadline within another.
pub(super) struct Nested {
    pub(super) key: &'static str,
    pub(super) stage: Duration,
    /// Key of the deadline that spans it, whose value is `limit`.
    pub(super) whole: &'static str,
    pub(super) limit: Duration,
}

/// Returns every deadline that lies within another.
pub(super) fn nested_deadlines(config: &Config) -> [Nested; 8] {
    const UNLIMITED: Duration = Duration::MAX;
    let Config {
        server,
        tls,
        limits,
        session,
        websocket,
        ssh,
        targets,
        ..
    } = config;
    let way = ("limits.connection_timeout", limits.connection_timeout);
    let upgrade = ("server.upgrade_timeout", server.upgrade_timeout);
    let life = session.max_lifetime.unwrap_or(UNLIMITED);
    let life = ("session.max_lifetime", life);
    let idle = session.idle_timeout.unwrap_or_default();
    [
        ("targets.resolve_timeout", targets.resolve_timeout, way),
        ("ssh.connect_timeout", ssh.connect_timeout, way),
        ("ssh.handshake_timeout", ssh.handshake_timeout, way),
        ("ssh.auth_timeout", ssh.auth_timeout, way),
        ("tls.handshake_timeout", tls.handshake_timeout, upgrade),
        ("session.idle_timeout", idle, life),
        ("session.hold_timeout", session.hold_timeout, life),
        ("websocket.stall_timeout", websocket.stall_timeout, life),
    ]
    .map(|(key, stage, (whole, limit))| Nested {
        key,
        stage,
        whole,
        limit,
    })
}

impl Builder {
    fn is_of_operator(&self, key: &str) -> bool {
        self.sources.get(key).is_some_and(Source::is_operator)
    }

    /// Returns whether the operator has set the setting to a valid value.
    fn is_set(&self, key: &str) -> bool {
        self.is_of_operator(key) && !self.invalid.contains(key)
    }

    /// Returns whether no layer has set it, or only a preset.
    fn is_adaptable(&self, key: &str) -> bool {
        !self.is_of_operator(key) && !self.invalid.contains(key)
    }

    /// Records that the value of `key` follows from `cause`.
    fn follow(&mut self, key: &'static str, cause: &'static str) {
        let base = match self.sources.remove(key) {
            Some(Source::Follows { base, .. }) => base,
            other => Box::new(other.unwrap_or(Source::Default)),
        };
        self.sources.insert(key, Source::Follows { base, cause });
    }
}
