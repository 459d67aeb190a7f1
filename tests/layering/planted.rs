//! Tests of the checker: a clean tree passes, and one planted violation of each rule is reported as
//! that violation, with its file and line, and as nothing else.

use crate::RULES;
use crate::cycles::leads_to;
use crate::rules::{self, Rule};
use crate::shape::UNFINISHED_WORDS;
use std::collections::BTreeMap;
use std::fs;

/// Tree that breaks no rule, with edge cases of several: rows of file and text, in which `\n` is a
/// line feed.
const CLEAN: &str = r#"
Cargo.toml | [package]\n
src/lib.rs | //! Map.\npub mod runtime;\npub mod ws;\npub mod ssh;\n
src/main.rs | use sshard::{cli, server::run};\nfn main() {}\n
src/ssh/mod.rs | use crate::message::{Credentials, Secret};\nuse crate::runtime::clock;\n
src/runtime/mod.rs | mod clock;\n
src/runtime/clock.rs | pub use tokio::io::AsyncRead;\n
src/bridge/mod.rs | mod session;\nmod state;\nuse session::S;\n
src/bridge/session.rs | use super::state::State;\nuse crate::{ssh::Client, ws::Socket};\n
src/bridge/state.rs | #[cfg(not(loom))]\nuse crate::message::M;\npub(super) struct S;\n
src/limits/mod.rs | use std::net::IpAddr;\n
src/message/mod.rs | #[cfg(test)]\nmod tests;\n#[cfg(all(test, unix))]\nmod x { use crate::cli::X; }\n
src/message/tests.rs | use crate::ssh::Client;\nuse tokio::net::TcpStream;\n
tests/e2e.rs | use tokio::net::TcpStream;\nuse sshard::ws;\n
target/debug/build.rs | this is no Rust\n
"#;

