//! Reload: the same layers are read again while the process runs.
//!
//! A setting that only a restart applies (`Applies`, declared with the setting) keeps its old value
//! and is reported; so does one that belongs to such a setting.

use super::settings::settings;
use super::value::{Applies, toml_string};
use super::{ConfigErrors, Loaded, load};
use std::sync::Arc;

/// Settings that belong to one of a restart: they change with it.
pub(super) const CHANGE_WITH: [(&str, &str); 1] =
    [("server.proxy_protocol_from", "server.proxy_protocol")];

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
        for setting in settings() {
            let (old, new) = (
                (setting.write)(&self.config),
                (setting.write)(&loaded.config),
            );
            if old == new {
                continue;
            }
            let key = setting.key;
            let none = toml_string("");
            let waits = |(one, with): &(&str, &str)| *one == key && needs_restart.contains(with);
            let applies = match setting.applies {
                _ if CHANGE_WITH.iter().any(waits) => false,
                Applies::AtReload => true,
                Applies::AtRestart => false,
                Applies::SwitchAtRestart => old != none && new != none,
            };
            if applies {
                changed.push(key);
                continue;
            }
            needs_restart.push(key);
            (setting.copy)(Arc::make_mut(&mut loaded.config), &self.config);
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
