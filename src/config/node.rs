//! Name of a node of a fleet.

use super::value::{Raw, Value, toml_string};

/// Longest name: a label of the DNS (RFC 1035 section 2.3.4), or a name with a few dots.
const MAX_LENGTH: usize = 64;

/// Name of a node; the default, which is empty, stands for the machine's host name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeName(String);

impl NodeName {
    /// Name as text; `None` if it was not set.
    pub fn as_str(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|name| !name.is_empty())
    }
}

impl Value for NodeName {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        // Routes and logs do not escape it.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        raw.as_text()
            .filter(|text| text.len() <= MAX_LENGTH && text.chars().all(plain))
            .map(|text| Self(text.to_owned()))
            .ok_or_else(Self::accepts)
    }

    fn accepts() -> String {
        format!("nothing, or up to {MAX_LENGTH} letters, digits, dots, hyphens and underscores")
    }

    fn write(&self) -> String {
        toml_string(&self.0)
    }
}
