//! All that a `known_hosts` file says of one host: lines with the same names are a group, and the
//! groups that name the host are its record. Looking a key up takes a logarithm of the lines, so
//! that a long list of revoked keys costs a connection nothing.

use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, PublicKey};
use std::sync::Arc;

use super::line::Role;

/// Verdict of the record on a key that a host has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyVerdict {
    /// On record for this host.
    Known,
    /// No key is on record for this host.
    Unknown,
    /// Other keys are on record for this host, and this one is not: of the
    /// same algorithm or, as strictly as OpenSSH, of another.
    Changed {
        /// Line of such a key, counted from 1.
        line: usize,
    },
    /// Marked `@revoked` for this host, or by a line that cannot be read and
    /// may have meant it.
    Revoked {
        /// Line of the mark, counted from 1.
        line: usize,
    },
}

/// Verdict of the record on the authority behind a host's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorityVerdict {
    /// It may speak for this host.
    Known,
    /// No `@cert-authority` line for this host has its key.
    Unknown,
    /// The authority's key, or the one it certifies, is marked `@revoked` for
    /// this host, or by a line that cannot be read and may have meant it.
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

/// Keys of one role, sorted once all are there.
#[derive(Debug, Clone, Default)]
struct Keys(Vec<Entry>);

impl Keys {
    fn sort(&mut self) {
        // Stable: of equal keys the first line stays first.
        self.0.sort_by(|a, b| a.key.cmp(&b.key));
        self.0.shrink_to_fit();
    }

    /// The first line with `key`.
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
    /// A line that revokes every key.
    all_revoked: Option<usize>,
}

impl Group {
    /// Takes a line in; [`Self::sort`] is to be called before anything is looked up.
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

/// All entries on record for one host and port.
#[derive(Debug, Clone, Default)]
pub struct HostRecord(Vec<Arc<Group>>);

impl HostRecord {
    pub(super) fn of(groups: Vec<Arc<Group>>) -> Self {
        Self(groups)
    }

    /// Returns the verdict on `key`, shown by the host. A revocation outweighs
    /// everything else.
    pub fn check(&self, key: &PublicKey) -> HostKeyVerdict {
        let key = key.key_data();
        if let Some(line) = self.revoked(key) {
            return HostKeyVerdict::Revoked { line };
        }
        let known = |group: &Arc<Group>| group.host_keys.line_of(key).is_some();
        if self.0.iter().any(known) {
            return HostKeyVerdict::Known;
        }
        // The line worth naming is the first of this algorithm.
        let other = |entry: &&Entry| (entry.key.algorithm() != key.algorithm(), entry.line);
        match self.host_keys().min_by_key(other) {
            Some(entry) => HostKeyVerdict::Changed { line: entry.line },
            None => HostKeyVerdict::Unknown,
        }
    }

    /// Returns the verdict on `authority`, which certifies `key` for the host.
    /// As for [`Self::check`], a revocation outweighs everything.
    pub fn check_authority(&self, authority: &KeyData, key: &KeyData) -> AuthorityVerdict {
        if let Some(line) = self.revoked(authority).or_else(|| self.revoked(key)) {
            return AuthorityVerdict::Revoked { line };
        }
        let known = |group: &Arc<Group>| group.authorities.line_of(authority).is_some();
        match self.0.iter().any(known) {
            true => AuthorityVerdict::Known,
            false => AuthorityVerdict::Unknown,
        }
    }

    /// Returns whether any authority may certify the host's keys.
    pub fn has_authority(&self) -> bool {
        self.0.iter().any(|group| !group.authorities.0.is_empty())
    }

    /// The algorithms of the host's keys on record, in the order of the file,
    /// each once. RSA is listed without a hash: the key is the same for all of
    /// them.
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

    fn revoked(&self, key: &KeyData) -> Option<usize> {
        self.0.iter().filter_map(|group| group.revoked(key)).min()
    }
}
