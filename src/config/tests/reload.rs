//! Settings that a reload applies, and those that wait for a restart.

use super::print::UNUSUAL;
use super::*;
use crate::config::reload::CHANGE_WITH;
use crate::config::settings::settings;
use crate::config::value::Applies;

/// A file for each setting that a restart switches on or off.
const FILES: &[&str] = &[
    "tls.cert_file=/x/cert",
    "tls.key_file=/x/key",
    "admin.token_file=/x/token",
    "audit.file=/x/audit",
];

fn keys(applies: Applies) -> Vec<&'static str> {
    let settings = settings().filter(|setting| setting.applies == applies);
    settings.map(|setting| setting.key).collect()
}

/// Loads `old`, then reads again with the layers of `new`.
fn again(old: &[&str], new: &Layers) -> Change {
    let mut loaded = load_set(old).unwrap();
    loaded.layers = new.clone();
    loaded.read_again().unwrap()
}

#[test]
fn a_setting_that_needs_a_restart_keeps_its_value_and_is_reported() {
    let file = file(UNUSUAL);
    let Change {
        loaded,
        changed,
        needs_restart,
    } = again(&[], &of_file(file.path()));
    let mut at_reload = keys(Applies::AtReload);
    at_reload.retain(|key| CHANGE_WITH.iter().all(|(follower, _)| follower != key));
    assert_eq!(changed, at_reload);
    let is_of_restart = |key: &&&str| !changed.contains(*key);
    assert!(needs_restart.iter().eq(KEYS.iter().filter(is_of_restart)));
    for key in needs_restart {
        assert_eq!(*loaded.source(key), Source::Default, "{key}");
        let default = Config::default().toml_value(key);
        assert_eq!(loaded.config.toml_value(key), default, "{key}");
    }
}

#[test]
fn another_file_applies_at_reload_and_a_first_one_or_none_at_restart() {
    for (old, new) in [(&[][..], FILES), (FILES, &[])] {
        let change = again(old, &set(new));
        assert_eq!(change.needs_restart, keys(Applies::SwitchAtRestart));
        assert!(change.changed.is_empty(), "{:?}", change.changed);
        let old = load_set(old).unwrap();
        assert_eq!(change.loaded.config, old.config);
        let source = change.loaded.source("audit.file");
        assert_eq!(source, old.source("audit.file"));
    }
    let others: Vec<String> = FILES.iter().map(|file| format!("{file}2")).collect();
    let mut others: Vec<&str> = others.iter().map(String::as_str).collect();
    others.push("ssh.known_hosts=/x/hosts");
    others.push("admission.ticket_key_file=/x/key");
    let change = again(FILES, &set(&others));
    assert_eq!(change.needs_restart, [""; 0]);
    assert_eq!(change.changed.len(), FILES.len() + 2);
    assert_eq!(change.loaded.config, load_set(&others).unwrap().config);
}

#[test]
fn any_other_setting_has_its_new_value() {
    let new = ["limits.max_connections=77", "session.idle_timeout=5s"];
    let change = again(&["session.idle_timeout=9s"], &set(&new));
    let keys = ["limits.max_connections", "session.idle_timeout"];
    assert_eq!(change.changed, keys);
    assert!(change.needs_restart.is_empty());
    assert_eq!(change.loaded.config, load_set(&new).unwrap().config);
}

#[test]
fn a_contradiction_refuses_the_reload() {
    let mut loaded = load_set(&[]).unwrap();
    loaded.layers = set(&["limits.max_connections=0"]);
    assert!(loaded.read_again().is_err());
}

/// With the networks of a later configuration, the listeners of now would refuse their proxies.
#[test]
fn the_networks_of_proxies_change_with_their_listeners() {
    let listen = "server.listen=127.0.0.1:8022";
    let listeners = "server.proxy_protocol=127.0.0.1:8022";
    let old = [listen, listeners, "server.proxy_protocol_from=10.0.0.5"];
    let change = again(&old, &set(&[listen]));
    let keys = ["server.proxy_protocol", "server.proxy_protocol_from"];
    assert_eq!(change.needs_restart, keys);
    assert_eq!(change.loaded.config, load_set(&old).unwrap().config);
    // Alone they change at once.
    let new = [listen, listeners, "server.proxy_protocol_from=10.0.0.6"];
    let change = again(&old, &set(&new));
    assert_eq!(change.changed, ["server.proxy_protocol_from"]);
    assert_eq!(change.loaded.config, load_set(&new).unwrap().config);
}
