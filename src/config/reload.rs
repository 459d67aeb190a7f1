//! Reload: the same layers are read again while the process runs.
//!
//! A setting that only a restart applies (`Applies`, declared with the setting) keeps its old value
//! and is reported.

use super::settings::SECTIONS;
use super::value::{Applies, SettingSpec, toml_string};
use super::{Config, ConfigErrors, Loaded, load};
use std::sync::Arc;

/// Difference between the layers as they are now and those in force.
#[derive(Debug)]
pub struct Change {
    /// New values; settings that need a restart as before.
    pub loaded: Loaded,
    /// Keys with a new value.
    pub changed: Vec<&'static str>,
    /// Keys that will have a new value after a restart.
    pub needs_restart: Vec<&'static str>,
}

impl Loaded {
    /// Reads the layers of this configuration again. The environment and the command line are those
    /// of the start.
    ///
    /// # Errors
    /// As [`load`].
    pub fn read_again(&self) -> Result<Change, ConfigErrors> {
        let mut loaded = load(&self.layers)?;
        let (mut changed, mut needs_restart) = (Vec::new(), Vec::new());
        for setting in SECTIONS.iter().flat_map(|section| section.settings) {
            let key = setting.key;
            if loaded.config.toml_value(key) == self.config.toml_value(key) {
                continue;
            }
            if !needs_restart_for(setting, &self.config, &loaded.config) {
                changed.push(key);
                continue;
            }
            needs_restart.push(key);
            Arc::make_mut(&mut loaded.config).copy(key, &self.config);
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

fn needs_restart_for(setting: &SettingSpec, old: &Config, new: &Config) -> bool {
    let is_none = |config: &Config| config.toml_value(setting.key) == Some(toml_string(""));
    match setting.applies {
        Applies::AtReload => false,
        Applies::AtRestart => true,
        Applies::SwitchAtRestart => is_none(old) != is_none(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    /// Values other than the defaults, one for every setting that only a restart applies.
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

    /// A file for each setting that a restart switches on or off.
    const FILES: &[&str] = &[
        "tls.cert_file=/x/cert",
        "tls.key_file=/x/key",
        "admin.token_file=/x/token",
        "audit.file=/x/audit",
    ];

    fn keys(applies: Applies) -> Vec<&'static str> {
        let settings = SECTIONS.iter().flat_map(|section| section.settings);
        let settings = settings.filter(|setting| setting.applies == applies);
        settings.map(|setting| setting.key).collect()
    }

    fn with(set: &[&str]) -> Loaded {
        let layers = Layers {
            set: set.iter().map(|setting| (*setting).to_owned()).collect(),
            ..Layers::default()
        };
        load(&layers).unwrap()
    }

    /// Loads `old`, then reads again with the layers of `new`.
    fn again(old: &[&str], new: &[&str]) -> Change {
        let mut loaded = with(old);
        loaded.layers = with(new).layers;
        loaded.read_again().unwrap()
    }

    #[test]
    fn a_setting_that_needs_a_restart_keeps_its_value_and_is_reported() {
        let change = again(&[], OTHER);
        assert_eq!(change.needs_restart, keys(Applies::AtRestart));
        assert!(change.changed.is_empty(), "{:?}", change.changed);
        assert_eq!(*change.loaded.config, Config::default());
        let source = change.loaded.source("log.level");
        assert_eq!(source.to_string(), "default");
    }

    #[test]
    fn another_file_applies_at_reload_and_a_first_one_or_none_at_restart() {
        for (old, new) in [(&[][..], FILES), (FILES, &[])] {
            let change = again(old, new);
            assert_eq!(change.needs_restart, keys(Applies::SwitchAtRestart));
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
        assert_eq!(change.changed.len(), FILES.len() + 2);
        assert_eq!(change.loaded.config, with(&others).config);
    }

    #[test]
    fn any_other_setting_has_its_new_value() {
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
    fn a_contradiction_refuses_the_reload() {
        let mut loaded = with(&[]);
        loaded.layers.set = vec!["limits.max_connections=0".to_owned()];
        assert!(loaded.read_again().is_err());
    }
}
