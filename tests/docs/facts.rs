//! Names in the pages for operators, compared with the program: settings and their defaults, flags,
//! codes, metrics.

use crate::common::{Admin, Bridge, run, tls};
use crate::pages;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const PAGES: &[&str] = &[
    "README.md",
    "loadtest/README.md",
    "src/CHANGELOG.md",
    "src/SECURITY.md",
    "src/control/OPERATIONS.md",
    "src/message/PROTOCOL.md",
    "src/ssh/LIMITS.md",
];
/// Words that look like a setting.
const NO_SETTINGS: &[&str] = &["compat.rs"];

/// Settings with their defaults, as printed with one allowed target.
fn defaults() -> BTreeMap<String, String> {
    let printed = run(&["serve", "--print-config", "--allow", "a:22"], &[]);
    let table: toml::Table = printed.stdout.parse().unwrap();
    let mut settings = BTreeMap::new();
    for (section, values) in &table {
        for (key, value) in values.as_table().unwrap() {
            let value = value.to_string().trim_matches('"').to_owned();
            settings.insert(format!("{section}.{key}"), value);
        }
    }
    assert!(settings.len() > 60, "{}", printed.stdout);
    settings.insert("targets.allow".to_owned(), "[]".to_owned());
    settings
}

/// Finds words of the form `section.key` in a text, `*` included.
fn setting_like<'a>(text: &'a str, sections: &BTreeSet<&str>) -> Vec<&'a str> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '*' | '/' | '-');
    let in_key = |c: char| c.is_ascii_lowercase() || matches!(c, '_' | '*');
    let words = text
        .split(|c| !inside(c))
        .map(|word| word.trim_end_matches('.'));
    let is_setting = |word: &&str| {
        word.split_once('.').is_some_and(|(section, key)| {
            sections.contains(section) && !key.is_empty() && key.chars().all(in_key)
        })
    };
    words.filter(is_setting).collect()
}

fn known(word: &str, settings: &BTreeMap<String, String>) -> bool {
    match word.split_once('*') {
        Some((before, after)) => {
            let fits = |key: &String| key.starts_with(before) && key.ends_with(after);
            settings.keys().any(fits)
        }
        None => settings.contains_key(word),
    }
}

