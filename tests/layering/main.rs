//! Rules of the source tree: dependencies between modules, cycles, foreign names reserved to some
//! modules, sizes of files, unfinished work, and the top level. The tables are here and in
//! `modules` and `glossary`; the planted violations show that each rule can fail. Clippy holds the
//! sizes of functions, and that an ignored test has a reason.
//!
//! Code under `cfg(test)` is exempt from the rules on dependencies. Expansions of macros are not
//! checked.
#![cfg(test)]

mod cycles;
mod dependencies;
mod glossary;
mod mentions;
mod modules;
mod planted;
mod planted_words;
mod rules;
mod shape;
mod tree;
mod words;

use rules::{Rules, rows};
use std::path::Path;
use std::sync::LazyLock;

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules {
    max_file_lines: 400,
    modules: rows(modules::MODULES),
    reserved: rows(RESERVED),
    pure: PURE.split_whitespace().collect(),
    impure_names: IMPURE_NAMES.split_whitespace().collect(),
    top_level: TOP_LEVEL.split_whitespace().collect(),
    terms: words::terms(glossary::TERMS),
    own_uses: glossary::OWN_USES,
    openings: glossary::OPENINGS,
});

/// Foreign names, why they are reserved, and the modules that alone may use them.
const RESERVED: &str = "\
tokio: a small clock for russh; the demo's server and the admin listener are threads, not shards
    runtime tools::demo control::admin
sshard_load: what serves has no load generator in it
    tools::tune
sshard_ssh_server: what serves is a client of SSH alone
    tools::demo
glommio: a shard has one loop, and what else there is can be tested without it
    runtime
rustix::event: a shard waits in its reactor alone; a takeover is the control thread's
    runtime control::takeover
";

/// Modules without I/O and without a runtime, so that tests and models can run every path of them.
const PURE: &str = "bridge::state bridge::timers bridge::uplink bridge::downlink::flow \
    bridge::downlink::pacer bridge::downlink::slow_reader message limits";

/// Foreign names that pure modules may not use.
const IMPURE_NAMES: &str = "glommio tokio russh hyper async_tungstenite tungstenite socket2 rustix \
    std::net::TcpListener std::net::TcpStream std::net::ToSocketAddrs std::net::UdpSocket \
    std::os::unix::net std::fs std::process std::thread::sleep std::thread::spawn \
    std::io::stdin std::io::stdout std::io::stderr";

/// Names at the top level: the project's, those that tools demand (GitHub looks for CONTRIBUTING.md
/// in `.github`), and the last three, which git ignores.
const TOP_LEVEL: &str = "Cargo.toml README.md src build.rs benches loadtest tests perf Cargo.lock \
    LICENSE Makefile crates rustfmt.toml clippy.toml deny.toml .ci .github .gitignore \
    .git target proptest-regressions";

#[test]
fn the_tree_breaks_no_rule() {
    let violations = rules::check(Path::new(env!("CARGO_MANIFEST_DIR")), &RULES);
    let report: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(report.is_empty(), "violations:\n{}", report.join("\n"));
}

/// The lints are on, of each crate that has a configuration of its own with the same bound.
#[test]
fn clippy_checks_sizes_of_functions_and_reasons_of_ignored_tests() {
    let files = tree::text_files(Path::new(env!("CARGO_MANIFEST_DIR")));
    let bound = "\ntoo-many-lines-threshold = 70\n";
    let configurations = files
        .iter()
        .filter(|file| file.path.ends_with("clippy.toml"));
    for file in configurations {
        assert!(file.text.contains(bound), "{}", file.path);
    }
    let manifest = files.iter().find(|file| file.path == "Cargo.toml").unwrap();
    for lint in [
        "too_many_lines",
        "ignore_without_reason",
        "todo",
        "unimplemented",
    ] {
        let line = format!("\n{lint} = \"warn\"\n");
        assert!(manifest.text.contains(&line), "{lint}");
    }
    for file in files
        .iter()
        .filter(|file| file.path.ends_with("/Cargo.toml"))
    {
        assert!(
            file.text.contains("[lints]\nworkspace = true"),
            "{}",
            file.path
        );
    }
}
