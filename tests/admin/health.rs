//! Health and readiness, also with a stuck shard.

use crate::common::fixture::Fixture;
use crate::common::{Admin, DEADLINE, PausedThread, poll, wait_until};

#[test]
fn a_stuck_shard_is_named_and_the_listener_still_answers() {
    let fixture = Fixture::new(&["server.shards=2"]);
    let admin = Admin::of(&fixture.bridge);
    assert_eq!(admin.get("/healthz").body, "alive\n");
    let hold = PausedThread::of(&fixture.bridge, "sshard-0");
    let sick = poll(DEADLINE, || {
        let answer = admin.get("/healthz");
        (answer.status == 503).then(|| answer.json())
    });
    let detail = sick.expect("never 503")["detail"].to_string();
    assert!(detail.contains("shard 0 has not run for "), "{detail}");
    assert!(!detail.contains("shard 1"), "{detail}");
    // What needs no shard is answered at once, what needs one names it.
    assert_eq!(admin.get("/metrics").status, 200);
    assert_eq!(admin.stat("active_sessions"), 0);
    let list = admin.get("/api/v1/sessions").json();
    assert_eq!(list["unanswered_shards"], serde_json::json!([0]));
    let one = admin.get(&format!("/api/v1/sessions/{}", "0".repeat(32)));
    assert_eq!(one.status, 503, "{one:?}");
    drop(hold);
    let is_well = || admin.get("/healthz").status == 200;
    wait_until("the shard runs again", is_well);
}

/// The command waits for the shard, whatever its answer.
#[test]
fn a_session_of_a_stuck_shard_ends_once_that_runs() {
    let fixture = Fixture::new(&[]);
    let admin = Admin::of(&fixture.bridge);
    let mut client = fixture.ready();
    let id = admin.only_session();
    let hold = PausedThread::stuck(&fixture.bridge, "sshard-0");
    let answer = admin.delete(&format!("/api/v1/sessions/{id}"));
    assert_eq!(answer.status, 503, "{answer:?}");
    let detail = answer.json()["detail"].to_string();
    assert!(
        detail.contains("may still end when that shard runs"),
        "{detail}"
    );
    drop(hold);
    assert_eq!(client.until_close().0, 4412);
}

#[test]
fn readiness_ends_when_full_and_when_draining() {
    let fixture = Fixture::new(&["limits.max_connections=1"]);
    let admin = Admin::of(&fixture.bridge);
    let ready = |status: u16, text: &str| {
        let answer = admin.get("/readyz");
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(text), "{answer:?}");
        assert_eq!(answer.header("retry-after").is_some(), status == 503);
    };
    ready(200, "ready");
    let client = fixture.ready();
    ready(503, "the server is full");
    assert_eq!(admin.get("/healthz").status, 200);
    drop(client);
    admin.wait_sessions(0);
    ready(200, "ready");
    let mut client = fixture.ready();
    assert_eq!(admin.post("/api/v1/drain").status, 202);
    client.wait_type("notice");
    ready(503, "the server is shutting down");
    let metrics = admin.get("/metrics").body;
    assert!(metrics.contains("\nsshard_draining 1\n"), "{metrics}");
    let again = admin.post("/api/v1/drain");
    assert_eq!(again.status, 202, "{again:?}");
    assert_eq!(again.json()["draining"], true);
    let reload = admin.post("/api/v1/reload");
    assert_eq!(reload.status, 422, "{reload:?}");
    drop(client);
}
