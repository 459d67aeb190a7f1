//! Planted private terms and openings: each is reported, and the field's own uses are not.

use crate::RULES;
use crate::planted::{passes, plant, reports};
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
    for term in RULES.terms {
        let file = match term.within {
            "" => "tests/x.rs".to_owned(),
            "src/" => "src/clock.rs".to_owned(),
            folder => format!("{folder}x.rs"),
        };
        for not in term.not {
            let uses = uses(term.scope, not);
            let expected: Vec<_> = (1..=uses.len())
                .map(|line| (Rule::PrivateTerm, file.clone(), line))
                .collect();
            assert_eq!(plant(&file, &uses.join("\n")), expected, "{uses:?}");
            if term.scope != Scope::Part {
                passes(
                    &file,
                    &format!("fn {}_of_another() {{}}", not.to_lowercase()),
                );
            }
        }
    }
}

#[test]
fn a_private_term_counts_as_a_whole_word_of_code() {
    for text in [
        "fn desktop() {}",
        "fn outdoors() {}",
        "// The desk.\nfn f() { g(\"desk\") }",
        "/// The desk.\nfn f() {}",
    ] {
        passes("tests/x.rs", text);
    }
    passes("src/clock.rs", "fn flood() {}");
    for (own, _) in RULES.own_uses {
        passes("tests/x.rs", &format!("fn {own}() {{}}"));
    }
}

#[test]
fn a_private_term_in_the_name_of_a_file_or_folder_is_reported() {
    for file in ["tests/deaf.pl", "loadtest/the-desk.py", "tests/outbox/x.md"] {
        reports(file, "x\n", Rule::PrivateTerm, 0);
    }
    passes("tests/desktop.pl", "x\n");
}

#[test]
fn a_doc_comment_that_opens_with_a_question_word_is_reported() {
    for word in RULES.openings {
        for (text, line) in [
            (format!("//! {word} it does.\n"), 1),
            (
                format!("struct S {{\n    /// {word}: it is.\n    a: u8,\n}}\n"),
                2,
            ),
            (format!("m! {{\n    /// {word} it is.\n    a\n}}\n"), 2),
            (
                format!("//! Header.\n\n/// {word}, if any.\nfn f() {{}}\n"),
                3,
            ),
        ] {
            reports("src/clock.rs", &text, Rule::Opening, line);
        }
        passes(
            "src/clock.rs",
            &format!("/// Session id.\n/// {word} it is.\nfn f() {{}}\n"),
        );
        passes("src/clock.rs", &format!("// {word} it is.\nfn f() {{}}\n"));
        passes(
            "src/clock.rs",
            &format!("//// {word} it is.\nfn f() {{}}\n"),
        );
    }
    passes("src/clock.rs", "/// Whatever it is.\nfn f() {}\n");
}

#[test]
fn a_comment_wider_than_code_may_be_is_reported() {
    for opening in ["// ", "/// ", "//! "] {
        let comment = |width: usize| {
            let text = "x".repeat(width - opening.len());
            format!("{opening}{text}\nfn f() {{}}\n")
        };
        passes("src/clock.rs", &comment(100));
        reports("src/clock.rs", &comment(101), Rule::CommentWidth, 1);
        let row = format!("{opening}| {} |\nfn f() {{}}\n", "x".repeat(100));
        passes("src/clock.rs", &row);
    }
    let indented = format!("fn f() {{\n    // {}\n}}\n", "x".repeat(94));
    reports("tests/x.rs", &indented, Rule::CommentWidth, 2);
}
