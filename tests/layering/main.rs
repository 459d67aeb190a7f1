//! Rules of the source tree: dependencies between modules, cycles, foreign names reserved to some
//! modules, sizes, unfinished work, and the top level. The tables are here and in `layering/`; the
//! planted violations in `layering/` show that each rule can fail.
//!
//! Code under `cfg(test)` is exempt from the rules on dependencies. Expansions of macros are not
//! checked, nor are the sizes of functions inside a macro's arguments.
#![cfg(test)]

mod arrows;
mod circles;
mod glossary;
mod mentions;
mod planted;
mod planted_words;
mod rooms;
mod rules;
mod shape;
mod tree;
mod words;

use rooms::ROOMS;
use rules::{Forbidden, Reserved, Rules};
use std::path::Path;

const RULES: Rules = Rules {
    max_file_lines: 400,
    max_function_lines: 70,
    rooms: ROOMS,
    reserved: RESERVED,
    forbidden: FORBIDDEN,
    top_level: TOP_LEVEL,
    terms: glossary::TERMS,
    own_uses: glossary::OWN_USES,
    openings: glossary::OPENINGS,
};

/// Foreign names that only some modules may use.
const RESERVED: &[Reserved] = &[
    Reserved {
        name: "tokio",
        only: &["runtime", "tools::demo", "control::admin"],
        reason: "the clock russh needs is one small module; the demo's SSH server and the \
                 administrator's listener are on threads of their own, no shards",
    },
    Reserved {
        name: "sshard_load",
        only: &["tools::tune"],
        reason: "what serves has no load generator in it",
    },
    Reserved {
        name: "sshard_ssh_server",
        only: &["tools::demo"],
        reason: "what serves is a client of SSH alone",
    },
    Reserved {
        name: "glommio",
        only: &["runtime"],
        reason: "a shard has one loop, and what else there is can be tested without it",
    },
    Reserved {
        name: "rustix::event",
        only: &["runtime"],
        reason: "a shard waits in one place",
    },
];

/// Modules without I/O and without a runtime, and the foreign names they may not use.
const FORBIDDEN: &[Forbidden] = &[Forbidden {
    rooms: &[
        "bridge::state",
        "bridge::timers",
        "bridge::uplink",
        "bridge::downlink::flow",
        "bridge::downlink::pacer",
        "bridge::downlink::slow_reader",
        "message",
        "limits",
    ],
    names: &[
        "glommio",
        "tokio",
        "russh",
        "hyper",
        "async_tungstenite",
        "tungstenite",
        "socket2",
        "rustix",
        "std::net::TcpListener",
        "std::net::TcpStream",
        "std::net::ToSocketAddrs",
        "std::net::UdpSocket",
        "std::os::unix::net",
        "std::fs",
        "std::process",
        "std::thread::sleep",
        "std::thread::spawn",
        "std::io::stdin",
        "std::io::stdout",
        "std::io::stderr",
    ],
    reason: "pure, so that tests and models can run every path of it",
}];

/// Names at the top level: first the project's, then those that tools demand.
const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "README.md",
    "src",
    "build.rs",
    "benches",
    "loadtest",
    "tests",
    "perf",
    "Cargo.lock",
    "LICENSE",
    "Makefile",
    "crates",
    "rustfmt.toml",
    "clippy.toml",
    "deny.toml",
    ".ci",
    // CONTRIBUTING.md, where GitHub looks for it.
    ".github",
    ".gitignore",
    // Ignored by git.
    ".git",
    "target",
    "proptest-regressions",
];

#[test]
fn the_tree_holds_the_rules() {
    let violations = rules::check(Path::new(env!("CARGO_MANIFEST_DIR")), &RULES);
    let report: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(
        report.is_empty(),
        "{} violations:\n{}",
        report.len(),
        report.join("\n")
    );
}
