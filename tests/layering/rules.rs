//! Rules, violations, and the check of a whole tree. The search for the violations of each rule is
//! in `arrows`, `circles`, `mentions`, `shape` and `words`.

use crate::words::{self, Term};
use crate::{arrows, circles, mentions, shape, tree};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Module, by its path below `src` joined with `::`, and the modules (or single items of modules)
/// it may name.
pub(crate) struct Room {
    pub(crate) name: &'static str,
    pub(crate) may_name: &'static [&'static str],
    pub(crate) reason: &'static str,
}

/// Foreign name that only some modules may use.
pub(crate) struct Reserved {
    pub(crate) name: &'static str,
    pub(crate) only: &'static [&'static str],
    pub(crate) reason: &'static str,
}

/// Foreign names that some modules may not use.
pub(crate) struct Forbidden {
    pub(crate) rooms: &'static [&'static str],
    pub(crate) names: &'static [&'static str],
    pub(crate) reason: &'static str,
}

/// Rules of a tree.
pub(crate) struct Rules {
    pub(crate) max_file_lines: usize,
    /// From the opening to the closing brace of a function, both counted.
    pub(crate) max_function_lines: usize,
    pub(crate) rooms: &'static [Room],
    pub(crate) reserved: &'static [Reserved],
    pub(crate) forbidden: &'static [Forbidden],
    pub(crate) top_level: &'static [&'static str],
    pub(crate) terms: &'static [Term],
    /// Identifiers in which a private term is the field's own word, with the reason.
    pub(crate) own_uses: &'static [(&'static str, &'static str)],
    /// First words that a doc comment may not have.
    pub(crate) openings: &'static [&'static str],
}

/// Kind of a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    FileSize,
    FunctionSize,
    CommentWidth,
    /// A module names one that is not below it.
    Arrow,
    /// Sibling modules name each other.
    Circle,
    /// A module has no row in the table.
    UnknownRoom,
    Reserved,
    Forbidden,
    Unfinished,
    IgnoredWithoutReason,
    TopLevel,
    /// An identifier or a file name has a private term.
    PrivateTerm,
    /// A doc comment opens with a question word.
    Opening,
    /// The file cannot be parsed, so nothing else is checked.
    Unparsable,
}

/// Violation of a rule.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    /// Path below the root, with `/`.
    pub(crate) file: String,
    /// Counted from 1; 0 is the whole file.
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            file,
            line,
            what,
        } = self;
        write!(f, "{file}:{line}: {rule:?}: {what}")
    }
}

/// Finds all violations in the tree at `root`.
pub(crate) fn check(root: &Path, rules: &Rules) -> Vec<Violation> {
    let mut found = shape::top_level(root, rules);
    let files = tree::text_files(root);
    for file in &files {
        found.extend(shape::unfinished(file));
        found.extend(words::file_name(file, rules));
    }
    let mut crates: BTreeMap<&str, Vec<arrows::Source<'_>>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        found.extend(shape::file_size(file, rules));
        found.extend(shape::comment_width(file));
        found.extend(words::openings(file, rules));
        match syn::parse_file(&file.text) {
            Ok(syntax) => {
                found.extend(shape::functions(file, &syntax, rules));
                found.extend(words::identifiers(file, rules));
                if let Some((root, module)) = tree::module_of(&file.path) {
                    let mentions = mentions::collect(&syntax, &module);
                    let sources = crates.entry(root).or_default();
                    sources.push((file.path.as_str(), module, mentions));
                }
            }
            Err(error) => found.push(Violation {
                rule: Rule::Unparsable,
                file: file.path.clone(),
                line: error.span().start().line,
                what: error.to_string(),
            }),
        }
    }
    for (root, sources) in &crates {
        found.extend(circles::check(root, sources));
    }
    if let Some(library) = crates.get("") {
        found.extend(arrows::check(library, rules));
    }
    found
}
