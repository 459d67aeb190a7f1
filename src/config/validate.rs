//! What must hold between settings. Each error names the keys, their values and their sources.
//!
//! The range of a single setting stands with its declaration and is checked when it is read.

use std::net::SocketAddr;
use std::time::Duration;

use super::error::ConfigError;
use super::layers::{Draft, Source};
use super::settings::Config;

/// Checks every relation; one that involves a setting already found wrong is passed over.
pub(super) fn check(draft: &mut Draft) {
    let mut errors = Vec::new();
    for (keys, relation) in RELATIONS {
        if !keys.iter().any(|key| draft.broken.contains(key)) {
            errors.extend(relation(draft).map(ConfigError::Contradiction));
        }
    }
    errors.extend(late_stages(draft));
    draft.errors.extend(errors);
}

/// The keys a relation looks at, and the relation: Some is what is wrong.
type Relation = (&'static [&'static str], fn(&Draft) -> Option<String>);

const RELATIONS: &[Relation] = &[
    (
        &["limits.max_connections_per_host", "limits.max_connections"],
        per_host_above_all,
    ),
    (&["server.listen"], no_listener),
    (&["server.listen"], |draft| {
        duplicate(draft, "server.listen", &draft.config.server.listen)
    }),
    (
        &["server.listen", "server.allow_plaintext", "tls.cert_file"],
        plaintext,
    ),
    (&["tls.cert_file", "tls.key_file"], half_a_pair),
    (
        &["server.listen", "server.proxy_protocol"],
        proxied_elsewhere,
    ),
    (
        &["server.proxy_protocol", "server.proxy_protocol_from"],
        proxied_by_nobody,
    ),
    (&["admin.listen"], |draft| {
        duplicate(draft, "admin.listen", &draft.config.admin.listen)
    }),
    (&["admin.listen", "admin.token_file"], open_admin),
    (
        &["admission.required", "admission.ticket_key_file"],
        tickets_without_key,
    ),
];

fn per_host_above_all(draft: &Draft) -> Option<String> {
    let limits = &draft.config.limits;
    (limits.max_connections_per_host > limits.max_connections).then(|| {
        format!(
            "{} is above {}: a host can never have more connections than there may be",
            cite(draft, "limits.max_connections_per_host"),
            cite(draft, "limits.max_connections"),
        )
    })
}

fn no_listener(draft: &Draft) -> Option<String> {
    draft.config.server.listen.is_empty().then(|| {
        format!(
            "{}: at least one address is needed",
            cite(draft, "server.listen")
        )
    })
}

fn duplicate(draft: &Draft, key: &str, listen: &[SocketAddr]) -> Option<String> {
    // Port 0 asks for a free port each time, so the same spelling twice is two listeners.
    let again = listen.iter().enumerate().find_map(|(at, address)| {
        let before = listen.iter().take(at).any(|earlier| earlier == address);
        (before && address.port() != 0).then_some(address)
    })?;
    Some(format!("{}: {again} stands there twice", cite(draft, key)))
}

/// Those that other machines can reach.
fn open_addresses(listen: &[SocketAddr]) -> Vec<String> {
    let reachable = |address: &&SocketAddr| !address.ip().to_canonical().is_loopback();
    let open = listen.iter().filter(reachable);
    open.map(ToString::to_string).collect()
}

fn open_admin(draft: &Draft) -> Option<String> {
    let admin = &draft.config.admin;
    let open = open_addresses(&admin.listen);
    (!open.is_empty() && admin.token_file.is_none()).then(|| {
        format!(
            "{} with {}: {} can be reached from other machines, and who reaches it may end \
             sessions; listen on loopback, or set admin.token_file",
            cite(draft, "admin.listen"),
            cite(draft, "admin.token_file"),
            open.join(", "),
        )
    })
}

fn tickets_without_key(draft: &Draft) -> Option<String> {
    let admission = &draft.config.admission;
    (admission.required && admission.ticket_key_file.is_none()).then(|| {
        format!(
            "{} with {}: without the key no ticket can be checked, and nobody gets in",
            cite(draft, "admission.required"),
            cite(draft, "admission.ticket_key_file"),
        )
    })
}

