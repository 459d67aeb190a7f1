//! `sshard sessions`: list, show and kill, and their errors.

use crate::common::{Admin, Bridge, Finished, closed_port, run, run_line, wait_until};
use crate::fixture::fixture;
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

/// Runs `sshard sessions` against this bridge, with these arguments.
fn sessions(bridge: &Bridge, more: &[&str]) -> Finished {
    let admin = bridge.admin_addr().to_string();
    let mut args = vec!["sessions", "--admin", &admin];
    args.extend(more);
    run(&args, &[])
}

fn good(bridge: &Bridge, more: &[&str]) -> String {
    let ended = sessions(bridge, more);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "", "{ended:?}");
    ended.stdout
}

fn bad(bridge: &Bridge, more: &[&str], said: &str) {
    ends_with(1, bridge, more, said);
}

fn ends_with(code: i32, bridge: &Bridge, more: &[&str], said: &str) {
    let ended = sessions(bridge, more);
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(ended.stderr.contains(said), "{ended:?}");
    assert_eq!(ended.stdout, "", "{ended:?}");
}

fn ids(bridge: &Bridge) -> Vec<String> {
    let list: Value = serde_json::from_str(&good(bridge, &["--json"])).unwrap();
    let sessions = list["sessions"].as_array().unwrap();
    let id = |session: &Value| session["id"].as_str().unwrap().to_owned();
    sessions.iter().map(id).collect()
}

