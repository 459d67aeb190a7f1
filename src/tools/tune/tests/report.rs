//! The result as people and programs read it.

use super::super::measure::Failed;
use super::super::report::{Report, Row};
use super::{balanced, figures, kernel};
use serde_json::json;

fn rows() -> Vec<Row> {
    let good = |variant, medians| Row::new(variant, Some(figures(medians, 0.1)), Vec::new());
    vec![
        good(balanced(1), (500.0, 100.0, 0.4)),
        good(balanced(2), (1000.0, 200.0, 0.5)),
        good(kernel(2), (1010.0, 201.0, 0.5)),
    ]
}

fn failed() -> Failed {
    Failed {
        load: "typing",
        round: 2,
        count: 4,
        kind: "timeout".to_owned(),
        first: "never ready\u{1b}[2J".to_owned(),
    }
}

fn report(rows: Vec<Row>) -> Report {
    Report::new(2, "the load".to_owned(), 3, rows)
}

#[test]
fn the_table_stands_in_columns_and_the_line_to_paste_is_last() {
    let text = report(rows()).text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "2 CPUs; 3 rounds of the load.");
    let column = |name| lines[2].find(name).unwrap();
    for (line, shards, placement) in [(3, "1 ", "balanced"), (4, "2 ", "balanced")] {
        assert!(lines[line].starts_with(shards), "{text}");
        assert!(
            lines[line][column("PLACEMENT")..].starts_with(placement),
            "{text}"
        );
    }
    assert!(lines[3][column("SESSIONS/S")..].starts_with("500 ±10 %  "));
    for cell in [
        "0.50 ms",
        "2.00 ms",
        "201 ±10 %",
        "0.50 ms/s ±10 %",
        "95, 60 %",
    ] {
        assert!(lines[5].contains(cell), "{cell}: {text}");
    }
    assert!(text.contains("competed"), "{text}");
    let behind = "50 % below the best in sessions/s, 50 % below the best in MiB/s.";
    assert!(
        text.contains(&format!("1 shard, balanced: {behind}")),
        "{text}"
    );
    let last = "\n\n  sshard serve --shards 2 --placement balanced\n";
    assert!(text.ends_with(last), "{text}");
    assert!(!text.contains("FAILED"), "{text}");
}

#[test]
fn a_variant_with_failures_is_shown_and_not_recommended() {
    let mut rows = rows();
    rows[1] = Row::new(rows[1].variant, rows[1].figures.clone(), vec![failed()]);
    let report = report(rows);
    assert_eq!(report.failed(), 1);
    assert!(report.settings[1].lags.is_empty() && report.settings[2].lags.len() == 2);
    let text = report.text();
    assert!(
        text.contains("FAILED 2 shards, balanced: 4 x timeout under typing in round 2 (never "),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert!(
        text.ends_with("sshard serve --shards 2 --placement kernel\n"),
        "{text}"
    );
}

#[test]
fn nothing_is_recommended_when_everything_failed() {
    let rows = rows()
        .into_iter()
        .map(|row| Row::new(row.variant, row.figures, vec![failed()]));
    let report = report(rows.collect());
    assert_eq!(report.failed(), 3);
    assert!(!report.text().contains("sshard serve"), "{}", report.text());
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(value["recommended"], json!(null));
    assert_eq!(value["settings"][0]["figures"], json!(null));
}

#[test]
fn json_has_the_same_and_every_round() {
    let value = serde_json::to_value(report(rows())).unwrap();
    assert_eq!(value["cpus"], 2);
    assert_eq!(value["tolerance"], 0.05);
    assert_eq!(
        value["recommended"],
        json!({
            "shards": 2,
            "placement": "balanced",
            "command": "sshard serve --shards 2 --placement balanced",
            "near_the_best": true,
        })
    );
    let one = &value["settings"][0];
    assert_eq!(one["shards"], 1);
    assert_eq!(one["placement"], "balanced");
    assert_eq!(one["failures"], json!([]));
    assert_eq!(one["lags"][0]["of"], "sessions/s");
    let sessions = &one["figures"]["sessions_per_s"];
    assert_eq!(sessions["median"], 500.0);
    assert_eq!(sessions["rounds"], json!([450.0, 500.0, 550.0]));
}

#[test]
fn what_makes_figures_doubtful_is_said() {
    let said = |rows: Vec<Row>, rounds, word: &str| {
        let notes = Report::new(2, String::new(), rounds, rows).notes;
        notes.iter().any(|note| note.contains(word))
    };
    assert!(!said(rows(), 3, "rounds"));
    assert!(said(rows(), 2, "fewer than 3 rounds"));
    let noisy = Row::new(balanced(1), Some(figures((1.0, 1.0, 1.0), 0.4)), Vec::new());
    assert!(said(vec![noisy], 3, "up to 40 %"));
    let mut waiting = rows();
    for row in &mut waiting {
        let figures = row.figures.as_mut().unwrap();
        figures.connect_busy_percent.median = 50.0;
    }
    assert!(said(waiting, 3, "more than 60 %"));
}
