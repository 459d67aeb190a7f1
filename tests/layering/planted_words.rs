//! Planted private terms and openings: each is reported, and the field's own uses are not.

use crate::RULES;
use crate::planted::{passes, reports, reports_all};
use crate::rules::Rule;
use crate::words::Scope;

/// `desk_top` as `DeskTop`.
fn camel(term: &str) -> String {
    let words = term.split('_').filter_map(|word| word.split_at_checked(1));
    words
        .map(|(first, rest)| first.to_uppercase() + rest)
        .collect()
}

/// Lines of code with the term in its scope.
fn uses(scope: Scope, not: &str) -> Vec<String> {
    match scope {
        Scope::Part => vec![
            format!("fn a_{not}_b() {{}}"),
            format!("struct The{};", camel(not)),
            format!("const THE_{}: u8 = 0;", not.to_uppercase()),
            format!("fn f() {{ m! {{ x => a_{not} }} }}"),
        ],
        Scope::Whole => vec![
            format!("fn {not}() {{}}"),
            format!("struct {};", camel(not)),
            format!("static {}: u8 = 0;", not.to_uppercase()),
        ],
        Scope::Exact => vec![format!("fn f(x: m::{not}) {{}}")],
    }
}

#[test]
fn each_private_term_is_reported_in_its_scope() {
    for term in &RULES.terms {
        let file = match term.within {
            "" => "tests/x.rs".to_owned(),
            "src/" => "src/clock.rs".to_owned(),
            folder => format!("{folder}x.rs"),
        };
        for not in &term.not {
            let uses = uses(term.scope, not);
            let lines = 1..=uses.len();
            let expected = lines.map(|line| format!("{file}:{line}: {}", Rule::PrivateTerm));
            reports_all(&file, &uses.join("\n"), &expected.collect::<Vec<_>>());
            if term.scope != Scope::Part {
                let longer = format!("fn {}_of_another() {{}}", not.to_lowercase());
                passes(&file, &longer);
            }
        }
    }
    for (own, _) in RULES.own_uses {
        passes("tests/x.rs", &format!("fn {own}() {{}}"));
    }
}

#[test]
fn a_doc_comment_that_opens_with_a_question_word_is_reported() {
    for word in RULES.openings {
        for (line, text) in [
            (1, format!("//! {word} it does.\n")),
            (
                2,
                format!("struct S {{\n    /// {word}: it is.\n    a: u8,\n}}"),
            ),
            (2, format!("m! {{\n    /// {word} it is.\n    a\n}}\n")),
            (
                3,
                format!("//! Header.\n\n/// {word}, if any.\nfn f() {{}}"),
            ),
        ] {
            reports(
                &format!("src/clock.rs:{line}: comment opens with a question word"),
                &text,
            );
        }
        for opening in ["/// Session id.\n///", "//", "////"] {
            let text = format!("{opening} {word} it is.\nfn f() {{}}\n");
            passes("src/clock.rs", &text);
        }
    }
}

#[test]
fn a_comment_wider_than_code_may_be_is_reported() {
    for opening in ["// ", "/// ", "//! "] {
        let comment = |width: usize| {
            let text = "x".repeat(width - opening.len());
            format!("{opening}{text}\nfn f() {{}}\n")
        };
        passes("src/clock.rs", &comment(100));
        reports("src/clock.rs:1: comment too wide", &comment(101));
        let row = format!("{opening}| {} |\nfn f() {{}}\n", "x".repeat(100));
        passes("src/clock.rs", &row);
    }
    let indented = format!("fn f() {{\n    // {}\n}}\n", "x".repeat(94));
    reports("tests/x.rs:2: comment too wide", &indented);
}
