//! Text of others on its way to a terminal or a log: what would break a line, move the cursor,
//! reorder what is read or stay invisible is escaped. Does not shorten.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// Beside the control characters (Cc): formatting ones (Cf), line and paragraph separators (Zl,
/// Zp), and what fonts show as nothing (`Default_Ignorable_Code_Point`), as of Unicode 16. In
/// order.
const DECEPTIVE: [RangeInclusive<char>; 33] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{600}'..='\u{605}',
    '\u{61c}'..='\u{61c}',
    '\u{6dd}'..='\u{6dd}',
    '\u{70f}'..='\u{70f}',
    '\u{890}'..='\u{891}',
    '\u{8e2}'..='\u{8e2}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{110bd}'..='\u{110bd}',
    '\u{110cd}'..='\u{110cd}',
    '\u{13430}'..='\u{1343f}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
    // Without a glyph of their own: noncharacters, and what is private to a font.
    '\u{fdd0}'..='\u{fdef}',
    '\u{fffe}'..='\u{ffff}',
    '\u{1fffe}'..='\u{1ffff}',
    '\u{2fffe}'..='\u{2ffff}',
    '\u{3fffe}'..='\u{3ffff}',
    '\u{efffe}'..='\u{effff}',
    '\u{f0000}'..='\u{fffff}',
    '\u{100000}'..='\u{10ffff}',
];

/// Returns whether a character can make text look like something else than it is.
pub fn is_deceptive(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control() || DECEPTIVE.iter().any(|range| range.contains(&c))
}

/// Escapes text for one line: `\n`, `\u{202e}`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escaped_but(text, |_| false, |out, c| out.extend(c.escape_default()))
}

/// Escapes text of several lines, whose ends are kept.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    escaped_but(text, |c| c == '\n', |out, c| out.extend(c.escape_default()))
}

/// Escapes JSON, which means the same afterwards: outside of strings there are only blanks and line
/// ends to escape, and those are kept.
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    let is_blank = |c| matches!(c, '\n' | '\r' | '\t');
    escaped_but(json, is_blank, |out, c| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

fn escaped_but(
    text: &str,
    keep: impl Fn(char) -> bool,
    escape: impl Fn(&mut String, char),
) -> Cow<'_, str> {
    let is_bad = |c: char| is_deceptive(c) && !keep(c);
    if !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_bad(c) {
            escape(&mut out, c);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assertion is a failed test")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_deceives_is_escaped_and_nothing_else() {
        for kept in [
            "", "plain", "müller", "e\u{301}", "日本", "a b", "\u{a0}", "🙂", "\u{5d0}",
        ] {
            assert!(
                matches!(escaped(kept), Cow::Borrowed(same) if same == kept),
                "{kept}"
            );
        }
        for (text, shown) in [
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[31m\u{9b}0m\u{7f}", "\\u{1b}[31m\\u{9b}0m\\u{7f}"),
            ("\u{202e}txt.exe\u{2066}", "\\u{202e}txt.exe\\u{2066}"),
            (
                "a\u{200b}b\u{200d}c\u{feff}",
                "a\\u{200b}b\\u{200d}c\\u{feff}",
            ),
            (
                "a\u{ad}\u{2060}\u{180e}\u{3164}",
                "a\\u{ad}\\u{2060}\\u{180e}\\u{3164}",
            ),
            ("\u{2028}\u{2029}\u{85}", "\\u{2028}\\u{2029}\\u{85}"),
            ("\u{e0041}\u{fe0f}\u{61c}", "\\u{e0041}\\u{fe0f}\\u{61c}"),
        ] {
            assert_eq!(escaped(text), shown);
        }
        assert_eq!(escaped_lines("a\nb\u{202e}\n"), "a\nb\\u{202e}\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_deceptive_is_left(text in any::<String>()) {
            prop_assert!(!escaped(&text).contains(is_deceptive));
            prop_assert!(!escaped_lines(&text).contains(|c| is_deceptive(c) && c != '\n'));
        }

        #[test]
        fn json_means_the_same(text in any::<String>()) {
            let json = serde_json::to_string_pretty(&[&text]).unwrap();
            let plain = escaped_json(&json);
            prop_assert!(!plain.contains(|c| is_deceptive(c) && c != '\n'));
            let read: Vec<String> = serde_json::from_str(&plain).unwrap();
            prop_assert_eq!(read, [text]);
        }
    }
}
