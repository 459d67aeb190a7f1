//! Tables of typed bytes and what they make, and a small terminal that shows what the echo means.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::{Event, LineEditor, MAX_HISTORY, MAX_LINE};
use unicode_width::UnicodeWidthChar;

/// Feeds everything, prompting after each event as the shell does.
fn run(editor: &mut LineEditor, bytes: &[u8], chunk: usize) -> (Vec<Event>, Vec<u8>) {
    let (mut events, mut echo) = (Vec::new(), Vec::new());
    editor.start(&mut echo);
    for part in bytes.chunks(chunk) {
        let mut rest = part;
        while !rest.is_empty() {
            let (taken, event) = editor.feed(rest, &mut echo);
            assert!(taken > 0);
            rest = &rest[taken..];
            if let Some(event) = event {
                events.push(event);
                editor.start(&mut echo);
            }
        }
    }
    (events, echo)
}

fn line(text: &str) -> Event {
    Event::Line(text.to_owned())
}

#[test]
fn keys_make_lines() {
    let table: &[(&[u8], &[Event])] = &[
        (b"echo hi\r", &[line("echo hi")]),
        (b"a\r\nb\nc\r", &[line("a"), line("b"), line("c")]),
        (b"\r\r", &[line(""), line("")]),
        (b"abc\x7f\x08d\r", &[line("ad")]),
        (b"ac\x1b[Db\r", &[line("abc")]),
        (b"bc\x1b[Ha\x1b[Fd\r", &[line("abcd")]),
        (b"bc\x1bOHa\x1bOFd\r", &[line("abcd")]),
        (b"bc\x1b[1~a\x1b[4~d\r", &[line("abcd")]),
        (b"abc\x1b[D\x1b[D\x1b[3~\r", &[line("ac")]),
        (b"abc\x01\x04\r", &[line("bc")]),
        (b"bc\x01a\x05d\r", &[line("abcd")]),
        (b"abc\x02\x0b\r", &[line("ab")]),
        (b"abc\x02\x15\r", &[line("c")]),
        (b"one two  \x17\r", &[line("one ")]),
        (b"\x17x\r", &[line("x")]),
        (b"abc\x03def\r", &[Event::Interrupt, line("def")]),
        (b"\x04", &[Event::EndOfInput]),
        (b"ab\x04\r", &[line("ab")]),
        (b"a\x0cb\r", &[line("ab")]),
        ("h\u{e9}\u{1f600}\x7fz\r".as_bytes(), &[line("h\u{e9}z")]),
        // A combining mark goes with the character that carries it.
        ("xe\u{301}\x7f\r".as_bytes(), &[line("x")]),
        ("e\u{301}\x1b[Da\r".as_bytes(), &[line("ae\u{301}")]),
        // Broken UTF-8 is shown as such, and swallows nothing that follows.
        (b"\xe4\xbda\r", &[line("\u{fffd}a")]),
        (b"\xff\r", &[line("\u{fffd}")]),
        // Unknown sequences and control characters leave no trace.
        (b"a\x1b[5~\x1b[1;5Q\x1bxb\x00\r", &[line("ab")]),
        ("a\u{9b}b\r".as_bytes(), &[line("ab")]),
        (b"ab\x1b\x03", &[Event::Interrupt]),
    ];
    for (bytes, expected) in table {
        for chunk in [1, 2, 64] {
            let mut editor = LineEditor::new("$ ", 80);
            let (events, _) = run(&mut editor, bytes, chunk);
            assert_eq!(&events, expected, "typed {bytes:?} in chunks of {chunk}");
        }
    }
}

#[test]
fn history_goes_up_and_down_and_keeps_what_was_typed() {
    let table: &[(&[u8], &str)] = &[
        (b"\x1b[A\r", "two"),
        (b"\x1b[A\x1b[A\r", "one"),
        (b"\x1b[A\x1b[A\x1b[A\x1b[A\r", "one"),
        (b"thr\x1b[A\x1b[A\x1b[B\x1b[Bee\r", "three"),
        (b"x\x1b[B\r", "x"),
        (b"\x10\x10\x0e\r", "two"),
        (b"\x1b[A!\r", "two!"),
    ];
    for (bytes, expected) in table {
        let mut editor = LineEditor::new("$ ", 80);
        run(&mut editor, b"one\rtwo\rtwo\r\r", 64);
        let (events, _) = run(&mut editor, bytes, 64);
        assert_eq!(events, [line(expected)], "typed {bytes:?}");
    }
}

