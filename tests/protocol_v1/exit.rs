//! End of a session with its process: `exit`, then close 1000 with the reason.

use super::common::{Client, Event, Fixture};
use russh::Sig;
use serde_json::{Value, json};

/// Expects that the last text is `exit` with `fields`, followed by 1000 with `reason`.
fn assert_exits(client: &mut Client, fields: &Value, reason: &str) {
    let mut expected = fields.clone();
    expected["type"] = "exit".into();
    assert_eq!(client.wait_type("exit"), expected);
    assert_eq!(client.recv(), Event::Close(1000, reason.to_owned()));
    assert_eq!(client.recv(), Event::Reset);
}

#[test]
fn an_exit_status_is_reported_and_closed_with_1000() {
    let fixture = Fixture::new(&[]);
    for status in [0, 1, 255, 256, u32::MAX] {
        let mut client = fixture.ready();
        fixture.ssh.exit(status);
        let fields = json!({ "status": status, "core_dumped": false, "message": "" });
        assert_exits(&mut client, &fields, &format!("exit={status}"));
    }
}

#[test]
fn a_signal_is_reported_with_core_flag_and_message() {
    let fixture = Fixture::new(&[]);
    let words = "Segmentation fault \u{1b}[31m\n\"ü\"";
    let mut client = fixture.ready();
    fixture.ssh.exit_by_signal(Sig::SEGV, true, words);
    let fields = json!({ "signal": "SEGV", "core_dumped": true, "message": words });
    assert_exits(&mut client, &fields, "signal=SEGV");
}

#[test]
fn signals_are_reported_by_name_and_others_as_unknown() {
    let fixture = Fixture::new(&[]);
    for (signal, name) in [
        (Sig::ABRT, "ABRT"),
        (Sig::ALRM, "ALRM"),
        (Sig::FPE, "FPE"),
        (Sig::HUP, "HUP"),
        (Sig::ILL, "ILL"),
        (Sig::INT, "INT"),
        (Sig::KILL, "KILL"),
        (Sig::PIPE, "PIPE"),
        (Sig::QUIT, "QUIT"),
        (Sig::TERM, "TERM"),
        (Sig::USR1, "USR1"),
        (Sig::Custom("USR2".to_owned()), "USR2"),
        (Sig::Custom("STKFLT@example.org".to_owned()), "unknown"),
        (Sig::Custom("\u{1b}[2J".to_owned()), "unknown"),
        (Sig::Custom("kill".to_owned()), "unknown"),
        (Sig::Custom(String::new()), "unknown"),
    ] {
        let mut client = fixture.ready();
        fixture.ssh.exit_by_signal(signal, false, "");
        let fields = json!({ "signal": name, "core_dumped": false, "message": "" });
        assert_exits(&mut client, &fields, &format!("signal={name}"));
    }
}

#[test]
fn a_close_without_status_or_signal_is_an_exit_without_either() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    fixture.ssh.close();
    let fields = json!({ "core_dumped": false, "message": "" });
    assert_exits(&mut client, &fields, "");
}

#[test]
fn all_output_comes_before_exit() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    let bytes = vec![b'o'; 1_500_000];
    fixture.ssh.output(&bytes);
    fixture.ssh.exit(3);
    let exit = client.wait_type("exit");
    assert_eq!(exit["status"], 3);
    assert_eq!(client.output.len(), bytes.len());
    assert_eq!(client.recv(), Event::Close(1000, "exit=3".to_owned()));
}

/// The process has ended, but its output still waits for the client.
#[test]
fn held_output_is_delivered_after_the_end() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    client.send_json(&json!({ "type": "hold" }));
    super::assert_alive(&mut client, "held");
    fixture.ssh.output(b"last words");
    fixture.ssh.exit(0);
    super::assert_alive(&mut client, "held, and the process is gone");
    client.send_json(&json!({ "type": "release" }));
    assert_eq!(client.recv(), Event::Output(b"last words".to_vec()));
    assert_eq!(client.wait_type("exit")["status"], 0);
}
