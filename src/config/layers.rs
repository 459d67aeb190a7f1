//! The layers a configuration is made of, and the draft they are laid upon, lowest first.
//!
//! The TOML file is read in `file`; what settings must hold between them is checked in `validate`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::error::{ConfigError, one_line, shown};
use super::settings::{Config, KEYS};
use super::value::Raw;
use super::{file, presets};

/// What every variable of ours begins with; the section follows, `__`, and the name.
const ENV_PREFIX: &str = "SSHARD_";

/// Everything an operator said, not yet read. The order of the fields is the precedence:
/// default < preset < file < environment < `--set` < flags.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// The name of a preset.
    pub preset: Option<String>,
    /// The path of a TOML file; its content is read by `load`.
    pub file: Option<PathBuf>,
    /// Environment variables; those that are not `SSHARD_SECTION__KEY` are passed over.
    pub env: Vec<(OsString, OsString)>,
    /// `section.key=value`, the last one of a key wins.
    pub set: Vec<String>,
    /// Flags that stand for a setting.
    pub flags: Vec<Flag>,
}

/// A command line flag that stands for one setting.
#[derive(Debug, Clone)]
pub struct Flag {
    /// As typed, with its dashes.
    pub name: &'static str,
    /// The setting, `section.name`.
    pub key: &'static str,
    /// The value as typed; lists are comma separated, or TOML arrays.
    pub value: String,
}

/// Variables of this process's environment that may be ours.
pub fn environment() -> Vec<(OsString, OsString)> {
    whole_environment()
        .filter(|(name, _)| name.to_string_lossy().starts_with(ENV_PREFIX))
        .collect()
}

/// Environment of this process, for the programs that it starts.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where settings come from"
)]
pub fn whole_environment() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

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
    /// Whether the operator chose this very value, and not a default or a preset.
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

    /// One value as text: bare, or as `--print-config` prints it.
    fn set_text(&mut self, key: &str, text: &str, source: Source) {
        match file::delimited(text) {
            Some(value) => self.set(key, &file::raw(value.get_ref()), text, source),
            None => self.set(key, &Raw::Text(text), text, source),
        }
    }
}

/// Every layer, laid one over the other.
pub(super) fn lay(layers: &Layers) -> Draft {
    let mut draft = Draft::default();
    if let Some(name) = &layers.preset {
        lay_preset(&mut draft, name);
    }
    if let Some(path) = &layers.file {
        file::lay(&mut draft, path);
    }
    for (name, value) in &layers.env {
        lay_variable(&mut draft, &name.to_string_lossy(), value.to_str());
    }
    for text in &layers.set {
        match text.split_once('=') {
            Some((key, value)) => draft.set_text(key.trim(), value.trim(), Source::Set),
            None => draft
                .errors
                .push(ConfigError::NoAssignment { text: shown(text) }),
        }
    }
    for flag in &layers.flags {
        draft.set_text(flag.key, &flag.value, Source::Flag(flag.name));
    }
    draft
}

fn lay_preset(draft: &mut Draft, name: &str) {
    let Some((name, values)) = presets::find(name) else {
        let (name, known) = (shown(name), presets::names().join(", "));
        return draft
            .errors
            .push(ConfigError::UnknownPreset { name, known });
    };
    for (key, value) in values {
        draft.set_text(key, value, Source::Preset(name));
    }
}

/// One environment variable; `value` is None where it is not UTF-8.
fn lay_variable(draft: &mut Draft, name: &str, value: Option<&str>) {
    let Some(own) = name.strip_prefix(ENV_PREFIX) else {
        return;
    };
    let Some((section, rest)) = own.split_once("__") else {
        // Another program's, unless it can only have been meant for a setting.
        let same = |key: &&&str| key.replace('.', "_").eq_ignore_ascii_case(own);
        if let Some(key) = KEYS.iter().find(same) {
            let meant = key.replacen('.', "__", 1).to_ascii_uppercase();
            let known = format!("did you mean {ENV_PREFIX}{meant}?");
            draft.unknown(key, &Source::Env(shown(name)), known);
        }
        return;
    };
    let key = format!("{section}.{rest}").to_ascii_lowercase();
    let source = Source::Env(shown(name));
    if name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        let upper = shown(&name.to_ascii_uppercase());
        return draft.unknown(&key, &source, format!("variables are in capitals: {upper}"));
    }
    match value {
        Some(value) => draft.set_text(&key, value, source),
        None => draft
            .errors
            .push(ConfigError::NotUtf8 { name: shown(name) }),
    }
}

/// What exists in place of `key`: the one that was meant, or the keys of its section, or else the
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
