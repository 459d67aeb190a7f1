//! The layer of the configuration file: TOML, one table per section.
//!
//! Guarantees that every error names the file, and the line where there is one. Does not check
//! values: their types do (`value.rs`).

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::builder::{Builder, Source, known_keys, sections};
use super::error::{ConfigError, quoted};
use super::value::Raw;
use crate::plain_text::escaped;

/// Largest file that is read, in bytes; one with every setting has about sixteen thousand.
const LARGEST: u64 = 1024 * 1024;

/// Applies the file at `path` to the builder.
pub(super) fn apply(builder: &mut Builder, path: &Path) {
    let path_text = escaped(&path.to_string_lossy()).into_owned();
    match read(path) {
        Ok(text) => TomlFile { path, text: &text }.apply(builder, &path_text),
        Err(error) => builder.errors.push(ConfigError::File {
            path: path_text,
            reason: error.to_string(),
        }),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?
        .take(LARGEST + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(read).is_ok_and(|read| read <= LARGEST) {
        return Ok(text);
    }
    Err(io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!("larger than {LARGEST} bytes"),
    ))
}

/// Text of a file, with its path for the sources.
struct TomlFile<'a> {
    path: &'a Path,
    text: &'a str,
}

impl TomlFile<'_> {
    fn apply(&self, builder: &mut Builder, path_text: &str) {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        if !errors.is_empty() {
            // Recovered values are guesses: they would only add misleading errors.
            builder
                .errors
                .extend(errors.iter().map(|error| ConfigError::Syntax {
                    path: path_text.to_owned(),
                    line: self.line(error.span().map_or(0, |span| span.start)),
                    reason: escaped(error.message()).into_owned(),
                }));
            return;
        }
        // The parser's maps are sorted by name; errors read better from the top of the file.
        for (name, value) in in_file_order(root.get_ref()) {
            self.apply_section(builder, name, value);
        }
    }

    fn apply_section(&self, builder: &mut Builder, name: &Spanned<Name<'_>>, value: &Item<'_>) {
        let section: &str = name.get_ref();
        if !sections().contains(&section) {
            return builder.unknown(section, &self.source(name.span()), known_keys(section));
        }
        let DeValue::Table(table) = value.get_ref() else {
            return builder.errors.push(ConfigError::BadValue {
                key: section.to_owned(),
                location: self.source(name.span()).location(),
                value: quoted(self.spelling(value.span())),
                expected: format!("a table: section {section} begins with [{section}]"),
            });
        };
        for (name, value) in in_file_order(table) {
            let key = format!("{section}.{}", name.get_ref());
            let (spelling, source) = (self.spelling(value.span()), self.source(name.span()));
            builder.set(&key, &raw(value.get_ref()), spelling, source);
        }
    }

    fn source(&self, span: Range<usize>) -> Source {
        Source::File {
            path: self.path.to_owned(),
            line: self.line(span.start),
        }
    }

    fn spelling(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }

    /// Returns the line of a byte offset, from 1.
    fn line(&self, offset: usize) -> usize {
        let newlines = self.text.bytes().take(offset).filter(|byte| *byte == b'\n');
        newlines.count() + 1
    }
}

type Name<'i> = std::borrow::Cow<'i, str>;
pub(super) type Item<'i> = Spanned<DeValue<'i>>;

fn in_file_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Spanned<Name<'i>>, &'t Item<'i>)> {
    let mut items: Vec<_> = table.iter().collect();
    items.sort_by_key(|(name, _)| name.span().start);
    items
}

/// Parses `text` as a TOML string, array or inline table; `None` if it is none of them, as a bare
/// text that only begins like one: `[::1]:8022`. Numbers and words need no delimiters.
pub(super) fn delimited(text: &str) -> Option<Item<'_>> {
    let begins = |text: &str| text.starts_with(['"', '\'', '[', '{']);
    begins(text).then(|| DeValue::parse(text).ok()).flatten()
}

/// Converts a TOML value to the form that settings read.
pub(super) fn raw<'a>(value: &'a DeValue<'_>) -> Raw<'a> {
    match value {
        DeValue::String(text) => Raw::String(text),
        // Beyond 64 bits no setting accepts it.
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Raw::Other, Raw::Integer)
        }
        DeValue::Boolean(value) => Raw::Boolean(*value),
        DeValue::Array(items) => Raw::Items(items.iter().map(|item| raw(item.get_ref())).collect()),
        DeValue::Table(table) => {
            let field = |(name, value): (&'a Spanned<Name<'_>>, &'a Item<'_>)| {
                (name.get_ref().as_ref(), raw(value.get_ref()))
            };
            Raw::Table(in_file_order(table).into_iter().map(field).collect())
        }
        DeValue::Float(_) | DeValue::Datetime(_) => Raw::Other,
    }
}
