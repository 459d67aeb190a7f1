//! `sshard serve`: run the bridge.

use super::{ToolError, announce, say};
use crate::cli::Serve;
use crate::config::{HostKeyPolicy, Loaded};
use crate::server::{Server, StartError};
use crate::targets::Policy;
use crate::telemetry;
use crate::ticket::Tickets;
use crate::ws::Tls;

/// Checks, prints or serves, as the flags say. Serves until a signal.
///
/// # Errors
/// [`ToolError`].
pub fn run(loaded: &Loaded, flags: &Serve) -> Result<(), ToolError> {
    loaded.require_targets()?;
    let config = &loaded.config;
    Policy::read(&config.targets).map_err(StartError::from)?;
    Tickets::from_settings(&config.admission).map_err(StartError::from)?;
    if flags.check {
        Tls::load(&config.tls).map_err(StartError::from)?;
    }
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
