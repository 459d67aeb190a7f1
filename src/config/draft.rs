//! A configuration in the making, which every layer is laid upon, and the source of each of its values.
//!
//! It reads no layer: `layers` and `file` do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use super::error::{ConfigError, one_line, shown};
use super::settings::{Config, KEYS};
use super::value::Raw;

/// The layer a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The preset of that name.
    Preset(&'static str),
    /// The configuration file.
    File {
        /// As given on the command line.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// The environment variable of that name.
    Env(String),
    /// `--set`.
    Set,
    /// The flag of that name, dashes included.
    Flag(&'static str),
    /// Nobody set it, and its value follows that of another setting.
    Follows {
        /// The preset whose value it would have; else the default.
        preset: Option<&'static str>,
        /// The other setting.
        cause: &'static str,
    },
}

impl Source {
    /// Returns whether the operator chose this very value, and not a default or a preset.
    pub(super) fn is_operator(&self) -> bool {
        match self {
            Self::Default | Self::Preset(_) | Self::Follows { .. } => false,
            Self::File { .. } | Self::Env(_) | Self::Set | Self::Flag(_) => true,
        }
    }

    /// The source for an error message: as `Display`, with the line of a file.
    pub(super) fn place(&self) -> String {
        match self {
            Self::File { line, .. } => format!("{self}, line {line}"),
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Preset(name) => write!(f, "preset {name}"),
            Self::File { path, .. } => write!(f, "file {}", one_line(&path.to_string_lossy())),
            Self::Env(name) => write!(f, "env {name}"),
            Self::Set => f.write_str("--set"),
            Self::Flag(name) => f.write_str(name),
            Self::Follows {
                preset: Some(name),
                cause,
            } => write!(f, "preset {name}, follows {cause}"),
            Self::Follows {
                preset: None,
                cause,
            } => write!(f, "default, follows {cause}"),
        }
    }
}

/// A configuration in the making: the values so far, where each came from, and what was wrong.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) config: Config,
    /// Keys that are still at their default are absent.
    pub(super) sources: BTreeMap<&'static str, Source>,
    /// Keys some layer got wrong: what they are compared with would be wrong too.
    pub(super) broken: BTreeSet<&'static str>,
    pub(super) errors: Vec<ConfigError>,
}

impl Draft {
    /// Lays one value over what is there. `spelling` is the value as the operator wrote it.
    pub(super) fn set(&mut self, key: &str, raw: &Raw<'_>, spelling: &str, source: Source) {
        let Some(key) = KEYS.iter().copied().find(|known| *known == key) else {
            return self.unknown(key, &source, known_keys(key));
        };
        match self.config.assign(key, raw) {
            Ok(()) => {
                self.sources.insert(key, source);
            }
            Err(expected) => {
                self.broken.insert(key);
                let (place, value) = (source.place(), shown(spelling));
                self.errors.push(ConfigError::BadValue {
                    key: key.into(),
                    place,
                    value,
                    expected,
                });
            }
        }
    }

    /// Notes a key that does not exist.
    pub(super) fn unknown(&mut self, key: &str, source: &Source, known: String) {
        let (key, place) = (shown(key), source.place());
        self.errors
            .push(ConfigError::UnknownKey { key, place, known });
    }
}

/// Suggestion in place of `key`: the one that was meant, or the keys of its section, or else the
/// sections.
pub(super) fn known_keys(key: &str) -> String {
    if let Some(meant) = meant(key) {
        return format!("did you mean {meant}?");
    }
    let section = key.split('.').next().unwrap_or_default();
    let of_section = KEYS
        .iter()
        .filter_map(|key| key.strip_prefix(section)?.strip_prefix('.'));
    let names: Vec<&str> = of_section.collect();
    if names.is_empty() {
        return format!("the sections are {}", sections().join(", "));
    }
    format!("section {section} has {}", names.join(", "))
}

/// The key or section that differs from `text` by a slip of the fingers, or by its section alone.
fn meant(text: &str) -> Option<&'static str> {
    let near = |known: &str| {
        let slips = strsim::damerau_levenshtein(text, known);
        (slips <= 2.max(text.len() / 8) && slips < text.len() / 2).then_some(slips)
    };
    let known = KEYS.iter().copied().chain(sections());
    let nearest = known
        .filter_map(|known| Some((near(known)?, known)))
        .min_by_key(|(slips, _)| *slips);
    let name = text.rsplit('.').next().unwrap_or_default();
    let named = || {
        let is_named = |key: &&str| key.split_once('.').is_some_and(|(_, own)| own == name);
        let mut named = KEYS.iter().copied().filter(is_named);
        // A name that several sections have says nothing.
        named.next().filter(|_| named.next().is_none())
    };
    nearest.map(|(_, known)| known).or_else(named)
}

/// The names of all sections, in the order of the declaration.
pub(super) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&str> = KEYS
        .iter()
        .filter_map(|key| key.split('.').next())
        .collect();
    sections.dedup();
    sections
}
