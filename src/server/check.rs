//! Checks of a configuration on this machine, as far as they are possible before anything is bound,
//! started or made. `serve` makes the same checks before it starts.

use super::error::StartError;
use super::{cpus, machine};
use crate::bridge::ConfigSnapshot;
use crate::config::Config;
use crate::control::admin::AdminError;
use crate::control::{Token, takeover};
use crate::shard;
use crate::ssh::known_hosts::Store;
use crate::telemetry::AuditLog;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Reasons why a configuration cannot be served; never empty.
#[derive(Debug)]
pub struct Refusals(Vec<StartError>);

impl Refusals {
    /// Returns whether a change of the configuration, or of a file that it names, would help.
    pub fn is_configuration(&self) -> bool {
        self.0.iter().any(StartError::is_configuration)
    }
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        if lines.len() > 1 {
            lines.insert(0, "the configuration cannot be served here:".to_owned());
        }
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Refusals {}

/// Checks whether a configuration could be served here, as far as that can be known before anything
/// is bound.
///
/// # Errors
/// All that is wrong.
pub fn check(config: &Config) -> Result<(), Refusals> {
    let mut found: Vec<StartError> = Vec::new();
    match cpus::choose(&config.server) {
        Ok(cpus) => {
            let lacking = machine::check(config, cpus.len()).err();
            found.extend(lacking.map(StartError::from));
        }
        Err(error) => found.push(error.into()),
    }
    let problems = ConfigSnapshot::check(config).into_iter();
    found.extend(problems.map(StartError::from));
    if let Some(Err(error)) = config.admin.token_file.as_deref().map(Token::read) {
        found.push(AdminError::from(error).into());
    }
    if let Err(error) = Store::check(&config.ssh.known_hosts) {
        found.push(StartError::setting("ssh.known_hosts")(error));
    }
    if let Some(path) = &config.audit.file
        && let Err(error) = AuditLog::check(path)
    {
        found.push(StartError::audit(path, error));
    }
    if let Some(path) = &config.server.takeover
        && let Err(error) = takeover::check(path)
    {
        found.push(StartError::Takeover(error));
    }
    refused(found)
}

fn refused(found: Vec<StartError>) -> Result<(), Refusals> {
    if found.is_empty() {
        Ok(())
    } else {
        Err(Refusals(found))
    }
}

/// Binds every address for a moment, without listening. Returns those in use: by the process, it
/// may be, that the next start replaces.
///
/// # Errors
/// Addresses that are not this host's, and ports this process may not have.
pub fn check_addresses(config: &Config) -> Result<Vec<SocketAddr>, Refusals> {
    let (mut found, mut taken) = (Vec::new(), Vec::new());
    let public = &config.server.listen;
    let only_v6 = public.iter().any(SocketAddr::is_ipv4);
    for (address, error) in shard::try_bind(public, only_v6) {
        match error.kind() {
            io::ErrorKind::AddrInUse => taken.push(address),
            _ => {
                let error = shard::cannot_listen(address, error);
                found.push(StartError::setting("server.listen")(error));
            }
        }
    }
    for (address, source) in shard::try_bind(&config.admin.listen, false) {
        match source.kind() {
            io::ErrorKind::AddrInUse => taken.push(address),
            _ => found.push(AdminError::Listen { address, source }.into()),
        }
    }
    refused(found).map(|()| taken)
}
