//! Terminal modes of the pty request (RFC 4254 section 8): those that OpenSSH's client sends from
//! an ordinary terminal on Linux, so that programs see the same terminal as under `ssh`.

use russh::Pty;

/// Value of a special character that is disabled.
const NONE: u32 = 255;

/// Baud rate. There is no line; old programs delay output at low rates.
const SPEED: u32 = 38_400;

/// All modes. The server chooses those that are not in the list.
pub(super) const MODES: &[(Pty, u32)] = &[
    (Pty::TTY_OP_OSPEED, SPEED),
    (Pty::TTY_OP_ISPEED, SPEED),
    (Pty::VINTR, control(b'C')),
    (Pty::VQUIT, control(b'\\')),
    (Pty::VERASE, 127),
    (Pty::VKILL, control(b'U')),
    (Pty::VEOF, control(b'D')),
    (Pty::VEOL, NONE),
    (Pty::VEOL2, NONE),
    (Pty::VSTART, control(b'Q')),
    (Pty::VSTOP, control(b'S')),
    (Pty::VSUSP, control(b'Z')),
    (Pty::VREPRINT, control(b'R')),
    (Pty::VWERASE, control(b'W')),
    (Pty::VLNEXT, control(b'V')),
    (Pty::VDISCARD, control(b'O')),
    (Pty::IGNPAR, 0),
    (Pty::PARMRK, 0),
    (Pty::INPCK, 0),
    (Pty::ISTRIP, 0),
    (Pty::INLCR, 0),
    (Pty::IGNCR, 0),
    (Pty::ICRNL, 1),
    (Pty::IUCLC, 0),
    (Pty::IXON, 1),
    (Pty::IXANY, 0),
    (Pty::IXOFF, 0),
    (Pty::IMAXBEL, 0),
    // RFC 8160. The protocol's text is UTF-8; without this, Backspace erases one byte of a
    // character.
    (Pty::IUTF8, 1),
    (Pty::ISIG, 1),
    (Pty::ICANON, 1),
    (Pty::XCASE, 0),
    (Pty::ECHO, 1),
    (Pty::ECHOE, 1),
    (Pty::ECHOK, 1),
    (Pty::ECHONL, 0),
    (Pty::NOFLSH, 0),
    (Pty::TOSTOP, 0),
    (Pty::IEXTEN, 1),
    (Pty::ECHOCTL, 1),
    (Pty::ECHOKE, 1),
    (Pty::PENDIN, 0),
    (Pty::OPOST, 1),
    (Pty::OLCUC, 0),
    (Pty::ONLCR, 1),
    (Pty::OCRNL, 0),
    (Pty::ONOCR, 0),
    (Pty::ONLRET, 0),
    (Pty::CS7, 1),
    (Pty::CS8, 1),
    (Pty::PARENB, 0),
    (Pty::PARODD, 0),
];

/// Returns the code of Ctrl with a key.
const fn control(key: u8) -> u32 {
    (key & 0x1f) as u32
}
