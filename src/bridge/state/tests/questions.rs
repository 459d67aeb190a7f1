//! Questions to the user, and which answers fit them.

use super::*;

#[test]
fn answers_fit_the_open_question() {
    let host = |id| ClientMessage::HostKeyAnswer { id, accept: false };
    let wrong = [
        (host_key(), vec![host(2)]),
        (host_key(), vec![answer(1, 1)]),
        (host_key(), vec![host(1), host(2)]),
        (host_key(), vec![host(0)]),
        (question(1), vec![answer(2, 1)]),
        (question(1), vec![answer(1, 0)]),
        (question(1), vec![answer(1, 2)]),
        (question(1), vec![host(1)]),
        (question(1), vec![answer(1, 1), answer(2, 1)]),
        (question(1), vec![answer(u32::MAX, 1)]),
    ];
    for (asked, said) in wrong {
        let what = format!("{asked:?} {said:?}");
        let mut s = Session::connecting(Dialect::V1, &config());
        s.feed(asked);
        let told: Vec<_> = said.into_iter().flat_map(|m| s.say(m)).collect();
        assert!(
            told.last().unwrap().starts_with("end 4400"),
            "{what}: {told:?}"
        );
    }
    let mut s = Session::connecting(Dialect::V1, &config());
    s.feed(host_key());
    assert_eq!(s.say(host(1)), ["host key false"]);
}

/// A button that is clicked twice sends its answer twice, and late ones cross with what comes next.
#[test]
fn answers_to_what_was_answered_are_passed_over() {
    let host = |id| ClientMessage::HostKeyAnswer { id, accept: false };
    let mut s = Session::connecting(Dialect::V1, &config());
    s.feed(host_key());
    assert_eq!(s.say(host(1)), ["host key false"]);
    s.feed(question(2));
    for late in [host(1), answer(1, 2), host(1)] {
        assert!(s.say(late).is_empty());
    }
    assert_eq!(s.say(answer(2, 2)).len(), 1);
    s.run_shell();
    for late in [host(1), answer(2, 2), answer(2, 0), answer(1, 7)] {
        assert!(s.say(late).is_empty());
    }
    assert!(s.say(answer(3, 1))[1].starts_with("end 4400"));
}
