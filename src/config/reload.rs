//! Reading the same layers again while the process runs: what changes, and
//! what only a restart can change.

use super::settings::Audit;
use super::value::quoted;
use super::{Admin, Config, ConfigErrors, KEYS, Loaded, RateLimit, Server, Targets, Tls, load};
use std::path::PathBuf;
use std::sync::Arc;

/// Settings that are read once, when the process starts.
pub const FIXED: &[&str] = &[
    "server.listen",
    "server.shards",
    "server.cpus",
    "server.node",
    "server.placement",
    "server.backlog",
    "server.takeover",
    "server.core_dumps",
    "server.allow_plaintext",
    "server.proxy_protocol",
    "admin.listen",
    "rate_limit.table_size",
    "targets.resolver_threads",
    "log.level",
    "log.format",
    "log.messages",
];

/// Settings that name a file or none, and are switched on or off by a restart alone: another file in
/// place of one is in force after a reload.
pub const SWITCHED: &[&str] = &[
    "tls.cert_file",
    "tls.key_file",
    "admin.token_file",
    "audit.file",
];

/// The layers as they are now, against those in force.
#[derive(Debug)]
pub struct Change {
    /// The new values, the fixed ones as before.
    pub loaded: Loaded,
    /// Keys with a new value.
    pub changed: Vec<&'static str>,
    /// Keys that would have one after a restart.
    pub needs_restart: Vec<&'static str>,
}

impl Loaded {
    /// Reads the layers this one was read from again. The environment and the
    /// command line are those of the start.
    ///
    /// # Errors
    /// As [`load`].
    pub fn read_again(&self) -> Result<Change, ConfigErrors> {
        let mut loaded = load(&self.layers)?;
        let differing = KEYS
            .iter()
            .filter(|key| loaded.config.written(key) != self.config.written(key));
        let (needs_restart, changed): (Vec<&'static str>, Vec<&'static str>) =
            differing.partition(|key| is_fixed(key, &self.config, &loaded.config));
        loaded.config = Arc::new(keep_fixed(&self.config, &loaded.config));
        for key in &needs_restart {
            match self.sources.get(key) {
                Some(source) => loaded.sources.insert(key, source.clone()),
                None => loaded.sources.remove(key),
            };
        }
        Ok(Change {
            loaded,
            changed,
            needs_restart,
        })
    }
}

/// Returns whether the setting keeps its old value until a restart.
fn is_fixed(key: &str, old: &Config, new: &Config) -> bool {
    let none = |config: &Config| config.written(key) == Some(quoted(""));
    FIXED.contains(&key) || (SWITCHED.contains(&key) && none(old) != none(new))
}

/// `new`, unless one of the two is none.
fn switched(old: &Option<PathBuf>, new: Option<PathBuf>) -> Option<PathBuf> {
    if old.is_some() == new.is_some() {
        new
    } else {
        old.clone()
    }
}

