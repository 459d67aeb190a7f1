//! Commands of OPERATIONS.md for the admin listener, run as written.

use crate::common::{Admin, Fixture};
use crate::pages;
use crate::readme::bash;
use std::path::Path;

/// Returns the block of commands, one per line; comments begin with two spaces and `#`.
fn commands() -> Vec<String> {
    let blocks = pages::page("src/control/OPERATIONS.md").blocks();
    let found = blocks.iter().find(|block| block.code.starts_with("admin="));
    let lines = found.expect("no block sets `admin`").code.lines();
    lines
        .filter(|line| !line.is_empty())
        .map(|line| line.split("  #").next().unwrap().trim().to_owned())
        .collect()
}

#[test]
fn every_command_for_the_administrators_listener_is_answered() {
    let fixture = Fixture::new(&[]);
    let mut killed = fixture.ready();
    let sessions = Admin::of(&fixture.bridge).sessions();
    let id = sessions[0]["id"].as_str().unwrap();
    // A drain does not end the process while this one lives.
    let _stays = fixture.ready();
    let address = fixture.bridge.admin_addr().to_string();
    let (variables, calls): (Vec<_>, Vec<_>) = commands()
        .into_iter()
        .map(|line| line.replace("127.0.0.1:8023", &address))
        .partition(|line| line.starts_with("admin=") || line.starts_with("mean="));
    assert_eq!((variables.len(), calls.len()), (2, 12), "{calls:?}");
    for call in &calls {
        let call = call
            .replace("curl ", "curl --silent --show-error --fail-with-body ")
            .replace("/ID", &format!("/{id}"))
            .replace(
                "sshard sessions",
                &format!("sshard sessions --admin {address}"),
            )
            .replace("target/release/sshard", env!("CARGO_BIN_EXE_sshard"));
        let line = format!("{}\n{call}", variables.join("\n"));
        let finished = bash(&line, Path::new("/"));
        assert_eq!(finished.code, Some(0), "{call}\n{finished:?}");
        let may_be_silent = call.contains("DELETE");
        assert!(may_be_silent || !finished.stdout.is_empty(), "{call}");
    }
    assert_eq!(killed.until_close().0, 4412);
}
