//! Printing of the effective configuration as TOML, each value with its source.

use std::fmt::Write as _;

use super::Loaded;
use super::builder::Source;
use super::settings::{Config, SECTIONS, SectionSpec, SettingSpec, settings};

/// Comment above the settings.
const HEAD: &str = "\
# Every setting of sshard with its value and, behind it, its source. A duration has its unit:
# 500ms, 30s, 10m, 1h; a size is 4096 (bytes), 64KiB or 1MiB.";

/// Descriptions of values that the default alone makes clear.
const PLAIN: [&str; 3] = ["true or false", "a duration", "the path of a file"];

impl Loaded {
    /// Iterates over section, name, value and source of every setting.
    pub fn entries(
        &self,
    ) -> impl Iterator<Item = (&'static str, &'static str, toml::Value, &Source)> {
        settings().filter_map(|setting| {
            let (section, name) = setting.key.split_once('.')?;
            let line = format!("value = {}", (setting.write)(&self.config));
            let value = line.parse::<toml::Table>().ok()?.remove("value")?;
            Some((section, name, value, self.source(setting.key)))
        })
    }

    /// Prints the configuration as TOML, grouped by section, each setting with its documentation
    /// and its source as comments. Loading the text as a file gives an equal `Config`.
    pub fn print(&self) -> String {
        let mut out = format!("{HEAD}\n");
        for section in SECTIONS {
            head(&mut out, section);
            for setting in section.settings {
                let (value, source) = ((setting.write)(&self.config), self.source(setting.key));
                out.push('\n');
                explain(&mut out, setting);
                let _ = writeln!(out, "{} = {value} # {source}", setting.name);
            }
        }
        out
    }

    /// Prints the settings that differ from their default, without documentation.
    pub fn print_changed(&self) -> String {
        let defaults = Config::default();
        let mut out = String::new();
        for section in SECTIONS {
            let mut lines = String::new();
            for setting in section.settings {
                let (value, default) = ((setting.write)(&self.config), (setting.write)(&defaults));
                if value != default {
                    let (name, source) = (setting.name, self.source(setting.key));
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
