use super::*;
use std::net::IpAddr;

#[test]
fn only_loopback_urls_with_a_path_are_accepted() {
    let table = [
        ("ws://127.0.0.1:80/ws/h/22", Ok(())),
        ("ws://127.9.9.9:80/ws/name", Ok(())),
        ("ws://[::1]:80/ws/h/22", Ok(())),
        ("ws://localhost:80/ws/h/22", Ok(())),
        ("ws://192.0.2.1:80/ws/h/22", Err(BadUrl::NotLoopback)),
        ("ws://0.0.0.0:80/ws/h/22", Err(BadUrl::NotLoopback)),
        ("ws://example.org:80/ws/h/22", Err(BadUrl::Address)),
        ("ws://127.0.0.1/ws/h/22", Err(BadUrl::Address)),
        ("wss://127.0.0.1:80/ws/h/22", Err(BadUrl::Scheme)),
        ("ws://127.0.0.1:80", Err(BadUrl::Path)),
    ];
    for (url, expected) in table {
        let checked = url.parse().and_then(|url| Target::new(url).check());
        assert_eq!(checked, expected, "{url}");
    }
    let mut target = Target::new("ws://192.0.2.1:80/ws/h/22".parse().unwrap());
    target.anywhere = true;
    assert_eq!(target.check(), Ok(()));
}

#[test]
fn the_source_address_changes_before_ports_run_out() {
    let target = Target::new("ws://127.0.0.1:80/ws/h/22".parse().unwrap());
    assert_eq!(target.source(19_999), None);
    assert_eq!(target.source(20_000), Some(IpAddr::from([127, 0, 1, 1])));
    assert_eq!(target.source(40_000), Some(IpAddr::from([127, 0, 1, 2])));
}

#[test]
fn messages_become_events_and_failures() {
    let text = |text: &str| event(Message::text(text.to_owned()));
    assert_eq!(
        text(r#"{"type":"input_ack","bytes":7}"#),
        Ok(Event::InputAck(7))
    );
    assert_eq!(
        text(r#"{"type":"exit","status":3}"#),
        Ok(Event::Exit(Some(3)))
    );
    assert_eq!(text(r#"{"type":"later"}"#), Ok(Event::Other));
    assert_eq!(
        text(r#"{"type":"error","code":"limit","message":"full"}"#),
        Err(Failure::new("error-limit", "full"))
    );
    assert_eq!(text("no JSON").unwrap_err().kind, "protocol");
    assert_eq!(
        event(Message::Close(None)),
        Ok(Event::Close(1005, String::new()))
    );
}
