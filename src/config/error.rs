//! What can be wrong with a configuration, in words for its operator: one line per error.

use crate::plain_text;
use std::fmt;

/// One thing wrong, naming the key and the layer it came from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value its setting does not accept.
    #[error("{key} = {value} ({place}): expected {expected}")]
    BadValue {
        /// `section.name`.
        key: String,
        /// The layer, with path and line for a file.
        place: String,
        /// As the layer spells it, escaped and shortened.
        value: String,
        /// What is accepted.
        expected: String,
    },
    /// A key that is not declared.
    #[error("{key} ({place}): no such setting; {known}")]
    UnknownKey {
        /// As the layer spells it, escaped and shortened.
        key: String,
        /// The layer, with path and line for a file.
        place: String,
        /// The keys or sections there are.
        known: String,
    },
    /// The configuration file cannot be read.
    #[error("file {path}: {reason}")]
    File {
        /// The path as given.
        path: String,
        /// Why.
        reason: String,
    },
    /// The configuration file is not TOML.
    #[error("file {path}, line {line}: {reason}")]
    Syntax {
        /// The path as given.
        path: String,
        /// Counted from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// A preset nobody declared.
    #[error("--preset {name}: expected one of {known}")]
    UnknownPreset {
        /// As given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A `--set` that is no assignment.
    #[error("--set {text}: expected section.key=value")]
    NoAssignment {
        /// As given.
        text: String,
    },
    /// An environment variable whose value is not UTF-8.
    #[error("env {name}: expected a value in UTF-8")]
    NotUtf8 {
        /// The variable.
        name: String,
    },
    /// Settings that are each fine and do not fit together.
    #[error("{0}")]
    Contradiction(String),
    /// No target is allowed, so no session could ever begin.
    #[error(
        "no target is allowed: name those the bridge may connect to with --allow host:port, \
         or with targets.allow or targets.named in the configuration"
    )]
    NoTarget,
}

/// Everything found wrong with a configuration; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<ConfigError>);

impl ConfigErrors {
    /// The errors, layer by layer from the lowest, contradictions last.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}

/// `text` fit for one line of an error: control characters escaped, at most 80 characters.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut line: String = one_line(text).chars().take(LONGEST + 1).collect();
    if line.chars().count() > LONGEST {
        line.pop();
        line.push_str("...");
    }
    line
}

/// `text` fit for one line, whatever its length.
pub(super) fn one_line(text: &str) -> String {
    plain_text::escaped(text).into_owned()
}
