//! Queries of the list of sessions: filter, order and page. The whole list of a large bridge is
//! several megabytes, so a client that polls asks for a page of it.

use super::query::{choice, number, parameters, unknown};
use crate::http::Problem;
use crate::registry::{SessionId, SessionRecord, State};
use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

/// Largest number of characters of a search.
const MAX_SEARCH: usize = 256;

const KNOWN: &str = "search, shard, state, sort, order, offset, limit";

/// Sort key of a session: a number, or a text.
pub(super) type Rank = (u128, String);

/// Sort key by one property of a session; the user is given as it is shown.
type Sort = fn(&SessionRecord, user: &str) -> Rank;

/// Properties that a list is sorted by.
const SORTS: [(&str, Sort); 9] = [
    ("created", |record, _| by(created(record).as_millis())),
    ("activity", |record, _| {
        by((created(record) + record.last_activity()).as_millis())
    }),
    ("client", |record, _| by(bits(record.client_ip()))),
    ("input", |record, _| by(record.traffic().0.into())),
    ("output", |record, _| by(record.traffic().1.into())),
    ("shard", |record, _| by(record.shard() as u128)),
    ("state", |record, _| by(record.state() as u128)),
    ("target", |record, _| (0, record.target().to_lowercase())),
    ("user", |_, user| (0, user.to_lowercase())),
];

/// Filter, order and page of a list of sessions. The default is all, oldest first.
#[derive(Debug)]
pub(super) struct ListQuery {
    /// Words that must all occur, in lower case.
    words: Vec<String>,
    shard: Option<usize>,
    state: Option<State>,
    sort: Sort,
    is_descending: bool,
    offset: usize,
    limit: usize,
}

impl ListQuery {
    /// Parses the query of a request.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, Problem> {
        let [(_, oldest_first), ..] = SORTS;
        let mut query = Self {
            words: Vec::new(),
            shard: None,
            state: None,
            sort: oldest_first,
            is_descending: false,
            offset: 0,
            limit: usize::MAX,
        };
        for (name, value) in parameters(text)? {
            let name = name.as_str();
            match name {
                "search" => query.words = words(&value)?,
                "shard" => query.shard = Some(number(name, &value, 0..=65_535)?),
                "state" => {
                    let states = State::ALL.iter().map(|state| (state.as_str(), *state));
                    query.state = Some(choice(name, &value, &states.collect::<Vec<_>>())?);
                }
                "sort" => query.sort = choice(name, &value, &SORTS)?,
                "order" => {
                    query.is_descending = choice(name, &value, &[("up", false), ("down", true)])?;
                }
                "offset" => query.offset = number(name, &value, 0..=10_000_000)?,
                "limit" => query.limit = number(name, &value, 1..=10_000)?,
                _ => return Err(unknown(name, KNOWN)),
            }
        }
        Ok(query)
    }

    /// Returns whether a session matches. A user that is not shown is not searched either.
    pub(super) fn matches(&self, record: &SessionRecord, show_users: bool) -> bool {
        if self.shard.is_some_and(|shard| shard != record.shard())
            || self.state.is_some_and(|state| state != record.state())
        {
            return false;
        }
        if self.words.is_empty() {
            return true;
        }
        let address = record.target_address().map(|address| address.to_string());
        let text = format!(
            "{}\n{}\n{}\n{}\n{}",
            record.id(),
            record.client_ip(),
            record.target(),
            address.unwrap_or_default(),
            shown_user(record, show_users)
        )
        .to_lowercase();
        self.words.iter().all(|word| text.contains(word))
    }

    /// Returns the sort key of a session.
    pub(super) fn rank(&self, record: &SessionRecord, show_users: bool) -> Rank {
        (self.sort)(record, shown_user(record, show_users))
    }

    /// Sorts the sessions that match and returns the requested page.
    pub(super) fn page<T>(&self, mut found: Vec<(Rank, SessionId, T)>) -> Vec<T> {
        found.sort_by(|(a, a_id, _), (b, b_id, _)| {
            let order = if self.is_descending {
                b.cmp(a)
            } else {
                a.cmp(b)
            };
            // Sessions of the same rank keep one order from page to page.
            order.then_with(|| a_id.cmp(b_id))
        });
        let part = found.into_iter().skip(self.offset).take(self.limit);
        part.map(|(_, _, found)| found).collect()
    }
}

fn by(number: u128) -> Rank {
    (number, String::new())
}

