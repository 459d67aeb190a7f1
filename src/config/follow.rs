//! Settings that must fit others, and fit themselves to these while nobody has set them: an
//! operator who sets one is not told of a default that it does not agree with.
//!
//! Only of two that the operator has both set is a contradiction told (`validate`).

use super::draft::{Draft, Source};
use super::presets;
use super::settings::Config;
use std::time::Duration;

/// Settings that have to be below another, or as high: the lower one, then the other.
pub(super) const CONNECTIONS: [&str; 2] =
    ["limits.max_connections_per_host", "limits.max_connections"];

/// Changes what nobody has set, so that it fits what the operator has.
pub(super) fn apply(draft: &mut Draft) {
    connections(draft);
    deadlines(draft);
}

fn connections(draft: &mut Draft) {
    let [per_host, all] = CONNECTIONS;
    let limits = &mut draft.config.limits;
    if limits.max_connections_per_host <= limits.max_connections {
        return;
    }
    if draft.is_set(all) && draft.is_free(per_host) {
        draft.config.limits.max_connections_per_host = draft.config.limits.max_connections;
        draft.follow(per_host, all);
    } else if draft.is_set(per_host) && draft.is_free(all) {
        draft.config.limits.max_connections = draft.config.limits.max_connections_per_host;
        draft.follow(all, per_host);
    }
}

/// A deadline that spans others is extended to the longest of these that is asked for.
fn deadlines(draft: &mut Draft) {
    for Nested {
        key, stage, whole, ..
    } in nested_deadlines(&draft.config)
    {
        if !is_asked_for(draft, key) || !draft.is_free(whole) {
            continue;
        }
        let limit = match whole {
            "limits.connection_timeout" => &mut draft.config.limits.connection_timeout,
            "server.upgrade_timeout" => &mut draft.config.server.upgrade_timeout,
            // Unlimited while nobody has set it.
            _ => continue,
        };
        if stage > *limit {
            *limit = stage;
            draft.follow(whole, key);
        }
    }
}

/// Returns whether the operator asks for this very deadline. One who repeats a default or a
/// preset's value asks for nothing: a printed configuration does so, and must load again.
pub(super) fn is_asked_for(draft: &Draft, key: &str) -> bool {
    let repeats = draft.config.written(key) == Config::default().written(key)
        || presets::has(key, &draft.config);
    draft.is_set(key) && !repeats
}

/// A deadline that lies within another.
pub(super) struct Nested {
    pub(super) key: &'static str,
    pub(super) stage: Duration,
    /// Key and value of the one that spans it.
    pub(super) whole: &'static str,
    pub(super) limit: Duration,
}

/// Every deadline that lies within another.
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

impl Draft {
    /// Returns whether the operator has set the setting, and it could be read.
    fn is_set(&self, key: &str) -> bool {
        let set = self.sources.get(key).is_some_and(Source::is_operator);
        set && !self.broken.contains(key)
    }

    /// Returns whether nobody has said anything of it but a preset.
    fn is_free(&self, key: &str) -> bool {
        let set = self.sources.get(key).is_some_and(Source::is_operator);
        !set && !self.broken.contains(key)
    }

    /// Notes that `key` has its value because of `cause`.
    fn follow(&mut self, key: &'static str, cause: &'static str) {
        let base = match self.sources.remove(key) {
            Some(Source::Preset(name)) => Some(name),
            Some(Source::Follows { preset, .. }) => preset,
            _ => None,
        };
        let source = Source::Follows {
            preset: base,
            cause,
        };
        self.sources.insert(key, source);
    }
}
