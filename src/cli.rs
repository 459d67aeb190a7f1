//! The command line: subcommands and flags, and how flags become layers of the configuration.
//!
//! Has no defaults and checks no values: `config` does both, for every layer alike.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Flag, Layers};

#[cfg(feature = "evaluation")]
mod demo;
#[cfg(test)]
mod tests;
#[cfg(feature = "evaluation")]
mod tune;

#[cfg(feature = "evaluation")]
pub use demo::Demo;
#[cfg(feature = "evaluation")]
pub use tune::Tune;

/// A WebSocket-to-SSH bridge.
#[derive(Debug, Parser)]
#[command(name = "sshard", version = env!("SSHARD_VERSION"), about)]
pub struct Cli {
    /// Subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try it: the bridge on loopback with your own shell behind it; prints a link for the browser.
    #[cfg(feature = "evaluation")]
    Demo(Demo),
    /// Check this host: how many sessions it can hold, and what to change for more.
    Doctor(Doctor),
    /// Run the bridge.
    Serve(Box<Serve>),
    /// Show or end the sessions of a running bridge.
    Sessions(Sessions),
    /// Try numbers of shards on this host under load, and recommend one.
    #[cfg(feature = "evaluation")]
    Tune(Tune),
}

/// Flags of `sshard doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// TOML file of the bridge that is to run here.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Named set of values under the file: high-performance, security or development.
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Any setting, as section.key=value; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Number of shards, or auto.
    #[arg(long, value_name = "N")]
    pub shards: Option<String>,
    /// CPUs to pin the shards to, such as 0-3,8.
    #[arg(long, value_name = "LIST")]
    pub cpus: Option<String>,
    /// Number of sessions that are to fit, in place of limits.max_connections.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub sessions: Option<u32>,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Read the /proc and /sys below this directory, copied from another host; no ring is tried.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

const SERVE: &str = "\
Examples:
  sshard serve --allow 10.0.0.5:22
  sshard serve --config sshard.toml --check
  sshard serve --preset security --print-config --changed

Later layers win: default, --preset, --config, environment (SSHARD_SECTION__KEY, such as
SSHARD_LIMITS__MAX_CONNECTIONS), --set, flags. --print-config explains every setting.

Signals: SIGTERM and SIGINT drain, a second one ends at once; SIGHUP reads the configuration again.
Exit status: 0 done, 2 bad command line, 78 bad configuration, 1 anything else.";

/// Flags of `sshard serve`.
#[derive(Debug, Args)]
#[command(after_help = SERVE)]
pub struct Serve {
    /// Flags of all subcommands that run the bridge.
    #[command(flatten)]
    pub common: Common,
    /// TOML file with settings.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Named set of values under the file: high-performance, security or development.
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Placement of connections on shards: balanced or kernel.
    #[arg(long, value_name = "HOW")]
    pub placement: Option<String>,
    /// Target the bridge may connect to, such as host:22 or 10.0.0.0/8:22; replaces the file's
    /// list.
    #[arg(long, value_name = "TARGET")]
    pub allow: Vec<String>,
    /// Longest time sessions get to end when the server stops, such as 30s.
    #[arg(long, value_name = "TIME")]
    pub drain_timeout: Option<String>,
    /// Unix socket over which the listeners are taken over from the running process, and later
    /// handed to the next one.
    #[arg(long, value_name = "SOCKET")]
    pub takeover: Option<String>,
    /// PEM file with the certificate and its chain; the public port then speaks TLS.
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// PEM file with the certificate's private key.
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// End when the process of this number, which started this one, does. For `sshard tune`.
    #[arg(long, value_name = "PID", hide = true)]
    pub with_parent: Option<u32>,
    /// Check whether the bridge could be served here with this configuration, and exit.
    #[arg(long)]
    pub check: bool,
    /// Print every setting with its meaning, value and source, and exit.
    #[arg(long)]
    pub print_config: bool,
    /// With --print-config: only settings that differ from their defaults.
    #[arg(long, requires = "print_config")]
    pub changed: bool,
}

