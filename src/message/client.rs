//! Client messages after parsing: every value is within its bounds. `v1` and `compat` build these
//! types; this file parses nothing.

use super::bounds::MAX_CELLS;
use super::secret::Secret;
use serde::Serialize;
use std::fmt;

/// Control message. The session's state machine decides its effect.
#[derive(Debug)]
pub enum ClientMessage {
    /// Answers to the `prompt` with the same id: at most 32, 1 KiB each.
    Answer {
        /// Id of the prompt.
        id: u32,
        /// Answers in the order of the prompts; their number is not checked here.
        answers: Vec<Secret>,
    },
    /// Answer to a `host_key`.
    HostKeyAnswer {
        /// Id of the question.
        id: u32,
        /// Accepts the key, for this session alone.
        accept: bool,
    },
    /// The terminal has a new size.
    Resize(WindowSize),
    /// Send a signal to the remote process.
    Signal(SignalName),
    /// No more input.
    Eof,
    /// Output consumed so far.
    Ack {
        /// Total bytes since the first `ready`, as the client claims.
        bytes: u64,
    },
    /// Stop output.
    Hold,
    /// Restart output.
    Release,
    /// Asks for a `pong`.
    Ping {
        /// Echoed; at most 125 bytes, empty in the compatible dialect.
        data: String,
    },
    /// End the session.
    Close,
}

/// A terminal's size; `cols` and `rows` are 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSize {
    cols: u16,
    rows: u16,
    width_px: u32,
    height_px: u32,
}

impl WindowSize {
    /// `None` unless `cols` and `rows` are 1 to 1000. A pixel size of 0 means unknown (RFC 4254
    /// section 6.2).
    pub fn new(cols: u16, rows: u16, width_px: u32, height_px: u32) -> Option<Self> {
        let cells = 1..=MAX_CELLS;
        (cells.contains(&cols) && cells.contains(&rows)).then_some(Self {
            cols,
            rows,
            width_px,
            height_px,
        })
    }

    /// Width in characters.
    pub fn cols(&self) -> u16 {
        self.cols
    }

    /// Height in characters.
    pub fn rows(&self) -> u16 {
        self.rows
    }

    /// Width in pixels, 0 if unknown.
    pub fn width_px(&self) -> u32 {
        self.width_px
    }

    /// Height in pixels, 0 if unknown.
    pub fn height_px(&self) -> u32 {
        self.height_px
    }
}

impl Default for WindowSize {
    /// 80 by 24, pixels unknown.
    fn default() -> Self {
        Self {
            cols: 80,
            rows: 24,
            width_px: 0,
            height_px: 0,
        }
    }
}

/// The one `auth` message of a connection.
#[derive(Debug)]
pub struct AuthRequest {
    /// User name and proofs of identity.
    pub credentials: Credentials,
    /// Terminal and command to start.
    pub terminal: TerminalRequest,
    /// Requests a notice at the start of each stage of the connection.
    pub progress: bool,
}

/// SSH credentials. All but the name may be absent, and an empty one is: the server may prompt
/// (keyboard-interactive) or require none.
#[derive(Debug, Default)]
pub struct Credentials {
    /// 1 to 256 bytes, no control characters.
    pub username: String,
    /// At most 1 KiB.
    pub password: Option<Secret>,
    /// OpenSSH PEM, at most 16 KiB; not parsed here.
    pub private_key: Option<Secret>,
    /// Of the private key; at most 1 KiB.
    pub passphrase: Option<Secret>,
    /// OpenSSH certificate of the private key, at most 16 KiB; not parsed here.
    pub certificate: Option<String>,
    /// Admission ticket; at most 4 KiB, not parsed here.
    pub ticket: Option<Secret>,
}

/// Terminal and command that a client requests.
pub struct TerminalRequest {
    /// Value of TERM: at most 64 bytes of graphic ASCII.
    pub term: String,
    /// Size at the start.
    pub size: WindowSize,
    /// At most 32 pairs and 4 KiB together; names are distinct identifiers, values have no NUL.
    pub env: Vec<(String, String)>,
    /// At most 8 KiB without NUL; `None` is the login shell.
    pub command: Option<String>,
    /// Most unacknowledged bytes of output, at least 1024; `None`: no acks.
    pub flow_window: Option<u64>,
}

impl Default for TerminalRequest {
    /// A login shell on an 80 by 24 xterm-256color, without acks.
    fn default() -> Self {
        Self {
            term: "xterm-256color".to_owned(),
            size: WindowSize::default(),
            env: Vec::new(),
            command: None,
            flow_window: None,
        }
    }
}

impl fmt::Debug for TerminalRequest {
    /// Prints only sizes of the command and of environment values: people put passwords there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            term,
            size,
            env,
            command,
            flow_window,
        } = self;
        f.debug_struct("TerminalRequest")
            .field("term", term)
            .field("size", size)
            .field("env_entries", &env.len())
            .field("command_bytes", &command.as_ref().map(String::len))
            .field("flow_window", flow_window)
            .finish()
    }
}

/// Names of the signals of RFC 4254 section 6.10, without "SIG".
pub(super) const SIGNALS: [&str; 13] = [
    "ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1",
    "USR2",
];

/// A signal of RFC 4254 section 6.10, by its name on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SignalName(&'static str);

impl SignalName {
    /// `None` for anything but the exact names of the list.
    pub fn parse(name: &str) -> Option<Self> {
        SIGNALS.into_iter().find(|known| *known == name).map(Self)
    }

    /// Parses the name in `exit-signal`. Any that is not of the list becomes "unknown": it is
    /// remote text and is not repeated.
    pub fn from_remote(name: &str) -> Self {
        Self::parse(name).unwrap_or(Self("unknown"))
    }

    /// The name on the wire, without "SIG".
    pub fn as_str(self) -> &'static str {
        self.0
    }
}
