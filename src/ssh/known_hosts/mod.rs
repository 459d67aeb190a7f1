//! Known host keys, in OpenSSH's `known_hosts` format (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
//! Answers which keys are known for a host; the policy is `host_keys`'.
//!
//! `line` reads one line and `pattern` its host names; `index` is the whole file, `record` the
//! entries of one host; `store` shares the index between the shards and appends new keys to the
//! file, within the bounds of `quota`.

mod error;
mod index;
mod line;
mod pattern;
mod quota;
mod record;
mod store;
#[cfg(test)]
mod tests;

pub use error::RememberError;
pub use index::KnownHosts;
pub use quota::NewKeyBounds;
pub use record::{HostKeyVerdict, HostRecord};
pub use store::{NewKey, Store};
