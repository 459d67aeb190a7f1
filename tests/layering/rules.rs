//! Rules, violations, and the check of a whole tree. The search for the violations of each rule is
//! in `dependencies`, `cycles`, `mentions`, `shape` and `words`.

use crate::words::{self, Term};
use crate::{cycles, dependencies, mentions, shape, tree};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Row of a table: a name, and the names that it goes with.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) names: Vec<&'static str>,
    pub(crate) reason: &'static str,
}

/// Reads a table: each row is `name: reason`, with its names in indented lines below.
pub(crate) fn rows(table: &'static str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in table.lines() {
        if let Some(names) = line.strip_prefix("    ") {
            rows.last_mut().unwrap().names.extend(names.split(' '));
        } else {
            let (name, reason) = line.split_once(": ").unwrap();
            let names = Vec::new();
            rows.push(Row {
                name,
                names,
                reason,
            });
        }
    }
    rows
}

/// Rules of a tree.
pub(crate) struct Rules {
    pub(crate) max_file_lines: usize,
    /// Modules, by their path below `src` joined with `::`, and what each may name.
    pub(crate) modules: Vec<Row>,
    /// Foreign names, and the modules that may use each.
    pub(crate) reserved: Vec<Row>,
    /// Modules that may not use the impure names.
    pub(crate) pure: Vec<&'static str>,
    pub(crate) impure_names: Vec<&'static str>,
    pub(crate) top_level: Vec<&'static str>,
    pub(crate) terms: Vec<Term>,
    /// Identifiers in which a private term is the field's own word, with the reason.
    pub(crate) own_uses: &'static [(&'static str, &'static str)],
    /// First words that a doc comment may not have.
    pub(crate) openings: &'static [&'static str],
}

/// Kind of a violation.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    FileSize,
    CommentWidth,
    /// A module names one that is not below it.
    Dependency,
    /// Sibling modules name each other.
    Cycle,
    /// A module has no row in the table.
    ModuleWithoutRow,
    Reserved,
    /// A pure module uses an impure name.
    Impure,
    Unfinished,
    TopLevel,
    /// An identifier or a file name has a private term.
    PrivateTerm,
    /// A doc comment opens with a question word.
    Opening,
    /// The file cannot be parsed, so nothing else is checked.
    Unparsable,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FileSize => "file too long",
            Self::CommentWidth => "comment too wide",
            Self::Dependency => "forbidden dependency",
            Self::Cycle => "dependency cycle",
            Self::ModuleWithoutRow => "module without a row",
            Self::Reserved => "reserved name",
            Self::Impure => "impure name",
            Self::Unfinished => "unfinished work",
            Self::TopLevel => "unknown top-level name",
            Self::PrivateTerm => "private term",
            Self::Opening => "comment opens with a question word",
            Self::Unparsable => "file cannot be parsed",
        })
    }
}

/// Violation of a rule.
pub(crate) struct Violation {
    /// File, line and rule, as in `src/ws.rs:1: forbidden dependency`. The file is the path below
    /// the root, with `/`; lines count from 1, and 0 is the whole file.
    pub(crate) location: String,
    what: String,
}

impl Violation {
    pub(crate) fn new(rule: Rule, file: &str, line: usize, what: String) -> Self {
        let location = format!("{file}:{line}: {rule}");
        Self { location, what }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.what)
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
    let mut crates: BTreeMap<&str, Vec<dependencies::Source<'_>>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        found.extend(shape::file_size(file, rules));
        found.extend(shape::comment_width(file));
        found.extend(words::openings(file, rules));
        match syn::parse_file(&file.text) {
            Ok(syntax) => {
                found.extend(words::identifiers(file, rules));
                if let Some((root, module)) = tree::module_of(&file.path) {
                    let mentions = mentions::collect(&syntax, &module);
                    let sources = crates.entry(root).or_default();
                    sources.push((file.path.as_str(), module, mentions));
                }
            }
            Err(error) => {
                let line = error.span().start().line;
                let what = error.to_string();
                found.push(Violation::new(Rule::Unparsable, &file.path, line, what));
            }
        }
    }
    for (root, sources) in &crates {
        found.extend(cycles::check(root, sources));
    }
    if let Some(library) = crates.get("") {
        found.extend(dependencies::check(library, rules));
    }
    found
}
