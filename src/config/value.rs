//! Parsing of one value from a layer, and its TOML form: the `Value` trait and its plain types.
//!
//! Types with a grammar of their own (durations, sizes, CPU lists ...) are in `units`.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Name and value of a field of a table.
pub(super) type Field<'a> = (&'a str, Raw<'a>);

/// Unparsed value of a layer.
#[derive(Debug)]
pub(super) enum Raw<'a> {
    /// Bare text: environment, `--set`, flags, presets. The setting decides on its type. Text that
    /// is a TOML string, array or table is parsed before.
    Text(&'a str),
    /// A TOML string.
    String(&'a str),
    /// A TOML integer.
    Integer(i64),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML array.
    Items(Vec<Raw<'a>>),
    /// A TOML table.
    Table(Vec<Field<'a>>),
    /// Any other TOML value; no setting accepts it.
    Other,
}

impl<'a> Raw<'a> {
    /// Text of a bare text or a TOML string.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        match self {
            Raw::Text(text) | Raw::String(text) => Some(text),
            Raw::Integer(_) | Raw::Boolean(_) | Raw::Items(_) | Raw::Table(_) | Raw::Other => None,
        }
    }
}

/// Type of a setting.
pub(super) trait Value: Sized {
    /// Parses a value; the error completes "expected ...".
    fn read(raw: &Raw<'_>) -> Result<Self, String>;
    /// Describes the values that are accepted.
    fn accepts() -> String;
    /// Writes the value as TOML that `read` parses to an equal value.
    fn write(&self) -> String;
}

/// Element of a list: a type with one spelling, in TOML always a string.
pub(super) trait Element: Sized {
    /// Description of the elements that are accepted, in the singular.
    const ACCEPTS: &'static str;
    /// Parses one element.
    fn parse(text: &str) -> Option<Self>;
    /// Returns the spelling that `parse` parses to an equal element.
    fn spell(&self) -> String;
}

/// Time at which a changed value applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applies {
    /// A reload applies it, to new sessions.
    AtReload,
    /// Read once, when the process starts.
    AtRestart,
    /// Path of a file: a reload applies a changed path; setting or clearing it needs a restart.
    SwitchAtRestart,
}

/// Describes a range: `from LOWEST to HIGHEST`.
fn bounds<T: Value>(range: &RangeInclusive<T>) -> String {
    format!("from {} to {}", range.start().write(), range.end().write())
}

/// Describes the values in `range`.
pub(super) fn accepts_within<T: Value>(range: RangeInclusive<T>) -> String {
    format!("{}, {}", T::accepts(), bounds(&range))
}

/// Parses a value that must lie in `range`; the error names the bounds.
pub(super) fn read_within<T: Value + PartialOrd>(
    raw: &Raw<'_>,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    let value = T::read(raw).map_err(|accepted| format!("{accepted}, {}", bounds(&range)))?;
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(format!("a value {}", bounds(&range)))
    }
}

/// Quotes `text` as a TOML string.
pub(super) fn toml_string(text: &str) -> String {
    toml::Value::from(text).to_string()
}

impl Value for bool {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        match raw {
            Raw::Boolean(value) => Ok(*value),
            Raw::Text("true") => Ok(true),
            Raw::Text("false") => Ok(false),
            _ => Err(Self::accepts()),
        }
    }

    fn accepts() -> String {
        String::from("true or false")
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Value for u32 {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        let value = match raw {
            Raw::Integer(value) => u32::try_from(*value).ok(),
            Raw::Text(text) => text.parse().ok(),
            _ => None,
        };
        value.ok_or_else(Self::accepts)
    }

    fn accepts() -> String {
        String::from("a whole number")
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Value for PathBuf {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        let path = raw
            .as_text()
            .filter(|text| !text.is_empty() && !text.contains('\0'));
        path.map(PathBuf::from).ok_or_else(Self::accepts)
    }

    fn accepts() -> String {
        String::from("the path of a file")
    }

    fn write(&self) -> String {
        // Lossless: every layer is UTF-8.
        toml_string(&self.to_string_lossy())
    }
}

/// The empty string stands for no file.
impl Value for Option<PathBuf> {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        match raw.as_text() {
            Some("") => Ok(None),
            _ => PathBuf::read(raw).map(Some).map_err(|_| Self::accepts()),
        }
    }

    fn accepts() -> String {
        format!("{}, or an empty string for none", PathBuf::accepts())
    }

    fn write(&self) -> String {
        self.as_ref().map_or_else(|| toml_string(""), Value::write)
    }
}

impl<T: Element> Value for Vec<T> {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        let items: Option<Vec<&str>> = match raw {
            Raw::Items(items) => items.iter().map(Raw::as_text).collect(),
            Raw::Text(text) if text.trim().is_empty() => Some(Vec::new()),
            Raw::Text(text) => Some(text.split(',').map(str::trim).collect()),
            Raw::String(one) => {
                let list = format!("[{}]", toml_string(one));
                return Err(format!("{}; for one write {list}", Self::accepts()));
            }
            _ => None,
        };
        let read = |item: &str| {
            T::parse(item).ok_or_else(|| format!("{} in place of {item:?}", T::ACCEPTS))
        };
        let items = items.ok_or_else(Self::accepts)?;
        items.into_iter().map(read).collect()
    }

    fn accepts() -> String {
        format!("an array of strings, each {}", T::ACCEPTS)
    }

    fn write(&self) -> String {
        let items: Vec<String> = self.iter().map(|item| toml_string(&item.spell())).collect();
        format!("[{}]", items.join(", "))
    }
}

impl Element for String {
    const ACCEPTS: &'static str = "a string that is not empty";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn spell(&self) -> String {
        self.clone()
    }
}

impl Element for SocketAddr {
    const ACCEPTS: &'static str = "an IP address and port such as 127.0.0.1:8022 or [::1]:8022";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn spell(&self) -> String {
        self.to_string()
    }
}
