//! The effective configuration as TOML, each value with the layer it came from.

use std::fmt::Write as _;

use super::Loaded;
use super::draft::Source;
use super::settings::{Config, SECTIONS};
use super::value::{Declared, Section};

/// Stands above the settings, for whoever opens the printed text as a file.
const HEAD: &str = "\
# Every setting of sshard with its value, behind which stands its source. A duration has its unit:
# 500ms, 30s, 10m, 1h; a size is 4096 (bytes), 64KiB or 1MiB.";

/// Settings whose values are told by their name and default.
const PLAIN: [&str; 3] = ["true or false", "a duration", "the path of a file"];

/// Name without its section, value as TOML, and source of a setting.
fn written<'a>(
    loaded: &'a Loaded,
    setting: &Declared,
) -> Option<(&'static str, String, &'a Source)> {
    let (_, name) = setting.key.split_once('.')?;
    let value = loaded.config.written(setting.key)?;
    Some((name, value, loaded.source(setting.key)))
}

/// Section, name, value and source of every setting.
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
        let (name, text, source) = written(loaded, setting)?;
        let mut line: toml::Table = format!("value = {text}").parse().ok()?;
        Some((section, name, line.remove("value")?, source))
    })
}

/// Writes every setting with what it means, section by section in the order of the declaration.
pub(super) fn print(loaded: &Loaded) -> String {
    let mut out = format!("{HEAD}\n");
    for section in SECTIONS {
        head(&mut out, section);
        for setting in section.settings {
            let Some((name, value, source)) = written(loaded, setting) else {
                continue;
            };
            out.push('\n');
            explain(&mut out, setting);
            let _ = writeln!(out, "{name} = {value} # {source}");
        }
    }
    out
}

/// Writes the settings that differ from their defaults, without explanations.
pub(super) fn changed(loaded: &Loaded) -> String {
    let defaults = Config::default();
    let mut out = String::new();
    for section in SECTIONS {
        let mut lines = String::new();
        for setting in section.settings {
            let Some((name, value, source)) = written(loaded, setting) else {
                continue;
            };
            let default = defaults.written(setting.key).unwrap_or_default();
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

/// Writes a section's explanation and its name.
pub(super) fn head(out: &mut String, section: &Section) {
    out.push('\n');
    comment(out, section.doc);
    // Writing to a String cannot fail.
    let _ = writeln!(out, "[{}]", section.name);
}

/// Writes what a setting means and, unless it is plain, which values it takes.
pub(super) fn explain(out: &mut String, setting: &Declared) {
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
