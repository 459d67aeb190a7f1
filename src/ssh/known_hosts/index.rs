//! A whole `known_hosts` file, indexed once. It reads the file at most once
//! and never writes it; hosts are compared by name only, never by address.

use super::line::{self, Line, Role, hash_matches, is_plain, name_on_record, patterns_match};
use russh::keys::ssh_key::known_hosts::HostPatterns;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, PublicKey};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Largest file that is read: some hundred thousand keys.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// What the record says of a key that a host has shown.
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
    /// Marked `@revoked` for this host.
    Revoked {
        /// Line of the mark, counted from 1.
        line: usize,
    },
}

/// What the record says of the authority behind a host's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorityVerdict {
    /// It may speak for this host.
    Known,
    /// No `@cert-authority` line for this host has its key.
    Unknown,
    /// Its key, or the one it certifies, is marked `@revoked` for this host.
    Revoked {
        /// Line of the mark, counted from 1.
        line: usize,
    },
}

/// A line that was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineWarning {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Why a file could not be read at all.
#[derive(Debug, Error)]
pub enum KnownHostsError {
    /// The system's reason.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// More than 64 MiB.
    #[error("{path}: larger than 64 MiB", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

/// The index. A clone costs a few words for each line.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts {
    /// Entries by the name they are filed under.
    plain: HashMap<Arc<str>, Vec<Entry>>,
    /// Entries whose names have to be tried one by one, at each look-up:
    /// hashed ones (about a microsecond each), wildcards and negations.
    searched: Vec<(Arc<HostPatterns>, Entry)>,
    /// Lines seen so far.
    lines: usize,
    warnings: Vec<LineWarning>,
}

#[derive(Debug, Clone)]
struct Entry {
    line: usize,
    role: Role,
    key: Arc<KeyData>,
}

impl KnownHosts {
    /// Reads a file. One that does not exist is like an empty one.
    ///
    /// # Errors
    /// The file exists and cannot be read, or is too large. Lines that cannot
    /// be read are skipped and listed in [`Self::warnings`].
    pub fn load(path: &Path) -> Result<Self, KnownHostsError> {
        let failed = |source| KnownHostsError::Io {
            path: path.to_owned(),
            source,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(failed(e)),
        };
        let mut text = Vec::new();
        let read = file.take(MAX_FILE + 1).read_to_end(&mut text);
        if read.map_err(failed)? as u64 > MAX_FILE {
            return Err(KnownHostsError::TooLarge {
                path: path.to_owned(),
            });
        }
        Ok(Self::parse(&text))
    }

    /// Reads the text of a file.
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut index = Self::default();
        for line in text.split_inclusive(|b| *b == b'\n') {
            index.push(line);
        }
        index
    }

    /// Takes in the file's next line; its line break does not matter.
    pub(super) fn push(&mut self, text: &[u8]) {
        self.lines += 1;
        match line::parse(text) {
            Ok(None) => {}
            Ok(Some(parsed)) => self.file(parsed),
            Err(problem) => self.warnings.push(LineWarning {
                line: self.lines,
                problem,
            }),
        }
    }

    fn file(&mut self, line: Line) {
        let entry = Entry {
            line: self.lines,
            role: line.role,
            key: Arc::new(line.key),
        };
        match line.hosts {
            HostPatterns::Patterns(names) if names.iter().all(|n| is_plain(n)) => {
                for name in names {
                    let filed = self.plain.entry(name.into()).or_default();
                    filed.push(entry.clone());
                }
            }
            searched => self.searched.push((Arc::new(searched), entry)),
        }
    }

    /// The lines that were skipped.
    pub fn warnings(&self) -> &[LineWarning] {
        &self.warnings
    }

    /// What the record says of `key`, shown by `host` on `port`. `host` is
    /// without brackets. A revocation outweighs everything else.
    pub fn check(&self, host: &str, port: u16, key: &PublicKey) -> HostKeyVerdict {
        let entries = self.entries(&name_on_record(host, port));
        let key = key.key_data();
        let mut verdict = HostKeyVerdict::Unknown;
        let mut same_algorithm = false;
        for entry in entries {
            let equal = *entry.key == *key;
            match entry.role {
                Role::Authority => {}
                Role::Revoked if equal => return HostKeyVerdict::Revoked { line: entry.line },
                Role::Revoked => {}
                Role::HostKey if equal => verdict = HostKeyVerdict::Known,
                Role::HostKey if verdict == HostKeyVerdict::Known => {}
                Role::HostKey => {
                    // The line worth naming is the first of this algorithm.
                    let same = entry.key.algorithm() == key.algorithm();
                    if verdict == HostKeyVerdict::Unknown || (same && !same_algorithm) {
                        verdict = HostKeyVerdict::Changed { line: entry.line };
                        same_algorithm = same;
                    }
                }
            }
        }
        verdict
    }

    /// What the record says of `authority`, which certifies `key` for `host` on
    /// `port`. As for [`Self::check`], a revocation outweighs everything.
    pub fn check_authority(
        &self,
        host: &str,
        port: u16,
        authority: &KeyData,
        key: &KeyData,
    ) -> AuthorityVerdict {
        let mut verdict = AuthorityVerdict::Unknown;
        for entry in self.entries(&name_on_record(host, port)) {
            let is_authority = *entry.key == *authority;
            match entry.role {
                Role::Revoked if is_authority || *entry.key == *key => {
                    return AuthorityVerdict::Revoked { line: entry.line };
                }
                Role::Authority if is_authority => verdict = AuthorityVerdict::Known,
                Role::HostKey | Role::Authority | Role::Revoked => {}
            }
        }
        verdict
    }

    /// Whether some authority may speak for `host`.
    pub fn has_authority(&self, host: &str, port: u16) -> bool {
        let entries = self.entries(&name_on_record(host, port));
        entries.iter().any(|entry| entry.role == Role::Authority)
    }

    /// The algorithms of the keys on record for `host`, in the order of the
    /// file, each once. RSA is listed without a hash: the key is the same for
    /// all of them.
    pub fn algorithms(&self, host: &str, port: u16) -> Vec<Algorithm> {
        let mut algorithms = Vec::new();
        for entry in self.entries(&name_on_record(host, port)) {
            let algorithm = entry.key.algorithm();
            if entry.role == Role::HostKey && !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        algorithms
    }

    /// All entries that speak of `name`, in the order of the file.
    fn entries(&self, name: &str) -> Vec<&Entry> {
        let plain = self.plain.get(name).into_iter().flatten();
        let searched = self.searched.iter().filter(|(hosts, _)| match &**hosts {
            HostPatterns::Patterns(patterns) => patterns_match(patterns, name),
            HostPatterns::HashedName { salt, hash } => hash_matches(salt, hash, name),
        });
        let mut entries: Vec<_> = plain.chain(searched.map(|(_, entry)| entry)).collect();
        entries.sort_by_key(|entry| entry.line);
        entries
    }
}
