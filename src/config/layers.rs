//! The layers of a configuration, applied to a builder from the lowest to the highest.
//!
//! The TOML file is read in `file`; relations between settings are checked in `validate`.

use std::ffi::OsString;
use std::path::PathBuf;

use super::builder::{Builder, IgnoredVariable, Source};
use super::error::{ConfigError, nearest, quoted};
use super::settings::KEYS;
use super::value::Raw;
use super::{file, presets};

/// Prefix of every variable; the section, `__` and the name follow.
const ENV_PREFIX: &str = "SSHARD_";

/// Unparsed input of the operator. The order of the fields is the precedence: default < preset <
/// file < environment < `--set` < flags.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// Name of a preset.
    pub preset: Option<String>,
    /// Path of a TOML file; `load` reads it.
    pub file: Option<PathBuf>,
    /// Environment variables; those that are not `SSHARD_SECTION__KEY` are ignored.
    pub env: Vec<(OsString, OsString)>,
    /// Assignments `section.key=value`; the last one of a key wins.
    pub set: Vec<String>,
    /// Flags that set a setting.
    pub flags: Vec<Flag>,
}

/// Command line flag that sets one setting.
#[derive(Debug, Clone)]
pub struct Flag {
    /// Name, with its dashes.
    pub name: &'static str,
    /// Key of the setting, `section.name`.
    pub key: &'static str,
    /// Value as typed; lists are comma separated, or TOML arrays.
    pub value: String,
}

/// Variables that Kubernetes sets for a service named `sshard`, behind the prefix.
const SERVICE_LINKS: [&str; 3] = ["SERVICE_HOST", "SERVICE_PORT", "PORT"];

/// Variable with the prefix that the program itself sets for the processes it starts.
const OWN_VARIABLE: &str = "SSHARD_DEMO";

/// Returns the variables of this process's environment that begin with the prefix.
pub fn environment() -> Vec<(OsString, OsString)> {
    whole_environment()
        .filter(|(name, _)| name.to_string_lossy().starts_with(ENV_PREFIX))
        .collect()
}

/// Returns the environment of this process, for the programs that it starts.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where settings come from"
)]
pub fn whole_environment() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

impl Builder {
    /// Sets one value from a text: bare, or as `--print-config` prints it.
    fn set_text(&mut self, key: &str, text: &str, source: Source) {
        match file::delimited(text) {
            Some(value) => self.set(key, &file::raw(value.get_ref()), text, source),
            None => self.set(key, &Raw::Text(text), text, source),
        }
    }
}

/// Applies every layer, from the lowest.
pub(super) fn apply(layers: &Layers) -> Builder {
    let mut builder = Builder::default();
    if let Some(name) = &layers.preset {
        apply_preset(&mut builder, name);
    }
    if let Some(path) = &layers.file {
        file::apply(&mut builder, path);
    }
    for (name, value) in &layers.env {
        apply_variable(&mut builder, &name.to_string_lossy(), value.to_str());
    }
    for text in &layers.set {
        match text.split_once('=') {
            Some((key, value)) => builder.set_text(key.trim(), value.trim(), Source::Set),
            None => builder
                .errors
                .push(ConfigError::NoAssignment { text: quoted(text) }),
        }
    }
    for flag in &layers.flags {
        builder.set_text(flag.key, &flag.value, Source::Flag(flag.name));
    }
    builder
}

fn apply_preset(builder: &mut Builder, name: &str) {
    let Some((name, values)) = presets::find(name) else {
        return builder.errors.push(ConfigError::UnknownPreset {
            name: quoted(name),
            known: presets::names().join(", "),
        });
    };
    for (key, value) in values {
        builder.set_text(key, value, Source::Preset(name));
    }
}

/// Applies one environment variable; `value` is `None` where it is not UTF-8.
fn apply_variable(builder: &mut Builder, name: &str, value: Option<&str>) {
    let Some(own) = name.strip_prefix(ENV_PREFIX) else {
        return;
    };
    let Some((section, rest)) = own.split_once("__") else {
        return no_setting(builder, name, own);
    };
    let key = format!("{section}.{rest}").to_ascii_lowercase();
    let source = Source::Env(quoted(name));
    if name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        let upper = quoted(&name.to_ascii_uppercase());
        return builder.unknown(&key, &source, format!("variables are in capitals: {upper}"));
    }
    match value {
        Some(value) => builder.set_text(&key, value, source),
        None => builder
            .errors
            .push(ConfigError::NotUtf8 { name: quoted(name) }),
    }
}

/// Handles a variable without `__`: an error if it can only be meant for a setting, else ignored.
fn no_setting(builder: &mut Builder, name: &str, own: &str) {
    let is_link = |of: &str| {
        own.strip_prefix(of)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    if name == OWN_VARIABLE || SERVICE_LINKS.iter().any(|of| is_link(of)) {
        return;
    }
    let own = own.to_ascii_lowercase();
    let spell = |key: &&str| key.replace('.', "_");
    let known: Vec<String> = KEYS.iter().map(spell).collect();
    let nearest = nearest(&own, known.iter().map(String::as_str));
    let key = KEYS.iter().find(|key| Some(&*spell(key)) == nearest);
    let meant = key.map(|key| {
        let variable = key.replacen('.', "__", 1).to_ascii_uppercase();
        format!("{ENV_PREFIX}{variable}")
    });
    match (key, meant) {
        (Some(key), Some(meant)) if nearest == Some(&own) => {
            let known = format!("did you mean {meant}?");
            builder.unknown(key, &Source::Env(quoted(name)), known);
        }
        (_, meant) => builder.ignored.push(IgnoredVariable {
            name: quoted(name),
            meant,
        }),
    }
}
