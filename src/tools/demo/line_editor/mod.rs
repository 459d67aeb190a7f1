//! The line editor of the demo shell: typed bytes in, echo bytes and finished lines out.
//!
//! Pure: no I/O, no clock, no runtime. It runs no command and does not know when one is running;
//! the caller stops feeding it then. Bounds: a line is at most [`MAX_LINE`] characters, the
//! history [`MAX_HISTORY`] lines.

mod keys;
#[cfg(test)]
mod tests;

use keys::{Key, KeyDecoder};
use std::collections::VecDeque;
use unicode_width::UnicodeWidthChar;

/// Longest line, in characters; more only rings the bell.
pub(super) const MAX_LINE: usize = 4096;
/// Most lines of history.
pub(super) const MAX_HISTORY: usize = 100;

/// What the typed bytes amounted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// Enter: the line, without its end.
    Line(String),
    /// Ctrl-C: the line was given up.
    Interrupt,
    /// Ctrl-D on an empty line.
    EndOfInput,
}

/// Row and column, both from 0, of a cell relative to the start of the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    row: usize,
    column: usize,
}

/// One line being edited, and those before it.
#[derive(Debug)]
pub(super) struct LineEditor {
    prompt: &'static str,
    columns: usize,
    keys: KeyDecoder,
    line: Vec<char>,
    cursor: usize,
    /// Row of the terminal's cursor relative to the row of the prompt.
    drawn_row: usize,
    /// The terminal no longer shows `line` and `cursor`.
    dirty: bool,
    history: VecDeque<Vec<char>>,
    /// Which line of the history is shown; its length means the line being typed.
    shown: usize,
    /// The line being typed while another is shown.
    typed: Vec<char>,
}

impl LineEditor {
    /// An editor for a terminal `columns` wide (at least 1 is assumed). The prompt must be plain
    /// printable text.
    pub(super) fn new(prompt: &'static str, columns: u16) -> Self {
        Self {
            prompt,
            columns: usize::from(columns).max(1),
            keys: KeyDecoder::new(),
            line: Vec::new(),
            cursor: 0,
            drawn_row: 0,
            dirty: false,
            history: VecDeque::new(),
            shown: 0,
            typed: Vec::new(),
        }
    }

    /// The terminal has a new width. What stands on it is not redrawn: terminals re-flow.
    pub(super) fn set_columns(&mut self, columns: u16) {
        self.columns = usize::from(columns).max(1);
        self.drawn_row = self.cell(self.cursor).row;
    }

    /// Shows the prompt of a fresh line; the terminal's cursor must be at the start of a row.
    pub(super) fn start(&mut self, echo: &mut Vec<u8>) {
        self.drawn_row = 0;
        self.redraw(echo);
    }

    /// Takes bytes up to and including the first that makes an event, and says how many they
    /// were. What the terminal must show is appended to `echo`; after an event that leaves the
    /// cursor at the start of a row, and [`LineEditor::start`] shows the next prompt.
    pub(super) fn feed(&mut self, bytes: &[u8], echo: &mut Vec<u8>) -> (usize, Option<Event>) {
        for (index, byte) in bytes.iter().enumerate() {
            for key in self.keys.push(*byte).into_iter().flatten() {
                if let Some(event) = self.press(key, echo) {
                    return (index + 1, Some(event));
                }
            }
        }
        if self.dirty {
            self.redraw(echo);
        }
        (bytes.len(), None)
    }

    fn press(&mut self, key: Key, echo: &mut Vec<u8>) -> Option<Event> {
        match key {
            Key::Char(character) => self.insert(character, echo),
            Key::Enter => return Some(self.enter(echo)),
            Key::Backspace => self.backspace(),
            Key::Delete => self.delete(),
            Key::Left => self.move_to(self.before(self.cursor)),
            Key::Right => self.move_to(self.after(self.cursor)),
            Key::Up => self.show(self.shown.checked_sub(1)),
            Key::Down => self.show(Some(self.shown + 1)),
            Key::Home => self.move_to(0),
            Key::End => self.move_to(self.line.len()),
            Key::Ctrl(letter) => return self.control(letter, echo),
        }
        None
    }

    fn control(&mut self, letter: u8, echo: &mut Vec<u8>) -> Option<Event> {
        match letter {
            b'a' => self.move_to(0),
            b'b' => self.move_to(self.before(self.cursor)),
            b'c' => return Some(self.interrupt(echo)),
            b'd' if self.line.is_empty() => {
                echo.extend_from_slice(b"\r\n");
                return Some(Event::EndOfInput);
            }
            b'd' => self.delete(),
            b'e' => self.move_to(self.line.len()),
            b'f' => self.move_to(self.after(self.cursor)),
            b'k' => self.remove(self.cursor, self.line.len()),
            b'l' => {
                echo.extend_from_slice(b"\x1b[H\x1b[2J");
                self.drawn_row = 0;
                self.dirty = true;
            }
            b'n' => self.show(Some(self.shown + 1)),
            b'p' => self.show(self.shown.checked_sub(1)),
            b'u' => self.remove(0, self.cursor),
            b'w' => self.remove(self.word_start(), self.cursor),
            _ => {}
        }
        None
    }

