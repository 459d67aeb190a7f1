use crate::targets::{AddressError, TargetRequest};

fn host(host: &str, port: u16) -> Result<TargetRequest, AddressError> {
    Ok(TargetRequest::Host {
        host: host.to_owned(),
        port,
    })
}

#[test]
fn valid_segments_are_accepted() {
    let long = format!("{}.{}", "a".repeat(63), "b".repeat(63));
    let longest = format!("{long}.{}.{}", "c".repeat(63), "d".repeat(61));
    assert_eq!(longest.len(), 253);
    let with_dot = format!("{longest}.");
    for (segments, expected) in [
        (["example.com", "22"], host("example.com", 22)),
        (["Example.COM.", "2222"], host("example.com.", 2222)),
        (["my_host-1", "65535"], host("my_host-1", 65535)),
        (["192.0.2.1", "1"], host("192.0.2.1", 1)),
        (["[2001:DB8::1]", "22"], host("2001:db8::1", 22)),
        (["%5B::1%5d", "22"], host("::1", 22)),
        (["%65xample.com", "%32%32"], host("example.com", 22)),
        (["1a.0b", "22"], host("1a.0b", 22)),
        (["1.2.3.4.example", "22"], host("1.2.3.4.example", 22)),
        (["dead.beef", "22"], host("dead.beef", 22)),
        (["a.0xg", "22"], host("a.0xg", 22)),
        (["a.1_0", "22"], host("a.1_0", 22)),
        (["a.1e3", "22"], host("a.1e3", 22)),
        (
            ["xn--bcher-kva.example", "22"],
            host("xn--bcher-kva.example", 22),
        ),
        ([&longest, "22"], host(&longest, 22)),
        ([&with_dot, "22"], host(&with_dot, 22)),
    ] {
        assert_eq!(
            TargetRequest::from_segments(&segments),
            expected,
            "{segments:?}"
        );
    }
    for name in ["web", "a.b_c-D9", &"n".repeat(64)] {
        let named = Ok(TargetRequest::Named(name.to_owned()));
        assert_eq!(TargetRequest::from_segments(&[name]), named);
    }
}

#[test]
fn refused_hosts() {
    let long_name = format!("{}.{}", ["a"; 126].join("."), "bc");
    assert_eq!(long_name.len(), 254);
    let long_label = "a".repeat(64);
    for segment in [
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "-a",
        "-oProxyCommand=x",
        "a b",
        "a%20b",
        "a%00b",
        "a%0ab",
        "a%0d%0ab",
        "a%7f",
        "a%09",
        "user@host",
        "user%40host",
        "a:b",
        "::1",
        "[::1",
        "::1]",
        "[]",
        "[::1%25eth0]",
        "[fe80::1%25%31]",
        "[127.0.0.1]",
        "[example.com]",
        "[::1]:22",
        "a/b",
        "a%2fb",
        "a\\b",
        "a?b",
        "a#b",
        "a%2525",
        "*",
        "*.com",
        "10.0.0.0%2f8",
        "b\u{fc}cher",
        "%e2%80%8ba",
        "\u{ff11}27.0.0.1",
        "a,b",
        "a;b",
        "a'b",
        "a\"b",
        "$(a)",
        "a|b",
        "[::ffff:1.2.3]",
        "[1:2:3:4:5:6:7:8:9]",
        "[::g]",
        &long_name,
        &long_label,
    ] {
        let got = TargetRequest::from_segments(&[segment, "22"]);
        assert_eq!(got, Err(AddressError::Host), "{segment:?}");
    }
    for segment in ["%", "%4", "%zz", "a%", "%+1", "%ff", "%c3%28"] {
        let got = TargetRequest::from_segments(&[segment, "22"]);
        assert_eq!(got, Err(AddressError::Encoding), "{segment:?}");
    }
}

/// Resolvers take all of these for addresses, or may.
#[test]
fn hosts_that_end_in_a_number_are_refused() {
    for segment in [
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f.1",
        "0X7F.1",
        "0177.0.0.1",
        "017700000001",
        "0x7f000001",
        "0",
        "00",
        "0x",
        "0X",
        "0x0.",
        "1.",
        "127.0.0.1.",
        "127.0.0.01",
        "127.0.0.256",
        "127.0.0.0x1",
        "1.2.3.4.5",
        "99999999999999999999999999",
        "example.com.1",
        "example.0xff",
        "EXAMPLE.0Xff.",
        "%31",
        "a.%30%78%66",
        "127%2e1",
    ] {
        let got = TargetRequest::from_segments(&[segment, "22"]);
        assert_eq!(got, Err(AddressError::Number), "{segment:?}");
    }
}

/// A target has one spelling wherever it is written down (log, record, audit).
#[test]
fn a_target_is_written_in_one_spelling() {
    for (spellings, shown) in [
        (
            &["Example.COM.", "example.com", "%65XAMPLE.com"][..],
            "example.com:22",
        ),
        (
            &["[2001:DB8:0::1]", "[2001:db8::0.0.0.1]"],
            "[2001:db8::1]:22",
        ),
        (
            &[
                "192.0.2.1",
                "[::ffff:192.0.2.1]",
                "[64:ff9b::c000:201]",
                "[::c000:201]",
            ],
            "192.0.2.1:22",
        ),
    ] {
        for spelling in spellings {
            let requested = TargetRequest::from_segments(&[spelling, "22"]).unwrap();
            assert_eq!(requested.to_string(), shown, "{spelling}");
        }
    }
}

#[test]
fn refused_ports() {
    for port in [
        "",
        "0",
        "00",
        "022",
        "65536",
        "99999999999999999999",
        "+22",
        "-1",
        "22a",
        " 22",
        "22%20",
        "0x16",
        "ssh",
        "2%002",
        "%D9%A2",
        "22.0",
        "1e3",
    ] {
        let got = TargetRequest::from_segments(&["host", port]);
        assert_eq!(got, Err(AddressError::Port), "{port:?}");
    }
}

#[test]
fn refused_names_and_shapes() {
    for name in [
        "",
        ".",
        "..",
        "%2e%2e",
        "a b",
        "a%2fb",
        "a:22",
        "a@b",
        "b\u{fc}",
        "[::1]",
        "a%0a",
        &"n".repeat(65),
    ] {
        let got = TargetRequest::from_segments(&[name]);
        assert_eq!(got, Err(AddressError::Name), "{name:?}");
    }
    let shapes: [&[&str]; 3] = [&[], &["a", "22", ""], &["a", "22", "b"]];
    for segments in shapes {
        let got = TargetRequest::from_segments(segments);
        assert_eq!(got, Err(AddressError::Shape), "{segments:?}");
    }
}
