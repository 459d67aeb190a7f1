//! Tests of the configuration through `load`: layers in, configuration or errors out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod layers;
mod presets;
mod print;
mod properties;
mod reference;
mod relations;
mod reload;
mod targets;
mod values;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;

use super::*;

/// Temporary file with this content.
fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn env(pairs: &[(&str, &str)]) -> Layers {
    let env = pairs
        .iter()
        .map(|(name, value)| (name.into(), value.into()));
    Layers {
        env: env.collect(),
        ..Layers::default()
    }
}

fn flag(name: &'static str, key: &'static str, value: &str) -> Layers {
    let value = value.to_owned();
    Layers {
        flags: vec![Flag { name, key, value }],
        ..Layers::default()
    }
}

fn set(assignments: &[&str]) -> Layers {
    Layers {
        set: assignments.iter().map(ToString::to_string).collect(),
        ..Layers::default()
    }
}

fn errors(layers: &Layers) -> Vec<String> {
    load(layers)
        .expect_err("must be refused")
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn the_error(layers: &Layers) -> String {
    let errors = errors(layers);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    errors.into_iter().next().unwrap()
}

/// Layers with the file alone.
fn of_file(path: &Path) -> Layers {
    Layers {
        file: Some(path.to_owned()),
        ..Layers::default()
    }
}

/// Value, as it is printed, and source of a setting.
fn of(loaded: &Loaded, key: &str) -> (String, String) {
    let value = loaded.config.toml_value(key).unwrap();
    (value, loaded.source(key).to_string())
}

fn errors_of_file(text: &str) -> (Vec<String>, String) {
    let file = file(text);
    let errors = errors(&of_file(file.path()));
    (errors, file.path().display().to_string())
}

fn load_text(text: &str) -> Result<Loaded, ConfigErrors> {
    load(&of_file(file(text).path()))
}

/// Loads the defaults (`None`) or a preset, with these assignments above.
fn load_preset(name: Option<&str>, assignments: &[&str]) -> Result<Loaded, ConfigErrors> {
    load(&Layers {
        preset: name.map(str::to_owned),
        ..set(assignments)
    })
}

fn load_set(assignments: &[&str]) -> Result<Loaded, ConfigErrors> {
    load_preset(None, assignments)
}

/// Loads the defaults, and each preset, with these assignments above.
fn load_each_preset(assignments: &[&str]) -> Vec<Loaded> {
    let named = crate::config::presets::names().into_iter().map(Some);
    let all = std::iter::once(None).chain(named);
    all.map(|name| load_preset(name, assignments).unwrap())
        .collect()
}
