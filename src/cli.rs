//! The command line: subcommands and flags, and how flags become layers of the configuration.
//!
//! No default stands here and no value is checked here: `config` does both, for every layer alike.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Flag, Layers};

/// A WebSocket-to-SSH bridge.
#[derive(Debug, Parser)]
#[command(name = "sshard", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the bridge and an embedded SSH server on loopback, and print how to connect.
    Demo(Demo),
    /// Run the bridge.
    Serve(Serve),
    /// Show or end the sessions of a running bridge.
    Sessions(Sessions),
}

/// Flags of `sshard demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Flags both subcommands have.
    #[command(flatten)]
    pub common: Common,
    /// Offer the login shell of this user in place of the built-in toy.
    #[arg(long)]
    pub shell: bool,
}

/// Flags of `sshard serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Flags both subcommands have.
    #[command(flatten)]
    pub common: Common,
    /// TOML file with settings.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Named set of values under the file: high-performance, security or development.
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// How connections find a shard: balanced or kernel.
    #[arg(long, value_name = "HOW")]
    pub placement: Option<String>,
    /// Target the bridge may connect to, such as host:22 or 10.0.0.0/8:22; replaces the file's list.
    #[arg(long, value_name = "TARGET")]
    pub allow: Vec<String>,
    /// Longest time sessions get to end when the server stops, such as 30s.
    #[arg(long, value_name = "TIME")]
    pub drain_timeout: Option<String>,
    /// Unix socket over which the listeners are taken from the process that runs, and later given on.
    #[arg(long, value_name = "SOCKET")]
    pub takeover: Option<String>,
    /// PEM file with the certificate and its chain; the public port then speaks TLS.
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// PEM file with the certificate's private key.
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// Check the configuration and exit.
    #[arg(long)]
    pub check: bool,
    /// Print the configuration with the source of each value, and exit.
    #[arg(long)]
    pub print_config: bool,
}

