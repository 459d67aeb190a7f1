//! Every text that a user or an operator can see, collected from the source into three files beside
//! this one, so that a reviewer reads them in one go: `logs.txt` (level, text, fields),
//! `errors.txt` and `others.txt`. A text says what, why, and what to do; of a log line the text is
//! constant and the rest is fields.
//!
//! `REGENERATE=1 cargo test --test texts` writes the files; without it a difference fails.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

mod collect;
#[path = "../layering/tree.rs"]
#[allow(dead_code, reason = "the checker of layers uses the rest")]
mod tree;

use collect::{Texts, collect};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use tree::TextFile;

#[test]
fn the_collected_texts_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut logs, mut errors, mut others) = (String::new(), String::new(), String::new());
    let files = tree::text_files(root).into_iter();
    for TextFile { path, text } in files.filter(|file| has_texts(&file.path)) {
        let mut texts = Texts::default();
        collect(text.parse().unwrap(), &mut texts);
        section(&mut logs, &path, &texts.logs);
        section(&mut errors, &path, &texts.errors);
        section(&mut others, &path, &texts.others);
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

/// Returns whether the file is a source file, and not of tests alone.
fn has_texts(path: &str) -> bool {
    let mut parts = path.split('/');
    path.starts_with("src/")
        && path.ends_with(".rs")
        && !parts.any(|part| ["tests", "tests.rs", "properties.rs"].contains(&part))
}

#[test]
fn planted_texts_of_every_kind_are_found_and_those_of_tests_are_not() {
    let source = r#"
        #[derive(thiserror::Error)]
        enum Fault {
            #[error("the file {0} is locked")]
            Locked(u8),
            #[error(transparent)]
            Other(io::Error),
        }
        fn run(file: u8) {
            tracing::warn!(file, %error, "the file is locked; close it");
            macro_rules! event { ($level:ident) => { tracing::$level!(reason, "ended") } }
            debug_assert!(file > 0, "no such file");
            Problem::new(400, format!("no file {file}"))
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
            "warn  the file is locked; close it [file error]",
            "any   ended [reason]"
        ]
    );
    assert_eq!(texts.errors, ["the file {0} is locked"]);
    assert_eq!(texts.others, ["no file {file}"]);
}
