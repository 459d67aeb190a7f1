//! `sshard sessions`: the sessions of a running bridge, for people. Talks to its admin
//! listener; what it can do, `curl` can.

mod client;
mod table;

use super::{ToolError, print_text};
use crate::cli::{Sessions, SessionsAction};
use crate::config::Loaded;
use crate::plain_text::escaped_json;
use client::Client;
use serde::Deserialize;

/// Least number of digits of an id's prefix.
const MIN_PREFIX: usize = 4;

/// Number of digits of an id.
const ID_DIGITS: usize = 32;

/// Reason why nothing could be shown or ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionsError {
    /// The configuration has no listener to talk to.
    #[error("admin.listen is empty, so the bridge has no admin listener")]
    NoListener,
    /// The token cannot be used.
    #[error("admin.token_file: {0}")]
    Token(#[from] crate::control::TokenError),
    /// The listener does not answer.
    #[error(
        "no answer from http://{address}: {reason}. Is the bridge running, and is this its \
         admin.listen? (--admin ADDR, or --config FILE as the bridge has it)"
    )]
    NoAnswer {
        /// Address of the listener.
        address: String,
        /// Error of the request.
        reason: String,
    },
    /// The listener refuses the request.
    #[error("{0}")]
    Refused(String),
    /// The listener answers 401.
    #[error("the bridge requires its token: --token-file FILE, or admin.token_file")]
    Unauthorized,
    /// The answer is not one of the API.
    #[error("the answer is not one of sshard's: {0}")]
    NotOurs(String),
    /// Not the beginning of an id.
    #[error("{0:?} is not a session id: give its first 4 hex digits or more")]
    BadId(String),
    /// No session has such an id.
    #[error("no session's id begins with {0}")]
    Unknown(String),
    /// More than one session has such an id.
    #[error("{prefix} is the beginning of {}; give more of it", .ids.join(", "))]
    Ambiguous {
        /// Prefix as given.
        prefix: String,
        /// Ids that begin with it.
        ids: Vec<String>,
    },
}

/// Session, as the API shows it.
#[derive(Debug, Deserialize)]
struct Session {
    id: String,
    shard: usize,
    state: String,
    /// Absent from a server that ran before this program was updated.
    #[serde(default = "unknown")]
    since: String,
    target: String,
    target_address: Option<String>,
    client_ip: String,
    user: Option<String>,
    created_at: String,
    last_activity: String,
    duration: f64,
    input_bytes: u64,
    output_bytes: u64,
    /// Number of sessions at the target; of one session alone.
    host_connections: Option<u32>,
}

fn unknown() -> String {
    "-".to_owned()
}

#[derive(Debug, Deserialize)]
struct List {
    sessions: Vec<Session>,
    unanswered_shards: Vec<usize>,
}

/// Lists, shows or ends sessions.
///
/// # Errors
/// [`ToolError`].
pub fn run(loaded: &Loaded, flags: &Sessions) -> Result<(), ToolError> {
    let client = Client::new(&loaded.config.admin)?;
    match &flags.action {
        None | Some(SessionsAction::List) => {
            let text = client.get("/api/v1/sessions")?;
            if flags.json {
                return Ok(print_text(escaped_json(&text))?);
            }
            let list: List = client::parse(&text)?;
            print_text(table::list(&list.sessions))?;
            for shard in list.unanswered_shards {
                print_text(format_args!("shard {shard} does not answer\n"))?;
            }
        }
        Some(SessionsAction::Show { id }) => {
            let id = complete(&client, id)?;
            let text = client.get(&format!("/api/v1/sessions/{id}"))?;
            if flags.json {
                return Ok(print_text(escaped_json(&text))?);
            }
            print_text(table::one(&client::parse(&text)?))?;
        }
        Some(SessionsAction::Kill { ids }) => {
            // All ids are looked up before the first session ends.
            let ids: Result<Vec<_>, _> = ids.iter().map(|id| complete(&client, id)).collect();
            for id in ids? {
                let text = client.delete(&format!("/api/v1/sessions/{id}"))?;
                if flags.json {
                    print_text(escaped_json(&text))?;
                } else {
                    print_text(format_args!("{id} is ending\n"))?;
                }
            }
        }
    }
    Ok(())
}

/// Returns the one id that begins with `prefix`.
fn complete(client: &Client, prefix: &str) -> Result<String, SessionsError> {
    let prefix = prefix.to_ascii_lowercase();
    let is_hex = prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || !(MIN_PREFIX..=ID_DIGITS).contains(&prefix.len()) {
        return Err(SessionsError::BadId(prefix));
    }
    if prefix.len() == ID_DIGITS {
        return Ok(prefix);
    }
    let list: List = client::parse(&client.get("/api/v1/sessions")?)?;
    let ids = list.sessions.into_iter().map(|session| session.id);
    let mut ids: Vec<String> = ids.filter(|id| id.starts_with(&prefix)).collect();
    match (ids.pop(), ids.is_empty()) {
        (None, _) => Err(SessionsError::Unknown(prefix)),
        (Some(id), true) => Ok(id),
        (Some(id), false) => {
            ids.push(id);
            Err(SessionsError::Ambiguous { prefix, ids })
        }
    }
}