fn created(record: &SessionRecord) -> Duration {
    let created = record.created_at().duration_since(UNIX_EPOCH);
    created.unwrap_or_default()
}

fn shown_user(record: &SessionRecord, show_users: bool) -> &str {
    record.user().filter(|_| show_users).unwrap_or_default()
}

/// Bits of the IPv6 address, to which an IPv4 address is mapped.
fn bits(client: IpAddr) -> u128 {
    match client {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn words(search: &str) -> Result<Vec<String>, Problem> {
    number(
        "the length of search",
        &search.chars().count().to_string(),
        0..=MAX_SEARCH,
    )?;
    let words = search.split_whitespace();
    Ok(words.map(str::to_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{NewSession, OwnedRecord, Registry};

    fn session(registry: &Registry, shard: usize, target: &str, user: &str) -> OwnedRecord {
        let session = NewSession {
            id: SessionId::random().unwrap(),
            shard,
            client: "192.0.2.7".parse().unwrap(),
            target: target.to_owned(),
        };
        let entry = registry.insert(session).unwrap();
        entry.set_target_address("198.51.100.1:22".parse().unwrap());
        entry.set_user(user);
        entry
    }

    #[test]
    fn a_search_finds_each_word_in_any_property_that_is_shown() {
        let registry = Registry::default();
        let record = session(&registry, 1, "Db:22", "Alice");
        let id = record.id().to_string();
        let matches = |query: &str, users| {
            ListQuery::parse(Some(query))
                .unwrap()
                .matches(&record, users)
        };
        for found in [
            "",
            "search=",
            "search=192.0.2.",
            "search=dB",
            "search=198.51.100.1",
            "search=alice",
            "search=alice+db%3A22",
            "shard=1",
            "state=created&shard=1&search=db",
            &format!("search={}", &id[..6]),
        ] {
            assert!(matches(found, true), "{found}");
        }
        for not in ["search=bob", "search=alice+bob", "shard=0", "state=active"] {
            assert!(!matches(not, true), "{not}");
        }
        assert!(!matches("search=alice", false), "a user that is not shown");
    }

    #[test]
    fn a_part_is_cut_out_of_the_sorted_whole() {
        let registry = Registry::default();
        let records: Vec<OwnedRecord> = (0..5)
            .map(|n| session(&registry, n % 2, &format!("t{}", 4 - n), &format!("u{n}")))
            .collect();
        for (n, record) in records.iter().enumerate() {
            record.set_traffic(n as u64, 10);
        }
        let page = |query: &str| {
            let query = ListQuery::parse(Some(query)).unwrap();
            let ranked = records.iter().enumerate();
            let ranked = ranked.map(|(n, record)| (query.rank(record, true), record.id(), n));
            let page = query.page(ranked.clone().collect());
            // The order of a table changes as sessions come and go.
            assert_eq!(query.page(ranked.rev().collect()), page);
            page
        };
        assert_eq!(page("sort=input"), [0, 1, 2, 3, 4]);
        assert_eq!(page("sort=input&order=down&limit=2"), [4, 3]);
        assert_eq!(page("sort=target&offset=1&limit=2"), [3, 2]);
        assert_eq!(page("sort=user&order=down&offset=4"), [0]);
        assert!(page("sort=user&offset=5").is_empty());
        let query = ListQuery::parse(Some("sort=user")).unwrap();
        let hidden = records.iter().map(|record| query.rank(record, false));
        let hidden: std::collections::BTreeSet<Rank> = hidden.collect();
        assert_eq!(
            hidden.len(),
            1,
            "the order would tell users that are not shown"
        );
        let mut evens = page("sort=shard&limit=3");
        evens.sort_unstable();
        assert_eq!(evens, [0, 2, 4]);
        assert_eq!(
            page("sort=output"),
            page("sort=output&order=down"),
            "all alike"
        );
    }

    #[test]
    fn what_is_no_list_is_refused_by_name() {
        for (query, said) in [
            ("limit=0", "limit is a number from 1 to 10000"),
            ("offset=x", "offset is a number"),
            ("sort=size", "sort is one of created, activity"),
            ("state=Active", "state is one of created, connecting"),
            ("order=asc", "order is one of up, down"),
            ("limits=1", "unknown parameter \"limits\""),
            (&format!("search={}", "x".repeat(MAX_SEARCH + 1)), "search"),
        ] {
            let refused = ListQuery::parse(Some(query)).unwrap_err();
            assert!(refused.detail.contains(said), "{query}: {}", refused.detail);
        }
    }
}
