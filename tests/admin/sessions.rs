//! Sessions by the API: list, details and end.

use crate::common::fixture::Fixture;
use crate::common::{Admin, DEADLINE, poll, wait_until};
use serde_json::{Value, json};

fn time(value: &Value) -> std::time::SystemTime {
    humantime::parse_rfc3339(value.as_str().unwrap()).unwrap()
}

/// Returns the only session, once it has this state.
fn only(admin: &Admin, state: &str) -> Value {
    let found = poll(DEADLINE, || {
        let sessions = admin.sessions();
        assert!(sessions.len() <= 1, "{sessions:?}");
        sessions
            .into_iter()
            .find(|session| session["state"] == state)
    });
    found.unwrap_or_else(|| panic!("none is {state}: {:?}", admin.sessions()))
}

#[test]
fn a_session_is_shown_from_its_start_to_its_end() {
    let fixture = Fixture::new(&["server.shards=2"]);
    let admin = Admin::of(&fixture.bridge);
    let mut client = fixture.v1();
    let created = only(&admin, "created");
    assert_eq!(created["is_active"], false);
    assert_eq!(created["target_address"], Value::Null);
    assert_eq!(created["since"], created["created_at"]);
    client.auth_v1(&json!({ "username": "alice" }));
    let id = client.wait_type("ready")["session"].clone();
    client.send_binary(b"12345");
    fixture.ssh.wait_input(5);

    let active = only(&admin, "active");
    let address = fixture.ssh.addr().to_string();
    for (name, value) in [
        ("id", id.clone()),
        ("is_active", true.into()),
        ("is_closed", false.into()),
        ("target", address.as_str().into()),
        ("target_address", address.as_str().into()),
        ("client_ip", "127.0.0.1".into()),
        ("user", Value::Null),
    ] {
        assert_eq!(active[name], value, "{name}: {active}");
    }
    assert!(active["shard"].as_u64().unwrap() < 2, "{active}");
    assert!(active["duration"].as_f64().unwrap() > 0.0, "{active}");
    let created = time(&active["created_at"]);
    assert!(time(&active["last_activity"]) >= created, "{active}");
    assert!(time(&active["since"]) > created, "{active}");
    let is_counted = || only(&admin, "active")["input_bytes"] == 5;
    wait_until("the input is counted", is_counted);

    let path = format!("/api/v1/sessions/{}", id.as_str().unwrap());
    let one = admin.get(&path).json();
    assert_eq!(one["id"], id);
    assert_eq!(one["host_connections"], 1);

    let told = admin.delete(&path);
    assert_eq!(told.status, 202);
    assert_eq!(told.json(), json!({ "id": id, "ending": true }));
    let error = client.wait_type("error");
    assert_eq!(error["code"], "killed", "{error}");
    let end = client.until_close();
    assert_eq!(end, (4412, "ended by an administrator".to_owned()));
    drop(client);
    admin.wait_empty();
    assert_eq!(admin.get(&path).status, 404);
    assert_eq!(admin.delete(&path).status, 404);
    let key = ("relay".to_owned(), "killed".to_owned());
    assert_eq!(admin.ended().get(&key), Some(&1));
}

#[test]
fn a_session_can_be_ended_before_its_login() {
    let fixture = Fixture::new(&[]);
    let admin = Admin::of(&fixture.bridge);
    let mut client = fixture.v1();
    let id = only(&admin, "created")["id"].as_str().unwrap().to_owned();
    assert_eq!(admin.delete(&format!("/api/v1/sessions/{id}")).status, 202);
    assert_eq!(client.until_close().0, 4412);
    admin.wait_empty();
}

#[test]
fn users_are_shown_only_if_that_is_enabled() {
    let fixture = Fixture::new(&["admin.show_users=true"]);
    let admin = Admin::of(&fixture.bridge);
    let _client = fixture.ready_with(&json!({ "username": "alice" }));
    assert_eq!(only(&admin, "active")["user"], "alice");
    assert!(!admin.get("/metrics").body.contains("alice"));
    assert!(!admin.get("/stats").body.contains("alice"));
}

#[test]
fn the_list_has_every_session_of_every_shard_once_and_in_order() {
    let settings = ["server.shards=2", "limits.max_connections_per_host=100"];
    let fixture = Fixture::new(&settings);
    let admin = Admin::of(&fixture.bridge);
    let clients: Vec<_> = (0..20).map(|_| fixture.ready()).collect();
    let sessions = admin.sessions();
    assert_eq!(sessions.len(), clients.len());
    let order: Vec<_> = sessions
        .iter()
        .map(|s| (s["created_at"].as_str().unwrap(), s["id"].as_str().unwrap()))
        .collect();
    assert!(order.is_sorted(), "{order:?}");
    let on = |shard: u64| sessions.iter().filter(|s| s["shard"] == shard).count();
    assert_eq!((on(0), on(1)), (10, 10));
}

#[test]
fn the_list_is_searched_sorted_and_paged() {
    let limit = "limits.max_connections_per_host=100";
    let settings = ["server.shards=2", limit, "admin.show_users=true"];
    let fixture = Fixture::new(&settings);
    let admin = Admin::of(&fixture.bridge);
    let user = |n: usize| json!({ "username": format!("user{n}") });
    let _clients: Vec<_> = (0..6).map(|n| fixture.ready_with(&user(n))).collect();
    let list = |query: &str| admin.get(&format!("/api/v1/sessions?{query}")).json();
    let users = |list: &Value| -> Vec<String> {
        let sessions = list["sessions"].as_array().unwrap().iter();
        let user = |session: &Value| session["user"].as_str().unwrap().to_owned();
        sessions.map(user).collect()
    };
    let part = list("sort=user&order=down&offset=1&limit=2");
    assert_eq!(users(&part), ["user4", "user3"]);
    assert_eq!([&part["total"], &part["matched"]], [6, 6]);
    let found = list("search=USER2+127.0.0.1&state=active");
    assert_eq!(users(&found), ["user2"]);
    assert_eq!([&found["total"], &found["matched"]], [6, 1]);
    assert_eq!(list("shard=1")["matched"], 3);
    assert_eq!(list("search=nobody")["sessions"], json!([]));
    let answer = admin.get("/api/v1/sessions?limit=0");
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.json()["detail"].is_string());
}
