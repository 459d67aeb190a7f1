//! The effective configuration as TOML, each value with the layer it came from.

use std::fmt::Write as _;

use super::Loaded;
use super::layers::Source;
use super::settings::KEYS;

/// Section, name, value as TOML, and source of every setting.
fn written(loaded: &Loaded) -> impl Iterator<Item = (&'static str, &'static str, String, &Source)> {
    KEYS.iter().filter_map(|key| {
        let (section, name) = key.split_once('.')?;
        let value = loaded.config.written(key)?;
        Some((section, name, value, loaded.source(key)))
    })
}

/// Section, name, value and source of every setting.
pub(super) fn entries(
    loaded: &Loaded,
) -> impl Iterator<Item = (&'static str, &'static str, toml::Value, &Source)> {
    written(loaded).filter_map(|(section, name, text, source)| {
        let mut line: toml::Table = format!("value = {text}").parse().ok()?;
        Some((section, name, line.remove("value")?, source))
    })
}

/// Writes every setting, section by section in the order of the declaration.
pub(super) fn print(loaded: &Loaded) -> String {
    let mut out = String::new();
    let mut current = "";
    for (section, name, value, source) in written(loaded) {
        if section != current {
            let gap = if current.is_empty() { "" } else { "\n" };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{gap}[{section}]");
            current = section;
        }
        let _ = writeln!(out, "{name} = {value} # {source}");
    }
    out
}
