//! Errors of a configuration, each one line for the operator.

use crate::plain_text::escaped;
use std::fmt;

/// One error, with the key and the layer it came from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value that its setting does not accept.
    #[error("{key} = {value} ({location}): expected {expected}")]
    BadValue {
        /// Key, `section.name`.
        key: String,
        /// Layer, with path and line for a file.
        location: String,
        /// Value as the layer spells it, escaped and shortened.
        value: String,
        /// Values that are accepted.
        expected: String,
    },
    /// A key that is not declared.
    #[error("{key} ({location}): no such setting; {known}")]
    UnknownKey {
        /// Key as the layer spells it, escaped and shortened.
        key: String,
        /// Layer, with path and line for a file.
        location: String,
        /// Suggestion, or the keys or sections that exist.
        known: String,
    },
    /// The configuration file cannot be read.
    #[error("file {path}: {reason}")]
    File {
        /// Path as given.
        path: String,
        /// Error of the system.
        reason: String,
    },
    /// The configuration file is not TOML.
    #[error("file {path}, line {line}: {reason}")]
    Syntax {
        /// Path as given.
        path: String,
        /// Line number, from 1.
        line: usize,
        /// Message of the parser.
        reason: String,
    },
    /// A preset that does not exist.
    #[error("--preset {name}: expected one of {known}")]
    UnknownPreset {
        /// Name as given.
        name: String,
        /// Names that exist.
        known: String,
    },
    /// An argument of `--set` that is no assignment.
    #[error("--set {text}: expected section.key=value")]
    NoAssignment {
        /// Argument as given.
        text: String,
    },
    /// An environment variable whose value is not UTF-8.
    #[error("env {name}: expected a value in UTF-8")]
    NotUtf8 {
        /// Name of the variable.
        name: String,
    },
    /// Settings that are each valid and contradict each other.
    #[error("{0}")]
    Contradiction(String),
    /// No target is allowed, so that no session could begin.
    #[error(
        "no target is allowed: name those the bridge may connect to with --allow host:port, \
         or with targets.allow or targets.named in the configuration"
    )]
    NoTarget,
}

/// All errors of a configuration; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<ConfigError>);

impl ConfigErrors {
    /// Iterates over the errors, layer by layer from the lowest, contradictions last.
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

/// Text of a layer as an error quotes it: control characters escaped, at most 80 characters.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut line: String = escaped(text).chars().take(LONGEST + 1).collect();
    if line.chars().count() > LONGEST {
        line.pop();
        line.push_str("...");
    }
    line
}

/// Returns the known word that `text` is most likely a misspelling of, if any is near.
pub(super) fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |known: &str| {
        let edits = strsim::damerau_levenshtein(text, known);
        (edits <= 2.max(text.len() / 8) && edits * 2 < text.len()).then_some(edits)
    };
    known
        .filter_map(|known| Some((distance(known)?, known)))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, known)| known)
}
