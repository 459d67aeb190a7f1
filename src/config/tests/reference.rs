//! `REFERENCE.md` and `example.toml` are generated from the declaration of the settings; the files
//! in the tree are up to date.

use super::*;
use crate::config::presets::{self, PRESETS};
use crate::config::print::{explain, head};
use crate::config::settings::{SECTIONS, SettingSpec};
use crate::config::value::Applies;
use std::fmt::Write as _;
use std::path::Path;

const HOW: &str = "REGENERATE=1 cargo test --lib config::tests::reference";

/// Compares a file of this directory with the generated text, or writes it.
fn check_file(name: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/config")
        .join(name);
    #[expect(clippy::disallowed_methods, reason = "no setting of the program")]
    if std::env::var_os("REGENERATE").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let missing = wanted
        .lines()
        .find(|line| !found.lines().any(|found| found == *line));
    let stale = found
        .lines()
        .find(|line| !wanted.lines().any(|wanted| wanted == *line));
    assert!(
        found == wanted,
        "src/config/{name} is not what the declaration of the settings says; `{HOW}` writes it \
         anew. Missing: {missing:?}; no longer so: {stale:?}"
    );
}

/// The whole of `example.toml`: every setting, none of which is set.
fn example() -> String {
    let mut out = String::from(
        "# A configuration file for `sshard serve --config FILE`. Every setting stands here with \
         its\n# default; take the # away from those you change, and leave the others to later \
         versions.\n# A duration has its unit: 500ms, 30s, 10m, 1h; a size is 4096 (bytes), 64KiB or \
         1MiB.\n#\n# Some target must be allowed: see targets.allow. `sshard serve --config FILE \
         --check` says whether\n# the configuration is good, `--print-config --changed` what it \
         changes.\n",
    );
    let defaults = Config::default();
    for section in SECTIONS {
        head(&mut out, section);
        for setting in section.settings {
            out.push('\n');
            explain(&mut out, setting);
            writeln!(out, "#{} = {}", setting.name, (setting.write)(&defaults)).unwrap();
        }
    }
    out
}

/// Text of one cell.
fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace('<', "&lt;")
}

fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

/// Accepted values, shorter than in an error.
fn takes(setting: &SettingSpec) -> String {
    let accepts = (setting.accepts)();
    let text = match accepts.as_str() {
        "true or false" => "true, false".to_owned(),
        text if text.starts_with("a duration") && text.ends_with("0 for off") => {
            "time, or 0".to_owned()
        }
        text if text.starts_with("a duration") => "time".to_owned(),
        "the path of a file" => "path".to_owned(),
        "the path of a file, or an empty string for none" => "path, or empty".to_owned(),
        text => text
            .replace("a size such as 64KiB, 1MiB or 4096 (bytes), ", "size ")
            .replace("a whole number, ", "number ")
            .replace("at least one of ", "one or more of ")
            .replace("one of ", "")
            .replace("an array of strings, each ", "list: "),
    };
    cell(&text)
}

fn applies(setting: &SettingSpec) -> &'static str {
    match setting.applies {
        Applies::AtReload => "reload",
        Applies::AtRestart => "restart",
        Applies::SwitchAtRestart => "reload; restart to switch it on or off",
    }
}

fn of_presets(key: &str) -> String {
    let value = |(name, values): &(&str, &[(&str, &str)])| {
        let (_, value) = values.iter().find(|(known, _)| *known == key)?;
        Some(format!(
            "{name}: {}",
            code(&presets::toml_value(key, value)?)
        ))
    };
    let changes = PRESETS.iter().filter_map(value);
    changes.collect::<Vec<_>>().join("<br>")
}

/// The whole of `REFERENCE.md`.
fn reference() -> String {
    let mut out = format!(
        "# Settings of sshard\n\n\
         Written from the declaration in [settings.rs](settings.rs) by `{HOW}`. The same as a \
         commented file: [example.toml](example.toml). What they are for, layer by layer: \
         [Operating sshard](../control/OPERATIONS.md#configuration).\n\n\
         A time is `500ms`, `30s`, `10m` or `1h`; a size is `4096` (bytes), `64KiB` or `1MiB`. \
         *In force* says what a changed value takes: a reload, for new sessions, or a restart. \
         `sshard serve --preset NAME --print-config --changed` prints what a preset changes.\n"
    );
    let defaults = Config::default();
    for section in SECTIONS {
        let doc = section.doc.concat();
        write!(
            out,
            "\n## {}\n\n{}\n\n| setting | default | takes | in force | presets | meaning |\n\
             |---|---|---|---|---|---|\n",
            section.name,
            doc.trim()
        )
        .unwrap();
        for setting in section.settings {
            let (key, default) = (setting.key, (setting.write)(&defaults));
            writeln!(
                out,
                "| `{key}` | {} | {} | {} | {} | {} |",
                code(&default),
                takes(setting),
                applies(setting),
                of_presets(key),
                cell(&setting.doc.concat()),
            )
            .unwrap();
        }
    }
    out
}

#[test]
fn the_reference_is_up_to_date() {
    check_file("REFERENCE.md", &reference());
}

#[test]
fn the_example_is_up_to_date() {
    check_file("example.toml", &example());
}

#[test]
fn the_example_sets_nothing_and_each_of_its_lines_is_valid() {
    let loaded = load_text(&example()).unwrap();
    assert_eq!(*loaded.config, Config::default());
    let is_default = |key: &&str| *loaded.source(key) == Source::Default;
    assert!(KEYS.iter().all(is_default));
    let used: String = example()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') && !setting.is_empty() => {
                format!("{setting}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let loaded = load_text(&used).unwrap();
    assert_eq!(*loaded.config, Config::default());
    let is_of_file = |key: &&str| matches!(loaded.source(key), Source::File { .. });
    assert!(KEYS.iter().all(is_of_file));
}
