//! Tests of the checker: a clean tree passes, and one planted violation of each rule is reported as
//! that violation, with its file and line, and as nothing else.

use crate::RULES;
use crate::rules::{self, Rule};
use std::fs;
use std::path::Path;

/// Tree that breaks no rule, with edge cases of several.
const CLEAN: &[(&str, &str)] = &[
    ("Cargo.toml", "[package]\n"),
    (
        "src/lib.rs",
        "//! Map.\npub mod runtime;\npub mod ws;\npub mod ssh;\n",
    ),
    (
        "src/main.rs",
        "use sshard::{cli, server::run};\nfn main() {}\n",
    ),
    (
        "src/ssh/mod.rs",
        "use crate::message::{Credentials, Secret};\nuse crate::runtime::clock;\n",
    ),
    ("src/runtime/mod.rs", "mod clock;\n"),
    ("src/runtime/clock.rs", "pub use tokio::io::AsyncRead;\n"),
    (
        "src/bridge/mod.rs",
        "mod session;\nmod state;\nuse session::S;\n",
    ),
    (
        "src/bridge/session.rs",
        "use super::state::State;\nuse crate::{ssh::Client, ws::Socket};\n",
    ),
    (
        "src/bridge/state.rs",
        "use std::net::IpAddr;\n#[cfg(not(loom))]\nuse crate::message::M;\npub(super) struct S;\n",
    ),
    (
        "src/message/mod.rs",
        "#[cfg(test)]\nmod tests;\n#[cfg(all(test, unix))]\nmod more { use crate::server::X; }\n",
    ),
    (
        "src/message/tests.rs",
        "use crate::ssh::Client;\nuse tokio::net::TcpStream;\n#[test]\n#[ignore = \"slow\"]\nfn t() {}\n",
    ),
    (
        "tests/e2e.rs",
        "use tokio::net::TcpStream;\nuse sshard::ws;\n",
    ),
    ("target/debug/build.rs", "this is no Rust\n"),
];

/// Writes the clean tree with `file` added or replaced, and returns what is found as (rule, file,
/// line).
pub(crate) fn plant(file: &str, text: &str) -> Vec<(Rule, String, usize)> {
    let tree = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    CLEAN.iter().for_each(|(path, text)| put(path, text));
    put(file, text);
    found_in(tree.path())
}

fn found_in(root: &Path) -> Vec<(Rule, String, usize)> {
    rules::check(root, &RULES)
        .into_iter()
        .map(|violation| (violation.rule, violation.file, violation.line))
        .collect()
}

#[track_caller]
pub(crate) fn reports(file: &str, text: &str, rule: Rule, line: usize) {
    assert_eq!(
        plant(file, text),
        [(rule, file.to_owned(), line)],
        "planted in {file}:\n{text}"
    );
}

#[track_caller]
pub(crate) fn passes(file: &str, text: &str) {
    assert_eq!(plant(file, text), [], "planted in {file}:\n{text}");
}

/// File of a row of the table of modules.
fn file_of(room: &str) -> String {
    format!("src/{}.rs", room.replace("::", "/"))
}

#[test]
fn a_clean_tree_passes() {
    passes("src/clock.rs", "pub fn now() {}\n");
}

#[test]
fn each_row_of_the_table_holds_against_every_other_room() {
    for room in RULES.rooms {
        let file = file_of(room.name);
        let mut text = String::new();
        let mut expected = Vec::new();
        for (index, target) in RULES.rooms.iter().enumerate() {
            let name = target.name;
            text.push_str(&format!("use crate::{name}::Thing;\n"));
            let inside = |outer: &str| name == outer || name.starts_with(&format!("{outer}::"));
            if !inside(room.name) && !room.may_name.iter().any(|allowed| inside(allowed)) {
                expected.push((Rule::Arrow, file.clone(), index + 1));
            }
        }
        assert_eq!(plant(&file, &text), expected, "planted in {file}:\n{text}");
    }
}

#[test]
fn the_table_has_no_way_back_up() {
    // Repeatedly take away rooms that name only rooms already taken away.
    let mut left: Vec<_> = RULES.rooms.iter().collect();
    let top = |name: &str| name.split("::").next().unwrap().to_owned();
    loop {
        let before = left.len();
        let names: Vec<String> = left.iter().map(|room| top(room.name)).collect();
        left.retain(|room| {
            let own = top(room.name);
            room.may_name
                .iter()
                .map(|name| top(name))
                .any(|name| name != own && names.contains(&name))
        });
        if left.len() == before {
            break;
        }
    }
    let circle: Vec<_> = left.iter().map(|room| room.name).collect();
    assert!(circle.is_empty(), "these rooms name each other: {circle:?}");
}

