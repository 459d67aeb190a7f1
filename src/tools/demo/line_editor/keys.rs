//! Terminal input bytes to keys: UTF-8, control bytes, and the CSI and SS3 sequences of the keys
//! that a line editor knows. It edits nothing and echoes nothing.

/// Longest parameter part of a CSI sequence that is still looked at, in bytes.
const MAX_CSI: usize = 16;

/// What was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Backspace,
    Delete,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    /// A control key, by its lower-case letter.
    Ctrl(u8),
}

#[derive(Debug)]
enum State {
    Ground,
    Escape,
    /// `ESC [`, then the parameters so far.
    Csi(Vec<u8>),
    /// `ESC O`
    Ss3,
    /// The bytes of an unfinished character, and how many it needs.
    Utf8(Vec<u8>, usize),
}

/// Decodes one byte at a time; a sequence may be cut anywhere between calls.
#[derive(Debug)]
pub(super) struct KeyDecoder {
    state: State,
    after_cr: bool,
}

impl KeyDecoder {
    pub(super) fn new() -> Self {
        Self {
            state: State::Ground,
            after_cr: false,
        }
    }

    /// Takes one byte. Two keys come out where a byte both ends a broken character and is a key.
    pub(super) fn push(&mut self, byte: u8) -> [Option<Key>; 2] {
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Ground => [self.ground(byte), None],
            State::Escape => [self.escape(byte), None],
            State::Ss3 => [final_letter(byte), None],
            State::Csi(parameters) => [self.csi(parameters, byte), None],
            State::Utf8(bytes, needed) => self.utf8(bytes, needed, byte),
        }
    }

    fn ground(&mut self, byte: u8) -> Option<Key> {
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        match byte {
            b'\r' => Some(Key::Enter),
            b'\n' => (!after_cr).then_some(Key::Enter),
            0x1b => {
                self.state = State::Escape;
                None
            }
            0x08 | 0x7f => Some(Key::Backspace),
            0x01..=0x1a => Some(Key::Ctrl(byte + b'a' - 1)),
            0x20..=0x7e => Some(Key::Char(char::from(byte))),
            0xc2..=0xdf => self.start_utf8(byte, 2),
            0xe0..=0xef => self.start_utf8(byte, 3),
            0xf0..=0xf4 => self.start_utf8(byte, 4),
            0x80..=0xff => Some(Key::Char(char::REPLACEMENT_CHARACTER)),
            _ => None,
        }
    }

    fn start_utf8(&mut self, byte: u8, needed: usize) -> Option<Key> {
        self.state = State::Utf8(vec![byte], needed);
        None
    }

    fn utf8(&mut self, mut bytes: Vec<u8>, needed: usize, byte: u8) -> [Option<Key>; 2] {
        let broken = Some(Key::Char(char::REPLACEMENT_CHARACTER));
        if !(0x80..=0xbf).contains(&byte) {
            return [broken, self.ground(byte)];
        }
        bytes.push(byte);
        if bytes.len() < needed {
            self.state = State::Utf8(bytes, needed);
            return [None, None];
        }
        let decoded = std::str::from_utf8(&bytes).ok();
        let character = decoded.and_then(|text| text.chars().next());
        [character.map(Key::Char).or(broken), None]
    }

    fn escape(&mut self, byte: u8) -> Option<Key> {
        match byte {
            b'[' => self.state = State::Csi(Vec::new()),
            b'O' => self.state = State::Ss3,
            0x1b => self.state = State::Escape,
            // Ctrl-C after a lone Escape still interrupts; Alt with a letter does nothing.
            0x00..=0x1f => return self.ground(byte),
            _ => {}
        }
        None
    }

    fn csi(&mut self, mut parameters: Vec<u8>, byte: u8) -> Option<Key> {
        match byte {
            0x20..=0x3f => {
                if parameters.len() < MAX_CSI {
                    parameters.push(byte);
                }
                self.state = State::Csi(parameters);
                None
            }
            b'~' => match parameters.as_slice() {
                b"1" | b"7" => Some(Key::Home),
                b"3" => Some(Key::Delete),
                b"4" | b"8" => Some(Key::End),
                _ => None,
            },
            0x40..=0x7e => final_letter(byte),
            // Not part of a sequence: the sequence is forgotten, the byte counts.
            _ => self.ground(byte),
        }
    }
}

fn final_letter(byte: u8) -> Option<Key> {
    match byte {
        b'A' => Some(Key::Up),
        b'B' => Some(Key::Down),
        b'C' => Some(Key::Right),
        b'D' => Some(Key::Left),
        b'F' => Some(Key::End),
        b'H' => Some(Key::Home),
        _ => None,
    }
}
