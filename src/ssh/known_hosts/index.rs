//! Index of a whole `known_hosts` file. Reads the file once and never writes it. Hosts are compared
//! by name only, never by address.

use super::line::{self, Line};
use super::pattern::{Hosts, hash_matches, name_on_record, patterns_match};
use super::record::{Group, HostRecord};
use russh::keys::PublicKey;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Largest file that is read and appended to, in bytes: some hundred thousand keys.
pub(super) const MAX_FILE: u64 = 64 * 1024 * 1024;

/// Most warnings of each kind that are kept.
const MAX_WARNINGS: usize = 100;

/// Most hashed names (about half a microsecond each) and bytes of patterns (each at most a
/// microsecond) that a shard searches itself: less than 5 ms together in any case.
const QUICK_HASHES: usize = 1024;
const QUICK_PATTERNS: usize = 4096;

/// Warning about a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineWarning {
    /// Counted from 1.
    pub(super) line: usize,
    /// Description of what is wrong.
    pub(super) problem: &'static str,
    /// The line revokes, and counts for every key that it may have meant. Other lines are skipped.
    pub(super) revokes: bool,
}

/// Reason why a file could not be read at all.
#[derive(Debug, Error)]
pub(super) enum KnownHostsError {
    /// The system failed to read it.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// The file cannot be read as lines of text, so that every line would be skipped.
    #[error("{path}: {problem}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Description of what is wrong, and what to do.
        problem: &'static str,
    },
}

/// The index. A clone costs a few words for each key that was added since the file was read.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts {
    /// Entries as they were read.
    file: Arc<Groups>,
    /// Keys that were added since, by host name.
    added: HashMap<Arc<str>, Arc<Group>>,
    lines: usize,
}

/// Groups of lines, by their host names.
#[derive(Debug, Default)]
struct Groups {
    names: HashMap<Box<str>, Arc<Group>>,
    everyone: Arc<Group>,
    /// Tried one by one at each look-up, as are the patterns.
    hashed: Vec<Hashed>,
    patterns: Vec<(Vec<String>, Arc<Group>)>,
    /// Length of all patterns together.
    pattern_bytes: usize,
    warnings: Vec<LineWarning>,
    warned: usize,
}

#[derive(Debug)]
struct Hashed {
    salt: [u8; 20],
    hash: [u8; 20],
    group: Arc<Group>,
}

impl KnownHosts {
    /// Reads a file. A missing file counts as an empty one.
    ///
    /// # Errors
    /// The file exists and cannot be read, is larger than 64 MiB, or is not text. Lines that cannot
    /// be read are listed in [`Self::warnings`].
    pub(super) fn load(path: &Path) -> Result<Self, KnownHostsError> {
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
        let too_large = read.map_err(failed)? as u64 > MAX_FILE;
        let problem = too_large
            .then_some("larger than 64 MiB")
            .or(not_text(&text));
        match problem {
            None => Ok(Self::parse(&text)),
            Some(problem) => Err(KnownHostsError::Unreadable {
                path: path.to_owned(),
                problem,
            }),
        }
    }

    /// Parses the text of a file.
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut builder = Builder::default();
        for line in text.split_inclusive(|b| *b == b'\n') {
            builder.push(line);
        }
        Self {
            lines: builder.lines,
            file: Arc::new(builder.finish()),
            added: HashMap::new(),
        }
    }

    /// Returns the index with one more line at the end: `key` of `host`.
    pub(super) fn with(&self, host: &str, port: u16, key: &PublicKey) -> Self {
        let mut next = self.clone();
        next.lines += 1;
        let name = name_on_record(host, port);
        let mut group = Group::default();
        let key = Arc::new(key.key_data().clone());
        group.push(next.lines, line::Role::HostKey, Some(&key));
        next.added.insert(name.into(), Arc::new(group));
        next
    }

    /// Returns the number of lines, including blank ones and comments.
    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    /// Returns the number of host names, hashed names and patterns with lines of their own.
    pub fn names(&self) -> usize {
        let Groups {
            names,
            hashed,
            patterns,
            ..
        } = &*self.file;
        names.len() + hashed.len() + patterns.len() + self.added.len()
    }

    /// Returns the first hundred warnings about skipped lines, the first hundred about lines that
    /// revoke, and the number of all.
    pub(super) fn warnings(&self) -> (&[LineWarning], usize) {
        (&self.file.warnings, self.file.warned)
    }

    /// Returns whether [`Self::record`] is quick enough for a shard (less than 5 ms): hashed names
    /// and patterns are tried one by one. The file is the operator's, but clients choose how often
    /// it is searched.
    pub(super) fn is_quick(&self) -> bool {
        self.file.hashed.len() <= QUICK_HASHES && self.file.pattern_bytes <= QUICK_PATTERNS
    }

    /// Returns the entries for `host`, without brackets and in any spelling, on `port`.
    pub(super) fn record(&self, host: &str, port: u16) -> HostRecord {
        let name = &*name_on_record(host, port);
        let file = &*self.file;
        let plain = file.names.get(name).into_iter();
        let plain = plain.chain(self.added.get(name)).chain([&file.everyone]);
        let hashed = file.hashed.iter();
        let hashed = hashed.filter(|one| hash_matches(&one.salt, &one.hash, name));
        let patterns = file.patterns.iter();
        let patterns = patterns.filter(|(patterns, _)| patterns_match(patterns, name));
        let searched = hashed.map(|one| &one.group);
        let searched = searched.chain(patterns.map(|(_, group)| group));
        HostRecord::of(plain.chain(searched).cloned().collect())
    }
}

