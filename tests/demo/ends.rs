//! The end of the demo, by a signal or by its time.

use crate::common::{DEADLINE, Demo, wait_until};
use rustix::process::Signal;

#[test]
fn a_signal_ends_the_demo_and_its_sessions() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut demo = Demo::plain(&["--set", "server.drain_timeout=1ms"]);
        let mut client = demo.login();
        demo.bridge.signal(signal);
        assert_eq!(client.until_close().0, 1001);
        assert_eq!(demo.bridge.wait_exit(DEADLINE).code(), Some(0));
    }
}

/// Returns the processes with this word in their environment; a zombie has none.
fn with_word(word: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap();
    let environments =
        entries.filter_map(|e| std::fs::read(e.unwrap().path().join("environ")).ok());
    environments
        .filter(|e| e.windows(word.len()).any(|w| w == word.as_bytes()))
        .count()
}

#[test]
fn no_process_of_its_sessions_outlives_the_demo() {
    let word = format!("LEFTOVER={}", std::process::id());
    let mut demo = Demo::plain(&["--set", "server.drain_timeout=1ms"]);
    let mut ended = demo.login();
    // In the background, in a session of its own, ignoring SIGHUP and SIGTERM; the shell logs out.
    let start = format!(
        "export {word}; nohup sleep 1000 > /dev/null 2>&1 & \
         setsid sh -c 'trap \"\" HUP TERM; sleep 1000; sleep 1000' & echo started; exit\r"
    );
    ended.send_binary(start.as_bytes());
    assert_eq!(ended.until_close().0, 1000);
    let mut open = demo.login();
    open.send_binary(format!("export {word}; trap '' HUP; sleep 1000 & sleep 1000 & ps > /dev/null; echo r''eady; sleep 1000\r").as_bytes());
    open.output_until("ready");
    // Those of the shell that logged out may not have reached their `sleep` yet.
    wait_until("its processes run", || with_word(&word) >= 5);
    demo.bridge.signal(Signal::INT);
    assert_eq!(open.until_close().0, 1001);
    assert_eq!(demo.bridge.wait_exit(DEADLINE).code(), Some(0));
    assert_eq!(with_word(&word), 0);
}

#[test]
fn the_demo_ends_after_its_time_and_notifies_its_sessions_before() {
    let mut demo = Demo::plain(&["--for", "10s"]);
    let text = &demo.text;
    assert!(text.contains("It ends by itself in 10s. Ctrl-C"), "{text}");
    let mut client = demo.login();
    let notice = client.wait_type("notice");
    assert_eq!(notice["kind"], "drain", "{notice}");
    assert_eq!(client.until_close().0, 1001);
    assert_eq!(demo.bridge.wait_exit(DEADLINE).code(), Some(0));
}