#[test]
fn an_arrow_is_seen_however_it_is_written() {
    for (line, text) in [
        (1, "use crate::ssh::Client;"),
        (1, "use crate::{config::C, ssh};"),
        (1, "use super::ssh::Client as C;"),
        (1, "use crate::ssh::*;"),
        (1, "fn f(c: crate::ssh::Client) {}"),
        (1, "fn f() { crate::ssh::connect_tcp() }"),
        (1, "fn f() -> Vec<crate::ssh::Client> { x }"),
        (
            1,
            "impl Drop for X { fn drop(&mut self) { crate::ssh::gone(); } }",
        ),
        (1, "fn f() { println!(\"{}\", crate::ssh::NAME); }"),
        (2, "mod inner {\n use super::super::ssh::Client;\n}"),
        (2, "#[cfg(not(test))]\nuse crate::ssh::Client;"),
        (1, "pub(in crate::ws) fn f(c: &dyn crate::ssh::Dial) {}"),
        (1, "macro_rules! m { () => { $crate::ssh::connect_tcp() } }"),
    ] {
        reports("src/ws.rs", text, Rule::Arrow, line);
    }
    reports("src/ssh/tcp.rs", "use crate::ws::Socket;", Rule::Arrow, 1);
    reports("src/main.rs", "use sshard::ssh::Client;", Rule::Arrow, 1);
}

