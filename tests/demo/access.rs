//! Access to the demo: passwords, links, names, addresses.

use crate::common::demo::LAST_LINE;
use crate::common::raw::exchange;
use crate::common::{Bridge, Client, DEADLINE, Demo, Options, Raw, run};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde_json::json;

#[test]
fn the_printed_user_and_password_log_in() {
    let demo = Demo::plain(&[]);
    let mut client = demo.login();
    client.output_until("demo$ ");
    client.send_json(&json!({ "type": "resize", "cols": 97, "rows": 31 }));
    client.send_binary(b"stty size\r");
    client.output_until("31 97\r\n");
    client.send_binary(b"exit 5\r");
    assert_eq!(client.until_close(), (1000, "exit=5".to_owned()));
    let mut client = demo.login();
    client.send_binary(b"kill -KILL $$\r");
    assert_eq!(client.until_close(), (1000, "signal=KILL".to_owned()));
}

#[test]
fn the_printed_link_leads_to_the_page_and_logs_in_once() {
    let demo = Demo::plain(&["--set", "server.path_prefix=/term"]);
    let text = &demo.text;
    assert!(text.contains("(logs in once, within 10 minutes;"), "{text}");
    let address = demo.bridge.addr();
    let login = demo.printed(&format!("In a browser       http://{address}/term/#login="));
    let login = Base64UrlUnpadded::decode_vec(login).unwrap();
    let login: serde_json::Value = serde_json::from_slice(&login).unwrap();
    assert_eq!(login["target"], "demo");
    assert_ne!(login["password"], demo.printed("password"));
    let connect = || Client::connect(demo.bridge.addr(), "/term/ws/demo", &Options::v1());
    let (user, password) = (login["username"].as_str(), login["password"].as_str());
    let mut client = connect();
    client.login_v1(user.unwrap(), password.unwrap());
    client.output_until("demo$ ");
    let mut again = connect();
    again.auth_v1(&json!({ "username": user, "password": password }));
    assert_eq!(again.until_close().0, 4401);
    demo.login().output_until("demo$ ");
}

/// The printed lines would not work.
#[test]
fn the_demo_refuses_tls_and_the_proxy_protocol() {
    let tls = ["tls.cert_file=/x", "tls.key_file=/x"];
    let proxied = [
        "server.listen=127.0.0.1:1",
        "server.proxy_protocol=127.0.0.1:1",
    ];
    for [first, second] in [tls, proxied] {
        let refused = run(&["demo", "--set", first, "--set", second], &[]);
        assert_eq!(refused.code, Some(78), "{refused:?}");
        let said = "no tls, no server.proxy_protocol";
        assert!(refused.stderr.contains(said), "{refused:?}");
    }
}

#[test]
fn a_session_is_the_login_shell_of_the_user() {
    let env = [("SHELL", "/bin/bash"), ("MAKEFLAGS", "-j"), ("TMUX", "x")];
    let demo = Demo::start(&[], &env);
    let text = &demo.text;
    assert!(text.contains("they get /bin/bash as "), "{text}");
    let mut client = demo.login();
    client.send_binary(
        b"echo \"<$0> <$MAKEFLAGS$TMUX> $(shopt -q login_shell && echo login) tty=$(tty)\"\r",
    );
    client.output_until("<-bash> <> login tty=/dev/pts/");
    client.send_binary(b"exit 6\r");
    assert_eq!(client.until_close(), (1000, "exit=6".to_owned()));
}

#[test]
fn a_program_that_cannot_be_run_is_refused_before_anything_starts() {
    let env = [("SHELL", "/no/such")];
    let refused = run(&["demo", "--listen", "127.0.0.1:0"], &env);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let said = "$SHELL names /no/such, which cannot be run";
    assert!(refused.stderr.contains(said), "{refused:?}");
    assert!(refused.stdout.is_empty(), "{refused:?}");
}

/// Host and Origin of a listener on loopback, whatever the settings are: a name that another site
/// resolves to loopback, and a page of another site, are refused.
#[test]
fn the_demo_answers_to_no_name_but_loopback() {
    let names = [
        "server.public_hosts=evil.example",
        "server.allowed_origins=http://evil.example",
        "admin.allowed_hosts=evil.example",
        "web.embed_origins=http://evil.example",
    ];
    let settings: Vec<&str> = names.iter().flat_map(|name| ["--set", *name]).collect();
    let demo = Demo::plain(&settings);
    let own = demo.bridge.addr();
    let port = own.port();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sshard.v1\r\n";
    let status = |path: &str, host: &str, more: &str| {
        let mut raw = Raw::connect(own);
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n").as_bytes());
        raw.answer().status
    };
    let good = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let bad = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("127.0.0.2:{port}"),
        "127.0.0.1:1".to_owned(),
        "localhost".to_owned(),
    ];
    for path in [
        "/",
        "/page.json",
        "/assets/x.js",
        "/healthz",
        "/readyz",
        "/ws/demo",
        "/other",
    ] {
        for host in &bad {
            assert_eq!(status(path, host, ""), 421, "{path} {host}");
        }
    }
    for host in &bad {
        assert_eq!(status("/ws/demo", host, upgrade), 421, "{host}");
    }
    let request = format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    let page = exchange(own, &request);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    for host in &good {
        assert_eq!(status("/", host, ""), 200, "{host}");
        assert_eq!(status("/ws/demo", host, upgrade), 101, "{host}");
        let own = format!("Origin: http://{host}\r\n{upgrade}");
        assert_eq!(status("/ws/demo", host, &own), 101, "{host}");
        for origin in [
            "http://evil.example",
            "https://localhost",
            "null",
            "http://127.0.0.1:1",
        ] {
            let foreign = format!("Origin: {origin}\r\n{upgrade}");
            assert_eq!(status("/ws/demo", host, &foreign), 403, "{host} {origin}");
        }
    }
}

#[test]
fn the_demo_listens_on_ipv6_loopback_too() {
    let bridge = Bridge::command(&["demo", "--listen", "[::1]:0"], &[]);
    bridge.wait_stdout(LAST_LINE, DEADLINE);
    let url = format!("ws://{}/ws/demo", bridge.addr());
    assert!(bridge.stdout().contains(&url), "{}", bridge.stdout());
}

#[test]
fn addresses_that_other_machines_can_reach_are_refused() {
    // Neither by mistake nor on purpose.
    for more in [&[][..], &["--set", "server.allow_plaintext=true"]] {
        for (listener, listen) in [
            ("--listen", "0.0.0.0:0"),
            ("--listen", "[::]:0"),
            ("--listen", "192.0.2.1:0"),
            ("--admin-listen", "0.0.0.0:0"),
        ] {
            let refused = run(&[&["demo", listener, listen][..], more].concat(), &[]);
            assert_eq!(refused.code, Some(78), "{refused:?}");
            let said = format!("{listen} is not a loopback address");
            assert!(refused.stderr.contains(&said), "{refused:?}");
            // Nothing would come of it.
            assert!(!refused.stderr.contains("allow_plaintext"), "{refused:?}");
            assert!(!refused.stdout.contains("password"), "{refused:?}");
        }
    }
}
