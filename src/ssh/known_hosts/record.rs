//! Entries of one host: lines with the same names form a group, and the groups that match the host
//! are its record. A key is found by binary search, so that a long list of revoked keys adds no
//! cost to a connection.

use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, PublicKey};
use std::sync::Arc;

use super::line::Role;

/// Verdict on a key that a host has presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyVerdict {
    /// The key is on record for this host.
    Known,
    /// No key is on record for this host.
    Unknown,
    /// Only other keys are on record for this host: of the same algorithm or, as strictly as in
    /// OpenSSH, of another.
    Changed {
        /// Line of such a key, counted from 1.
        line: usize,
    },
    /// The key is marked `@revoked` for this host, or by a line that cannot be read and may have
    /// meant it.
    Revoked {
        /// Line of the mark, counted from 1.
        line: usize,
    },
}

#[derive(Debug, Clone)]
struct Entry {
    key: Arc<KeyData>,
    line: usize,
}

/// Keys of one role, sorted once all are added.
#[derive(Debug, Clone, Default)]
struct Keys(Vec<Entry>);

impl Keys {
    fn sort(&mut self) {
        // Stable: of equal keys the first line stays first.
        self.0.sort_by(|a, b| a.key.cmp(&b.key));
        self.0.shrink_to_fit();
    }

    /// Returns the first line with `key`.
    fn line_of(&self, key: &KeyData) -> Option<usize> {
        let at = self.0.partition_point(|entry| *entry.key < *key);
        let entry = self.0.get(at)?;
        (*entry.key == *key).then_some(entry.line)
    }
}

/// Keys of all lines with the same names, by their role.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    host_keys: Keys,
    authorities: Keys,
    revoked: Keys,
    /// First line that revokes every key.
    all_revoked: Option<usize>,
}

impl Group {
    /// Adds a line; [`Self::sort`] must be called before a look-up.
    pub(super) fn push(&mut self, line: usize, role: Role, key: Option<&Arc<KeyData>>) {
        let Some(key) = key else {
            self.all_revoked.get_or_insert(line);
            return;
        };
        let keys = match role {
            Role::HostKey => &mut self.host_keys,
            Role::Authority => &mut self.authorities,
            Role::Revoked => &mut self.revoked,
        };
        keys.0.push(Entry {
            key: Arc::clone(key),
            line,
        });
    }

    pub(super) fn sort(&mut self) {
        for keys in [
            &mut self.host_keys,
            &mut self.authorities,
            &mut self.revoked,
        ] {
            keys.sort();
        }
    }

    fn revoked(&self, key: &KeyData) -> Option<usize> {
        self.all_revoked.or_else(|| self.revoked.line_of(key))
    }
}

/// All entries for one host and port.
#[derive(Debug, Clone, Default)]
pub struct HostRecord(pub(super) Vec<Arc<Group>>);

impl HostRecord {
    /// Returns the verdict on `key`, presented by the host. A revocation has precedence.
    pub fn check(&self, key: &PublicKey) -> HostKeyVerdict {
        let key = key.key_data();
        if let Some(line) = self.revoked(key) {
            return HostKeyVerdict::Revoked { line };
        }
        let known = |group: &Arc<Group>| group.host_keys.line_of(key).is_some();
        if self.0.iter().any(known) {
            return HostKeyVerdict::Known;
        }
        // Reports the first line with this algorithm, or else the first of all.
        let other = |entry: &&Entry| (entry.key.algorithm() != key.algorithm(), entry.line);
        match self.host_keys().min_by_key(other) {
            Some(entry) => HostKeyVerdict::Changed { line: entry.line },
            None => HostKeyVerdict::Unknown,
        }
    }

    /// Returns whether a `@cert-authority` line for this host has `key`, which may be revoked.
    pub fn is_authority(&self, key: &KeyData) -> bool {
        let known = |group: &Arc<Group>| group.authorities.line_of(key).is_some();
        self.0.iter().any(known)
    }

    /// Returns whether any authority may certify the host's keys.
    pub fn has_authority(&self) -> bool {
        self.0.iter().any(|group| !group.authorities.0.is_empty())
    }

    /// Returns the algorithms of the host's keys, each once, in the order of the file. RSA is
    /// without a hash, because the key is the same for all of them.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let mut entries: Vec<&Entry> = self.host_keys().collect();
        entries.sort_by_key(|entry| entry.line);
        let mut algorithms = Vec::new();
        for entry in entries {
            let algorithm = entry.key.algorithm();
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        algorithms
    }

    fn host_keys(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().flat_map(|group| &group.host_keys.0)
    }

    /// Returns the first line that marks `key` as `@revoked` for this host, or that cannot be read
    /// and may have meant it.
    pub fn revoked(&self, key: &KeyData) -> Option<usize> {
        self.0.iter().filter_map(|group| group.revoked(key)).min()
    }
}
