//! Helpers: a bridge with an audit log, and its lines.

use crate::common::fixture::Fixture;
use crate::common::{DEADLINE, SshScript, poll};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) struct AuditFixture {
    pub(crate) base: Fixture,
    directory: tempfile::TempDir,
}

impl AuditFixture {
    pub(crate) fn with(script: SshScript, settings: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = format!("audit.file={}", directory.path().join("audit").display());
        let settings = [&[file.as_str()], settings].concat();
        Self {
            base: Fixture::with(script, &settings),
            directory,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("audit")
    }

    /// Returns a path in the same directory.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Waits until so many sessions have ended, and returns all lines.
    pub(crate) fn ended(&self, count: usize) -> Vec<Value> {
        let mut lines = Vec::new();
        let reached = poll(DEADLINE, || {
            lines = read(&self.path());
            let ends = lines.iter().filter(|line| line["event"] == "end").count();
            (ends >= count).then_some(())
        });
        assert!(reached.is_some(), "never {count} ends: {lines:#?}");
        lines
    }
}

/// Parses the lines of a file; a line that is no JSON fails.
pub(crate) fn read(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_ascii(), "{text:?}");
    let whole = text.split_inclusive('\n').filter(|l| l.ends_with('\n'));
    whole
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}
