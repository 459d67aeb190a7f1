//! Precedence of the layers, and their errors.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStringExt as _;

use super::*;

#[test]
fn the_defaults_are_a_valid_configuration() {
    let loaded = load(&Layers::default()).unwrap();
    assert_eq!(*loaded.config, Config::default());
    assert!(
        KEYS.iter()
            .all(|key| *loaded.source(key) == Source::Default)
    );
    assert_eq!(
        loaded.config.server.listen,
        ["127.0.0.1:8022".parse().unwrap()]
    );
    assert_eq!(loaded.config.session.idle_timeout, None);
    assert_eq!(loaded.config.websocket.read_limit.bytes(), 65_536);
}

#[test]
fn keys_are_unique_and_sections_contiguous() {
    for names in [KEYS.to_vec(), builder::sections()] {
        let unique: BTreeSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len());
    }
}

#[test]
fn each_layer_overrides_the_one_below() {
    let file = file("[limits]\nmax_connections = 300\n");
    let mut layers = Layers::default();
    let check = |layers: &Layers, value: u32, source: &str| {
        let loaded = load(layers).unwrap();
        assert_eq!(loaded.config.limits.max_connections, value);
        assert_eq!(loaded.source("limits.max_connections").to_string(), source);
    };
    check(&layers, 1000, "default");
    layers.preset = Some("development".into());
    check(&layers, 10, "preset development");
    layers.file = Some(file.path().into());
    check(&layers, 300, &format!("file {}", file.path().display()));
    layers.env = env(&[("SSHARD_LIMITS__MAX_CONNECTIONS", "400")]).env;
    check(&layers, 400, "env SSHARD_LIMITS__MAX_CONNECTIONS");
    layers.set = vec![
        "limits.max_connections=500".into(),
        "limits.max_connections = 501".into(),
    ];
    check(&layers, 501, "--set");
    layers.flags = flag("--most", "limits.max_connections", "600").flags;
    check(&layers, 600, "--most");
}

#[test]
fn a_file_knows_its_lines() {
    let file = file("[log]\nlevel = \"warn\"\n\n[limits]\n\nmax_connections = 300\n");
    let loaded = load(&of_file(file.path())).unwrap();
    let path = file.path().to_owned();
    assert_eq!(
        *loaded.source("limits.max_connections"),
        Source::File { path, line: 6 }
    );
}

#[test]
fn bad_values_name_key_layer_value_and_what_is_accepted() {
    assert_eq!(
        the_error(&set(&["log.level=loud"])),
        "log.level = loud (--set): expected one of error, warn, info, debug, trace",
    );
    assert_eq!(
        the_error(&env(&[("SSHARD_WEBSOCKET__READ_LIMIT", "16KiB")])),
        "websocket.read_limit = 16KiB (env SSHARD_WEBSOCKET__READ_LIMIT): \
         expected a value from \"32KiB\" to \"1MiB\"",
    );
    assert_eq!(
        the_error(&flag("--shards", "server.shards", "0")),
        "server.shards = 0 (--shards): expected auto, or a whole number from 1 to 1024",
    );
    let (errors, path) = errors_of_file("[session]\n\nauth_timeout = 30\n");
    let expected = format!(
        "session.auth_timeout = 30 (file {path}, line 3): expected a duration above zero with \
         its unit, such as 500ms, 30s, 10m or 1h; for 30 seconds write 30s"
    );
    assert_eq!(errors, [expected]);
}

#[test]
fn all_errors_of_all_layers_are_reported_in_order() {
    let file = file("[limits]\nmax_connections = \"many\"\n[log]\nlevl = \"warn\"\n[nope]\n");
    let layers = Layers {
        file: Some(file.path().into()),
        set: vec!["server.backlog".into(), "server.listen=".into()],
        ..env(&[("SSHARD_LOG__FORMAT", "xml")])
    };
    let errors = errors(&layers);
    let begins: Vec<&str> = errors.iter().filter_map(|e| e.split(" (").next()).collect();
    assert_eq!(
        begins,
        [
            "limits.max_connections = \"many\"",
            "log.levl",
            "nope",
            "log.format = xml",
            "--set server.backlog: expected section.key=value",
            "server.listen = []",
        ],
    );
    assert_eq!(
        load(&layers).unwrap_err().to_string().lines().count(),
        errors.len()
    );
}

#[test]
fn unknown_keys_are_errors_that_list_the_known_ones() {
    assert_eq!(
        the_error(&set(&["log.colour=true"])),
        "log.colour (--set): no such setting; section log has level, format, messages",
    );
    assert!(the_error(&set(&["port=1"])).contains("the sections are server, tls, admin, limits"));
    let error = the_error(&env(&[("SSHARD_LOG__LEVELS", "x")]));
    assert!(error.starts_with("log.levels (env SSHARD_LOG__LEVELS): no such"));
    let (errors, path) = errors_of_file("listen = 1\n[server]\nlisen = []\n");
    let first = format!("listen (file {path}, line 1): no such setting");
    assert!(errors[0].starts_with(&first), "{errors:?}");
    let last = format!("server.lisen (file {path}, line 3): no such");
    assert!(errors[errors.len() - 1].starts_with(&last), "{errors:?}");
}

