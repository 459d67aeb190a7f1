//! Makes text of a remote party safe for one log line or for a close reason. Text inside JSON
//! messages does not pass here: JSON has its own escapes.

use super::bounds::{MAX_CLOSE_REASON, MAX_REMOTE_TEXT};
use crate::plain_text::is_deceptive;

/// Marks where text was cut.
const CUT: &str = " [cut]";

/// Text for a close frame: control characters escaped, at most 123 bytes, cut between characters
/// and never inside an escape, with a mark at the cut.
pub fn close_reason(text: &str) -> String {
    escape_within(text, MAX_CLOSE_REASON)
}

/// Remote text (banner, disconnect message) for a log line: control characters escaped, at most 1
/// KiB, with a mark where it was cut.
pub fn escape_remote_text(text: &str) -> String {
    escape_within(text, MAX_REMOTE_TEXT)
}

/// The beginning of `text`, at most `max` bytes of it, and a mark where something is missing.
pub fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let fits = |(at, c): &(usize, char)| at + c.len_utf8() <= max;
    let kept = text.char_indices().take_while(fits).map(|(_, c)| c);
    kept.chain(CUT.chars()).collect()
}

fn escape_within(text: &str, max_bytes: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max_bytes));
    // Where the mark still fits behind.
    let mut kept = 0;
    for c in text.chars() {
        if is_deceptive(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
        if out.len() > max_bytes {
            out.truncate(kept);
            out.push_str(CUT);
            break;
        }
        if out.len() + CUT.len() <= max_bytes {
            kept = out.len();
        }
    }
    out
}
