//! The configuration while it is built: values so far, the source of each, and errors.
//!
//! Does not read any layer: `layers` and `file` do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use super::error::{ConfigError, nearest, quoted};
use super::settings::{Config, KEYS, SECTIONS, settings};
use super::value::Raw;
use crate::plain_text::escaped;

/// The layer a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// No layer set it.
    Default,
    /// The preset of that name.
    Preset(&'static str),
    /// The configuration file.
    File {
        /// Path, as given on the command line.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
    },
    /// The environment variable of that name.
    Env(String),
    /// `--set`.
    Set,
    /// The flag of that name, dashes included.
    Flag(&'static str),
    /// Not set by the operator; its value is adapted to that of another setting.
    Follows {
        /// Source that it would have: a preset, or the default.
        base: Box<Source>,
        /// Key of the other setting.
        cause: &'static str,
    },
}

impl Source {
    /// Returns whether the operator chose this value, and not a default or a preset.
    pub(super) fn is_operator(&self) -> bool {
        match self {
            Self::Default | Self::Preset(_) | Self::Follows { .. } => false,
            Self::File { .. } | Self::Env(_) | Self::Set | Self::Flag(_) => true,
        }
    }

    /// Source for an error message: as `Display`, with the line of a file.
    pub(super) fn location(&self) -> String {
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
            Self::File { path, .. } => write!(f, "file {}", escaped(&path.to_string_lossy())),
            Self::Env(name) => write!(f, "env {name}"),
            Self::Set => f.write_str("--set"),
            Self::Flag(name) => f.write_str(name),
            Self::Follows { base, cause } => write!(f, "{base}, follows {cause}"),
        }
    }
}

/// Environment variable with the prefix that names no setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredVariable {
    /// Name, escaped and shortened. The value may be a secret and is not kept.
    pub name: String,
    /// Variable that it is most likely a misspelling of.
    pub meant: Option<String>,
}

/// Configuration while its layers are applied.
#[derive(Debug, Default)]
pub(super) struct Builder {
    pub(super) config: Config,
    /// Source of each value; keys at their default are absent.
    pub(super) sources: BTreeMap<&'static str, Source>,
    /// Keys of which some layer has an invalid value: no relation that involves one is checked.
    pub(super) invalid: BTreeSet<&'static str>,
    pub(super) errors: Vec<ConfigError>,
    pub(super) ignored: Vec<IgnoredVariable>,
}

impl Builder {
    /// Sets one value, over that of lower layers. `spelling` is the value as the operator wrote it.
    pub(super) fn set(&mut self, key: &str, raw: &Raw<'_>, spelling: &str, source: Source) {
        let Some(setting) = settings().find(|setting| setting.key == key) else {
            return self.unknown(key, &source, known_keys(key));
        };
        match (setting.assign)(&mut self.config, raw) {
            Ok(()) => {
                self.sources.insert(setting.key, source);
            }
            Err(expected) => {
                self.invalid.insert(setting.key);
                self.errors.push(ConfigError::BadValue {
                    key: key.into(),
                    location: source.location(),
                    value: quoted(spelling),
                    expected,
                });
            }
        }
    }

    /// Records the error for a key that does not exist.
    pub(super) fn unknown(&mut self, key: &str, source: &Source, known: String) {
        self.errors.push(ConfigError::UnknownKey {
            key: quoted(key),
            location: source.location(),
            known,
        });
    }
}

/// Suggestion for an unknown key: the nearest one, or the keys of its section, or else the
/// sections.
pub(super) fn known_keys(key: &str) -> String {
    if let Some(meant) = nearest_key(key) {
        return format!("did you mean {meant}?");
    }
    let name = key.split('.').next().unwrap_or_default();
    let Some(section) = SECTIONS.iter().find(|section| section.name == name) else {
        return format!("the sections are {}", sections().join(", "));
    };
    let names: Vec<_> = section.settings.iter().map(|s| s.name).collect();
    format!("section {name} has {}", names.join(", "))
}

/// Returns the key or section nearest to `text`, or the only key that differs in its section alone.
fn nearest_key(text: &str) -> Option<&'static str> {
    let name = text.rsplit('.').next().unwrap_or_default();
    let named = || {
        let mut named = settings().filter(|setting| setting.name == name);
        // A name that several sections have is ambiguous.
        named
            .next()
            .filter(|_| named.next().is_none())
            .map(|setting| setting.key)
    };
    nearest(text, KEYS.iter().copied().chain(sections())).or_else(named)
}

/// Names of all sections, in the order of the declaration.
pub(super) fn sections() -> Vec<&'static str> {
    SECTIONS.iter().map(|section| section.name).collect()
}
