//! Lenient parser of a terminal's size, for both dialects. Pages measure in pixels and divide, so
//! that hidden tabs and zoom produce zeros, fractions and `null`; none of these is a reason to lose
//! a shell.

use super::bounds::MAX_CELLS;
use super::client::WindowSize;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Number of columns or rows, rounded down, at most 1000. `None` for zero, negative numbers and
/// values that are no number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cells(pub(super) Option<u16>);

impl Cells {
    fn read(json: &str) -> Self {
        let number = number(json).map(f64::floor).filter(|n| *n >= 1.0);
        // Saturates; what is in range is exact.
        Self(number.map(|n| n.min(f64::from(MAX_CELLS)) as u16))
    }
}

impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::read(<&RawValue>::deserialize(deserializer)?.get()))
    }
}

/// Pixels; 0 (unknown) for a value that does not fit.
fn pixels(json: &str) -> u32 {
    let number = number(json).map(f64::floor);
    let fits = number.filter(|n| (0.0..=f64::from(u32::MAX)).contains(n));
    fits.map_or(0, |n| n as u32)
}

/// A JSON number, of any form, or a string that holds one.
fn number(json: &str) -> Option<f64> {
    let inner = json.strip_prefix('"').and_then(|j| j.strip_suffix('"'));
    let text = inner.unwrap_or(json).trim();
    // No "inf", no "nan".
    let plain = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    text.parse().ok().filter(|_| plain)
}

/// Fields of a `resize`, in any order; of a field that occurs twice the last counts.
#[derive(Debug, Default)]
pub(super) struct SizeFields {
    /// The field `action`, if it is a string.
    pub(super) action: Option<String>,
    cols: Cells,
    rows: Cells,
    width_px: u32,
    height_px: u32,
}

impl SizeFields {
    /// `None` if there is none: a `resize` without columns or rows is ignored.
    pub(super) fn size(&self) -> Option<WindowSize> {
        WindowSize::new(self.cols.0?, self.rows.0?, self.width_px, self.height_px)
    }
}

struct SizeVisitor;

impl<'de> Visitor<'de> for SizeVisitor {
    type Value = SizeFields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SizeFields, A::Error> {
        let mut fields = SizeFields::default();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "cols" => fields.cols = map.next_value()?,
                "rows" => fields.rows = map.next_value()?,
                "width_px" => fields.width_px = pixels(map.next_value::<&RawValue>()?.get()),
                "height_px" => fields.height_px = pixels(map.next_value::<&RawValue>()?.get()),
                "action" => {
                    let action = map.next_value::<&RawValue>()?;
                    fields.action = serde_json::from_str(action.get()).ok();
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(fields)
    }
}

impl<'de> Deserialize<'de> for SizeFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SizeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_pixels() {
        for (json, cells, in_pixels) in [
            ("80", Some(80), 80),
            ("1", Some(1), 1),
            ("1000", Some(1000), 1000),
            ("1001", Some(1000), 1001),
            ("65616", Some(1000), 65_616),
            ("4294967295", Some(1000), u32::MAX),
            ("4294967296", Some(1000), 0),
            ("18446744073709551616", Some(1000), 0),
            ("1e400", Some(1000), 0),
            ("-1e400", None, 0),
            ("0", None, 0),
            ("-0", None, 0),
            ("0.99", None, 0),
            ("1e-400", None, 0),
            ("-80", None, 0),
            ("80.0", Some(80), 80),
            ("80.999", Some(80), 80),
            ("8e1", Some(80), 80),
            ("8.05E+1", Some(80), 80),
            ("800e-1", Some(80), 80),
            ("\"80\"", Some(80), 80),
            ("\" 80.5 \"", Some(80), 80),
            ("\"\"", None, 0),
            ("\"x\"", None, 0),
            ("\"80x\"", None, 0),
            ("\"0x50\"", None, 0),
            ("\"inf\"", None, 0),
            ("\"NaN\"", None, 0),
            ("\"-\"", None, 0),
            ("\"\\ud800\"", None, 0),
            ("null", None, 0),
            ("true", None, 0),
            ("[80]", None, 0),
            ("{\"cols\":80}", None, 0),
        ] {
            assert_eq!(Cells::read(json), Cells(cells), "{json}");
            assert_eq!(pixels(json), in_pixels, "{json}");
        }
    }
}
