//! The printed form, and that it loads as an equal configuration.

use super::*;

fn assert_round_trip(loaded: &Loaded) {
    let again = load_text(&loaded.print()).unwrap();
    assert_eq!(loaded.config, again.config);
}

#[test]
fn defaults_and_presets_load_as_printed() {
    for changed in [
        &[][..],
        // Shorter than every stage's default, which the printed file then repeats.
        &["limits.connection_timeout=1s"],
        &["limits.max_connections=5"],
        &["limits.max_connections_per_host=5000"],
        &["ssh.auth_timeout=40s"],
        &["tls.handshake_timeout=40s"],
    ] {
        load_each_preset(changed).iter().for_each(assert_round_trip);
    }
}

/// A value unlike the default for every setting, and valid together.
pub(super) const UNUSUAL: &str = r#"
server = { listen = ["127.0.0.1:1", "[::1]:2"], shards = 4, cpus = "8,0-2,3", node = "Edge-1.a_b", placement = "kernel",
  backlog = 1, upgrade_timeout = "1500ms", drain_timeout = "2h", path_prefix = "/a/b-c",
  public_hosts = ["Example.org", "[::1]:443"], allow_plaintext = true, core_dumps = true,
  takeover = "/run/x.sock", proxy_protocol = ["[::1]:2"], proxy_protocol_from = ["10.0.0.0/8"],
  max_handshakes = 9, allowed_origins = ["https://App.example.org:443", "http://[::1]:8080"],
  trusted_proxies = ["10.0.0.0/8", "::1"], client_ip_header = "forwarded" }
tls = { cert_file = "/etc/c", key_file = "/etc/k", handshake_timeout = "1s" }
admin = { listen = ["127.0.0.1:3"], token_file = "/etc/x", show_users = true, page = false,
  allowed_hosts = ["Admin.example.org:443"] }
limits = { max_connections = 7, max_connections_per_host = 6, max_unauthenticated = 5,
  max_connections_per_client = 4, connection_timeout = "90m" }
rate_limit = { enabled = true, connections = 3, period = "14s", exempt = ["192.0.2.1"],
  login_failures = 9, login_period = "15s", target_penalty = "17s", table_size = 4096 }
admission = { ticket_key_file = "/etc/y", required = true, max_ticket_age = "16s" }
session = { auth_timeout = "1s", prompt_timeout = "2s", hold_timeout = "3s", idle_timeout = "4s",
  idle_activity = "input", max_lifetime = "8s" }
websocket = { read_buffer_size = "4KiB", write_buffer_size = 5000, read_limit = "1MiB",
  ping_interval = "6s", max_missed_pongs = 3, stall_timeout = "7s" }
ssh = { connect_timeout = "8s", handshake_timeout = "9s", auth_timeout = "11s",
  host_key_policy = "accept-new", known_hosts = "/tmp/a \"b\"\n#c", new_host_keys_per_client = 7,
  new_host_keys_period = "90s", max_known_hosts_lines = 1234, keepalive_interval = "12s",
  keepalive_max = 4, max_kdf_rounds = 16, legacy_algorithms = true, auth_methods = ["password"], receive_buffer = "2MiB" }
