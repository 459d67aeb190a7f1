//! The host keys on record, in OpenSSH's `known_hosts` format (sshd(8),
//! "SSH_KNOWN_HOSTS FILE FORMAT").
//!
//! `line` reads one line and `pattern` its names, `record` is all that is said
//! of one host, `index` the whole file, which finds a host's record, `store`
//! shares the index between the shards and appends to the file, within the
//! bounds of `allowance`. What to do with the answers is the policy of
//! `host_keys`.

mod allowance;
mod error;
mod index;
mod line;
mod pattern;
#[cfg(test)]
mod properties;
mod record;
mod store;
#[cfg(test)]
mod tests;

pub use allowance::NewKeyBounds;
pub use error::RememberError;
pub use index::{KnownHosts, KnownHostsError, LineWarning};
pub use record::{AuthorityVerdict, HostKeyVerdict, HostRecord};
pub use store::{NewKey, Store};
