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
mod targets;
mod values;

use std::ffi::OsString;
use std::io::Write as _;

use super::*;

/// Temporary file with this content.
fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
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

fn errors_of_file(text: &str) -> (Vec<String>, String) {
    let file = file(text);
    let layers = Layers {
        file: Some(file.path().into()),
        ..Layers::default()
    };
    (errors(&layers), file.path().display().to_string())
}

fn preset(name: &str) -> Loaded {
    load(&Layers {
        preset: Some(name.into()),
        ..Layers::default()
    })
    .unwrap()
}

fn load_set(assignments: &[&str]) -> Result<Loaded, ConfigErrors> {
    let set = assignments.iter().map(ToString::to_string).collect();
    load(&Layers {
        set,
        ..Layers::default()
    })
}