#[test]
fn line_and_history_are_bounded() {
    let mut editor = LineEditor::new("$ ", 80);
    let (events, echo) = run(&mut editor, &vec![b'x'; MAX_LINE + 3], 512);
    assert!(events.is_empty());
    assert_eq!(echo.iter().filter(|byte| **byte == 0x07).count(), 3);
    let (events, _) = run(&mut editor, b"\r", 1);
    assert_eq!(events, [Event::Line("x".repeat(MAX_LINE))]);
    for number in 0..2 * MAX_HISTORY {
        run(&mut editor, format!("{number}\r").as_bytes(), 64);
    }
    assert_eq!(editor.history.len(), MAX_HISTORY);
}

/// A terminal that knows the few sequences the editor writes, with deferred wrap.
struct Screen {
    columns: usize,
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Screen {
    fn show(columns: usize, echo: &[u8]) -> Self {
        let (row, column, rows) = (0, 0, vec![vec![' '; columns]]);
        let mut screen = Self {
            columns,
            rows,
            row,
            column,
        };
        let text = std::str::from_utf8(echo).unwrap();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            if character != '\x1b' {
                screen.put(character);
                continue;
            }
            assert_eq!(characters.next(), Some('['));
            let mut number = String::new();
            while let Some(digit) = characters.next_if(char::is_ascii_digit) {
                number.push(digit);
            }
            let count = number.parse().unwrap_or(1);
            match characters.next() {
                Some('A') => screen.row -= count,
                Some('C') => screen.column += count,
                Some('J') => screen.erase_below(),
                other => unreachable!("sequence ends in {other:?}"),
            }
        }
        screen
    }

    fn put(&mut self, character: char) {
        match character {
            '\r' => self.column = 0,
            '\n' => self.next_row(),
            _ => {
                let width = character.width().unwrap();
                if self.column + width > self.columns {
                    self.next_row();
                    self.column = 0;
                }
                self.rows[self.row][self.column] = character;
                if width == 2 {
                    self.rows[self.row][self.column + 1] = '_';
                }
                self.column += width;
            }
        }
    }

    fn next_row(&mut self) {
        self.row += 1;
        if self.row == self.rows.len() {
            self.rows.push(vec![' '; self.columns]);
        }
    }

    fn erase_below(&mut self) {
        let at = self.column.min(self.columns);
        self.rows[self.row][at..].fill(' ');
        self.rows.truncate(self.row + 1);
    }

    fn text(&self) -> Vec<String> {
        let rows = self.rows.iter().map(|row| row.iter().collect::<String>());
        rows.map(|row| row.trim_end().to_owned()).collect()
    }
}

#[test]
fn the_screen_shows_the_line_and_the_cursor() {
    // Typed, rows, and the cursor's row and column, on a terminal 8 wide.
    let table: &[(&str, &[&str], (usize, usize))] = &[
        ("", &["$"], (0, 2)),
        ("abc", &["$ abc"], (0, 5)),
        ("abc\x1b[D", &["$ abc"], (0, 4)),
        ("abc\x7f", &["$ ab"], (0, 4)),
        ("abcdef", &["$ abcdef", ""], (1, 0)),
        ("abcdefg", &["$ abcdef", "g"], (1, 1)),
        ("abcdefgh\x01", &["$ abcdef", "gh"], (0, 2)),
        ("abcdefgh\x01\x0b", &["$"], (0, 2)),
        ("abcdefgh\x7f\x7f\x7f", &["$ abcde"], (0, 7)),
        ("bcdefg\x01a", &["$ abcdef", "g"], (0, 3)),
        // A wide character that does not fit goes to the next row.
        ("abcde\u{4e2d}", &["$ abcde", "\u{4e2d}_"], (1, 2)),
        ("\u{4e2d}\u{6587}\x1b[D", &["$ \u{4e2d}_\u{6587}_"], (0, 4)),
        ("ab\rc", &["$ ab", "$ c"], (1, 3)),
        ("ab\x03", &["$ ab^C", "$"], (1, 2)),
    ];
    for (typed, rows, cursor) in table {
        for chunk in [1, 64] {
            let mut editor = LineEditor::new("$ ", 8);
            let (_, echo) = run(&mut editor, typed.as_bytes(), chunk);
            let screen = Screen::show(8, &echo);
            assert_eq!(&screen.text(), rows, "typed {typed:?}, echo {echo:?}");
            assert_eq!((screen.row, screen.column), *cursor, "typed {typed:?}");
        }
    }
}

#[test]
fn typing_at_the_end_echoes_one_character() {
    let mut editor = LineEditor::new("$ ", 80);
    run(&mut editor, b"ab", 64);
    let mut echo = Vec::new();
    editor.feed(b"c", &mut echo);
    assert_eq!(echo, b"c");
}
