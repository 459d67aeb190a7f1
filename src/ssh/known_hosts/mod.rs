//! The host keys on record, in OpenSSH's `known_hosts` format (sshd(8),
//! "SSH_KNOWN_HOSTS FILE FORMAT").
//!
//! `line` reads one line, `index` is the whole file indexed once and answers
//! for a host and key, `store` shares the index between the shards and
//! appends to the file. What to do with the answers is the policy of
//! `host_keys`.

mod index;
mod line;
#[cfg(test)]
mod properties;
mod store;
#[cfg(test)]
mod tests;

pub use index::{AuthorityVerdict, HostKeyVerdict, KnownHosts, KnownHostsError, LineWarning};
pub use store::{RememberError, Store};
