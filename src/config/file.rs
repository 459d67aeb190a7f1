//! The layer of the configuration file: TOML, one table per section.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::draft::{Draft, Source, known_keys, sections};
use super::error::{ConfigError, one_line, shown};
use super::value::Raw;

/// The largest file that is read, in bytes; a full one of ours has about four thousand.
const LARGEST: u64 = 1024 * 1024;

/// Lays the content of the file at `path` over the draft.
pub(super) fn lay(draft: &mut Draft, path: &Path) {
    let shown_path = one_line(&path.to_string_lossy());
    match read(path) {
        Ok(text) => TomlFile { path, text: &text }.lay(draft, &shown_path),
        Err(error) => {
            let reason = error.to_string();
            draft.errors.push(ConfigError::File {
                path: shown_path,
                reason,
            });
        }
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

/// A file's text, with its path for the sources.
struct TomlFile<'a> {
    path: &'a Path,
    text: &'a str,
}

impl TomlFile<'_> {
    fn lay(&self, draft: &mut Draft, shown_path: &str) {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        if !errors.is_empty() {
            // What was recovered is a guess: its values would only add errors that are none.
            draft
                .errors
                .extend(errors.iter().map(|error| ConfigError::Syntax {
                    path: shown_path.to_owned(),
                    line: self.line(error.span().map_or(0, |span| span.start)),
                    reason: one_line(error.message()),
                }));
            return;
        }
        // The parser's maps are sorted by name; errors read better from the top of the file.
        for (name, value) in in_file_order(root.get_ref()) {
            self.lay_section(draft, name, value);
        }
    }

    fn lay_section(&self, draft: &mut Draft, name: &Spanned<Name<'_>>, value: &Item<'_>) {
        let section: &str = name.get_ref();
        if !sections().contains(&section) {
            return draft.unknown(section, &self.source(name.span()), known_keys(section));
        }
        let DeValue::Table(table) = value.get_ref() else {
            let place = self.source(name.span()).place();
            let expected = format!("a table: section {section} begins with [{section}]");
            let value = shown(self.spelling(value.span()));
            let key = section.to_owned();
            return draft.errors.push(ConfigError::BadValue {
                key,
                place,
                value,
                expected,
            });
        };
        for (name, value) in in_file_order(table) {
            let key = format!("{section}.{}", name.get_ref());
            let spelling = self.spelling(value.span());
            draft.set(
                &key,
                &raw(value.get_ref()),
                spelling,
                self.source(name.span()),
            );
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

    /// The line of a byte offset, counted from 1.
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

/// `text` as a TOML string, array or inline table; `None` if it is none of them, as the bare
/// texts that only look so at first sight: `[::1]:8022`. Numbers and words are the same bare.
pub(super) fn delimited(text: &str) -> Option<Item<'_>> {
    let begins = |text: &str| text.starts_with(['"', '\'', '[', '{']);
    begins(text).then(|| DeValue::parse(text).ok()).flatten()
}

/// The value as a setting reads it.
pub(super) fn raw<'a>(value: &'a DeValue<'_>) -> Raw<'a> {
    match value {
        DeValue::String(text) => Raw::String(text),
        DeValue::Integer(number) => integer(number).map_or(Raw::Other, Raw::Integer),
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

/// None beyond 64 bits.
fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}
