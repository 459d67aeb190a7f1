//! Rules for single files and names: sizes, unfinished work, ignored tests, the top level.

use crate::rules::{Rule, Rules, Violation};
use crate::tree::{self, TextFile};
use std::path::Path;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Words of unfinished work, split so that this file is no violation.
const UNFINISHED_WORDS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!"),
    concat!("unimpl", "emented!"),
];

/// Columns of a line, as rustfmt has it for code.
const MAX_WIDTH: usize = 100;

pub(crate) fn top_level(root: &Path, rules: &Rules) -> Vec<Violation> {
    tree::entries(root)
        .into_iter()
        .filter(|(name, _)| !rules.top_level.contains(&name.as_str()))
        .map(|(name, _)| Violation {
            rule: Rule::TopLevel,
            file: name,
            line: 0,
            what: "is not one of the names the top level may hold".to_owned(),
        })
        .collect()
}

pub(crate) fn file_size(file: &TextFile, rules: &Rules) -> Option<Violation> {
    let lines = file.text.lines().count();
    (lines > rules.max_file_lines).then(|| Violation {
        rule: Rule::FileSize,
        file: file.path.clone(),
        line: lines,
        what: format!("{lines} lines, at most {}", rules.max_file_lines),
    })
}

/// Reports comments that are wider than the code may be. A row of a table cannot be wrapped.
pub(crate) fn comment_width(file: &TextFile) -> Vec<Violation> {
    let too_wide = |line: &str| {
        let comment = line.trim_start().strip_prefix("//");
        let is_row = |text: &str| text.trim_start_matches(['/', '!', ' ']).starts_with('|');
        comment.is_some_and(|text| !is_row(text)) && line.chars().count() > MAX_WIDTH
    };
    let lines = (1..).zip(file.text.lines());
    lines
        .filter(|(_, line)| too_wide(line))
        .map(|(line, _)| Violation {
            rule: Rule::CommentWidth,
            file: file.path.clone(),
            line,
            what: format!("a comment wider than {MAX_WIDTH} columns"),
        })
        .collect()
}

pub(crate) fn unfinished(file: &TextFile) -> Vec<Violation> {
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for word in UNFINISHED_WORDS.iter().filter(|word| has_word(line, word)) {
            found.push(Violation {
                rule: Rule::Unfinished,
                file: file.path.clone(),
                line: index + 1,
                what: format!("{word}: finish it, or describe it as an issue"),
            });
        }
    }
    found
}

/// Returns whether the line contains `word` as a whole word.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(part) && (word.ends_with('!') || !after.is_some_and(part))
    })
}

/// Checks function sizes and ignored tests.
pub(crate) fn functions(file: &TextFile, syntax: &syn::File, rules: &Rules) -> Vec<Violation> {
    let mut visitor = Functions {
        file,
        max: rules.max_function_lines,
        found: Vec::new(),
    };
    visitor.visit_file(syntax);
    visitor.found
}

struct Functions<'a> {
    file: &'a TextFile,
    max: usize,
    found: Vec<Violation>,
}

impl Functions<'_> {
    fn report(&mut self, rule: Rule, line: usize, what: String) {
        self.found.push(Violation {
            rule,
            file: self.file.path.clone(),
            line,
            what,
        });
    }

    fn size(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let first = body.brace_token.span.open().start().line;
        let last = body.brace_token.span.close().end().line;
        let lines = last - first + 1;
        if lines > self.max {
            let what = format!(
                "`{}` has {lines} lines, at most {}",
                signature.ident, self.max
            );
            self.report(Rule::FunctionSize, first, what);
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.size(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.size(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.size(&item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("ignore") && !has_reason(&attribute.meta) {
            let what = "write `#[ignore = \"why\"]`".to_owned();
            self.report(
                Rule::IgnoredWithoutReason,
                attribute.span().start().line,
                what,
            );
        }
    }
}

fn has_reason(meta: &syn::Meta) -> bool {
    let syn::Meta::NameValue(pair) = meta else {
        return false;
    };
    match &pair.value {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(reason),
            ..
        }) => !reason.value().trim().is_empty(),
        _ => false,
    }
}
