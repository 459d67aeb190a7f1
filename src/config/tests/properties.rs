//! Hostile files and values never panic, and accepted ones are printed and loaded as equal.

use super::*;
use proptest::prelude::*;

/// Values, and texts that are nearly some.
fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9]{0,21}(ms|s|m|h|d|KiB|MiB|B|k)?",
        "[0-9,-]{0,16}",
        "(true|false|auto|any|input|strict|balanced|text|json)",
        "[a-z0-9.:/\\[\\]*-]{0,24}",
        any::<std::net::SocketAddr>().prop_map(|address| address.to_string()),
    ]
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(KEYS).prop_map(str::to_owned),
        1 => "[a-z_.]{0,20}",
        1 => any::<String>(),
    ]
}

/// Text that is TOML, or nearly.
fn any_toml() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        any_value(),
        any_value().prop_map(|value| format!("{value:?}")),
        any_value().prop_map(|value| format!("[{value:?}]")),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
    ];
    let line = (any_key(), value).prop_map(|(key, value)| format!("{key} = {value}"));
    prop_oneof![
        prop::collection::vec(line, 0..4).prop_map(|lines| lines.join("\n")),
        any::<String>(),
        "[\\[\\]{}=.\"'#a-z0-9 \n-]{0,60}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_assignment_is_answered(key in any_key(), value in any_value()) {
        let assignment = format!("{key}={value}");
        if let Ok(loaded) = load_set(&[&assignment]) {
            // Only what is a setting is taken, and it prints as it was meant.
            let name = assignment.split('=').next().unwrap_or_default().trim();
            prop_assert!(KEYS.contains(&name), "{assignment:?}");
            let written = loaded.config.toml_value(name).unwrap_or_default();
            for again in [load_text(&loaded.print()), load_set(&[&format!("{name}={written}")])] {
                let again = again.map_err(|errors| TestCaseError::fail(errors.to_string()))?;
                prop_assert_eq!(&again.config, &loaded.config);
            }
        }
    }

    #[test]
    fn any_file_is_answered(text in any_toml()) {
        if let Err(errors) = load_text(&text) {
            // Whoever reads the errors has a terminal.
            let clean = errors.iter().all(|error| !error.to_string().contains('\x1b'));
            prop_assert!(clean, "an escape in an error");
        }
    }

    #[test]
    fn any_variable_is_answered(key in any_key(), value in any_value()) {
        let name = format!("SSHARD_{}", key.to_uppercase().replace('.', "__"));
        prop_assume!(!name.contains(['\0', '=']) && !value.contains('\0'));
        let _ = load(&env(&[(&name, &value)]));
    }
}
