//! sshard: a sharded, thread-per-core WebSocket-to-SSH bridge.
//!
//! A client opens a WebSocket, sends SSH credentials, and gets a terminal on
//! an SSH server. One pinned executor per core owns its sessions; nothing is
//! shared on the data path. The map, top to bottom (arrows point down only):
//!
//! | module | what it is |
//! |---|---|
//! | [`cli`], [`tools`] | the command line and its subcommands |
//! | [`allocator`] | what the program expects of it |
//! | [`server`] | places the shards on CPUs, starts and stops them |
//! | [`control`] | signals, the drain, reload, the administrator's listener, dead shards |
//! | [`shard`] | one core: accept, place, own sessions |
//! | [`http`] | the request before the WebSocket |
//! | `web` | the terminal page, its client library, and what serves them |
//! | [`bridge`] | one session: a pure state machine and its shell |
//! | [`ws`], [`ssh`] | the two sides; they never see each other |
//! | [`message`] | the wire protocol (PROTOCOL.md is beside it) |
//! | [`targets`], [`limits`], [`ticket`] | where to, how many and how often, on whose word |
//! | [`registry`] | one small record per session, for others to read |
//! | [`runtime`] | a shard's loop: tasks, timers, sockets |
//! | [`config`], [`telemetry`], [`error`], [`workers`], [`net`], [`secret_file`], [`append_file`], [`plain_text`], [`clock`] | what all stand on |
//!
//! A shard's thread is glommio's: pinned, and refused at the start where the kernel lacks what it needs. Its one task there
//! is our epoll loop ([`runtime`]), because a park and a wake-up in glommio cost ten system calls, two of them per lone
//! keystroke. So the shard waits in one place for its sockets, timers and other threads.

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
pub mod workers;
pub mod ws;
