//! Every text that a user or an operator can see, collected from the source into three files beside
//! this one, so that a reviewer reads them in one go: `logs.txt` (level, text, fields),
//! `errors.txt` and `others.txt`. A text says what, why, and what to do; of a log line the text is
//! constant and the rest is fields.
//!
//! `REGENERATE=1 cargo test --test texts` writes the files; without it a difference fails.
#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests wait for real programs: they need the clock"
)]

mod collect;

use collect::{Texts, collect};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_collected_texts_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    rust_files(&root.join("src"), &mut paths);
    paths.sort();
    let (mut logs, mut errors, mut others) = (String::new(), String::new(), String::new());
    for path in paths {
        let source = fs::read_to_string(&path).unwrap();
        let mut texts = Texts::default();
        collect(source.parse().unwrap(), &mut texts);
        let name = path.strip_prefix(root).unwrap().display().to_string();
        section(&mut logs, &name, &texts.logs);
        section(&mut errors, &name, &texts.errors);
        section(&mut others, &name, &texts.others);
    }
    let mut stale = Vec::new();
    for (name, text) in [("logs", logs), ("errors", errors), ("others", others)] {
        let path = root.join(format!("tests/texts/{name}.txt"));
        if std::env::var_os("REGENERATE").is_some() {
            fs::write(&path, &text).unwrap();
        } else if fs::read_to_string(&path).unwrap() != text {
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?} differ: REGENERATE=1 cargo test --test texts, then read what has changed"
    );
}

fn section(file: &mut String, name: &str, texts: &[String]) {
    if texts.is_empty() {
        return;
    }
    writeln!(file, "{name}").unwrap();
    for text in texts {
        writeln!(file, "    {text}").unwrap();
    }
}

/// Source files, without those of tests alone.
fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && !["tests", "dist", "node_modules"].contains(&name.as_str()) {
            rust_files(&path, found);
        } else if name.ends_with(".rs") && !["tests.rs", "properties.rs"].contains(&name.as_str()) {
            found.push(path);
        }
    }
}

#[test]
fn planted_texts_of_every_kind_are_found_and_those_of_tests_are_not() {
    let source = r#"
        #[derive(thiserror::Error)]
        enum Fault {
            #[error("the door is {0} shut")]
            Shut(u8),
            #[error(transparent)]
            Other(io::Error),
        }
        fn run(door: u8) {
            tracing::warn!(door, %error, "the door is stuck; oil it");
            macro_rules! event { ($level:ident) => { tracing::$level!(reason, "ended") } }
            debug_assert!(door > 0, "no such door");
            Problem::new(400, format!("no door at {door}"))
        }
        #[cfg(test)]
        mod tests {
            fn hidden() { tracing::info!("text of a test"); "text of a test" }
        }
    "#;
    let mut texts = Texts::default();
    collect(source.parse().unwrap(), &mut texts);
    assert_eq!(
        texts.logs,
        [
            "warn  the door is stuck; oil it [door error]",
            "any   ended [reason]"
        ]
    );
    assert_eq!(texts.errors, ["the door is {0} shut"]);
    assert_eq!(texts.others, ["no door at {door}"]);
}
