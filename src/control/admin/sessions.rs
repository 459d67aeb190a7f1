//! Sessions, listed, shown and ended through the shards that own them. A shard answers with the
//! keys of records, which are then read without it; one that does not answer in time is named.

use super::AdminContext;
use super::listing::ListQuery;
use crate::http::Problem;
use crate::limits::TargetKey;
use crate::registry::{Registry, SessionId, SessionLocation, SessionRecord, State};
use crate::shard::{Command, CommandSender};
use async_channel::Sender;
use futures_util::future::join_all;
use humantime::format_rfc3339_millis;
use hyper::StatusCode;
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Longest wait for a shard. One that runs answers within a millisecond.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// A session, as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct Session {
    id: String,
    shard: usize,
    #[serde(rename = "route")]
    location: SessionLocation,
    state: &'static str,
    /// Time of the last change of the state.
    since: String,
    is_active: bool,
    is_closed: bool,
    target: String,
    target_address: Option<String>,
    /// Address of the last client, while it has none.
    client_ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    created_at: String,
    last_activity: String,
    /// Time since its creation, in seconds.
    duration: f64,
    input_bytes: u64,
    output_bytes: u64,
}

/// Requested page of the sessions that match a query.
#[derive(Serialize)]
pub(super) struct List {
    sessions: Vec<Session>,
    /// Number of sessions on the shards that answered.
    total: usize,
    /// Number of those that match the query.
    matched: usize,
    unanswered_shards: Vec<usize>,
}

/// One session, and the number of sessions at its target.
#[derive(Serialize)]
pub(super) struct Detail {
    #[serde(flatten)]
    session: Session,
    host_connections: Option<u32>,
}

/// Time at which records are read, and how much of them is shown.
#[derive(Debug, Clone, Copy)]
struct View {
    now: Instant,
    /// A session may have noted its user when that was allowed still.
    show_users: bool,
}

impl View {
    fn at(context: &AdminContext) -> Self {
        Self {
            now: crate::clock::now(),
            show_users: context.process.snapshot.load().config.admin.show_users,
        }
    }
}

impl Session {
    fn of(record: &SessionRecord, registry: &Registry, view: View) -> Self {
        let (state, since) = record.state_since();
        let (input_bytes, output_bytes) = record.traffic();
        let last_activity = record.created_at() + record.last_activity();
        Self {
            id: record.id().to_string(),
            shard: record.shard(),
            location: registry.location(record),
            state: state.as_str(),
            since: format_rfc3339_millis(record.created_at() + since).to_string(),
            is_active: state == State::Active,
            is_closed: state == State::Closed,
            target: record.target().to_owned(),
            target_address: record.target_address().map(|address| address.to_string()),
            client_ip: record.client_ip().to_string(),
            user: record.user().filter(|_| view.show_users).map(str::to_owned),
            created_at: format_rfc3339_millis(record.created_at()).to_string(),
            last_activity: format_rfc3339_millis(last_activity).to_string(),
            duration: record.duration(view.now).as_secs_f64(),
            input_bytes,
            output_bytes,
        }
    }
}

pub(super) async fn list(context: &AdminContext, query: &ListQuery) -> List {
    let view = View::at(context);
    let registry = &context.process.registry;
    let mut found = Vec::new();
    let mut total = 0;
    let mut unanswered_shards = Vec::new();
    let answers = ask_all(context, |reply| Command::Sessions { reply }).await;
    for (shard, keys) in answers.into_iter().enumerate() {
        let Some(keys) = keys else {
            unanswered_shards.push(shard);
            continue;
        };
        total += keys.len();
        found.extend(keys.into_iter().filter_map(|key| {
            let ranked = |record: &SessionRecord| {
                let rank = query.rank(record, view.show_users);
                let matches = query.matches(record, view.show_users);
                matches.then_some((rank, record.id(), key))
            };
            registry.read(key, ranked).flatten()
        }));
    }
    let matched = found.len();
    let part = query.page(found).into_iter();
    // A session may have ended meanwhile.
    let read = |key| registry.read(key, |record| Session::of(record, registry, view));
    List {
        sessions: part.filter_map(read).collect(),
        total,
        matched,
        unanswered_shards,
    }
}