    fn insert(&mut self, character: char, echo: &mut Vec<u8>) {
        // Without a width it is a control character (C1 among them): never echoed.
        if character.width().is_none() {
            return;
        }
        if self.line.len() >= MAX_LINE {
            echo.push(0x07);
            return;
        }
        let at_end = self.cursor == self.line.len();
        self.line.insert(self.cursor, character);
        self.cursor += 1;
        // At the end of a line that fits one row, the character alone is enough: most typing.
        let cell = self.cell(self.cursor);
        if at_end && !self.dirty && cell.row == 0 {
            echo.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            self.dirty = true;
        }
    }

    fn enter(&mut self, echo: &mut Vec<u8>) -> Event {
        self.finish_row(echo);
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() && self.history.back() != Some(&line) {
            if self.history.len() >= MAX_HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(line.clone());
        }
        self.forget();
        Event::Line(line.into_iter().collect())
    }

    fn interrupt(&mut self, echo: &mut Vec<u8>) -> Event {
        self.dirty = true;
        self.cursor = self.line.len();
        self.redraw(echo);
        echo.extend_from_slice(b"^C\r\n");
        self.forget();
        Event::Interrupt
    }

    fn forget(&mut self) {
        self.line.clear();
        self.typed.clear();
        self.cursor = 0;
        self.drawn_row = 0;
        self.dirty = false;
        self.shown = self.history.len();
    }

    /// Leaves the row below the last of the line.
    fn finish_row(&mut self, echo: &mut Vec<u8>) {
        self.move_to(self.line.len());
        if self.dirty {
            self.redraw(echo);
        }
        echo.extend_from_slice(b"\r\n");
    }

    fn backspace(&mut self) {
        self.remove(self.before(self.cursor), self.cursor);
    }

    fn delete(&mut self) {
        self.remove(self.cursor, self.after(self.cursor));
    }

    fn remove(&mut self, from: usize, to: usize) {
        let to = to.min(self.line.len());
        if from < to {
            self.line.drain(from..to);
            self.cursor = from;
            self.dirty = true;
        }
    }

    fn move_to(&mut self, cursor: usize) {
        self.dirty |= cursor != self.cursor;
        self.cursor = cursor;
    }

    /// Shows a line of the history, or the typed one; out of range does nothing.
    fn show(&mut self, wanted: Option<usize>) {
        let Some(wanted) = wanted.filter(|wanted| *wanted <= self.history.len()) else {
            return;
        };
        if self.shown == self.history.len() {
            self.typed = std::mem::take(&mut self.line);
        }
        self.line = match self.history.get(wanted) {
            Some(line) => line.clone(),
            None => std::mem::take(&mut self.typed),
        };
        self.shown = wanted;
        self.cursor = self.line.len();
        self.dirty = true;
    }

    /// The character before, combining marks together with what carries them.
    fn before(&self, cursor: usize) -> usize {
        let marks = self.line.iter().take(cursor).rev();
        let marks = marks.take_while(|c| c.width() == Some(0)).count();
        cursor.saturating_sub(marks + 1)
    }

    /// The character after, past the combining marks that belong to it.
    fn after(&self, cursor: usize) -> usize {
        let marks = self.line.iter().skip(cursor + 1);
        let marks = marks.take_while(|c| c.width() == Some(0)).count();
        (cursor + 1 + marks).min(self.line.len())
    }

    fn word_start(&self) -> usize {
        let word = |at: &usize| self.line.get(at.wrapping_sub(1)).copied();
        let mut start = self.cursor;
        while word(&start).is_some_and(|c| c == ' ') {
            start -= 1;
        }
        while word(&start).is_some_and(|c| c != ' ') {
            start -= 1;
        }
        start
    }

    /// Where the character with this index stands, wrapped as terminals wrap: a wide character
    /// that does not fit the row moves to the next.
    fn cell(&self, index: usize) -> Cell {
        let mut cell = Cell { row: 0, column: 0 };
        let line = self.line.iter().take(index).copied();
        for character in self.prompt.chars().chain(line) {
            let width = character.width().unwrap_or(0).min(self.columns);
            if cell.column + width > self.columns {
                cell.row += 1;
                cell.column = 0;
            }
            cell.column += width;
            if cell.column == self.columns {
                cell.row += 1;
                cell.column = 0;
            }
        }
        cell
    }

    /// Draws prompt and line over what stands there, and puts the cursor where it belongs.
    fn redraw(&mut self, echo: &mut Vec<u8>) {
        up(self.drawn_row, echo);
        echo.extend_from_slice(b"\r");
        echo.extend_from_slice(self.prompt.as_bytes());
        let mut buffer = [0; 4];
        for character in &self.line {
            echo.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        }
        let end = self.cell(self.line.len());
        if end.column == 0 && end.row > 0 {
            // A terminal puts the wrap off until the next character: make it happen now.
            echo.extend_from_slice(b" \r");
        }
        echo.extend_from_slice(b"\x1b[J");
        let cursor = self.cell(self.cursor);
        if cursor != end {
            up(end.row - cursor.row, echo);
            echo.extend_from_slice(b"\r");
            if cursor.column > 0 {
                echo.extend_from_slice(format!("\x1b[{}C", cursor.column).as_bytes());
            }
        }
        self.drawn_row = cursor.row;
        self.dirty = false;
    }
}

fn up(rows: usize, echo: &mut Vec<u8>) {
    if rows > 0 {
        echo.extend_from_slice(format!("\x1b[{rows}A").as_bytes());
    }
}
