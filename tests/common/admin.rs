//! Client of the admin listener: requests, and the numbers in its responses.

use super::raw::{Answer, exchange};
use super::{Bridge, DEADLINE, poll};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;

#[derive(Debug, Clone)]
pub(crate) struct Admin {
    pub(crate) addr: SocketAddr,
    token: Option<String>,
}

impl Admin {
    pub(crate) fn of(bridge: &Bridge) -> Self {
        Self::at(bridge.admin_addr())
    }

    pub(crate) fn at(addr: SocketAddr) -> Self {
        Self { addr, token: None }
    }

    /// The same, with this token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request += &format!("Host: {}\r\n", self.addr);
        }
        let changes = !matches!(method, "GET" | "HEAD" | "OPTIONS");
        if changes && !headers.iter().any(|(name, _)| *name == "X-Sshard-Admin") {
            request += "X-Sshard-Admin: 1\r\n";
        }
        if let Some(token) = &self.token {
            request += &format!("Authorization: Bearer {token}\r\n");
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        exchange(self.addr, &(request + "\r\n"))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[])
    }

    pub(crate) fn post(&self, path: &str) -> Answer {
        self.request("POST", path, &[])
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", path, &[])
    }

    pub(crate) fn stats(&self) -> Value {
        self.get("/stats").json()
    }

    /// One number of `/stats`.
    pub(crate) fn stat(&self, name: &str) -> u64 {
        let stats = self.stats();
        stats[name]
            .as_u64()
            .unwrap_or_else(|| panic!("no number {name}: {stats}"))
    }

    /// All sessions; a shard that does not answer at once is asked again.
    pub(crate) fn sessions(&self) -> Vec<Value> {
        let list = poll(DEADLINE, || {
            let list = self.get("/api/v1/sessions").json();
            (list["unanswered_shards"] == Value::Array(Vec::new())).then_some(list)
        });
        let list = list.expect("a shard does not answer");
        list["sessions"].as_array().unwrap().clone()
    }

    /// Id of the only session.
    pub(crate) fn only_session(&self) -> String {
        let [session] = &self.sessions()[..] else {
            panic!("not one session: {}", self.stats());
        };
        session["id"].as_str().unwrap().to_owned()
    }

    /// Sum of the series of a metric whose labels contain `label`.
    pub(crate) fn metric(&self, name: &str, label: &str) -> u64 {
        let metrics = self.get("/metrics").body;
        let series = metrics.lines().filter_map(|line| {
            let line = line.strip_prefix(name)?.strip_prefix('{')?;
            let (labels, value) = line.split_once("} ")?;
            labels
                .contains(label)
                .then(|| value.parse::<u64>().unwrap())
        });
        series.sum()
    }

    /// Connections that failed before their request for this cause.
    pub(crate) fn failed_handshakes(&self, cause: &str) -> u64 {
        let label = format!("cause=\"{cause}\"");
        self.metric("sshard_handshakes_failed_total", &label)
    }

    /// Ended sessions by stage and reason, all shards together.
    pub(crate) fn ended(&self) -> BTreeMap<(String, String), u64> {
        let text = self.get("/metrics").body;
        let mut ended = BTreeMap::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("sshard_sessions_ended_total{") {
                let (labels, count) = rest.split_once("} ").unwrap();
                let label = |name: &str| {
                    let (_, rest) = labels.split_once(&format!("{name}=\"")).unwrap();
                    rest.split_once('"').unwrap().0.to_owned()
                };
                let count: u64 = count.parse().unwrap();
                *ended.entry((label("stage"), label("reason"))).or_default() += count;
            }
        }
        ended
    }

    /// Waits until there are so many sessions, in any state.
    pub(crate) fn wait_sessions(&self, count: u64) {
        let reached = poll(DEADLINE, || {
            (self.stat("active_sessions") == count).then_some(())
        });
        assert!(
            reached.is_some(),
            "never {count} sessions: {}",
            self.stats()
        );
    }

    /// Waits until no limit is in use and no shard has a connection.
    pub(crate) fn wait_empty(&self) {
        let empty = || {
            let stats = self.stats();
            let zero = |value: &Value| value == 0;
            let shards = stats["shards"].as_array().unwrap();
            let empty = ["active_sessions", "connections", "unauthenticated"]
                .iter()
                .all(|name| zero(&stats[name]))
                && stats["host_connections"].as_object().unwrap().is_empty()
                && shards.iter().all(|shard| zero(&shard["connections"]));
            empty.then_some(())
        };
        assert!(
            poll(DEADLINE, empty).is_some(),
            "left over: {}",
            self.stats()
        );
        assert_eq!(self.sessions(), Vec::<Value>::new());
    }
}