/// Plants these files, and returns those reported as parts of a cycle.
fn circle(files: &[(&str, &str)]) -> Vec<String> {
    let tree = tempfile::tempdir().unwrap();
    for (path, text) in CLEAN.iter().chain(files) {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let found = found_in(tree.path()).into_iter();
    found
        .map(|(rule, file, line)| {
            assert_eq!((rule, line), (Rule::Circle, 1), "{file}");
            file
        })
        .collect()
}

#[test]
fn modules_beside_each_other_make_no_circle() {
    let (a, b, c) = ("src/http/a.rs", "src/http/b/mod.rs", "src/http/b/c.rs");
    let names_a = "fn f(a: super::super::a::A) {}";
    let names_b = "use super::b::B;";
    let own_tests = "#[cfg(test)]\nmod tests { use super::super::b::B; }";
    assert_eq!(
        circle(&[(a, names_b), (b, "use crate::http::a::A;")]),
        [a, b]
    );
    assert_eq!(circle(&[(a, "use super::b::c::C;"), (c, names_a)]), [a, c]);
    let d = "src/http/d.rs";
    let three = [
        (a, "use super::b::B;"),
        (b, "use super::d::D;"),
        (d, "use super::a::A;"),
    ];
    assert_eq!(circle(&three), [a, b, d]);
    let other = ["loadtest/src/a.rs", "loadtest/src/b.rs"];
    let other = [
        (other[0], "use crate::b::B;"),
        (other[1], "use crate::a::A;"),
    ];
    assert_eq!(circle(&other), other.map(|(file, _)| file));
    for clean in [
        &[(a, "use super::b::B;"), (b, "use super::d::D;"), (d, "")] as &[_],
        &[(b, "mod c; use c::C;"), (c, "use super::B;")],
        &[(a, own_tests), (b, "use super::a::A;")],
    ] {
        assert!(circle(clean).is_empty(), "{clean:?}");
    }
}

#[test]
fn an_arrow_may_be_held_to_single_items() {
    passes(
        "src/ssh/x.rs",
        "use crate::message::{Credentials as C, Secret};",
    );
    for text in [
        "use crate::message::ClientMessage;",
        "use crate::message;",
        "use crate::message::*;",
    ] {
        reports("src/ssh/x.rs", text, Rule::Arrow, 1);
    }
    passes(
        "src/control/x.rs",
        "use crate::shard::{Lifecycle, Command};",
    );
    reports(
        "src/control/x.rs",
        "use crate::shard::Shard;",
        Rule::Arrow,
        1,
    );
    passes("src/tools/demo/text.rs", "use crate::web::has_page;");
    reports(
        "src/tools/tune.rs",
        "use crate::web::has_page;",
        Rule::Arrow,
        1,
    );
}

#[test]
fn a_module_and_a_target_without_a_row_are_reported() {
    reports("src/helpers.rs", "fn f() {}\n", Rule::UnknownRoom, 0);
    reports("src/ws.rs", "use crate::Everything;", Rule::UnknownRoom, 1);
    reports("src/ws.rs", "use crate::*;", Rule::UnknownRoom, 1);
}

#[test]
fn each_reserved_name_is_reported_outside_its_modules() {
    for reserved in RULES.reserved {
        let name = reserved.name;
        for text in [
            format!("use {name}::net::TcpStream;"),
            format!("use ::{name}::net as n;"),
            format!("use {name} as other;"),
            format!("extern crate {name};"),
            format!("fn f() {{ {name}::spawn(); }}"),
            format!("fn f() {{ assert!({name}::x()); }}"),
            format!("#[{name}::main]\nfn f() {{}}"),
            format!("use {{ std::fmt, {name}::{{self as t}} }};"),
        ] {
            // A module is no crate.
            if text.starts_with("extern") && name.contains("::") {
                continue;
            }
            reports("src/targets.rs", &text, Rule::Reserved, 1);
            for room in reserved.only {
                passes(&file_of(room), &text);
            }
        }
    }
}

#[test]
fn each_forbidden_name_is_reported_in_each_pure_module() {
    for forbidden in RULES.forbidden {
        for room in forbidden.rooms {
            let file = file_of(room);
            let mut text = String::new();
            let mut expected = Vec::new();
            for (index, name) in forbidden.names.iter().enumerate() {
                text.push_str(&format!("use {name};\n"));
                let reserved = RULES.reserved.iter().any(|r| r.name == *name);
                let rule = if reserved {
                    Rule::Reserved
                } else {
                    Rule::Forbidden
                };
                expected.push((rule, file.clone(), index + 1));
            }
            assert_eq!(plant(&file, &text), expected, "planted in {file}:\n{text}");
        }
    }
    let file = "src/limits/table.rs";
    reports(file, "use std::net::*;", Rule::Forbidden, 1);
    reports(
        file,
        "use std::net;\nfn f(s: net::TcpStream) {}",
        Rule::Forbidden,
        2,
    );
    passes(file, "use std::net::{IpAddr, SocketAddr};");
    passes("src/control/admin.rs", "use std::net::TcpStream;");
}

#[test]
fn a_long_file_is_reported_in_every_root() {
    let lines = |count: usize| "//\n".repeat(count);
    for file in [
        "src/clock.rs",
        "src/message/tests.rs",
        "tests/a/b.rs",
        "benches/a.rs",
        "crates/x/src/lib.rs",
        "loadtest/src/main.rs",
    ] {
        passes(file, &lines(RULES.max_file_lines));
        let count = RULES.max_file_lines + 1;
        reports(file, &lines(count), Rule::FileSize, count);
    }
}

#[test]
fn a_long_function_is_reported_wherever_it_stands() {
    let function = |lines: usize| format!("fn f() {{\n{}}}\n", "//\n".repeat(lines - 2));
    let (fits, long) = (RULES.max_function_lines, RULES.max_function_lines + 1);
    for (open, close, line) in [
        ("impl X {\n", "}", 2),
        ("trait T {\n", "}", 2),
        ("#[cfg(test)]\nmod tests {\n", "}", 3),
        ("fn outer() {\nmod m {\n", "}}", 3),
    ] {
        let text = format!("{open}{}{close}\n", function(long));
        let place = (Rule::FunctionSize, "src/clock.rs".to_owned(), line);
        let found = plant("src/clock.rs", &text);
        assert!(found.contains(&place), "{found:?}\n{text}");
    }
    passes("src/clock.rs", &function(fits));
    reports("src/clock.rs", &function(long), Rule::FunctionSize, 1);
}

#[test]
fn unfinished_work_is_reported_in_any_text() {
    for word in [
        concat!("TO", "DO"),
        concat!("FIX", "ME:"),
        concat!("to", "do!()"),
        concat!("unimpl", "emented!()"),
    ] {
        reports(
            "src/clock.rs",
            &format!("\n// {word}\n"),
            Rule::Unfinished,
            2,
        );
        reports("README.md", word, Rule::Unfinished, 1);
        passes("src/clock.rs", &format!("// MAS{word}\n"));
    }
}

#[test]
fn an_ignored_test_without_a_reason_is_reported() {
    for attribute in [concat!("#[", "ignore]"), concat!("#[", "ignore = \" \"]")] {
        let text = format!("#[test]\n{attribute}\nfn t() {{}}\n");
        reports("tests/x.rs", &text, Rule::IgnoredWithoutReason, 2);
        reports("src/message/tests.rs", &text, Rule::IgnoredWithoutReason, 2);
    }
    passes(
        "tests/x.rs",
        "#[test]\n#[ignore = \"an hour\"]\nfn t() {}\n",
    );
}

#[test]
fn a_new_name_at_the_top_level_is_reported() {
    reports("notes.md", "x\n", Rule::TopLevel, 0);
    reports(".cache", "x\n", Rule::TopLevel, 0);
    let planted = |name: &str| CLEAN.iter().any(|(path, _)| *path == name);
    for name in RULES.top_level.iter().filter(|name| !planted(name)) {
        passes(&format!("{name}/file"), "x\n");
    }
}

#[test]
fn what_cannot_be_parsed_is_reported() {
    reports("src/clock.rs", "fn (\n", Rule::Unparsable, 1);
}