/// `new`, but for what [`FIXED`] lists, and for files of [`SWITCHED`] where one is none.
fn keep_fixed(old: &Config, new: &Config) -> Config {
    let new = new.clone();
    Config {
        server: Server {
            listen: old.server.listen.clone(),
            shards: old.server.shards,
            cpus: old.server.cpus.clone(),
            node: old.server.node.clone(),
            placement: old.server.placement,
            backlog: old.server.backlog,
            core_dumps: old.server.core_dumps,
            allow_plaintext: old.server.allow_plaintext,
            takeover: old.server.takeover.clone(),
            proxy_protocol: old.server.proxy_protocol.clone(),
            ..new.server
        },
        tls: Tls {
            cert_file: switched(&old.tls.cert_file, new.tls.cert_file),
            key_file: switched(&old.tls.key_file, new.tls.key_file),
            ..new.tls
        },
        admin: Admin {
            listen: old.admin.listen.clone(),
            token_file: switched(&old.admin.token_file, new.admin.token_file),
            ..new.admin
        },
        rate_limit: RateLimit {
            table_size: old.rate_limit.table_size,
            ..new.rate_limit
        },
        targets: Targets {
            resolver_threads: old.targets.resolver_threads,
            ..new.targets
        },
        log: old.log.clone(),
        audit: Audit {
            file: switched(&old.audit.file, new.audit.file),
        },
        ..new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    /// Values other than the defaults, one for every fixed key.
    const OTHER: &[&str] = &[
        "server.listen=127.0.0.1:1",
        "server.shards=7",
        "server.cpus=0-3",
        "server.node=n",
        "server.placement=kernel",
        "server.backlog=77",
        "server.core_dumps=true",
        "server.allow_plaintext=true",
        "server.takeover=/x/takeover",
        "server.proxy_protocol=127.0.0.1:1",
        "admin.listen=127.0.0.1:2",
        "rate_limit.table_size=2048",
        "targets.resolver_threads=3",
        "log.level=trace",
        "log.format=json",
        "log.messages=true",
    ];

    /// A file for each setting of [`SWITCHED`].
    const FILES: &[&str] = &[
        "tls.cert_file=/x/cert",
        "tls.key_file=/x/key",
        "admin.token_file=/x/token",
        "audit.file=/x/audit",
    ];

    fn with(set: &[&str]) -> Loaded {
        let layers = Layers {
            set: set.iter().map(|setting| (*setting).to_owned()).collect(),
            ..Layers::default()
        };
        load(&layers).unwrap()
    }

    /// What was loaded as `old`, its layers now saying `new`.
    fn again(old: &[&str], new: &[&str]) -> Change {
        let mut loaded = with(old);
        loaded.layers = with(new).layers;
        loaded.read_again().unwrap()
    }

    #[test]
    fn a_fixed_setting_keeps_its_value_and_is_named() {
        let change = again(&[], OTHER);
        assert_eq!(change.needs_restart, FIXED);
        assert!(change.changed.is_empty(), "{:?}", change.changed);
        assert_eq!(*change.loaded.config, Config::default());
        let source = change.loaded.source("log.level");
        assert_eq!(source.to_string(), "default");
    }

    #[test]
    fn another_file_is_in_force_and_a_first_or_none_is_not() {
        for (old, new) in [(&[][..], FILES), (FILES, &[])] {
            let change = again(old, new);
            assert_eq!(change.needs_restart, SWITCHED);
            assert!(change.changed.is_empty(), "{:?}", change.changed);
            assert_eq!(change.loaded.config, with(old).config);
            assert_eq!(
                change.loaded.source("audit.file"),
                with(old).source("audit.file")
            );
        }
        let others: Vec<String> = FILES.iter().map(|file| format!("{file}2")).collect();
        let mut others: Vec<&str> = others.iter().map(String::as_str).collect();
        others.push("ssh.known_hosts=/x/hosts");
        others.push("admission.ticket_key_file=/x/key");
        let change = again(FILES, &others);
        assert!(
            change.needs_restart.is_empty(),
            "{:?}",
            change.needs_restart
        );
        assert_eq!(change.changed.len(), SWITCHED.len() + 2);
        assert_eq!(change.loaded.config, with(&others).config);
    }

    #[test]
    fn any_other_setting_takes_its_new_value() {
        let new = ["limits.max_connections=77", "session.idle_timeout=5s"];
        let change = again(&["session.idle_timeout=9s"], &new);
        assert_eq!(
            change.changed,
            ["limits.max_connections", "session.idle_timeout"]
        );
        assert!(change.needs_restart.is_empty());
        assert_eq!(change.loaded.config, with(&new).config);
    }

    #[test]
    fn a_contradiction_is_an_error() {
        let mut loaded = with(&[]);
        loaded.layers.set = vec!["limits.max_connections=0".to_owned()];
        assert!(loaded.read_again().is_err());
    }
}
