//! The subcommands, each in its own file.

pub mod demo;
pub mod serve;

use crate::config::ConfigErrors;
use crate::server::StartError;

/// Why a subcommand failed; the text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The configuration is bad.
    #[error("the configuration has errors:\n{0}")]
    Config(#[from] ConfigErrors),
    /// The server did not start.
    #[error("{0}")]
    Start(#[from] StartError),
    /// A shard died while serving.
    #[error("shard {0} has died; the log says why. The process ends rather than half-serve")]
    ShardDied(usize),
    /// The demo's SSH server did not start.
    #[error("{0}")]
    Demo(#[from] demo::DemoError),
}

impl ToolError {
    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            // EX_CONFIG of sysexits.h.
            Self::Config(_) | Self::Start(StartError::Policy(_)) => 78,
            Self::Start(_) | Self::ShardDied(_) | Self::Demo(_) => 1,
        }
    }
}
