//! The effective configuration as TOML, each value with the layer it came from.

use std::fmt::Write as _;

use super::Loaded;
use super::settings::KEYS;

/// Writes every setting, section by section in the order of the declaration.
pub(super) fn print(loaded: &Loaded) -> String {
    let mut out = String::new();
    let mut current = "";
    for key in KEYS {
        let Some(((section, name), value)) = key.split_once('.').zip(loaded.config.written(key))
        else {
            continue;
        };
        if section != current {
            let gap = if current.is_empty() { "" } else { "\n" };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{gap}[{section}]");
            current = section;
        }
        let _ = writeln!(out, "{name} = {value} # {}", loaded.source(key));
    }
    out
}
