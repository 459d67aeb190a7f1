//! Finds words the tree does not use: private terms in identifiers and file names, and doc comments
//! that open with a question word.
//!
//! Identifiers are tokens, so those inside macros count too. Strings and the text of comments are
//! not searched.

use crate::rules::{Rule, Rules, Violation};
use crate::tree::TextFile;
use proc_macro2::{Ident, TokenStream, TokenTree};
use std::collections::BTreeMap;

/// Spellings of a private term, and the term of the field in its place.
pub(crate) struct Term {
    pub(crate) not: Vec<&'static str>,
    pub(crate) but: &'static str,
    pub(crate) scope: Scope,
    /// Path that the file begins with; empty for all files.
    pub(crate) within: &'static str,
}

/// Identifiers in which a term counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those that contain the term: `desk` in `AdminDesk` and `open_desk`, not in `desktop`.
    Part,
    /// Those that are the term, in any case: `turn`, `Turn` and `TURN`, not `turn_on`.
    Whole,
    /// Those spelled exactly so: `Line`, not `line`.
    Exact,
}

/// Reads the glossary: lines of scope, folder if the term is not refused everywhere, spellings, and
/// after a colon the field's term.
pub(crate) fn terms(glossary: &'static str) -> Vec<Term> {
    let term = |line: &'static str| {
        let (refused, but) = line.split_once(": ").unwrap();
        let mut words = refused.split(' ').peekable();
        let scope = match words.next() {
            Some("part") => Scope::Part,
            Some("whole") => Scope::Whole,
            Some("exact") => Scope::Exact,
            _ => unreachable!("no scope: {line}"),
        };
        let within = words.next_if(|word| word.ends_with('/'));
        Term {
            not: words.collect(),
            but,
            scope,
            within: within.unwrap_or_default(),
        }
    };
    glossary.lines().map(term).collect()
}

impl Term {
    /// Returns the spelling found in `name`, whose parts are `parts`.
    fn found_in(&self, name: &str, parts: &[String]) -> Option<&'static str> {
        let found = |term: &&&'static str| {
            let words: Vec<&str> = term.split('_').collect();
            match self.scope {
                Scope::Part => parts.windows(words.len()).any(|window| window == words),
                Scope::Whole => parts == words,
                Scope::Exact => name == **term,
            }
        };
        self.not.iter().find(found).copied()
    }
}

/// Lower-case parts of an identifier or a file name: of `AdminDesk`, `ADMIN_DESK` and `admin-desk`
/// alike.
fn parts(name: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for piece in name.split(|c: char| !c.is_alphanumeric()) {
        let camel = piece.contains(char::is_lowercase);
        let mut part = String::new();
        for c in piece.chars() {
            if camel && c.is_uppercase() && !part.is_empty() {
                parts.push(std::mem::take(&mut part));
            }
            part.extend(c.to_lowercase());
        }
        parts.push(part);
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Private terms among the identifiers of a Rust file, each with the first line it stands at.
pub(crate) fn identifiers(file: &TextFile, rules: &Rules) -> Vec<Violation> {
    let Ok(tokens) = file.text.parse::<TokenStream>() else {
        return Vec::new();
    };
    let mut names = BTreeMap::new();
    collect(tokens, &mut names);
    let found = names
        .iter()
        .filter_map(|(name, line)| Some((*line, private_term(&file.path, name, rules)?)));
    let mut found: Vec<_> = found.collect();
    found.sort();
    found
        .into_iter()
        .map(|(line, what)| Violation::new(Rule::PrivateTerm, &file.path, line, what))
        .collect()
}

fn collect(tokens: TokenStream, names: &mut BTreeMap<String, usize>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                names
                    .entry(plain(&ident))
                    .or_insert(ident.span().start().line);
            }
            TokenTree::Group(group) => collect(group.stream(), names),
            _ => {}
        }
    }
}

fn plain(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

/// Private terms in the path of any file.
pub(crate) fn file_name(file: &TextFile, rules: &Rules) -> Vec<Violation> {
    let components = file.path.split('/');
    let found = components.filter_map(|component| {
        let name = component.split('.').next().unwrap_or(component);
        let what = private_term(&file.path, name, rules)?;
        Some(Violation::new(Rule::PrivateTerm, &file.path, 0, what))
    });
    found.collect()
}

fn private_term(path: &str, name: &str, rules: &Rules) -> Option<String> {
    if rules.own_uses.iter().any(|(own, _)| *own == name) {
        return None;
    }
    let parts = parts(name);
    let terms = rules
        .terms
        .iter()
        .filter(|term| path.starts_with(term.within));
    terms
        .filter_map(|term| Some((term.found_in(name, &parts)?, term.but)))
        .next()
        .map(|(not, but)| format!("`{name}` has a private term: not {not} but {but}"))
}

/// Doc comments of a Rust file that open with one of the refused words. Read line by line, so that
/// those inside macros count too.
pub(crate) fn openings(file: &TextFile, rules: &Rules) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut inside = false;
    for (number, line) in (1..).zip(file.text.lines()) {
        let line = line.trim_start();
        let text = ["///", "//!"]
            .iter()
            .find_map(|mark| line.strip_prefix(mark));
        let Some(text) = text.filter(|text| !text.starts_with('/')) else {
            inside = false;
            continue;
        };
        let word = text.split_whitespace().next().unwrap_or_default();
        let word = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        if !inside && rules.openings.contains(&word) {
            let what = format!(
                "the comment opens with `{word}`: begin with a noun, or a verb in the third person"
            );
            found.push(Violation::new(Rule::Opening, &file.path, number, what));
        }
        inside = true;
    }
    found
}
