//! Messages of the server to an `sshard.v1` client, and their JSON. It does not decide when to send
//! one, nor the text of an error.

use super::client::SignalName;
use serde::{Serialize, Serializer};
use std::time::Duration;

/// Version of the protocol, sent in `hello`.
pub const PROTOCOL_VERSION: u32 = 1;

/// Features beyond the protocol page: none yet.
pub const FEATURES: &[&str] = &[];

/// A text message of the server. Texts of the SSH server go in as they came; JSON escapes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// First message of a connection; build it with [`ServerMessage::hello`].
    Hello {
        /// [`PROTOCOL_VERSION`].
        version: u32,
        /// [`FEATURES`].
        features: &'static [&'static str],
        /// Time left to send `auth`, in milliseconds.
        auth_deadline_ms: u64,
        /// Largest message the server reads, in bytes.
        max_message_bytes: u64,
    },
    /// Asks whether this host key is to be trusted.
    HostKey {
        /// To be repeated in `host_key_answer`.
        id: u32,
        /// SSH name of the key's algorithm.
        algorithm: String,
        /// `SHA256:` and unpadded base64.
        fingerprint: String,
        /// Record of the host.
        known: KeyRecord,
    },
    /// The SSH server's banner (RFC 4252 section 5.4).
    Banner {
        /// Text of the banner.
        text: String,
    },
    /// One round of keyboard-interactive (RFC 4256).
    Prompt {
        /// To be repeated in `answer`.
        id: u32,
        /// Title; may be empty.
        name: String,
        /// May be empty.
        instruction: String,
        /// May be empty: then an empty `answer` is due.
        prompts: Vec<Prompt>,
    },
    /// The shell or command has started.
    Ready {
        /// Session id: 32 hex digits, a name and not a secret.
        session: String,
        /// Bytes of input that may be unacknowledged.
        input_window: u64,
    },
    /// Input passed on so far.
    InputAck {
        /// Total bytes.
        bytes: u64,
    },
    /// The remote process ended.
    Exit(Exit),
    /// The session failed; a close frame follows.
    Error {
        /// Stable word of the error table.
        code: &'static str,
        /// Stage in which the error occurred.
        stage: &'static str,
        /// For people.
        message: String,
        /// True if the same request may succeed later.
        retryable: bool,
    },
    /// An event to come, or a deviation from the request.
    Notice {
        /// Kind of the notice.
        kind: NoticeKind,
        /// When, in milliseconds from now; of a drain.
        #[serde(skip_serializing_if = "Option::is_none")]
        deadline_ms: Option<u64>,
        /// Stage that begins; only of a stage notice.
        #[serde(skip_serializing_if = "Option::is_none")]
        stage: Option<&'static str>,
    },
    /// Answer to `ping`.
    Pong {
        /// The ping's `data`.
        data: String,
        /// Latest round trip to the SSH server and back, once one was measured.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "tenths")]
        ssh_ms: Option<Duration>,
    },
}

impl ServerMessage {
    /// The `hello` of this version. `auth_deadline_ms` in milliseconds, `max_message_bytes` in
    /// bytes.
    pub fn hello(auth_deadline_ms: u64, max_message_bytes: u64) -> Self {
        Self::Hello {
            version: PROTOCOL_VERSION,
            features: FEATURES,
            auth_deadline_ms,
            max_message_bytes,
        }
    }

    /// A `notice` without further fields.
    pub fn notice(kind: NoticeKind) -> Self {
        Self::Notice {
            kind,
            deadline_ms: None,
            stage: None,
        }
    }
}

/// Writes a time in milliseconds, rounded to a tenth.
fn tenths<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    let rounded = |time: Duration| (time.as_secs_f64() * 10_000.0).round() / 10.0;
    time.map(rounded).serialize(serializer)
}

/// End of the remote process, as the SSH server reported it. Some servers report neither `status`
/// nor `signal`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Exit {
    /// Exit status of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u32>,
    /// The signal that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<SignalName>,
    /// True if a core file was written.
    pub core_dumped: bool,
    /// Text of the SSH server; may be empty.
    pub message: String,
}

/// Record of a host whose key the user is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyRecord {
    /// Nothing.
    New,
    /// A certificate authority, of which the host presented no certificate.
    Changed,
}

/// One question of a `prompt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prompt {
    /// The question.
    pub text: String,
    /// True if the answer may be displayed while it is typed.
    pub echo: bool,
}

/// Kind of a `notice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// The server is going down; sessions end at the deadline.
    Drain,
    /// The SSH server gave no terminal: the shell or command runs without one.
    NoTerminal,
    /// A stage of the connection begins.
    Stage,
}
