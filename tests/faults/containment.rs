//! A panic in one session ends that one and no other.

use crate::common::fixture::ready_at;
use crate::common::in_process::{InProcess, POISON};
use crate::common::{Client, ScriptedSsh, SshScript};

const OTHERS: usize = 200;

#[test]
fn a_panic_in_one_session_ends_that_one_and_none_of_200_others() {
    let ssh = ScriptedSsh::start(SshScript::default());
    let allow = format!("targets.allow={}", ssh.addr());
    let bridge = InProcess::start(&[
        &allow,
        "ssh.host_key_policy=off",
        "server.shards=2",
        "server.drain_timeout=1s",
        "limits.max_connections_per_host=1000",
        "limits.connection_timeout=120s",
        "websocket.ping_interval=600s",
    ]);
    let ready = || ready_at(bridge.addr, ssh.addr());
    let mut others: Vec<Client> = (0..OTHERS).map(|_| ready()).collect();

    let mut victim = ready();
    victim.send_binary(&[b'x'; POISON]);
    let (code, reason) = victim.until_close();
    let text = "internal error of the bridge; please report it with the bridge's log of this \
                session";
    assert_eq!((code, reason.as_str()), (1011, text));

    // Output reaches all of them, and input of all of them reaches the server.
    ssh.output_to_all(b"still here");
    for client in &mut others {
        client.output_until("still here");
        client.send_binary(b"y");
    }
    // The victim's input did not get there.
    assert_eq!(ssh.wait_input(OTHERS), vec![b'y'; OTHERS]);
    bridge.admin.wait_sessions(OTHERS as u64);
    let ended = bridge.admin.ended();
    let internal = ("relay".to_owned(), "internal".to_owned());
    assert_eq!(ended.into_iter().collect::<Vec<_>>(), [(internal, 1)]);
}
