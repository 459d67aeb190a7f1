//! Text that the subcommands print on a terminal: tables, sizes, escaped names.

use crate::plain_text;
use unicode_width::UnicodeWidthStr;

/// Returns the rows as a table, the columns as wide as their widest cell.
pub(super) fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.width()).max().unwrap_or(0)
    });
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let gap = " ".repeat(width - cell.width() + 2);
            line.push_str(cell);
            line.push_str(&gap);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Escapes text from outside, so that the terminal does not interpret it.
pub(super) fn plain(text: &str) -> String {
    plain_text::escaped(text).into_owned()
}

/// Returns a number of things: `1 shard`, `2 shards`.
pub(super) fn counted(count: u64, thing: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{s}")
}

/// Returns a number of bytes in the unit that fits.
pub(super) fn size(bytes: u64) -> String {
    let mut rest = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if rest < 1024.0 {
            let digits = usize::from(rest < 10.0 && unit != "B");
            return format!("{rest:.digits$} {unit}");
        }
        rest /= 1024.0;
    }
    format!("{rest:.1} TiB")
}
