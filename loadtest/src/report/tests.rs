use super::*;
use crate::record::histogram;

/// A run that has everything.
fn sample() -> Report {
    let mut times = histogram();
    for micros in 1..=1000 {
        times.saturating_record(micros * 10);
    }
    let row = Row {
        second: 1.0,
        rate: 1000.0,
        p50: 5000,
        p99: 9900,
        max: 10_000,
        cpu_percent: Some(12.345),
        ..Row::default()
    };
    let failures = Failures {
        count: 3,
        first: "a\u{1b}[31mb".to_owned(),
    };
    Report {
        schema: SCHEMA,
        scenario: "typing".to_owned(),
        asked: BTreeMap::from([("sessions".to_owned(), 5.into())]),
        measured_s: 1.0,
        whole_s: 2.0,
        opened: 5,
        most_live: 5,
        sent: 1003,
        answered: 1000,
        rate: 1000.0,
        output_bytes: 1 << 20,
        failures: BTreeMap::from([("reset".to_owned(), failures)]),
        set_up: Summary::of(&times),
        latency: Summary::of(&times),
        service: Summary::of(&times),
        lateness: None,
        named: BTreeMap::new(),
        figures: BTreeMap::from([("MiB/s".to_owned(), 12.5)]),
        percentiles: percentiles(&times),
        bridge: None,
        seconds: vec![row, Row { second: 2.0, ..row }],
    }
}

#[test]
fn a_summary_has_the_right_ranks() {
    let latency = sample().latency.unwrap();
    let close = |micros: u64, wanted: u64| micros.abs_diff(wanted) <= wanted / 500;
    assert_eq!(latency.count, 1000);
    assert_eq!(latency.min, 10);
    assert!(close(latency.p50, 5_000) && close(latency.p90, 9_000));
    assert!(close(latency.p99, 9_900) && close(latency.p999, 9_990) && close(latency.max, 10_000));
    assert_eq!(Summary::of(&histogram()), None);
}

#[test]
fn percentiles_ascend_to_100() {
    let points = sample().percentiles;
    assert!(
        points
            .windows(2)
            .all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1)
    );
    assert_eq!(points.last().unwrap().0, 100.0);
}

#[test]
fn the_csv_has_a_cell_for_each_column() {
    let mut text = Vec::new();
    csv(&sample(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    let cells = |line: &str| line.split(',').count();
    assert!(lines.iter().all(|line| cells(line) == cells(lines[0])));
    assert_eq!(lines[1], "1.000,1000.0,5000,9900,10000,0.000,0,0,12.35,,,,");
}

#[test]
fn the_table_has_times_and_failures_and_escapes_control_characters() {
    let text = table(&sample());
    for part in [
        "typing: 5 sessions opened",
        "MiB/s: 12.50",
        "FAILED 3 x reset",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let row = text
        .lines()
        .find(|line| line.starts_with("latency"))
        .unwrap();
    assert!(row.contains("1000"), "{row}");
    assert!(!text.contains("generator late"));
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn plots_are_svg_with_a_title() {
    let directory = std::env::temp_dir().join(format!("sshard-load-plots-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let empty = Report {
        seconds: Vec::new(),
        percentiles: Vec::new(),
        ..sample()
    };
    plots(&empty, &directory).unwrap();
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
    plots(&sample(), &directory).unwrap();
    for kind in ["latency", "percentiles"] {
        let text = std::fs::read_to_string(directory.join(format!("typing-{kind}.svg"))).unwrap();
        assert!(text.contains("<svg") && text.contains("latency of 1000 answers"));
        assert!(text.contains("<polyline"));
    }
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn cost_is_the_difference_of_two_samples() {
    let at = |millis, pss_kib| Sample {
        running: Some(Duration::from_millis(millis)),
        pss_kib,
        ..Sample::default()
    };
    let second = Duration::from_secs(1);
    let idle = at(0, Some(1000));
    let cost = Cost::between(
        &idle,
        &at(100, None),
        &at(350, Some(3000)),
        second,
        (1000, 0, 20),
    );
    assert_eq!(cost.cpu_ms.round(), 250.0);
    assert_eq!(cost.cpu_percent.round(), 25.0);
    assert_eq!(cost.cpu_us_per_answer.unwrap().round(), 250.0);
    assert_eq!(cost.cpu_s_per_gib, None);
    assert_eq!(cost.pss_per_session_kib, Some(100.0));
}
