//! Index of a whole `known_hosts` file. Reads the file once and never writes it. Hosts are compared
//! by name only, never by address.

use super::line::{self, Line, Role};
use super::pattern::{HashedName, Hosts, known_hosts_name, patterns_match};
use super::record::{Group, HostRecord};
use russh::keys::PublicKey;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

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

/// The index. A clone costs a few words for each key that was added since the file was read.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts {
    /// Entries as they were read.
    file: Arc<Groups>,
    /// Keys that were added since, by host name.
    added: HashMap<Arc<str>, Arc<Group>>,
}

/// Groups of lines, by their host names.
#[derive(Debug, Default)]
struct Groups {
    lines: usize,
    names: HashMap<Box<str>, Arc<Group>>,
    all_hosts: Arc<Group>,
    /// Tried one by one at each look-up, as are the patterns.
    hashed: Vec<(HashedName, Arc<Group>)>,
    patterns: HashMap<Vec<String>, Arc<Group>>,
    /// Length of all patterns together.
    pattern_bytes: usize,
    warnings: Vec<LineWarning>,
    warned: usize,
}

impl KnownHosts {
    /// Reads a file; `None` if it does not exist.
    ///
    /// # Errors
    /// The file exists and cannot be read, is larger than 64 MiB, or is not text. Lines that cannot
    /// be read are listed in [`Self::warnings`].
    pub(super) fn load(path: &Path) -> io::Result<Option<Self>> {
        let failed = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
        let file = match File::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let mut text = Vec::new();
        let read = file.take(MAX_FILE + 1).read_to_end(&mut text);
        let too_large = read.map_err(failed)? as u64 > MAX_FILE;
        let too_large = too_large.then_some("larger than 64 MiB");
        match too_large.or(not_text(&text)) {
            None => Ok(Some(Self::parse(&text))),
            Some(problem) => Err(failed(io::Error::other(problem))),
        }
    }

    /// Parses the text of a file.
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut groups = Groups::default();
        for line in text.split_inclusive(|b| *b == b'\n') {
            groups.push(line);
        }
        groups.finish();
        Self {
            file: Arc::new(groups),
            added: HashMap::new(),
        }
    }

    /// Returns the index with one more line at the end: `key` of `host`, which has none yet.
    pub(super) fn with(&self, host: &str, port: u16, key: &PublicKey) -> Self {
        let mut next = self.clone();
        let name = known_hosts_name(host, port);
        let mut group = Group::default();
        let key = Arc::new(key.key_data().clone());
        group.push(self.lines() + 1, Role::HostKey, Some(&key));
        next.added.insert(name.into(), Arc::new(group));
        next
    }

    /// Returns the number of lines, including blank ones and comments.
    pub(super) fn lines(&self) -> usize {
        self.file.lines + self.added.len()
    }

    /// Returns the number of host names, hashed names and patterns with lines of their own.
    pub fn names(&self) -> usize {
        let file = &*self.file;
        file.names.len() + file.hashed.len() + file.patterns.len() + self.added.len()
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
        let name = &*known_hosts_name(host, port);
        let file = &*self.file;
        let plain = file.names.get(name).into_iter();
        let plain = plain.chain(self.added.get(name)).chain([&file.all_hosts]);
        let hashed = file.hashed.iter();
        let hashed = hashed.filter_map(|(hash, group)| hash.matches(name).then_some(group));
        let patterns = file.patterns.iter();
        let patterns =
            patterns.filter_map(|(list, group)| patterns_match(list, name).then_some(group));
        HostRecord(plain.chain(hashed).chain(patterns).cloned().collect())
    }
}

impl Groups {
    /// Adds the file's next line; [`Self::finish`] must be called before a look-up.
    fn push(&mut self, text: &[u8]) {
        self.lines += 1;
        let (line, problem) = line::parse(text);
        let revokes = matches!(&line, Some(line) if line.role == Role::Revoked);
        if let Some(line) = line {
            self.insert(line);
        }
        if let Some(problem) = problem {
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
        let push = |group: &mut Arc<Group>| Arc::make_mut(group).push(number, role, key.as_ref());
        match line.hosts {
            Hosts::Names(names) => {
                for name in names {
                    push(self.names.entry(name.into()).or_default());
                }
            }
            Hosts::All => push(&mut self.all_hosts),
            Hosts::Patterns(patterns) => push(self.patterns.entry(patterns).or_default()),
            // Not grouped: each has a salt of its own.
            Hosts::Hashed(name) => {
                let mut group = Arc::default();
                push(&mut group);
                self.hashed.push((name, group));
            }
        }
    }

    fn finish(&mut self) {
        self.pattern_bytes = self.patterns.keys().flatten().map(String::len).sum();
        let hashed = self.hashed.iter_mut().map(|(_, group)| group);
        let groups = self.names.values_mut().chain(self.patterns.values_mut());
        for group in groups.chain(hashed).chain([&mut self.all_hosts]) {
            Arc::make_mut(group).sort();
        }
    }
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
