//! The layers a configuration is made of, lowest first, laid upon a draft.
//!
//! The TOML file is read in `file`; what settings must hold between them is checked in `validate`.

use std::ffi::OsString;
use std::path::PathBuf;

use super::draft::{Draft, Source};
use super::error::{ConfigError, shown};
use super::settings::KEYS;
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

impl Draft {
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