#[test]
fn sessions_are_listed_shown_and_ended() {
    let fixture = fixture("--shards 2 --set admin.show_users=true");
    let heading = good(&fixture.bridge, &[]);
    assert_eq!(heading.lines().count(), 1, "{heading}");
    let mut first = fixture.ready();
    let _second = fixture.ready();
    let ids = ids(&fixture.bridge);
    assert_eq!(ids.len(), 2);
    // A session's new state is published at the end of the poll that has sent `ready`.
    let admin = Admin::of(&fixture.bridge);
    wait_until("both are active", || admin.stats()["states"]["active"] == 2);

    let table = good(&fixture.bridge, &["list"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[0].starts_with("ID  "), "{table}");
    for (line, id) in lines[1..].iter().zip(&ids) {
        assert!(line.starts_with(&id[..12]), "{table}");
        for cell in [
            "active",
            "127.0.0.1",
            &fixture.ssh.addr().to_string(),
            " u ",
        ] {
            assert!(line.contains(cell), "{cell}: {table}");
        }
    }

    let shown = good(&fixture.bridge, &["show", &ids[0].to_uppercase()]);
    for line in [&format!("id:             {}", ids[0]), "sessions to it: 2"] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    let one = good(&fixture.bridge, &["show", &ids[0], "--json"]);
    let one: Value = serde_json::from_str(&one).unwrap();
    assert_eq!(one["id"], ids[0].as_str());

    let told = good(&fixture.bridge, &["kill", &ids[0]]);
    assert_eq!(told, format!("{} is ending\n", ids[0]));
    assert_eq!(first.until_close().0, 4412);
}

#[test]
fn a_prefix_of_an_id_is_enough_if_it_is_unique() {
    let fixture = fixture("");
    let mut client = fixture.ready();
    let id = ids(&fixture.bridge).remove(0);
    assert!(good(&fixture.bridge, &["show", &id[..4]]).contains(&id));
    ends_with(2, &fixture.bridge, &["show", &id[..3]], "4 hex digits");
    ends_with(2, &fixture.bridge, &["show", "not an id"], "4 hex digits");
    // Some other beginning: the first digit changed.
    let other = if id.starts_with('0') { "1" } else { "0" }.to_owned() + &id[1..8];
    let said = "no session's id begins with";
    bad(&fixture.bridge, &["show", &other], said);
    let none = "0".repeat(32);
    bad(&fixture.bridge, &["show", &none], "no session has this id");
    // Nothing ends unless all are known.
    bad(
        &fixture.bridge,
        &["kill", &id[..8], &other],
        "no session's id",
    );
    client.send_json(&json!({ "type": "resize", "cols": 90, "rows": 30 }));
    assert!(good(&fixture.bridge, &["kill", &id[..8]]).starts_with(&id));
    assert_eq!(client.until_close().0, 4412);
}

#[test]
fn the_token_comes_from_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, token: &str| {
        let path = directory.path().join(name);
        fs::write(&path, token).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let right = file("right", "correct-horse-battery-staple\n");
    let wrong = file("wrong", "wrong-horse-battery-staple");
    let fixture = fixture(&format!("--set admin.token_file={right}"));
    good(&fixture.bridge, &["--token-file", &right]);
    bad(&fixture.bridge, &[], "--token-file FILE");
    bad(
        &fixture.bridge,
        &["--token-file", &wrong],
        "--token-file FILE",
    );
    let none = ["--token-file", "/does/not/exist"];
    ends_with(78, &fixture.bridge, &none, "admin.token_file");
    // As the bridge has it: by a configuration file.
    let config = directory.path().join("sshard.toml");
    let listen = fixture.bridge.admin_addr();
    let text = format!("admin = {{ listen = [\"{listen}\"], token_file = {right:?} }}\n");
    fs::write(&config, text).unwrap();
    let ended = run_line(&format!("sessions --config {}", config.display()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn without_a_bridge_the_error_names_the_address() {
    let closed = closed_port().to_string();
    let ended = run_line(&format!("sessions --admin {closed}"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for said in [closed.as_str(), "Is the bridge running"] {
        assert!(ended.stderr.contains(said), "{ended:?}");
    }
    let none = run_line("sessions --set admin.listen=");
    assert_eq!(none.code, Some(78), "{none:?}");
    assert!(none.stderr.contains("admin.listen is empty"), "{none:?}");
    let bad = run_line("sessions --admin nowhere");
    assert_eq!(bad.code, Some(78), "{bad:?}");
}

/// As where the bridge has its certificate, its token or its public port by flags.
#[test]
fn settings_that_contradict_each_other_without_the_bridges_flags_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("sshard.toml");
    let fixture = fixture("");
    let admin = fixture.bridge.admin_addr();
    let text = format!("server.listen = [\"0.0.0.0:443\"]\nadmin.listen = [\"{admin}\"]\n");
    fs::write(&config, text).unwrap();
    let config = config.display();
    for line in [
        format!("sessions --config {config}"),
        format!("sessions --admin {admin} --set server.listen={admin}"),
        // Asked on loopback.
        format!("sessions --admin 0.0.0.0:{}", admin.port()),
    ] {
        let ended = run_line(&line);
        assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
    }
    // An error of one setting is reported alone.
    let bad = run_line(&format!("sessions --config {config} --admin nowhere"));
    assert_eq!(bad.code, Some(78), "{bad:?}");
    assert!(bad.stderr.contains("admin.listen = nowhere"), "{bad:?}");
    assert!(!bad.stderr.contains("server.listen"), "{bad:?}");
}

/// The client chooses the user's name, which must not control the operator's terminal.
#[test]
fn names_of_users_are_escaped_on_a_terminal() {
    let fixture = fixture("--set admin.show_users=true");
    let user = "ann\u{202e}nimda\u{2066}\u{200b}\u{feff}\u{e0041}";
    let mut client = fixture.v1();
    client.auth_v1(&json!({ "username": user }));
    client.wait_type("ready");
    let id = &ids(&fixture.bridge)[0];
    let api = Admin::of(&fixture.bridge).get("/api/v1/sessions").body;
    let json = good(&fixture.bridge, &["--json"]);
    for text in [&api, &json] {
        assert!(text.is_ascii(), "{text:?}");
        let list: Value = serde_json::from_str(text).unwrap();
        assert_eq!(list["sessions"][0]["user"], user);
    }
    for text in [
        good(&fixture.bridge, &[]),
        good(&fixture.bridge, &["show", id]),
    ] {
        assert!(text.is_ascii(), "{text:?}");
        let shown = "ann\\u{202e}nimda\\u{2066}\\u{200b}\\u{feff}\\u{e0041}";
        assert!(text.contains(shown), "{text}");
    }
}
