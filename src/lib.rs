//! sshard: a sharded, thread-per-core WebSocket-to-SSH bridge.
//!
//! A client opens a WebSocket, sends SSH credentials, and gets a terminal on an SSH server. Each
//! core has one pinned thread, a shard, which owns its sessions from their first byte to their
//! last; the data path shares nothing between shards.
//!
//! # Map
//!
//! A module names only modules below it, never the other way round; `tests/layering` holds the
//! exact rules, also for those under the line. `ws` and `ssh` do not know each other: `bridge`
//! joins them.
//!
//! ```text
//!              main
//!               │
//!        cli ── tools         serve, sessions, doctor; demo, tune (feature `evaluation`)
//!               │
//!             server          builds what the shards share, then starts and stops them
//!           ┌───┴─────┐
//!        control    shard     one per core: accepts, places, owns sessions
//!           │     ┌───┴────┐
//!           ├─── http    bridge     one session: pure state machine, and its I/O
//!           │     │   ┌────┼──────┬──────────────┐
//!          web ───┤   │    │      │              │
//!                 └─ ws   ssh   targets        ticket
//!   ─────────────────────────────────────────────────────────────────────────
//!    runtime   registry   telemetry   workers   config   limits   error   message
//!    net   clock
//! ```
//!
//! | module | contents |
//! |---|---|
//! | [`cli`], [`tools`] | command line; one file or folder per subcommand |
//! | [`server`] | listeners, CPUs, the shards' threads |
//! | [`control`] | admin listener, metrics, reload, drain, takeover, signals, supervision of the shards |
//! | [`shard`] | accept loop, placement, table of sessions |
//! | [`http`], `web` | requests up to the upgrade; the terminal page and its headers |
//! | [`bridge`] | one session, from login to close |
//! | [`ws`], [`ssh`] | WebSocket with TLS; SSH client, host keys, credentials |
//! | [`message`] | `sshard.v1` and the compatible dialect (PROTOCOL.md is beside it) |
//! | [`targets`], [`limits`], [`ticket`] | target policy and name resolution; limits and rates; admission tickets |
//! | [`runtime`] | a shard's event loop: tasks, timers, sockets |
//! | [`registry`], [`telemetry`] | one record per session; log, audit log, counters |
//! | [`config`], [`error`] | declaration of every setting; table of every end of a session |
//! | [`workers`] | threads for work that blocks |
//! | [`net`], [`plain_text`], [`append_file`], [`secret_file`], [`clock`], [`allocator`], `words` | helpers without dependencies |
//!
//! # Event loop
//!
//! glommio pins a shard's thread and checks the kernel's features at the start. The thread runs one
//! glommio task, an epoll loop of our own ([`runtime`]): a park and a wake-up in glommio cost about
//! ten system calls, and a keystroke would need two of each. So sockets, timers and other threads
//! wake a shard in one place.

pub mod allocator;
pub mod append_file;
pub mod bridge;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod error;
pub mod http;
pub mod limits;
pub mod message;
pub mod net;
pub mod plain_text;
pub mod registry;
pub mod runtime;
pub mod secret_file;
pub mod server;
pub mod shard;
pub mod ssh;
pub mod targets;
pub mod telemetry;
pub mod ticket;
pub mod tools;
mod web;
mod words;
pub mod workers;
pub mod ws;