pub(super) async fn show(context: &AdminContext, id: &str) -> Result<Detail, Problem> {
    let id = parse(id)?;
    let answers = ask_all(context, |reply| Command::Session { id, reply }).await;
    let found = answers.iter().find_map(|answer| answer.flatten());
    let key = found.ok_or_else(|| not_found(answers.contains(&None)))?;
    let view = View::at(context);
    let (registry, limits) = (&context.process.registry, &context.process.limits);
    let read = |record: &SessionRecord| Detail {
        session: Session::of(record, registry, view),
        host_connections: record
            .target_address()
            .map(|address| limits.target_count(TargetKey::from(address))),
    };
    // It may have ended since the shard answered.
    registry.read(key, read).ok_or_else(|| not_found(false))
}

/// Ends a session. Returns its id.
pub(super) async fn remove(context: &AdminContext, id: &str) -> Result<String, Problem> {
    let id = parse(id)?;
    let answers = ask_all(context, |reply| Command::Remove { id, reply }).await;
    if answers.contains(&Some(true)) {
        return Ok(id.to_string());
    }
    if answers.contains(&None) {
        // The command waits for that shard.
        return Err(Problem::unavailable(
            "a shard does not answer, and the session is on no other; it may still end when that \
             shard runs again",
        ));
    }
    Err(not_found(false))
}

fn parse(id: &str) -> Result<SessionId, Problem> {
    id.parse()
        .map_err(|error| Problem::bad_request(format!("{error}")))
}

fn not_found(silence: bool) -> Problem {
    if silence {
        return Problem::unavailable("a shard does not answer, and the session is on no other");
    }
    let detail = "no session has this id; it may have ended";
    Problem::new(StatusCode::NOT_FOUND, detail)
}

/// Asks every shard at once. `None` stands for one that did not answer.
async fn ask_all<T>(
    context: &AdminContext,
    message: impl Fn(Sender<T>) -> Command,
) -> Vec<Option<T>> {
    let shards = context.process.commands.iter();
    join_all(shards.map(|commands| ask(commands, &message))).await
}

async fn ask<T>(commands: &CommandSender, message: impl Fn(Sender<T>) -> Command) -> Option<T> {
    let (reply, answer) = async_channel::bounded(1);
    commands.try_send(message(reply)).ok()?;
    timeout(ANSWER_TIMEOUT, answer.recv()).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::NewSession;

    fn new_session() -> NewSession {
        NewSession {
            id: SessionId::random().unwrap(),
            shard: 1,
            client: "192.0.2.7".parse().unwrap(),
            target: "db".to_owned(),
        }
    }

    #[test]
    fn a_detached_session_is_shown_with_its_time_and_last_client() {
        let registry = Registry::default();
        let record = registry.insert(new_session()).unwrap();
        record.set_client("192.0.2.8".parse().unwrap());
        record.set_state(State::Detached);
        let view = View {
            now: crate::clock::now(),
            show_users: true,
        };
        let told = serde_json::to_value(Session::of(&record, &registry, view)).unwrap();
        assert_eq!(told["state"], "detached");
        assert_eq!(told["client_ip"], "192.0.2.8");
        assert_eq!([&told["is_active"], &told["is_closed"]], [false, false]);
        let since = record.created_at() + record.state_since().1;
        assert_eq!(told["since"], format_rfc3339_millis(since).to_string());
    }

    /// Noted while users were shown; a reload ends that.
    #[test]
    fn a_user_is_told_only_while_users_are_shown() {
        let registry = Registry::default();
        let record = registry.insert(new_session()).unwrap();
        record.set_user("alice");
        let user = |show_users| {
            let now = crate::clock::now();
            let told = Session::of(&record, &registry, View { now, show_users });
            serde_json::to_value(told).unwrap().get("user").cloned()
        };
        assert_eq!([user(true), user(false)], [Some("alice".into()), None]);
    }
}
