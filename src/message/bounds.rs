//! Bounds of every client field, in one table. Sizes are bytes of the decoded UTF-8 text. The size
//! of a whole WebSocket message is not here: the WebSocket layer holds it.

/// Longest `username`.
pub(super) const MAX_USERNAME: usize = 256;
/// Longest `password`.
pub(super) const MAX_PASSWORD: usize = 1024;
/// Longest `private_key` (OpenSSH PEM).
pub(super) const MAX_PRIVATE_KEY: usize = 16 * 1024;
/// Longest `passphrase`.
pub(super) const MAX_PASSPHRASE: usize = 1024;
/// Longest `certificate`.
pub(super) const MAX_CERTIFICATE: usize = 16 * 1024;
/// Longest `ticket`.
pub(crate) const MAX_TICKET: usize = 4 * 1024;
/// Longest `term`.
pub(super) const MAX_TERM: usize = 64;
/// Largest `cols` and `rows`; the smallest is 1.
pub(super) const MAX_CELLS: u16 = 1000;
/// Most entries of `env`.
pub(super) const MAX_ENV_ENTRIES: usize = 32;
/// Most bytes of all names and values of `env` together.
pub(super) const MAX_ENV_BYTES: usize = 4 * 1024;
/// Longest `command`.
pub(super) const MAX_COMMAND: usize = 8 * 1024;
/// Smallest `flow_window`, in bytes.
pub(super) const MIN_FLOW_WINDOW: u64 = 1024;
/// Most `answers` in one message.
pub(super) const MAX_ANSWERS: usize = 32;
/// Longest single answer.
pub(super) const MAX_ANSWER: usize = 1024;
/// Longest `data` of a `ping`.
pub(super) const MAX_PING_DATA: usize = 125;
/// Longest reason of a close frame (RFC 6455 section 5.5: 125 bytes less the code).
pub(super) const MAX_CLOSE_REASON: usize = 123;
/// Longest text of a remote party that is let into one log line.
pub(super) const MAX_REMOTE_TEXT: usize = 1024;