/// Violations, each with the text that makes it.
const PLANTED: &str = r#"
src/ws.rs:1: forbidden dependency | use crate::ssh::Client;
src/ws.rs:1: forbidden dependency | use crate::{config::C, ssh};
src/ws.rs:1: forbidden dependency | use super::ssh::Client as C;
src/ws.rs:1: forbidden dependency | use crate::ssh::*;
src/ws.rs:1: forbidden dependency | fn f(c: crate::ssh::Client) {}
src/ws.rs:1: forbidden dependency | fn f() { crate::ssh::connect_tcp() }
src/ws.rs:1: forbidden dependency | fn f() -> Vec<crate::ssh::Client> { x }
src/ws.rs:1: forbidden dependency | impl Drop for X { fn drop(&mut self) { crate::ssh::gone(); } }
src/ws.rs:1: forbidden dependency | fn f() { println!("{}", crate::ssh::NAME); }
src/ws.rs:2: forbidden dependency | mod inner {\n use super::super::ssh::Client;\n}
src/ws.rs:2: forbidden dependency | #[cfg(not(test))]\nuse crate::ssh::Client;
src/ws.rs:1: forbidden dependency | pub(in crate::ws) fn f(c: &dyn crate::ssh::Dial) {}
src/ws.rs:1: forbidden dependency | macro_rules! m { () => { $crate::ssh::connect_tcp() } }
src/ssh/tcp.rs:1: forbidden dependency | use crate::ws::Socket;
src/ssh/x.rs:1: forbidden dependency | use crate::message::ClientMessage;
src/ssh/x.rs:1: forbidden dependency | use crate::message;
src/ssh/x.rs:1: forbidden dependency | use crate::message::*;
src/main.rs:1: forbidden dependency | use sshard::ssh::Client;
src/control/x.rs:1: forbidden dependency | use crate::shard::Shard;
src/tools/tune.rs:1: forbidden dependency | use crate::web::has_page;
src/helpers.rs:0: module without a row | fn f() {}\n
src/ws.rs:1: module without a row | use crate::Everything;
src/ws.rs:1: module without a row | use crate::*;
src/limits/table.rs:1: impure name | use std::net::*;
src/limits/table.rs:2: impure name | use std::net;\nfn f(s: net::TcpStream) {}
notes.md:0: unknown top-level name | x\n
.cache:0: unknown top-level name | x\n
src/clock.rs:1: file cannot be parsed | fn (\n
tests/deaf.pl:0: private term | x\n
loadtest/the-desk.py:0: private term | x\n
tests/outbox/x.md:0: private term | x\n
"#;

/// Files that look as if they broke a rule.
const ALLOWED: &str = r#"
src/clock.rs | pub fn now() {}\n
src/clock.rs | fn flood() {}
src/clock.rs | /// Whatever it is.\nfn f() {}\n
src/ssh/x.rs | use crate::message::{Credentials as C, Secret};
src/control/x.rs | use crate::shard::{ProcessLifecycle, Command};
src/tools/demo/text.rs | use crate::web::has_page;
src/limits/table.rs | use std::net::{IpAddr, SocketAddr};
src/control/admin.rs | use std::net::TcpStream;
tests/x.rs | fn desktop() {}
tests/x.rs | fn outdoors() {}
tests/x.rs | // The desk.\nfn f() { g("desk") }
tests/x.rs | /// The desk.\nfn f() {}
tests/desktop.pl | x\n
"#;

/// Both columns of a table.
fn rows(table: &str) -> impl Iterator<Item = (&str, String)> {
    let rows = table.lines().filter(|row| !row.is_empty());
    rows.map(|row| {
        let (name, text) = row.split_once(" | ").expect(row);
        (name, text.replace("\\n", "\n"))
    })
}

/// Writes the clean tree with `files` added or replaced, and returns what is found, as in
/// [`PLANTED`].
fn plant(files: &[(&str, &str)]) -> Vec<String> {
    let tree = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    rows(CLEAN).for_each(|(path, text)| put(path, &text));
    files.iter().for_each(|(path, text)| put(path, text));
    let found = rules::check(tree.path(), &RULES).into_iter();
    found.map(|found| found.location).collect()
}

/// Expects these violations of the file.
#[track_caller]
pub(crate) fn reports_all(file: &str, text: &str, expected: &[String]) {
    let found = plant(&[(file, text)]);
    assert_eq!(found, expected, "planted in {file}:\n{text}");
}

/// Expects this violation, as in [`PLANTED`], and no other.
#[track_caller]
pub(crate) fn reports(violation: &str, text: &str) {
    let (file, _) = violation.split_once(':').unwrap();
    reports_all(file, text, &[violation.to_owned()]);
}

#[track_caller]
pub(crate) fn passes(file: &str, text: &str) {
    reports_all(file, text, &[]);
}

/// File of a row of the table of modules.
fn file_of(module: &str) -> String {
    format!("src/{}.rs", module.replace("::", "/"))
}

#[test]
fn each_planted_violation_is_reported_and_nothing_else() {
    rows(PLANTED).for_each(|(violation, text)| reports(violation, &text));
    rows(ALLOWED).for_each(|(file, text)| passes(file, &text));
}

#[test]
fn each_module_may_use_only_the_modules_of_its_row() {
    let targets = RULES.modules.iter().map(|target| target.name);
    let text: String = targets
        .clone()
        .map(|name| format!("use crate::{name}::Thing;\n"))
        .collect();
    for row in &RULES.modules {
        let file = file_of(row.name);
        let mut expected = Vec::new();
        for (line, name) in (1..).zip(targets.clone()) {
            let inside = |outer: &str| name == outer || name.starts_with(&format!("{outer}::"));
            if !inside(row.name) && !row.names.iter().any(|allowed| inside(allowed)) {
                expected.push(format!("{file}:{line}: {}", Rule::Dependency));
            }
        }
        reports_all(&file, &text, &expected);
    }
}

#[test]
fn the_module_table_has_no_cycle() {
    fn top(name: &str) -> &str {
        name.split("::").next().unwrap()
    }
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in &RULES.modules {
        let others = row.names.iter().map(|name| top(name));
        let others = others.filter(|other| *other != top(row.name));
        next.entry(top(row.name)).or_default().extend(others);
    }
    for (from, others) in &next {
        for to in others {
            assert!(
                !leads_to(&next, to, from),
                "{from} and {to} name each other"
            );
        }
    }
}

#[test]
fn cycles_of_sibling_modules_are_reported() {
    let (a, b, c) = ("src/http/a.rs", "src/http/b/mod.rs", "src/http/b/c.rs");
    let d = "src/http/d.rs";
    let [other_a, other_b] = ["loadtest/src/a.rs", "loadtest/src/b.rs"];
    let names_a = "fn f(a: super::super::a::A) {}";
    let names_b = "use super::b::B;";
    let names_d = "use super::d::D;";
    let own_tests = "#[cfg(test)]\nmod tests { use super::super::b::B; }";
    for cycle in [
        &[(a, names_b), (b, "use crate::http::a::A;")] as &[_],
        &[(a, "use super::b::c::C;"), (c, names_a)],
        &[(a, names_b), (b, names_d), (d, "use super::a::A;")],
        &[(other_a, "use crate::b::B;"), (other_b, "use crate::a::A;")],
    ] {
        let expected = cycle
            .iter()
            .map(|(file, _)| format!("{file}:1: {}", Rule::Cycle));
        assert_eq!(plant(cycle), expected.collect::<Vec<_>>(), "{cycle:?}");
    }
    for clean in [
        &[(a, names_b), (b, names_d), (d, "")] as &[_],
        &[(b, "mod c; use c::C;"), (c, "use super::B;")],
        &[(a, own_tests), (b, "use super::a::A;")],
    ] {
        assert!(plant(clean).is_empty(), "{clean:?}");
    }
}

#[test]
fn each_reserved_name_is_reported_outside_its_modules() {
    for reserved in &RULES.reserved {
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
            reports("src/targets.rs:1: reserved name", &text);
            for module in &reserved.names {
                passes(&file_of(module), &text);
            }
        }
    }
}

#[test]
fn each_impure_name_is_reported_in_each_pure_module() {
    let names = || (1..).zip(&RULES.impure_names);
    let text: String = names().map(|(_, name)| format!("use {name};\n")).collect();
    for module in &RULES.pure {
        let file = file_of(module);
        let expected = names().map(|(line, name)| {
            let is_reserved = RULES.reserved.iter().any(|row| row.name == *name);
            let rule = if is_reserved {
                Rule::Reserved
            } else {
                Rule::Impure
            };
            format!("{file}:{line}: {rule}")
        });
        reports_all(&file, &text, &expected.collect::<Vec<_>>());
    }
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
        reports(&format!("{file}:{count}: file too long"), &lines(count));
    }
}

#[test]
fn unfinished_work_is_reported_in_any_text() {
    for word in UNFINISHED_WORDS {
        reports(
            "src/clock.rs:2: unfinished work",
            &format!("\n// {word}:\n"),
        );
        reports("README.md:1: unfinished work", word);
        passes("src/clock.rs", &format!("// MAS{word}\n"));
    }
}

#[test]
fn each_name_of_the_top_level_is_allowed() {
    let planted = |name: &str| rows(CLEAN).any(|(path, _)| path == name);
    for name in RULES.top_level.iter().filter(|name| !planted(name)) {
        passes(&format!("{name}/file"), "x\n");
    }
}
