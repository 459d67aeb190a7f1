use super::parse;

#[test]
fn accepted_entries() {
    for entry in [
        "example.com",
        "example.com:22",
        "Example.COM.:22",
        " example.com:22 ",
        "my_host:2200-2299",
        "example.com:*",
        "*.example.com",
        "*.example.com:1-65535",
        "1.2.3.4",
        "1.2.3.4:22",
        "10.0.0.0/8:22",
        "0.0.0.0/0:*",
        "1.2.3.4/32",
        "[::1]",
        "[::1]:22",
        "[2001:db8::/32]:22",
        "[::/0]:*",
        "[2001:db8::1/128]",
        "[2001::/16]",
        "[2000::/3]",
        "[2002::/15]",
    ] {
        let parsed = parse(&[entry], &[], &[]);
        assert!(parsed.is_ok(), "{entry}");
    }
    for entry in [
        "web=example.com",
        "web=example.com:2222",
        "db=10.0.0.1:22",
        "v6=[::1]:22",
        "a.b = c",
    ] {
        let parsed = parse(&[], &[], &[entry]);
        assert!(parsed.is_ok(), "{entry}");
    }
}

#[test]
fn refused_allow_entries() {
    for entry in [
        "",
        " ",
        ":22",
        "*",
        "*:22",
        "*example.com",
        "*.",
        "*.*.com",
        "*.10.0.0.1",
        "*.1",
        "a.*.com",
        "example.com:",
        "example.com:0",
        "example.com:022",
        "example.com:65536",
        "example.com:-1",
        "example.com:30-20",
        "example.com:1-",
        "example.com:-",
        "example.com:ssh",
        "example.com:22:22",
        "user@example.com",
        "ssh://example.com",
        "example.com/",
        "-x",
        "a..b",
        "::1",
        "::1:22",
        "2001:db8::/32:22",
        "[::1",
        "[::1]22",
        "[::1]x:22",
        "[1.2.3.4]:22",
        "[10.0.0.0/8]",
        "[::1%eth0]",
        "10.0.0.0/33",
        "10.0.0.0/+8",
        "10.0.0.0/",
        "10.0.0.0/-1",
        "10.0.0.1/8",
        "[2001:db8::/129]",
        "[2001:db8::1/32]",
        "10.0/8",
        "127.1",
        "127.1:22",
        "0x7f.1",
        "0X7F.1",
        "1.2.3.4.",
        "host.1",
        "2130706433",
        "010.0.0.1",
        "[::ffff:10.0.0.1]",
        "[::ffff:10.0.0.0/104]",
        "[64:ff9b::/96]",
        "[2002::/16]",
        "[2002:7f00:1::]",
        "[::127.0.0.1]",
        "[2001::/32]",
        "[2001:0:4136:e378::/64]",
        "/8",
    ] {
        let errors = parse(&[entry], &[], &[]).unwrap_err();
        assert_eq!(errors.0.len(), 1, "{entry}");
        assert_eq!(errors.0[0].setting, "targets.allow");
    }
}

#[test]
fn refused_named_entries() {
    for entry in [
        "",
        "web",
        "=host",
        "web=",
        "web=*.example.com",
        "web=10.0.0.0/8",
        "web=host:*",
        "web=host:1-2",
        "web=host:0",
        "we b=host",
        "web=127.1",
        "web=0x7f000001",
        "web=1.2.3.4.",
        "web=::1",
        "..=host",
        "web=[::ffff:1.2.3.4]:22",
        "a/b=host",
    ] {
        let errors = parse(&[], &[], &[entry]).unwrap_err();
        assert_eq!(errors.0.len(), 1, "{entry}");
        assert_eq!(errors.0[0].setting, "targets.named");
    }
}

#[test]
fn every_error_is_reported_with_setting_and_entry() {
    let allow = ["ok.example", "10.0.0.1/8", "*"];
    let named = ["a=host", "a=other", "b"];
    let errors = parse(&allow, &["10.0.0.2/8"], &named).unwrap_err();
    let text = errors.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    for (line, part) in lines.iter().zip([
        "targets.allow: \"10.0.0.1/8\": ",
        "targets.allow: \"*\": ",
        "targets.deny: \"10.0.0.2/8\": ",
        "targets.named: \"a=other\": this name is given twice",
        "targets.named: \"b\": ",
    ]) {
        assert!(line.starts_with(part), "{line}");
    }
}
