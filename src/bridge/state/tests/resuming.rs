//! The room that is left for resuming: a session without a client, and one that comes after. Nothing enters it in production.

use super::*;

fn client(offset: u64) -> Attachment<()> {
    Attachment::new((), Dialect::V1, offset)
}

#[test]
fn a_shell_outlives_its_client_and_serves_another_one() {
    let mut rules = clocks::pinging();
    rules.session.max_lifetime = Some(Duration::from_secs(1000));
    let mut s = Session::active(Dialect::V1, &rules);
    s.feed(typed("ls\r"));
    s.output(5000);
    s.end_of_blocked_tick(1, true, 100);
    let gone = s.state.detach().unwrap();
    assert_eq!(s.state.lifecycle().state(), State::Detached);
    // Its clocks went with it; those of the session stay.
    assert!(gone.timers.get(Timer::Stall).is_some() && gone.timers.get(Timer::Ping).is_some());
    assert_eq!(s.fire(), Some((Timer::Lifetime, 1000)));
    assert_eq!(s.state.lifecycle().state(), State::Closing);

    let mut s = Session::active(Dialect::V1, &rules);
    s.feed(typed("ls\r"));
    s.output(5000);
    s.state.detach().unwrap();
    assert_eq!(s.state.output_budget(), 0);
    s.feed(exit(7));
    s.feed(Input::ChannelClosed);
    s.end_of_tick(0);
    assert_eq!(
        s.state.lifecycle().state(),
        State::Detached,
        "the exit is kept"
    );
    // The new client has less than was sent.
    assert!(s.state.attach(s.now, client(3000), 3000).is_ok());
    assert_eq!(s.state.bytes(), (3, 3000), "offsets go on");
    assert!(s.timer(Timer::Ping).is_some());
    s.output(2000);
    let told = s.say(ClientMessage::Ack { bytes: 5000 });
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(s.end_of_tick(0), ["<exit Some(7) None>", "end 1000 exit=7"]);
}

#[test]
fn only_a_running_shell_is_left_by_its_client_and_only_a_left_one_takes_another() {
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
    s.feed(Input::Kill(SessionError::Killed));
    assert_eq!(s.state.lifecycle().state(), State::Closing);
    assert!(s.state.attach(s.now, client(0), 0).is_err());
    assert_eq!(s.fire(), Some((Timer::Linger, 2)));
}

/// Of a closed page and of an order to end, only the first leaves a shell that could be resumed.
#[test]
fn a_client_that_goes_away_is_another_input_than_one_that_ends_the_session() {
    for (input, goes) in [
        (Input::ClientAway, true),
        (Input::ClientGone, true),
        (Input::ClientClosed, false),
        (
            Input::Message(Incoming::Control(ClientMessage::Close)),
            false,
        ),
    ] {
        assert_eq!(input.leaves_the_shell(), goes, "{input:?}");
        let mut s = Session::active(Dialect::V1, &config());
        assert_eq!(s.feed(input).len(), 1, "today each is an end");
    }
}