fn plaintext(draft: &Draft) -> Option<String> {
    let Config { server, tls, .. } = &draft.config;
    let open = open_addresses(&server.listen);
    (!open.is_empty() && !server.allow_plaintext && tls.cert_file.is_none()).then(|| {
        format!(
            "{} with {}: {} can be reached from other machines without TLS, and passwords \
             cross it; set tls.cert_file and tls.key_file, listen on loopback behind a proxy \
             that speaks TLS, or set server.allow_plaintext=true",
            cite(draft, "server.listen"),
            cite(draft, "server.allow_plaintext"),
            open.join(", "),
        )
    })
}

fn half_a_pair(draft: &Draft) -> Option<String> {
    let tls = &draft.config.tls;
    (tls.cert_file.is_some() != tls.key_file.is_some()).then(|| {
        format!(
            "{} with {}: TLS needs both the certificate and its key",
            cite(draft, "tls.cert_file"),
            cite(draft, "tls.key_file"),
        )
    })
}

fn proxied_elsewhere(draft: &Draft) -> Option<String> {
    let server = &draft.config.server;
    let elsewhere = server.proxy_protocol.iter();
    let mut elsewhere = elsewhere.filter(|proxied| !server.listen.contains(proxied));
    elsewhere.next().map(|proxied| {
        format!(
            "{}: {proxied} is not one of {}",
            cite(draft, "server.proxy_protocol"),
            cite(draft, "server.listen"),
        )
    })
}

fn proxied_by_nobody(draft: &Draft) -> Option<String> {
    let server = &draft.config.server;
    (!server.proxy_protocol.is_empty() && server.proxy_protocol_from.is_empty()).then(|| {
        format!(
            "{} with {}: nobody may connect there; name the networks of the proxies",
            cite(draft, "server.proxy_protocol"),
            cite(draft, "server.proxy_protocol_from"),
        )
    })
}

/// Every deadline that lies within another: its key and value, then those of the whole.
fn nested_deadlines(config: &Config) -> [(&str, Duration, &str, Duration); 8] {
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
    .map(|(key, stage, (whole, limit))| (key, stage, whole, limit))
}

/// Deadlines that another one always cuts short. No default or preset is; where the operator
/// lowers the whole alone, it cuts them short in silence, but one who asks for more must learn
/// that it can't be had. One who repeats the default asks for nothing: a printed configuration
/// does so, and must load again.
fn late_stages(draft: &Draft) -> Vec<ConfigError> {
    let (config, defaults) = (&draft.config, Config::default());
    let late = nested_deadlines(config)
        .into_iter()
        .filter(|(key, stage, whole, limit)| {
            stage > limit
                && config.written(key) != defaults.written(key)
                && draft.sources.get(key).is_some_and(Source::is_operator)
                && !draft.broken.contains(key)
                && !draft.broken.contains(whole)
        });
    late.map(|(key, _, whole, _)| {
        let ends = match whole {
            "server.upgrade_timeout" => "it",
            _ => "the session",
        };
        ConfigError::Contradiction(format!(
            "{} is longer than {}, which ends {ends} before",
            cite(draft, key),
            cite(draft, whole),
        ))
    })
    .collect()
}

/// `key = value (source)`.
fn cite(draft: &Draft, key: &str) -> String {
    let value = draft.config.written(key).unwrap_or_default();
    let source = draft.sources.get(key).unwrap_or(&Source::Default);
    format!("{key} = {value} ({})", source.place())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Layers, load};

    /// A deadline that another always cuts short is a promise that is not kept.
    #[test]
    fn every_deadline_of_the_defaults_and_presets_can_be_reached() {
        for preset in [
            None,
            Some("high-performance"),
            Some("security"),
            Some("development"),
        ] {
            let layers = Layers {
                preset: preset.map(str::to_owned),
                ..Layers::default()
            };
            let loaded = load(&layers).unwrap();
            for (key, stage, whole, limit) in nested_deadlines(&loaded.config) {
                assert!(stage <= limit, "{preset:?}: {key} is cut short by {whole}");
            }
        }
    }
}