/// Flags of `sshard sessions`.
#[derive(Debug, Args)]
pub struct Sessions {
    /// Action; without it, list.
    #[command(subcommand)]
    pub action: Option<SessionsAction>,
    /// TOML file of the bridge, for admin.listen and admin.token_file.
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Any setting, as section.key=value; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE", global = true)]
    pub set: Vec<String>,
    /// Address of the bridge's admin listener.
    #[arg(long, value_name = "ADDR", global = true)]
    pub admin: Option<String>,
    /// File with the admin token.
    #[arg(long, value_name = "FILE", global = true)]
    pub token_file: Option<String>,
    /// Print the answer as JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// Actions of `sshard sessions`.
#[derive(Debug, Subcommand)]
pub enum SessionsAction {
    /// List all sessions.
    List,
    /// Show one session.
    Show {
        /// Id, or the first digits of it.
        id: String,
    },
    /// End sessions; their clients see 4412.
    Kill {
        /// Ids, or the first digits of each.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

/// Flags of every subcommand that runs the bridge.
#[derive(Debug, Args)]
pub struct Common {
    /// Address of the public port; may be given more than once.
    #[arg(long, value_name = "ADDR")]
    pub listen: Vec<String>,
    /// Address of the admin port; may be given more than once.
    #[arg(long, value_name = "ADDR")]
    pub admin_listen: Vec<String>,
    /// Number of shards, or auto.
    #[arg(long, value_name = "N")]
    pub shards: Option<String>,
    /// CPUs to pin the shards to, such as 0-3,8.
    #[arg(long, value_name = "LIST")]
    pub cpus: Option<String>,
    /// Any setting, as section.key=value; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Least severe events to log: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Format of log lines: text or json.
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

impl Command {
    /// Returns the layers of the configuration that the command line and the environment make.
    pub fn layers(&self, env: Vec<(OsString, OsString)>) -> Layers {
        let layers = match self {
            #[cfg(feature = "evaluation")]
            Self::Demo(demo) => demo.layers(),
            Self::Doctor(doctor) => doctor.layers(),
            Self::Serve(serve) => serve.layers(),
            Self::Sessions(sessions) => sessions.layers(),
            // It runs bridges with settings of its own.
            #[cfg(feature = "evaluation")]
            Self::Tune(_) => return Layers::default(),
        };
        Layers { env, ..layers }
    }
}

impl Serve {
    fn layers(&self) -> Layers {
        // Complete on purpose, here and below: a new flag must find its layer, or its use.
        let Self {
            common,
            config,
            preset,
            placement,
            allow,
            drain_timeout,
            takeover,
            tls_cert,
            tls_key,
            with_parent: _,
            check: _,
            print_config: _,
            changed: _,
        } = self;
        let flags = [
            flag("--placement", "server.placement", placement),
            list("--allow", "targets.allow", allow),
            flag("--drain-timeout", "server.drain_timeout", drain_timeout),
            flag("--takeover", "server.takeover", takeover),
            flag("--tls-cert", "tls.cert_file", tls_cert),
            flag("--tls-key", "tls.key_file", tls_key),
        ];
        let mut layers = common.layers();
        layers.flags.extend(flags.into_iter().flatten());
        Layers {
            preset: preset.clone(),
            file: config.clone(),
            ..layers
        }
    }
}

impl Doctor {
    fn layers(&self) -> Layers {
        let Self {
            config,
            preset,
            set,
            shards,
            cpus,
            sessions: _,
            json: _,
            root: _,
        } = self;
        let flags = [
            flag("--shards", "server.shards", shards),
            flag("--cpus", "server.cpus", cpus),
        ];
        Layers {
            preset: preset.clone(),
            file: config.clone(),
            ..layers(set, flags)
        }
    }
}

impl Sessions {
    fn layers(&self) -> Layers {
        let Self {
            action: _,
            config,
            set,
            admin,
            token_file,
            json: _,
        } = self;
        let flags = [
            flag("--admin", "admin.listen", admin),
            flag("--token-file", "admin.token_file", token_file),
        ];
        Layers {
            file: config.clone(),
            ..layers(set, flags)
        }
    }
}

impl Common {
    fn layers(&self) -> Layers {
        let Self {
            listen,
            admin_listen,
            shards,
            cpus,
            set,
            log_level,
            log_format,
        } = self;
        let flags = [
            list("--listen", "server.listen", listen),
            list("--admin-listen", "admin.listen", admin_listen),
            flag("--shards", "server.shards", shards),
            flag("--cpus", "server.cpus", cpus),
            flag("--log-level", "log.level", log_level),
            flag("--log-format", "log.format", log_format),
        ];
        layers(set, flags)
    }
}

/// Layers of `--set` and of the flags that were given.
fn layers<const N: usize>(set: &[String], flags: [Option<Flag>; N]) -> Layers {
    Layers {
        set: set.to_vec(),
        flags: flags.into_iter().flatten().collect(),
        ..Layers::default()
    }
}

fn flag(name: &'static str, key: &'static str, value: &Option<String>) -> Option<Flag> {
    value.clone().map(|value| Flag { name, key, value })
}

/// A flag that may be repeated: absent is not an empty list.
fn list(name: &'static str, key: &'static str, values: &[String]) -> Option<Flag> {
    (!values.is_empty()).then(|| Flag {
        name,
        key,
        value: values.join(","),
    })
}