/// Flags of `sshard sessions`.
#[derive(Debug, Args)]
pub struct Sessions {
    /// What to do; without it, list.
    #[command(subcommand)]
    pub action: Option<SessionsAction>,
    /// TOML file of the bridge, for admin.listen and admin.token_file.
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Any setting, as section.key=value; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE", global = true)]
    pub set: Vec<String>,
    /// Address of the bridge's administrator's port.
    #[arg(long, value_name = "ADDR", global = true)]
    pub admin: Option<String>,
    /// File with the administrator's token.
    #[arg(long, value_name = "FILE", global = true)]
    pub token_file: Option<String>,
    /// Print the answer as JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What `sshard sessions` does.
#[derive(Debug, Subcommand)]
pub enum SessionsAction {
    /// List all sessions.
    List,
    /// Show one session.
    Show {
        /// Its id, or the first digits of it.
        id: String,
    },
    /// End sessions; their clients see 4412.
    Kill {
        /// Their ids, or the first digits of each.
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
    /// Address of the administrator's port; may be given more than once.
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
    /// How log lines are written: text or json.
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

impl Command {
    /// What the command line and the given environment say about the configuration.
    pub fn layers(&self, env: Vec<(OsString, OsString)>) -> Layers {
        match self {
            Self::Demo(demo) => {
                // Complete on purpose: a new flag must find its layer, or its use, here.
                let Demo { common, shell: _ } = demo;
                Layers {
                    env,
                    ..common.layers()
                }
            }
            Self::Sessions(sessions) => Layers {
                env,
                ..sessions.layers()
            },
            Self::Serve(serve) => {
                let Serve {
                    common,
                    config,
                    preset,
                    placement,
                    allow,
                    drain_timeout,
                    takeover,
                    tls_cert,
                    tls_key,
                    check: _,
                    print_config: _,
                } = serve;
                let mut layers = common.layers();
                layers
                    .flags
                    .extend(flag("--placement", "server.placement", placement));
                layers.flags.extend(list("--allow", "targets.allow", allow));
                layers.flags.extend(flag(
                    "--drain-timeout",
                    "server.drain_timeout",
                    drain_timeout,
                ));
                layers
                    .flags
                    .extend(flag("--takeover", "server.takeover", takeover));
                let tls = [
                    flag("--tls-cert", "tls.cert_file", tls_cert),
                    flag("--tls-key", "tls.key_file", tls_key),
                ];
                layers.flags.extend(tls.into_iter().flatten());
                Layers {
                    preset: preset.clone(),
                    file: config.clone(),
                    env,
                    ..layers
                }
            }
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
            set: set.clone(),
            flags: flags.into_iter().flatten().collect(),
            ..Layers::default()
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
        Layers {
            set: set.clone(),
            flags: flags.into_iter().flatten().collect(),
            ..Layers::default()
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::config;

    fn layers(line: &str, env: &[(&str, &str)]) -> Layers {
        let cli = Cli::try_parse_from(line.split_whitespace()).expect("a valid command line");
        cli.command
            .layers(env.iter().map(|(k, v)| (k.into(), v.into())).collect())
    }

    #[test]
    fn the_declaration_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_reaches_its_setting() {
        let line = "sshard serve --preset security --listen 127.0.0.1:1 --listen [::1]:2 --admin-listen 127.0.0.1:3 \
            --shards 3 --cpus 0-2 --placement kernel --allow a:22 --allow b:22 \
            --set limits.max_connections=77 --log-level warn --log-format json --drain-timeout 5s --takeover /x/y \
            --tls-cert /x/cert --tls-key /x/key";
        let loaded = config::load(&layers(line, &[])).expect("valid");
        let printed = loaded.print();
        for expected in [
            "listen = [\"127.0.0.1:1\", \"[::1]:2\"] # --listen",
            "listen = [\"127.0.0.1:3\"] # --admin-listen",
            "shards = 3 # --shards",
            "cpus = \"0-2\" # --cpus",
            "placement = \"kernel\" # --placement",
            "allow = [\"a:22\", \"b:22\"] # --allow",
            "max_connections = 77 # --set",
            "level = \"warn\" # --log-level",
            "format = \"json\" # --log-format",
            "drain_timeout = \"5s\" # --drain-timeout",
            "takeover = \"/x/y\" # --takeover",
            "cert_file = \"/x/cert\" # --tls-cert",
            "key_file = \"/x/key\" # --tls-key",
            "max_unauthenticated = 200 # preset security",
        ] {
            assert!(
                printed.lines().any(|line| line == expected),
                "{expected}\n{printed}"
            );
        }
    }

    #[test]
    fn without_flags_nothing_is_set() {
        let layers = layers("sshard serve", &[]);
        assert!(layers.flags.is_empty() && layers.set.is_empty());
        assert!(layers.preset.is_none() && layers.file.is_none() && layers.env.is_empty());
    }

    #[test]
    fn demo_passes_its_flags_and_the_environment_on() {
        let line = "sshard demo --shell --listen 127.0.0.1:0 --set log.level=debug";
        let loaded = config::load(&layers(line, &[("SSHARD_LOG__FORMAT", "json")])).expect("valid");
        assert_eq!(loaded.source("server.listen").to_string(), "--listen");
        assert_eq!(loaded.source("log.level").to_string(), "--set");
        assert_eq!(
            loaded.source("log.format").to_string(),
            "env SSHARD_LOG__FORMAT"
        );
    }

    #[test]
    fn a_config_file_is_handed_on_by_path() {
        let layers = layers(
            "sshard serve --config /x/y.toml --check --print-config",
            &[],
        );
        assert_eq!(layers.file, Some(PathBuf::from("/x/y.toml")));
    }

    #[test]
    fn usage_errors_exit_with_2() {
        for line in [
            "sshard",
            "sshard serve --nope",
            "sshard tune",
            "sshard demo --config x",
        ] {
            let error = Cli::try_parse_from(line.split_whitespace()).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
