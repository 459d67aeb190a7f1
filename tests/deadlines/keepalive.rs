//! SSH keep-alives: only a server that no longer answers them loses its sessions.

use crate::common::fixture::{bridge_to, ready_at};
use crate::common::{Proxy, ScriptedSsh, SshScript, Stop};
use serde_json::json;

/// More than the bridge reads of a session whose client holds its output.
const HELD: usize = 2 * 1024 * 1024;

#[test]
fn only_a_server_that_answers_no_keepalives_is_lost() {
    let [idle, held, frozen] = [(); 3].map(|()| ScriptedSsh::start(SshScript::default()));
    let link = Proxy::start(frozen.addr(), Stop::Never);
    let bridge = bridge_to(
        &[idle.addr(), held.addr(), link.addr()],
        &["ssh.keepalive_interval=1s", "ssh.keepalive_max=3"],
    );
    let mut idle_client = ready_at(bridge.addr(), idle.addr());
    let mut held_client = ready_at(bridge.addr(), held.addr());
    held_client.send_json(&json!({ "type": "hold" }));
    let mut frozen_client = ready_at(bridge.addr(), link.addr());
    std::thread::scope(|scope| {
        scope.spawn(|| held.output(&vec![b'o'; HELD]));
        // The replies for the held one wait behind its output, for as many keep-alives or more.
        link.set_stop(Stop::AfterServer(0));
        let error = frozen_client.expect_error(4503, "frozen");
        assert_eq!(error["code"], "connection-lost", "{error}");
        held_client.send_json(&json!({ "type": "release" }));
        held_client.read_output(HELD);
    });
    idle_client.send_binary(b"still here");
    assert_eq!(idle.wait_input(10), b"still here");
}