/// Builder of [`Groups`], line by line.
#[derive(Default)]
struct Builder {
    lines: usize,
    names: HashMap<Box<str>, Group>,
    everyone: Group,
    hashed: Vec<Hashed>,
    patterns: HashMap<Vec<String>, Group>,
    warnings: Vec<LineWarning>,
    warned: usize,
}

impl Builder {
    /// Adds the file's next line.
    fn push(&mut self, text: &[u8]) {
        self.lines += 1;
        let parsed = line::parse(text);
        let revokes = matches!(&parsed.line, Some(line) if line.role == line::Role::Revoked);
        if let Some(line) = parsed.line {
            self.insert(line);
        }
        if let Some(problem) = parsed.problem {
            self.warned += 1;
            let alike = self.warnings.iter().filter(|w| w.revokes == revokes);
            if alike.count() < MAX_WARNINGS {
                self.warnings.push(LineWarning {
                    line: self.lines,
                    problem,
                    revokes,
                });
            }
        }
    }

    fn insert(&mut self, line: Line) {
        let (number, role) = (self.lines, line.role);
        let key = line.key.map(Arc::new);
        match line.hosts {
            Hosts::Names(names) => {
                for name in names {
                    let group = self.names.entry(name.into()).or_default();
                    group.push(number, role, key.as_ref());
                }
            }
            Hosts::Everyone => self.everyone.push(number, role, key.as_ref()),
            Hosts::Patterns(patterns) => {
                let group = self.patterns.entry(patterns).or_default();
                group.push(number, role, key.as_ref());
            }
            // Not grouped: each has a salt of its own.
            Hosts::Hashed { salt, hash } => {
                let mut group = Group::default();
                group.push(number, role, key.as_ref());
                self.hashed.push(Hashed {
                    salt,
                    hash,
                    group: sorted(group),
                });
            }
        }
    }

    fn finish(self) -> Groups {
        let names = self.names.into_iter();
        let patterns = self.patterns.into_iter();
        let patterns: Vec<_> = patterns
            .map(|(list, group)| (list, sorted(group)))
            .collect();
        let lengths = patterns.iter().flat_map(|(list, _)| list).map(String::len);
        Groups {
            pattern_bytes: lengths.sum(),
            names: names.map(|(name, group)| (name, sorted(group))).collect(),
            everyone: sorted(self.everyone),
            hashed: self.hashed,
            patterns,
            warnings: self.warnings,
            warned: self.warned,
        }
    }
}

fn sorted(mut group: Group) -> Arc<Group> {
    group.sort();
    Arc::new(group)
}

/// Returns what is wrong with a text that cannot be split into lines. Otherwise every line of it
/// would be skipped, and every host be unknown.
fn not_text(text: &[u8]) -> Option<&'static str> {
    match text {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [_, 0, _, 0, ..] | [0, _, 0, _, ..] => {
            Some("it is UTF-16; save it as UTF-8")
        }
        _ if text.trim_ascii_end().contains(&b'\r') && !text.contains(&b'\n') => {
            Some("its lines end with carriage returns alone; convert them to line feeds")
        }
        _ => None,
    }
}