#[test]
fn every_setting_that_is_named_exists() {
    let settings = defaults();
    let sections = settings.keys().filter_map(|key| key.split('.').next());
    let sections: BTreeSet<&str> = sections.collect();
    let mut faults = Vec::new();
    let mut count = 0;
    for path in PAGES {
        let page = pages::page(path);
        for (number, line) in page.text.lines().enumerate() {
            for word in setting_like(line, &sections) {
                count += 1;
                if !known(word, &settings) && !NO_SETTINGS.contains(&word) {
                    faults.push(format!("{path}:{}: {word}", number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "no such settings: {faults:#?}");
    assert!(count > 100, "{count} settings were found");
}

/// Splits off the number that follows "`section.key`, " or "`section.key` (", without commas.
fn stated(rest: &str) -> Option<(String, &str)> {
    let rest = rest.strip_prefix(", ").or(rest.strip_prefix(" ("))?;
    let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ',');
    let digits = rest[..rest.len() - unit.len()].replace(',', "");
    (!digits.is_empty()).then_some((digits, unit))
}

#[test]
fn a_number_beside_a_setting_is_its_default() {
    let settings = defaults();
    let mut faults = Vec::new();
    let mut count = 0;
    for path in PAGES {
        let page = pages::page(path);
        for (number, line) in page.prose() {
            let parts: Vec<&str> = line.split('`').collect();
            for pair in parts[1..].chunks(2).filter(|pair| pair.len() == 2) {
                let Some(default) = settings.get(pair[0]) else {
                    continue;
                };
                let Some((digits, unit)) = stated(pair[1]) else {
                    continue;
                };
                count += 1;
                let unit = unit.trim_start().split(|c: char| !c.is_alphabetic());
                let unit = unit.take(1).collect::<String>();
                let unit = unit.trim_end_matches("in");
                if digits != *default && format!("{digits}{unit}") != *default {
                    let name = pair[0];
                    faults.push(format!(
                        "{path}:{number}: `{name}` is {default}, not {digits}"
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(count >= 10, "{count} defaults were found");
}

/// The table has settings in one column, and their defaults in the next.
#[test]
fn the_table_of_checks_states_the_defaults() {
    let settings = defaults();
    let page = pages::page("src/SECURITY.md");
    let section = page.section("What is checked, in order");
    let mut count = 0;
    for line in section.lines() {
        let cells: Vec<&str> = line.split(" | ").collect();
        if cells.len() != 5 || !cells[2].starts_with('`') || cells[2].contains('*') {
            continue;
        }
        let named: Vec<&str> = cells[2].split('`').skip(1).step_by(2).collect();
        let defaults: Vec<&str> = cells[3].split("; ").collect();
        let all_known = named.iter().all(|name| settings.contains_key(*name));
        if !all_known || named.len() != defaults.len() {
            continue;
        }
        for (name, stated) in named.iter().zip(&defaults) {
            count += 1;
            let default = normalised(&settings[*name]);
            assert_eq!(normalised(stated), default, "{name}: {line}");
        }
    }
    assert!(count >= 18, "{count} defaults were compared");
}

/// Normalises a value: one word for all forms of "off", no separators.
fn normalised(value: &str) -> String {
    let word = value.trim_matches('`').replace([' ', ','], "");
    match word.as_str() {
        "off" | "false" | "0" | "" | "[]" | "none" => "off".to_owned(),
        _ => word,
    }
}

#[test]
fn every_flag_that_is_named_exists() {
    let mut flags = String::new();
    for command in ["serve", "demo", "doctor", "tune", "sessions"] {
        flags.push_str(&run(&[command, "--help"], &[]).stdout);
    }
    let known: BTreeSet<&str> = flags
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .filter(|word| word.starts_with("--"))
        .collect();
    let mut faults = Vec::new();
    for path in ["README.md", "src/SECURITY.md", "src/control/OPERATIONS.md"] {
        for (number, span) in pages::page(path).spans() {
            let flag = span.split([' ', '=']).next().unwrap_or_default();
            if flag.len() > 2 && flag.starts_with("--") && !known.contains(flag) {
                faults.push(format!("{path}:{number}: {flag}"));
            }
        }
    }
    assert!(faults.is_empty(), "no such flags: {faults:#?}");
}

/// Rows of the table of codes.
fn codes() -> Vec<Value> {
    let text = fs::read_to_string(pages::root().join("src/web/client/codes.json"));
    serde_json::from_str(&text.unwrap()).unwrap()
}

/// PROTOCOL.md reserves close codes for resumption.
#[test]
fn reserved_close_codes_belong_to_no_error() {
    let page = pages::page("src/message/PROTOCOL.md");
    let codes = codes();
    let used: Vec<u64> = codes
        .iter()
        .filter_map(|row| row["closeCode"].as_u64())
        .collect();
    let mut lines = page.text.lines();
    let reserved = lines
        .find(|line| line.starts_with("Reserved, for"))
        .unwrap();
    for code in [4404, 4415, 4416, 4421] {
        assert!(reserved.contains(&code.to_string()), "{code}");
        assert!(!used.contains(&code), "{code}");
    }
}

/// Compares a close code with the error code after it, such as "4502 `server-refused`", or before
/// it, such as "`limit` (1013)".
#[test]
fn every_code_is_listed_with_its_close_code() {
    let table = codes();
    let rows = table.iter();
    let closes: BTreeMap<&str, u64> = rows
        .filter_map(|row| Some((row["code"].as_str()?, row["closeCode"].as_u64()?)))
        .collect();
    let mut faults = Vec::new();
    let mut count = 0;
    for path in PAGES {
        for (number, line) in pages::page(path).prose() {
            for (close, code) in pairs(line) {
                count += 1;
                if closes.get(code) != Some(&close) {
                    let is = closes.get(code);
                    faults.push(format!("{path}:{number}: {code} with {close}, is {is:?}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(count >= 25, "{count} codes were found");
}

fn pairs(line: &str) -> Vec<(u64, &str)> {
    let parts: Vec<&str> = line.split('`').collect();
    let number = |text: &str| text.parse().ok().filter(|n| (1000..5000_u64).contains(n));
    let mut found = Vec::new();
    let mut close = None;
    for at in (1..parts.len()).step_by(2) {
        let before = parts[at - 1];
        let after = parts.get(at + 1).copied().unwrap_or_default();
        // A list of codes has one close code in front.
        if before != ", " {
            let text = before.strip_suffix(' ');
            close = text.and_then(|text| number(text.rsplit([' ', '(']).next()?));
        }
        let behind = after.strip_prefix(" (");
        let behind = behind.and_then(|text| number(text.split([')', ',']).next()?));
        found.extend(close.or(behind).map(|close| (close, parts[at])));
    }
    found
}

#[test]
fn every_metric_that_is_named_is_served() {
    let files = tls::Files::new(&tls::Pair::new());
    let settings = files.settings();
    let mut args = vec!["--allow", "127.0.0.1:22"];
    args.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    let bridge = Bridge::start(&args, &[]);
    let metrics = Admin::of(&bridge).get("/metrics").body;
    for path in PAGES {
        for (number, span) in pages::page(path).spans() {
            let word = |c: char| c.is_ascii_lowercase() || c == '_';
            if span.starts_with("sshard_") && span.chars().all(word) {
                assert!(metrics.contains(span), "{path}:{number}: {span}\n{metrics}");
            }
        }
    }
}

#[test]
fn pairs_of_numbers_and_codes_are_read_as_written() {
    assert_eq!(
        pairs("close 1013 `a-b`, `c`; 4401 and `d` (4403), `e`"),
        [(1013, "a-b"), (1013, "c"), (4403, "d")]
    );
    assert_eq!(stated(" (100,000) lines").unwrap().0, "100000");
}
