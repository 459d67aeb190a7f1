//! Rules for single files and names: sizes, unfinished work, the top level.

use crate::rules::{Rule, Rules, Violation};
use crate::tree::{self, TextFile};
use std::path::Path;

/// Words of unfinished work, split so that this file is no violation. Clippy knows the macros.
pub(crate) const UNFINISHED_WORDS: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// Columns of a line, as rustfmt has it for code.
const MAX_WIDTH: usize = 100;

pub(crate) fn top_level(root: &Path, rules: &Rules) -> Vec<Violation> {
    tree::entries(root)
        .into_iter()
        .filter(|(name, _)| !rules.top_level.contains(&name.as_str()))
        .map(|(name, _)| {
            let what = "is not one of the names the top level may hold".to_owned();
            Violation::new(Rule::TopLevel, &name, 0, what)
        })
        .collect()
}

pub(crate) fn file_size(file: &TextFile, rules: &Rules) -> Option<Violation> {
    let lines = file.text.lines().count();
    let what = format!("{lines} lines, at most {}", rules.max_file_lines);
    (lines > rules.max_file_lines).then(|| Violation::new(Rule::FileSize, &file.path, lines, what))
}

/// Reports comments that are wider than the code may be. A row of a table cannot be wrapped.
pub(crate) fn comment_width(file: &TextFile) -> Vec<Violation> {
    let too_wide = |line: &str| {
        let comment = line.trim_start().strip_prefix("//");
        let is_row = |text: &str| text.trim_start_matches(['/', '!', ' ']).starts_with('|');
        comment.is_some_and(|text| !is_row(text)) && line.chars().count() > MAX_WIDTH
    };
    let what = format!("a comment wider than {MAX_WIDTH} columns");
    at_lines(file, Rule::CommentWidth, |line| {
        too_wide(line).then(|| what.clone())
    })
}

pub(crate) fn unfinished(file: &TextFile) -> Vec<Violation> {
    at_lines(file, Rule::Unfinished, |line| {
        let word = UNFINISHED_WORDS.iter().find(|word| has_word(line, word))?;
        Some(format!("{word}: finish it, or describe it as an issue"))
    })
}

/// Violations of a rule at the lines for which `what` gives a text.
fn at_lines(file: &TextFile, rule: Rule, what: impl Fn(&str) -> Option<String>) -> Vec<Violation> {
    let lines = (1..).zip(file.text.lines());
    lines
        .filter_map(|(number, line)| Some(Violation::new(rule, &file.path, number, what(line)?)))
        .collect()
}

/// Returns whether the line contains `word` as a whole word.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}