#[test]
fn a_misspelt_key_gets_the_nearest_one_as_a_suggestion() {
    for (slip, meant) in [
        ("log.levels", "log.level"),
        ("limits.max_conections", "limits.max_connections"),
        ("limit.max_connections", "limits.max_connections"),
        ("max_connections", "limits.max_connections"),
        ("ssh.max_connections", "limits.max_connections"),
        ("server.lisetn", "server.listen"),
        ("targets.alow", "targets.allow"),
        ("known_hosts", "ssh.known_hosts"),
    ] {
        let expected = format!("{slip} (--set): no such setting; did you mean {meant}?");
        assert_eq!(the_error(&set(&[&format!("{slip}=1")])), expected);
    }
    let (errors, path) = errors_of_file("[limitz]\nmax_connections = 5\n");
    let expected = format!("limitz (file {path}, line 1): no such setting; did you mean limits?");
    assert_eq!(errors, [expected]);
    // `listen` and `enabled` are of several sections, and nothing is like `nope`.
    for unlike in ["listen", "enabled", "web.nope", "x", "", "a.b"] {
        let error = the_error(&set(&[&format!("{unlike}=1")]));
        assert!(!error.contains("did you mean"), "{error}");
    }
}

#[test]
fn a_variable_is_a_setting_only_with_prefix_and_double_underscore() {
    let foreign = [
        ("SSHARD_HOME", "/x"),
        ("SSHARD_LOG_LEVL", "warn"),
        ("SSHARD_DEMO", "1"),
        ("SSHARD_SERVICE_HOST", "10.0.0.1"),
        ("SSHARD_PORT_8022_TCP", "tcp://10.0.0.1:8022"),
        ("PATH", "/bin"),
        ("X_SSHARD_LOG__LEVEL", "nope"),
    ];
    let loaded = load(&env(&foreign)).unwrap();
    assert_eq!(*loaded.config, Config::default());
    let ignored = [
        ("SSHARD_HOME", None),
        ("SSHARD_LOG_LEVL", Some("SSHARD_LOG__LEVEL")),
    ];
    let ignored = ignored.map(|(name, meant)| IgnoredVariable {
        name: name.to_owned(),
        meant: meant.map(str::to_owned),
    });
    assert_eq!(loaded.ignored_variables(), ignored);
    let error = the_error(&env(&[("SSHARD_log__level", "warn")]));
    assert!(error.ends_with("variables are in capitals: SSHARD_LOG__LEVEL"));
    // A setting's name with one underscore can only be a slip.
    assert_eq!(
        the_error(&env(&[("SSHARD_LIMITS_MAX_CONNECTIONS", "5")])),
        "limits.max_connections (env SSHARD_LIMITS_MAX_CONNECTIONS): no such setting; did you mean \
         SSHARD_LIMITS__MAX_CONNECTIONS?"
    );
    let not_utf8 = OsString::from_vec(vec![0xff]);
    let layers = Layers {
        env: vec![("SSHARD_LOG__LEVEL".into(), not_utf8)],
        ..Layers::default()
    };
    assert_eq!(
        the_error(&layers),
        "env SSHARD_LOG__LEVEL: expected a value in UTF-8"
    );
}

#[test]
fn the_error_of_an_unusable_file_has_the_reason() {
    let error = the_error(&of_file(Path::new("/nonexistent/sshard.toml")));
    assert!(error.starts_with("file /nonexistent/sshard.toml: "));
    let (errors, path) = errors_of_file("[log]\nlevel = \n");
    let syntax = format!("file {path}, line 2: ");
    assert!(errors.concat().starts_with(&syntax), "{errors:?}");
    for (text, reason) in [
        ("[log]\nlevel = \"info\"\nlevel = \"warn\"\n", "line 3: "),
        ("server = 8022\n", "section server begins with [server]"),
        (&"#".repeat(1024 * 1024 + 1), "larger than"),
    ] {
        let (errors, _) = errors_of_file(text);
        assert!(errors.concat().contains(reason), "{errors:?}");
    }
}

#[test]
fn toml_types_must_fit() {
    let wrong = [
        "server.allow_plaintext = \"true\"",
        "server.listen = \"127.0.0.1:1\"",
        "server.listen = [8022]",
        "server.backlog = 4096.0",
        "server.backlog = -1",
        "server.backlog = 99999999999999999999",
        "server.cpus = [0, 1]",
        "log.level = true",
        "ssh.known_hosts = \"\"",
        "log = { level = { is = \"info\" } }",
    ];
    for text in wrong {
        let (errors, _) = errors_of_file(text);
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        assert!(errors.concat().contains("expected"), "{text}: {errors:?}");
    }
}

#[test]
fn the_error_of_a_string_in_place_of_a_list_shows_the_list() {
    let (errors, _) = errors_of_file("targets.allow = \"a:22\"\n");
    assert!(
        errors.concat().ends_with("; for one write [\"a:22\"]"),
        "{errors:?}"
    );
}

#[test]
fn errors_stay_on_one_short_line() {
    let error = the_error(&set(&[&format!("log.level=a\nb{}", "x".repeat(500))]));
    assert!(
        error.contains("a\\nbxx") && error.contains("x... (--set)"),
        "{error}"
    );
    assert!(!error.contains('\n') && error.len() < 200, "{error}");
}
