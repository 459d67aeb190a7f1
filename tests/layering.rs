//! Holds the shape of the source tree: which module may name which, which names are reserved to
//! which modules, sizes, unfinished work, and the top level. The tables below are the rules;
//! `layering/` is the checker, and `layering/planted.rs` shows that each rule can fail.
//!
//! Code under `cfg(test)` is exempt from arrows and names, not from sizes. Not looked at: what a
//! macro expands to, and functions written inside a macro's arguments.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]

#[path = "layering/arrows.rs"]
mod arrows;
#[path = "layering/mentions.rs"]
mod mentions;
#[path = "layering/planted.rs"]
mod planted;
#[path = "layering/rules.rs"]
mod rules;
#[path = "layering/shape.rs"]
mod shape;
#[path = "layering/tree.rs"]
mod tree;

use rules::{Forbidden, Reserved, Room, Rules};
use std::path::Path;

const RULES: Rules = Rules {
    max_file_lines: 400,
    max_function_lines: 70,
    rooms: ROOMS,
    reserved: RESERVED,
    forbidden: FORBIDDEN,
    top_level: TOP_LEVEL,
};

/// Every module of the crate and what it may name. The longest name that fits a module is its
/// row; a module may always name what lies inside its own row.
const ROOMS: &[Room] = &[
    Room {
        name: "main",
        may_name: &[
            "cli",
            "config",
            "tools",
            "server",
            "telemetry",
            "error",
            "allocator",
        ],
        reason: "a table of contents: parse, load, run",
    },
    Room {
        name: "cli",
        may_name: &["config"],
        reason: "flags become a layer of the configuration and nothing else",
    },
    Room {
        name: "tools",
        may_name: &[
            "server",
            "cli::Doctor",
            "cli::Serve",
            "cli::Sessions",
            "cli::SessionsAction",
            "cli::Tune",
            "control::admin::Token",
            "control::admin::TokenError",
            "config",
            "telemetry",
            "error",
            "clock",
        ],
        reason: "a subcommand starts a server or talks to one; it sees no session",
    },
    Room {
        name: "tools::demo",
        may_name: &[
            "server",
            "config",
            "telemetry",
            "error",
            "clock",
            "ssh",
            "tools::ToolError",
            "tools::say",
            "tools::announce",
        ],
        reason: "brings its own SSH server, so it needs that side's key types",
    },
    Room {
        name: "server",
        may_name: &[
            "control",
            "shard",
            "bridge::SessionContext",
            "bridge::Terms",
            "bridge::LatestTerms",
            "bridge::TermsError",
            "bridge::LoginThrottle",
            "registry",
            "limits",
            "targets",
            "ssh",
            "telemetry",
            "workers",
            "config",
            "error",
            "clock",
        ],
        reason: "builds what the shards share, then places, starts and stops them",
    },
    Room {
        name: "control",
        may_name: &[
            "shard::Mail",
            "shard::MailSender",
            "shard::Lifecycle",
            "shard::Placement",
            "shard::Drain",
            "bridge::Terms",
            "bridge::LatestTerms",
            "bridge::TermsError",
            "registry",
            "limits",
            "http",
            "ws::Tls",
            "ssh::known_hosts",
            "targets::OwnListeners",
            "workers",
            "telemetry",
            "config",
            "secret_file",
            "error",
            "clock",
        ],
        reason: "reaches a shard by its mailbox alone; the rest it reads",
    },
    Room {
        name: "shard",
        may_name: &[
            "http",
            "bridge",
            "limits",
            "ws",
            "ssh::SshRuntime",
            "sockets",
            "registry",
            "telemetry",
            "config",
            "error",
            "clock",
        ],
        reason: "accepts connections and owns sessions; what a session does is the bridge's",
    },
    Room {
        name: "http",
        may_name: &[
            "ws", "targets", "message", "config", "net", "error", "clock",
        ],
        reason: "from a request to an upgrade; it knows no session",
    },
    Room {
        name: "bridge",
        may_name: &[
            "sockets",
            "message",
            "ws",
            "ssh",
            "targets",
            "limits",
            "ticket",
            "registry",
            "telemetry",
            "config",
            "error",
            "clock",
            "workers",
        ],
        reason: "the one place where the two sides meet",
    },
    Room {
        name: "bridge::state",
        may_name: &[
            "bridge::timers",
            "bridge::queue",
            "message",
            "limits",
            "config",
            "error",
        ],
        reason: "pure: events and instants in, actions out; no step back to the session",
    },
    Room {
        name: "bridge::timers",
        may_name: &["config", "error"],
        reason: "pure: a table of instants",
    },
    Room {
        name: "bridge::queue",
        may_name: &[],
        reason: "pure: how a queue holds no room",
    },
    Room {
        name: "ws",
        may_name: &[
            "sockets",
            "config",
            "secret_file",
            "error",
            "clock",
            "message",
        ],
        reason: "one WebSocket; it never sees SSH",
    },
    Room {
        name: "ssh",
        may_name: &[
            "config",
            "error",
            "clock",
            "workers",
            "message::Credentials",
            "message::WindowSize",
            "message::Secret",
            "message::TerminalRequest",
            "message::SignalName",
            "message::ExitSignal",
            "message::Prompt",
            "message::escape_remote_text",
            "sockets",
            "net",
            "limits::Rate",
            "limits::RateTable",
        ],
        reason: "one SSH connection; it never sees a WebSocket, and of the messages only values",
    },
    Room {
        name: "targets",
        may_name: &["config", "net", "error"],
        reason: "which address may be dialled; it dials none",
    },
    Room {
        name: "ticket",
        may_name: &[
            "config",
            "net",
            "secret_file",
            "error",
            "message::MAX_TICKET",
        ],
        reason: "whether a signed word is good; what it opens is the bridge's",
    },
    Room {
        name: "limits",
        may_name: &[],
        reason: "checked by loom on its own",
    },
    Room {
        name: "message",
        may_name: &[],
        reason: "bytes in, values out",
    },
    Room {
        name: "telemetry",
        may_name: &["registry::State", "config", "error", "clock"],
        reason: "counts and writes; it asks nothing of those it counts",
    },
    Room {
        name: "registry",
        may_name: &["clock"],
        reason: "records that a session writes and everyone reads",
    },
    Room {
        name: "workers",
        may_name: &[],
        reason: "threads for work that blocks, whatever the work is",
    },
    Room {
        name: "sockets",
        may_name: &["clock"],
        reason: "which sockets of a shard are ready, whatever they are for",
    },
    Room {
        name: "allocator",
        may_name: &[],
        reason: "one word to the system's allocator",
    },
    Room {
        name: "config",
        may_name: &["net"],
        reason: "everything reads it, so it reads next to nothing",
    },
    Room {
        name: "error",
        may_name: &["message"],
        reason: "a bad message is one of the causes in its table",
    },
    Room {
        name: "net",
        may_name: &[],
        reason: "arithmetic of addresses",
    },
    Room {
        name: "secret_file",
        may_name: &[],
        reason: "what all files with a secret in them have in common",
    },
    Room {
        name: "clock",
        may_name: &[],
        reason: "the bottom",
    },
];

/// Names from outside that only some modules may write.
const RESERVED: &[Reserved] = &[
    Reserved {
        name: "tokio",
        only: &["ssh::runtime", "tools::demo", "control::admin"],
        reason: "the seam russh needs is one small module; the demo's SSH server and the \
                 administrator's listener are on threads of their own, no shards",
    },
    Reserved {
        name: "sshard_load",
        only: &["tools::tune"],
        reason: "what serves has no load generator in it",
    },
    Reserved {
        name: "glommio",
        only: &[
            "shard",
            "ssh",
            "ws",
            "http",
            "bridge::session",
            "bridge::connector",
            "server",
            "sockets",
        ],
        reason: "what else there is can be tested without an executor",
    },
];

/// Modules that do no I/O and know no runtime, and the names that would betray them.
const FORBIDDEN: &[Forbidden] = &[Forbidden {
    rooms: &["bridge::state", "bridge::timers", "message", "limits"],
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

/// Names at the top level: what the project is, then what its tools demand.
const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "README.md",
    "src",
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
    ".gitignore",
    // Never committed.
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
