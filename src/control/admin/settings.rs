//! The configuration in force, with the source of each value. No setting holds a secret: secrets
//! are in files, and a setting is the file's path.

use super::AdminContext;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
pub(super) struct Setting {
    value: toml::Value,
    source: String,
}

/// Settings by name, by section.
pub(super) type Settings = BTreeMap<&'static str, BTreeMap<&'static str, Setting>>;

pub(super) fn of(context: &AdminContext) -> Settings {
    let snapshot = context.process.snapshot.load();
    let mut settings = Settings::new();
    for (section, name, value, source) in snapshot.loaded.entries() {
        let source = source.to_string();
        let section = settings.entry(section).or_default();
        section.insert(name, Setting { value, source });
    }
    settings
}
