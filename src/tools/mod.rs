//! The subcommands, each in its own file.

#[cfg(feature = "evaluation")]
pub mod demo;
pub mod doctor;
pub mod serve;
pub mod sessions;
mod text;
#[cfg(feature = "evaluation")]
pub mod tune;

use crate::config::ConfigErrors;
use crate::server::{CpuError, Refusals, Server, StartError};
use serde::Serialize;
use sessions::SessionsError;
use std::fmt::Display;
use std::io::{self, Write};

/// Reason why a subcommand failed; the text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The configuration is bad.
    #[error("the configuration has errors:\n{0}")]
    Config(#[from] ConfigErrors),
    /// The configuration cannot be served here.
    #[error("{0}")]
    Refused(#[from] Refusals),
    /// The server did not start.
    #[error("{0}")]
    Start(#[from] StartError),
    /// A shard died while serving.
    #[error("shard {0} has died and the process ends with it; the log says why")]
    ShardDied(usize),
    /// The demo's SSH server did not start.
    #[cfg(feature = "evaluation")]
    #[error("{0}")]
    Demo(#[from] demo::DemoError),
    /// The host is not good enough, or could not be looked at.
    #[error("{0}")]
    Doctor(#[from] doctor::DoctorError),
    /// The running bridge could not be asked.
    #[error("{0}")]
    Sessions(#[from] sessions::SessionsError),
    /// The host could not be tried, or sessions failed on it.
    #[cfg(feature = "evaluation")]
    #[error("{0}")]
    Tune(#[from] tune::TuneError),
    /// The process this one is to end with has ended.
    #[error("cannot be tied to the parent process: {0}")]
    Parent(#[source] io::Error),
    /// A report cannot be written as JSON.
    #[error("cannot write the report: {0}")]
    Json(#[from] serde_json::Error),
    /// Standard output cannot be written.
    #[error("standard output cannot be written: {0}")]
    Print(#[from] io::Error),
}

/// Prints a text of whole lines.
///
/// # Errors
/// The system's, where `print!` would panic.
fn print_text(text: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    write!(stdout, "{text}")?;
    stdout.flush()
}

/// Prints a report, as JSON or as text.
///
/// # Errors
/// [`ToolError::Json`], [`ToolError::Print`].
fn print_report<R: Serialize>(
    report: &R,
    json: bool,
    text: fn(&R) -> String,
) -> Result<(), ToolError> {
    let text = match json {
        true => serde_json::to_string_pretty(report)? + "\n",
        false => text(report),
    };
    Ok(print_text(text)?)
}

/// Prints the addresses of a server, one a line. Scripts rely on these lines.
fn announce(server: &Server) -> io::Result<()> {
    for address in &server.admin_addresses {
        print_text(format_args!("admin at {address}\n"))?;
    }
    for address in &server.addresses {
        print_text(format_args!("listening on {address}\n"))?;
    }
    Ok(())
}

impl ToolError {
    /// The process's exit status, as in sysexits.h where it has one: 78 is "change the
    /// configuration, or the files it names", 2 a command line that makes no sense.
    pub fn exit_code(&self) -> u8 {
        const CONFIG: u8 = 78;
        const USAGE: u8 = 2;
        const FAILED: u8 = 1;
        let configuration = |is| if is { CONFIG } else { FAILED };
        match self {
            Self::Config(_) => CONFIG,
            Self::Refused(refusals) => configuration(refusals.is_configuration()),
            Self::Start(error) => configuration(error.is_configuration()),
            #[cfg(feature = "evaluation")]
            Self::Demo(error) => configuration(error.is_configuration()),
            Self::Doctor(doctor::DoctorError::Cpus(error)) => {
                configuration(*error != CpuError::Unknown)
            }
            Self::Sessions(error) => match error {
                SessionsError::NoListener | SessionsError::Token(_) => CONFIG,
                SessionsError::BadId(_) => USAGE,
                _ => FAILED,
            },
            #[cfg(feature = "evaluation")]
            Self::Tune(tune::TuneError::TooManyShards { .. }) => USAGE,
            #[cfg(feature = "evaluation")]
            Self::Tune(_) => FAILED,
            Self::ShardDied(_)
            | Self::Doctor(_)
            | Self::Parent(_)
            | Self::Json(_)
            | Self::Print(_) => FAILED,
        }
    }
}
