//! `sshard serve`: run the bridge.

use super::{ToolError, announce, say};
use crate::cli::Serve;
use crate::config::{HostKeyPolicy, Loaded};
use crate::server::Server;
use crate::telemetry;
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use std::io;

/// Checks, prints or serves, as the flags say. Serves until a signal.
///
/// # Errors
/// [`ToolError`].
pub fn run(loaded: &Loaded, flags: &Serve) -> Result<(), ToolError> {
    if let Some(parent) = flags.with_parent {
        end_with(parent).map_err(ToolError::Parent)?;
    }
    loaded.require_targets()?;
    let config = &loaded.config;
    Server::check(config, flags.check)?;
    if flags.print_config {
        say(loaded.print())?;
    }
    if flags.print_config || flags.check {
        return Ok(());
    }
    let _log = telemetry::start_logging(&config.log);
    if config.ssh.host_key_policy == HostKeyPolicy::Off {
        tracing::warn!(
            "ssh.host_key_policy is off: whoever answers at a target's address gets the passwords"
        );
    }
    let server = Server::start(loaded.clone(), true)?;
    if let Err(error) = announce(&server) {
        // It may have taken over already: nobody else would serve.
        tracing::warn!(%error, "cannot print where it listens");
    }
    server.run().map_err(ToolError::ShardDied)
}

/// The kernel ends this process with the thread that started it.
fn end_with(parent: u32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended before the kernel knew.
    let now = getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if u32::try_from(now) != Ok(parent) {
        return Err(io::Error::other(format!("{parent} is not it, but {now}")));
    }
    Ok(())
}
