//! Name of this run of the process.

use super::error::{StartError, io_error};
use crate::config::Config;
use crate::registry::Instance;

/// Names this process, on the node of `server.node`.
pub(super) fn name(config: &Config) -> Result<Instance, StartError> {
    let node = match config.server.node.as_str() {
        Some(node) => node.to_owned(),
        None => host_name(),
    };
    Instance::random(node).map_err(io_error("no randomness for an instance id"))
}

/// Host name; empty if it cannot be read.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    name.unwrap_or_default().trim_end().to_owned()
}
