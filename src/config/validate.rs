//! Relations between settings. Each error names the keys, their values and their sources.
//!
//! Does not check ranges of single settings: these are declared with the setting, and checked when
//! it is parsed.

use std::net::SocketAddr;

use super::builder::{Builder, Source};
use super::error::ConfigError;
use super::follow::{CONNECTIONS, Nested, is_asked_for, nested_deadlines};
use super::settings::Config;

/// Checks every relation but those that involve a setting with an invalid value.
pub(super) fn check(builder: &mut Builder) {
    let mut errors = Vec::new();
    for (keys, relation) in RELATIONS {
        if !keys.iter().any(|key| builder.invalid.contains(key)) {
            errors.extend(relation(builder, keys).map(ConfigError::Contradiction));
        }
    }
    errors.extend(late_stages(builder));
    builder.errors.extend(errors);
}

/// Keys that a relation involves.
type Keys = &'static [&'static str];

/// Keys and check of a relation, which returns the text of the error.
type Relation = (Keys, fn(&Builder, Keys) -> Option<String>);

const RELATIONS: &[Relation] = &[
    (&CONNECTIONS, per_host_above_all),
    (&["server.listen"], no_listener),
    (&["server.listen"], |builder, keys| {
        duplicate(builder, keys, &builder.config.server.listen)
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
        proxied_without_proxies,
    ),
    (&["admin.listen"], |builder, keys| {
        duplicate(builder, keys, &builder.config.admin.listen)
    }),
    (&["server.listen", "admin.listen"], shared_port),
    (&["admin.listen", "admin.token_file"], open_admin),
    (
        &["admission.required", "admission.ticket_key_file"],
        tickets_without_key,
    ),
];

fn per_host_above_all(builder: &Builder, _: Keys) -> Option<String> {
    let limits = &builder.config.limits;
    (limits.max_connections_per_host > limits.max_connections).then(|| {
        let [per_host, all] = CONNECTIONS.map(|key| describe(builder, key));
        format!(
            "{per_host} is above {all}: one target cannot have more connections than the whole bridge"
        )
    })
}

fn no_listener(builder: &Builder, keys: Keys) -> Option<String> {
    let none = builder.config.server.listen.is_empty();
    none.then(|| text(builder, keys, "at least one address is needed"))
}

fn duplicate(builder: &Builder, keys: Keys, listen: &[SocketAddr]) -> Option<String> {
    // Port 0 asks for a free port each time, so the same spelling twice is two listeners.
    let again = listen.iter().enumerate().find_map(|(at, address)| {
        let before = listen.iter().take(at).any(|earlier| earlier == address);
        (before && address.port() != 0).then_some(address)
    })?;
    Some(text(builder, keys, &format!("{again} is listed twice")))
}

/// Finds two listeners of which the kernel would refuse the second. `duplicate` reports the same
/// spelling twice in one list.
fn shared_port(builder: &Builder, _: Keys) -> Option<String> {
    let Config { server, admin, .. } = &builder.config;
    // As they are bound: `[::]` takes IPv4, too, unless there is an IPv4 listener beside it.
    let only_v6 = server.listen.iter().any(SocketAddr::is_ipv4);
    let public = server.listen.iter().map(|a| ("server.listen", a, only_v6));
    let admin = admin.listen.iter().map(|a| ("admin.listen", a, false));
    let all: Vec<_> = public.chain(admin).collect();
    let pairs = all.iter().enumerate();
    let mut pairs = pairs.flat_map(|(at, one)| all.iter().skip(at + 1).map(move |two| (one, two)));
    let ((one_key, one, _), (two_key, two, _)) =
        pairs.find(|((one_key, one, one_v6), (two_key, two, two_v6))| {
            let is_duplicate = one_key == two_key && one == two;
            !is_duplicate && (covers(one, two, *one_v6) || covers(two, one, *two_v6))
        })?;
    Some(format!(
        "{one} of {} and {two} of {} cannot both listen on port {}; give one another port, or \
         another address",
        describe(builder, one_key),
        describe(builder, two_key),
        one.port(),
    ))
}

/// Returns whether a listener on `wide` accepts connections to `narrow`.
fn covers(wide: &SocketAddr, narrow: &SocketAddr, only_v6: bool) -> bool {
    let (wide_ip, narrow_ip) = (wide.ip().to_canonical(), narrow.ip().to_canonical());
    let same_family = wide_ip.is_ipv4() == narrow_ip.is_ipv4();
    let any = wide_ip.is_unspecified() && (same_family || wide_ip.is_ipv6() && !only_v6);
    let zone = |address: &SocketAddr| match address {
        SocketAddr::V6(v6) => v6.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    let same = wide_ip == narrow_ip && zone(wide) == zone(narrow);
    wide.port() != 0 && wide.port() == narrow.port() && (any || same)
}

/// Lists the addresses that other machines can reach.
fn open_addresses(listen: &[SocketAddr]) -> String {
    let reachable = |address: &&SocketAddr| !address.ip().to_canonical().is_loopback();
    let open = listen.iter().filter(reachable).map(ToString::to_string);
    open.collect::<Vec<_>>().join(", ")
}

fn open_admin(builder: &Builder, keys: Keys) -> Option<String> {
    let admin = &builder.config.admin;
    let open = open_addresses(&admin.listen);
    (!open.is_empty() && admin.token_file.is_none()).then(|| {
        let problem = format!(
            "{open} can be reached from other machines, and anyone who reaches it can end sessions; \
             listen on loopback, or set admin.token_file",
        );
        text(builder, keys, &problem)
    })
}

fn tickets_without_key(builder: &Builder, keys: Keys) -> Option<String> {
    let admission = &builder.config.admission;
    let problem = "without the key no ticket can be verified, so every client is refused";
    (admission.required && admission.ticket_key_file.is_none())
        .then(|| text(builder, keys, problem))
}

fn plaintext(builder: &Builder, keys: Keys) -> Option<String> {
    let Config { server, tls, .. } = &builder.config;
    let open = open_addresses(&server.listen);
    (!open.is_empty() && !server.allow_plaintext && tls.cert_file.is_none()).then(|| {
        let problem = format!(
            "{open} can be reached from other machines without TLS, and passwords cross it; set \
             tls.cert_file and tls.key_file, listen on loopback behind a proxy that speaks TLS, or \
             set server.allow_plaintext=true",
        );
        text(builder, keys, &problem)
    })
}

fn half_a_pair(builder: &Builder, keys: Keys) -> Option<String> {
    let tls = &builder.config.tls;
    let problem = "TLS needs both the certificate and its key";
    (tls.cert_file.is_some() != tls.key_file.is_some()).then(|| text(builder, keys, problem))
}

fn proxied_elsewhere(builder: &Builder, _: Keys) -> Option<String> {
    let server = &builder.config.server;
    let mut proxied = server.proxy_protocol.iter();
    let elsewhere = proxied.find(|proxied| !server.listen.contains(proxied))?;
    let listen = describe(builder, "server.listen");
    let problem = format!("{elsewhere} is not one of {listen}");
    Some(text(builder, &["server.proxy_protocol"], &problem))
}

fn proxied_without_proxies(builder: &Builder, keys: Keys) -> Option<String> {
    let server = &builder.config.server;
    let problem = "no proxy may connect to those listeners; name the proxies' networks in \
                   server.proxy_protocol_from";
    (!server.proxy_protocol.is_empty() && server.proxy_protocol_from.is_empty())
        .then(|| text(builder, keys, problem))
}

/// Finds deadlines that another one always cuts short. No default or preset is. An operator who
/// only lowers the whole gets no error; one who asks for a longer stage learns that it has no
/// effect.
fn late_stages(builder: &Builder) -> Vec<ConfigError> {
    let late = nested_deadlines(&builder.config)
        .into_iter()
        .filter(|nested| {
            nested.stage > nested.limit
                && is_asked_for(builder, nested.key)
                && !builder.invalid.contains(nested.whole)
        });
    late.map(|Nested { key, whole, .. }| {
        let ends = match whole {
            "server.upgrade_timeout" => "it",
            _ => "the session",
        };
        ConfigError::Contradiction(format!(
            "{} is longer than {}, which ends {ends} before",
            describe(builder, key),
            describe(builder, whole),
        ))
    })
    .collect()
}

/// Text of an error: the first two settings that it is about, and the problem.
fn text(builder: &Builder, keys: Keys, problem: &str) -> String {
    let settings: Vec<String> = keys
        .iter()
        .take(2)
        .map(|key| describe(builder, key))
        .collect();
    format!("{}: {problem}", settings.join(" with "))
}

/// Describes a setting: `key = value (source)`.
fn describe(builder: &Builder, key: &str) -> String {
    let value = builder.config.toml_value(key).unwrap_or_default();
    let source = builder.sources.get(key).unwrap_or(&Source::Default);
    format!("{key} = {value} ({})", source.location())
}
