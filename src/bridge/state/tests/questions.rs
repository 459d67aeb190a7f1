//! Questions to the user, and the answers they accept.

use super::*;

#[test]
fn an_answer_must_match_the_open_question() {
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
    for (open, messages) in wrong {
        let what = format!("{open:?} {messages:?}");
        let mut s = Session::connecting(Dialect::V1, &config());
        s.handle(open);
        let actions: Vec<_> = messages.into_iter().flat_map(|m| s.control(m)).collect();
        assert!(
            actions.last().unwrap().starts_with("end 4400"),
            "{what}: {actions:?}"
        );
    }
    let mut s = Session::connecting(Dialect::V1, &config());
    s.handle(host_key());
    assert_eq!(s.control(host(1)), ["host key false"]);
}

/// A button that is clicked twice sends its answer twice, and a late answer may cross with the next
/// question.
#[test]
fn a_repeated_answer_is_ignored() {
    let host = |id| ClientMessage::HostKeyAnswer { id, accept: false };
    let mut s = Session::connecting(Dialect::V1, &config());
    s.handle(host_key());
    assert_eq!(s.control(host(1)), ["host key false"]);
    s.handle(question(2));
    for late in [host(1), answer(1, 2), host(1)] {
        assert!(s.control(late).is_empty());
    }
    assert_eq!(s.control(answer(2, 2)).len(), 1);
    s.start_shell();
    for late in [host(1), answer(2, 2), answer(2, 0), answer(1, 7)] {
        assert!(s.control(late).is_empty());
    }
    assert!(s.control(answer(3, 1))[1].starts_with("end 4400"));
}
