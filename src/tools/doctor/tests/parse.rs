//! Texts of the kernel, good and strange.

use super::super::parse::*;

#[test]
fn releases() {
    for (text, wanted) in [
        ("6.1.0-18-amd64\n", Some((6, 1))),
        ("5.8", Some((5, 8))),
        ("5.10-rc1", Some((5, 10))),
        ("6.18+", Some((6, 18))),
        ("", None),
        ("6", None),
        ("6.", None),
        ("x.y", None),
        ("99999999999.1", None),
    ] {
        assert_eq!(release(text), wanted, "{text:?}");
    }
}

#[test]
fn resource_limits() {
    let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
        Max cpu time              unlimited            unlimited            seconds   \n\
        Max open files            1024                 524288               files     \n\
        Max locked memory         unlimited            8388608              bytes     \n\
        Max file locks            many                 8388608              locks     \n\
        Max nice priority         0\n";
    let both = |soft, hard| Some(Rlimit { soft, hard });
    for (name, wanted) in [
        ("Max open files", both(Some(1024), Some(524_288))),
        ("Max locked memory", both(None, Some(8_388_608))),
        ("Max cpu time", both(None, None)),
        ("Max file locks", None),
        ("Max nice priority", None),
        ("Max realtime timeout", None),
    ] {
        assert_eq!(rlimit(text, name), wanted, "{name}");
    }
}

#[test]
fn lists_of_cpus() {
    for (text, wanted) in [
        ("0\n", Some(vec![0])),
        ("0-3,8\n", Some(vec![0, 1, 2, 3, 8])),
        ("0,32", Some(vec![0, 32])),
        ("8191", Some(vec![8191])),
        ("", None),
        ("\n", None),
        ("3-1", None),
        ("0-8192", None),
        ("0-", None),
        ("-1", None),
        ("0-18446744073709551615", None),
        ("a", None),
    ] {
        assert_eq!(cpu_list(text), wanted, "{text:?}");
    }
    // A list that repeats itself has a bound as well.
    let long = vec!["0-8191"; 1000].join(",");
    assert_eq!(cpu_list(&long), None);
}

#[test]
fn quotas_of_cgroups() {
    for (text, wanted) in [
        ("max 100000\n", Some(None)),
        ("150000 100000\n", Some(Some(1500))),
        ("50000 100000", Some(Some(500))),
        ("100000 0", None),
        ("100000", None),
        ("18446744073709551615 1", None),
        ("", None),
        ("x 100000", None),
    ] {
        assert_eq!(cpu_quota(text), wanted, "{text:?}");
    }
    for (text, wanted) in [
        ("max\n", Some(None)),
        ("4915\n", Some(Some(4915))),
        ("-1", None),
        ("", None),
    ] {
        assert_eq!(cgroup_limit(text), wanted, "{text:?}");
    }
}

#[test]
fn paths_of_cgroups() {
    for (text, wanted) in [
        ("0::/\n", Some("")),
        ("0::/a/b.service\n", Some("a/b.service")),
        ("4:memory:/x\n0::/y\n", Some("y")),
        ("4:memory:/x\n", None),
        ("", None),
    ] {
        assert_eq!(cgroup_path(text), wanted, "{text:?}");
    }
}

#[test]
fn numbers_and_fields() {
    assert_eq!(
        numbers("4096\t131072\t6291456\n"),
        Some([4096, 131_072, 6_291_456])
    );
    assert_eq!(numbers("1 2 3 4"), Some([1, 2]));
    assert_eq!(numbers::<2>("1"), None);
    assert_eq!(numbers::<2>("1 x"), None);
    assert_eq!(number("65530\n"), Some(65_530));
    assert_eq!(number("-1"), None);
    let text = "MemTotalX: 1 kB\nMemTotal:       24683656 kB\nSwap:\t5 pages\n";
    assert_eq!(kib_field(text, "MemTotal"), Some(24_683_656 * 1024));
    assert_eq!(kib_field(text, "Swap"), None);
    assert_eq!(field(text, "Swap"), Some("5 pages"));
    assert_eq!(field(text, "Mem"), None);
    assert_eq!(
        kib_field("MemTotal: 18446744073709551615 kB", "MemTotal"),
        None
    );
}
