//! Printing of the effective configuration as TOML, each value with its source.

use std::fmt::Write as _;

use super::Loaded;
use super::builder::Source;
use super::settings::{Config, SECTIONS};
use super::value::{SectionSpec, SettingSpec};

/// Comment above the settings.
const HEAD: &str = "\
# Every setting of sshard with its value and, behind it, its source. A duration has its unit:
# 500ms, 30s, 10m, 1h; a size is 4096 (bytes), 64KiB or 1MiB.";

/// Descriptions of values that the default alone makes clear.
const PLAIN: [&str; 3] = ["true or false", "a duration", "the path of a file"];

/// Returns name without section, value as TOML, and source of a setting.
fn entry<'a>(
    loaded: &'a Loaded,
    setting: &SettingSpec,
) -> Option<(&'static str, String, &'a Source)> {
    let (_, name) = setting.key.split_once('.')?;
    let value = loaded.config.toml_value(setting.key)?;
    Some((name, value, loaded.source(setting.key)))
}

/// Iterates over section, name, value and source of every setting.
pub(super) fn entries(
    loaded: &Loaded,
) -> impl Iterator<Item = (&'static str, &'static str, toml::Value, &Source)> {
    let settings = SECTIONS.iter().flat_map(|section| {
        section
            .settings
            .iter()
            .map(|setting| (section.name, setting))
    });
    settings.filter_map(|(section, setting)| {
        let (name, text, source) = entry(loaded, setting)?;
        let mut line: toml::Table = format!("value = {text}").parse().ok()?;
        Some((section, name, line.remove("value")?, source))
    })
}

/// Writes every setting with its documentation, in the order of the declaration.
pub(super) fn print(loaded: &Loaded) -> String {
    let mut out = format!("{HEAD}\n");
    for section in SECTIONS {
        head(&mut out, section);
        for setting in section.settings {
            let Some((name, value, source)) = entry(loaded, setting) else {
                continue;
            };
            out.push('\n');
            explain(&mut out, setting);
            let _ = writeln!(out, "{name} = {value} # {source}");
        }
    }
    out
}

/// Writes the settings that differ from their defaults, without documentation.
pub(super) fn changed(loaded: &Loaded) -> String {
    let defaults = Config::default();
    let mut out = String::new();
    for section in SECTIONS {
        let mut lines = String::new();
        for setting in section.settings {
            let Some((name, value, source)) = entry(loaded, setting) else {
                continue;
            };
            let default = defaults.toml_value(setting.key).unwrap_or_default();
            if value != default {
                let _ = writeln!(lines, "{name} = {value} # {source}; default {default}");
            }
        }
        if !lines.is_empty() {
            let gap = if out.is_empty() { "" } else { "\n" };
            let _ = write!(out, "{gap}[{}]\n{lines}", section.name);
        }
    }
    if out.is_empty() {
        out.push_str("# every setting has its default\n");
    }
    out
}

/// Writes documentation and name of a section.
pub(super) fn head(out: &mut String, section: &SectionSpec) {
    out.push('\n');
    comment(out, section.doc);
    // Writing to a String cannot fail.
    let _ = writeln!(out, "[{}]", section.name);
}

/// Writes the documentation of a setting and, unless they are plain, the values that it accepts.
pub(super) fn explain(out: &mut String, setting: &SettingSpec) {
    comment(out, setting.doc);
    let accepts = (setting.accepts)();
    if !PLAIN.iter().any(|plain| accepts.starts_with(plain)) {
        let _ = writeln!(out, "# Takes {accepts}.");
    }
}

fn comment(out: &mut String, lines: &[&str]) {
    for line in lines {
        let _ = writeln!(out, "#{line}");
    }
}