targets = { allow = ["a:22", "*.b:1-2"], deny = ["b:3"], named = ["x=y:22",
  { name = "v", host = "::1", port = 23, user = "a \"b", auth_methods = ["publickey"],
    host_keys = ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"], agent_socket = "/x" }], resolve_timeout = "13s",
  resolver_threads = 2, uniform_errors = true }
compat = { enabled = false }
log = { level = "trace", format = "json", messages = true }
audit = { file = "/var/log/x" }
web = { enabled = false, show_targets = true, embed_origins = ["https://portal.example.org"] }
"#;

#[test]
fn a_printed_configuration_loads_as_an_equal_one() {
    let loaded = load_text(UNUSUAL).unwrap();
    let default = Config::default();
    for key in KEYS {
        let value = loaded.config.toml_value(key);
        assert_ne!(value, default.toml_value(key), "{key}");
    }
    assert_round_trip(&loaded);
}

/// Every setting's printed value, as one `--set` and as one environment variable each.
fn assert_accepted_as_text(loaded: &Loaded) {
    let written = |key: &&'static str| Some((*key, loaded.config.toml_value(key)?));
    let values: Vec<(&str, String)> = KEYS.iter().filter_map(written).collect();
    assert_eq!(values.len(), KEYS.len());
    let set = values.iter().map(|(key, value)| format!("{key}={value}"));
    let variable = |(key, value): &(&str, String)| {
        let name = key.to_uppercase().replace('.', "__");
        (format!("SSHARD_{name}").into(), value.into())
    };
    let by_set = Layers {
        set: set.collect(),
        ..Layers::default()
    };
    let by_environment = Layers {
        env: values.iter().map(variable).collect(),
        ..Layers::default()
    };
    for layers in [by_set, by_environment] {
        assert_eq!(load(&layers).unwrap().config, loaded.config);
    }
}

#[test]
fn every_printed_value_is_accepted_by_set_and_by_the_environment() {
    for loaded in load_each_preset(&[]) {
        assert_accepted_as_text(&loaded);
    }
    assert_accepted_as_text(&load_text(UNUSUAL).unwrap());
}

#[test]
fn every_printed_setting_is_explained() {
    let printed = load(&Layers::default()).unwrap().print();
    let lines: Vec<&str> = printed.lines().collect();
    let is_setting = |line: &str| line.contains(" = ") && !line.starts_with('#');
    let mut explained = 0;
    for pair in lines.windows(2) {
        let (above, line) = (pair[0], pair[1]);
        assert!(above.len() <= 400 && !above.starts_with("#  "), "{above}");
        if is_setting(line) {
            assert!(above.starts_with("# "), "{line}");
            explained += 1;
        }
    }
    assert_eq!(explained, KEYS.len());
}

#[test]
fn print_groups_by_section_and_names_each_source() {
    let layers = Layers {
        preset: Some("security".into()),
        set: vec!["server.shards=2".into()],
        ..env(&[("SSHARD_LOG__FORMAT", "json")])
    };
    let printed = load(&layers).unwrap().print();
    let first = "\n# The public listener and the shape of the process.\n[server]\n\n\
                 # Addresses of the public port.\n# Takes an array of strings, each an IP address \
                 and port such as 127.0.0.1:8022 or [::1]:8022.\n\
                 listen = [\"127.0.0.1:8022\"] # default\n";
    assert!(printed.contains(first), "{printed}");
    for line in [
        "shards = 2 # --set",
        "\n[limits]",
        "enabled = false # preset security",
        "format = \"json\" # env SSHARD_LOG__FORMAT",
        "idle_timeout = 0 # default",
    ] {
        assert!(printed.contains(&format!("{line}\n")), "{line}\n{printed}");
    }
    assert_eq!(
        printed.lines().filter(|line| line.contains(" # ")).count(),
        KEYS.len()
    );
}

#[test]
fn settings_that_differ_from_the_defaults_are_printed_as_changed() {
    let none = load(&Layers::default()).unwrap().print_changed();
    assert_eq!(none, "# every setting has its default\n");
    // The second is the default.
    let set = ["log.format=json", "server.backlog=4096"];
    let loaded = load_preset(Some("security"), &set).unwrap();
    let printed = loaded.print_changed();
    assert!(printed.starts_with("["), "{printed}");
    for lines in [
        "max_unauthenticated = 200 # preset security; default 1000\n\
         max_connections_per_client = 20 # preset security; default 0\n\n",
        "\n\n[rate_limit]\nenabled = true # preset security; default false\n\n",
        "[log]\nformat = \"json\" # --set; default \"text\"\n",
    ] {
        assert!(printed.contains(lines), "{lines}{printed}");
    }
    for same in ["max_connections =", "backlog", "[server]"] {
        assert!(!printed.contains(same), "{same}: {printed}");
    }
    for loaded in load_each_preset(&[]) {
        let printed = loaded.print_changed();
        let again = load_text(&printed).unwrap();
        assert_eq!(loaded.config, again.config, "{printed}");
    }
}

#[test]
fn a_configuration_with_a_contradiction_can_be_printed() {
    let layers = set(&[
        "limits.max_connections=5",
        "limits.max_connections_per_host=6",
    ]);
    let Parsed {
        loaded,
        contradictions,
    } = parse(&layers).unwrap();
    let printed = loaded.print();
    assert!(printed.contains("max_connections_per_host = 6 # --set\n"));
    assert_eq!(contradictions.unwrap().iter().count(), 1);
    assert!(parse(&set(&["limits.max_connections=x"])).is_err());
}

#[test]
fn a_path_cannot_break_out_of_its_comment() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x\nlevel = 1");
    std::fs::write(&path, "[log]\nlevel = \"warn\"\n").unwrap();
    let printed = load(&of_file(&path)).unwrap().print();
    assert!(printed.parse::<toml::Table>().is_ok(), "{printed}");
    assert!(printed.contains("x\\nlevel = 1\n"), "{printed}");
}
