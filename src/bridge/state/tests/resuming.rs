//! Reserved for session resume: a session without a client, and the next client. Nothing enters it
//! in production.

use super::*;

fn client(offset: u64) -> Attachment<()> {
    Attachment::new((), Dialect::V1, offset)
}

#[test]
fn a_detached_shell_serves_another_client() {
    let mut rules = timeouts::pinging();
    rules.session.max_lifetime = Some(Duration::from_secs(1000));
    let mut s = Session::active(Dialect::V1, &rules);
    s.handle(typed("ls\r"));
    s.output(5000);
    s.end_of_blocked_tick(1, true, 100);
    let gone = s.state.detach().unwrap();
    assert_eq!(s.state.lifecycle.state(), State::Detached);
    // The client's timers went with it; those of the session stay.
    assert!(gone.timers.get(Timer::Stall).is_some() && gone.timers.get(Timer::Ping).is_some());
    assert_eq!(s.fire(), Some((Timer::Lifetime, 1000)));
    assert_eq!(s.state.lifecycle.state(), State::Closing);

    let mut s = Session::active(Dialect::V1, &rules);
    s.handle(typed("ls\r"));
    s.output(5000);
    s.state.detach().unwrap();
    assert_eq!(s.state.output_budget(), 0);
    s.handle(exit(7));
    s.handle(closed());
    s.end_of_tick(0);
    assert_eq!(
        s.state.lifecycle.state(),
        State::Detached,
        "the exit is kept"
    );
    // The new client has received less than was sent.
    assert!(s.state.attach(s.now, client(3000), 3000).is_ok());
    assert_eq!(s.state.bytes(), (3, 3000), "offsets go on");
    assert!(s.timer(Timer::Ping).is_some());
    s.output(2000);
    let actions = s.control(ClientMessage::Ack { bytes: 5000 });
    assert!(actions.is_empty(), "{actions:?}");
    assert_eq!(s.end_of_tick(0), ["<exit Some(7) None>", "end 1000 exit=7"]);
}

#[test]
fn only_an_active_session_detaches_and_only_a_detached_one_attaches() {
    for mut s in [
        Session::new(Dialect::V1, &config()),
        Session::connecting(Dialect::V1, &config()),
    ] {
        assert!(s.state.detach().is_none());
        assert!(s.state.attachment.is_some());
    }
    let mut s = Session::active(Dialect::V1, &config());
    assert!(s.state.attach(s.now, client(0), 0).is_err());
    s.state.detach().unwrap();
    s.handle(SessionEvent::Failed(SessionError::Killed));
    assert_eq!(s.state.lifecycle.state(), State::Closing);
    assert!(s.state.attach(s.now, client(0), 0).is_err());
    assert_eq!(s.fire(), Some((Timer::Linger, 2)));
}
