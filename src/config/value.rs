//! How one value is read from a layer and written as TOML: the `Value` trait and its plain types.
//!
//! The types with a grammar of their own (durations, sizes, CPU lists ...) are in `units`.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// A field of a table: its name and value.
pub(super) type Field<'a> = (&'a str, Raw<'a>);

/// A value as a layer spells it.
#[derive(Debug)]
pub(super) enum Raw<'a> {
    /// Bare text: environment, `--set`, flags, presets. Its type is the setting's to decide. Text
    /// that is a TOML string, array or table arrives as what it is.
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
    /// The text, where the layer gave text.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        match self {
            Raw::Text(text) | Raw::String(text) => Some(text),
            Raw::Integer(_) | Raw::Boolean(_) | Raw::Items(_) | Raw::Table(_) | Raw::Other => None,
        }
    }
}

/// A type a setting may have.
pub(super) trait Value: Sized {
    /// Reads a value; the error completes "expected ...".
    fn read(raw: &Raw<'_>) -> Result<Self, String>;
    /// Values that are taken, in words.
    fn accepts() -> String;
    /// Writes the value as TOML that `read` takes back unchanged.
    fn write(&self) -> String;
}

/// What a list is made of: a type with one spelling, in TOML always a string.
pub(super) trait Element: Sized {
    /// What is accepted, in the singular.
    const ACCEPTS: &'static str;
    /// Reads one element.
    fn parse(text: &str) -> Option<Self>;
    /// The spelling `parse` takes back unchanged.
    fn spell(&self) -> String;
}

/// A setting as it is declared.
pub(super) struct Declared {
    /// `section.name`.
    pub(super) key: &'static str,
    /// Its lines, each with the blank it begins with.
    pub(super) doc: &'static [&'static str],
    /// Values that are taken, in words.
    pub(super) accepts: fn() -> String,
}

/// A section as it is declared.
pub(super) struct Section {
    pub(super) name: &'static str,
    /// Its lines, each with the blank it begins with.
    pub(super) doc: &'static [&'static str],
    pub(super) settings: &'static [Declared],
}

/// `from LOWEST to HIGHEST`.
fn bounds<T: Value>(range: &RangeInclusive<T>) -> String {
    format!("from {} to {}", range.start().write(), range.end().write())
}

/// Values in `range`, in words.
pub(super) fn accepts_within<T: Value>(range: RangeInclusive<T>) -> String {
    format!("{}, {}", T::accepts(), bounds(&range))
}

/// Reads a value that must lie in `range`; the error names the bounds.
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

/// `text` as a TOML string.
pub(super) fn quoted(text: &str) -> String {
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
        // Lossless: every layer only hands over UTF-8.
        quoted(&self.to_string_lossy())
    }
}

/// The empty text stands for no file.
impl Value for Option<PathBuf> {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        match raw.as_text() {
            Some("") => Ok(None),
            _ => PathBuf::read(raw).map(Some).map_err(|_| Self::accepts()),
        }
    }

    fn accepts() -> String {
        format!("{}, or an empty text for none", PathBuf::accepts())
    }

    fn write(&self) -> String {
        self.as_ref().map_or_else(|| quoted(""), Value::write)
    }
}

/// The texts of an array that has nothing else.
fn strings<'a>(items: &[Raw<'a>]) -> Option<Vec<&'a str>> {
    items.iter().map(Raw::as_text).collect()
}

impl<T: Element> Value for Vec<T> {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        let items = match raw {
            Raw::Items(items) => strings(items),
            Raw::Text(text) if text.trim().is_empty() => Some(Vec::new()),
            Raw::Text(text) => Some(text.split(',').map(str::trim).collect()),
            _ => None,
        };
        let Some(items) = items else {
            return Err(match raw {
                Raw::String(one) => format!("{}; for one write [{}]", Self::accepts(), quoted(one)),
                _ => Self::accepts(),
            });
        };
        let read = |item: &str| {
            T::parse(item).ok_or_else(|| format!("{} in place of {item:?}", T::ACCEPTS))
        };
        items.into_iter().map(read).collect()
    }

    fn accepts() -> String {
        format!("an array of strings, each {}", T::ACCEPTS)
    }

    fn write(&self) -> String {
        let items: Vec<String> = self.iter().map(|item| quoted(&item.spell())).collect();
        format!("[{}]", items.join(", "))
    }
}

impl Element for String {
    const ACCEPTS: &'static str = "a text that is not empty";

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
