use super::*;
use serde_json::Value;
use std::fs::OpenOptions;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);

fn line<'a>(target: &'a str, user: Option<&'a str>) -> AuditLine<'a> {
    AuditLine {
        event: AuditEvent::Start,
        session: "5e".to_owned(),
        shard: 3,
        client: Ipv4Addr::LOCALHOST.into(),
        target,
        address: None,
        user,
        result: None,
        method: None,
        end: None,
    }
}

fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.is_ascii(), "{text:?}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

/// Directory of a log, and the log's file in it.
fn file() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit");
    (directory, path)
}

#[test]
fn a_line_has_what_is_known_and_nothing_else() {
    let (_directory, path) = file();
    let log = AuditLog::start(Some(&path)).unwrap();
    log.record(&line("db:22", None));
    let mut end = line("db:22", Some("ann"));
    end.event = AuditEvent::End;
    end.address = Some(SocketAddr::from(([192, 0, 2, 1], 22)));
    end.method = Some("publickey,password");
    end.end = Some(AuditEnd {
        message: None,
        duration_ms: 12,
        input_bytes: 3,
        output_bytes: 4,
        reason: "exit",
        stage: "relay",
    });
    log.record(&end);
    log.flush(SOON);
    let mut lines = read(&path);
    for line in &mut lines {
        let time = line["time"].as_str().unwrap().to_owned();
        humantime::parse_rfc3339(&time).unwrap();
        assert!(time.ends_with('Z') && time.len() == 24, "{time}");
        line.as_object_mut().unwrap().remove("time");
    }
    assert_eq!(
        lines,
        [
            serde_json::json!({
                "event": "start", "session": "5e", "shard": 3, "client": "127.0.0.1",
                "target": "db:22",
            }),
            serde_json::json!({
                "event": "end", "session": "5e", "shard": 3, "client": "127.0.0.1",
                "target": "db:22", "address": "192.0.2.1:22", "user": "ann",
                "method": "publickey,password", "duration_ms": 12, "input_bytes": 3,
                "output_bytes": 4, "reason": "exit", "stage": "relay",
            }),
        ]
    );
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn no_name_forges_a_line() {
    let (_directory, path) = file();
    let log = AuditLog::start(Some(&path)).unwrap();
    let names = [
        "a\n{\"event\":\"end\"}",
        "\r\u{1b}[2J",
        "\"},\"user\":\"root",
        "\\",
        "\u{7f}\u{85}\u{2028}\u{202e}\u{feff}",
        "ünï 🦀",
        "\0",
    ];
    for name in names {
        log.record(&line(name, Some(name)));
    }
    log.flush(SOON);
    let lines = read(&path);
    assert_eq!(lines.len(), names.len());
    for (line, name) in lines.iter().zip(names) {
        assert_eq!([&line["user"], &line["target"]], [name, name]);
    }
}

#[test]
fn sessions_without_a_login_push_out_no_line_of_those_with_one() {
    let (_directory, path) = file();
    let (log, writer, received) = AuditLog::unstarted(&path, 8, 4).unwrap();
    for _ in 0..100 {
        log.record(&line("flood", Some("somebody")));
    }
    assert_eq!(log.lost_lines(), 96);
    let mut logged_in = line("db", Some("ann"));
    logged_in.method = Some("password");
    for _ in 0..4 {
        log.record(&logged_in);
    }
    assert_eq!(log.lost_lines(), 96);
    drop(log);
    writer.run(&received);
    let lines = read(&path);
    let of = |target: &str| lines.iter().filter(|l| l["target"] == target).count();
    assert_eq!((of("flood"), of("db")), (4, 4));
}

#[test]
fn lines_that_do_not_fit_are_counted_in_a_line() {
    let (_directory, path) = file();
    let (log, writer, received) = AuditLog::unstarted(&path, 2, 2).unwrap();
    for _ in 0..7 {
        log.record(&line("t", None));
    }
    assert_eq!(log.lost_lines(), 5);
    drop(log);
    writer.run(&received);
    let lines = read(&path);
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["event"], "lost");
    assert_eq!(lines[0]["lines"], 5);
}

#[test]
fn lines_lost_to_a_full_disk_are_counted_once_there_is_room() {
    let (_directory, path) = file();
    let (log, mut writer, received) = AuditLog::unstarted(&path, 2, 2).unwrap();
    writer.file = OpenOptions::new().append(true).open("/dev/full").unwrap();
    log.record(&line("first", None));
    let Ok(Command::Line(text)) = received.try_recv() else {
        panic!("a line waits");
    };
    assert!(!writer.write(&text));
    writer.flags.lost.fetch_add(1, Ordering::Relaxed);
    // The next line begins on its own, after a line that was cut.
    writer.torn = true;
    writer.file = append_file::open(&path).unwrap();
    log.record(&line("second", None));
    drop(log);
    writer.run(&received);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("\n{"), "{text:?}");
    assert!(text.contains("\"lines\":1}\n{"), "{text:?}");
    assert!(text.ends_with("\"target\":\"second\"}\n"), "{text:?}");
}

/// By a full disk, or a crash: in this process and in one before.
#[test]
fn a_line_that_was_cut_takes_no_other_with_it() {
    let (_directory, path) = file();
    std::fs::write(&path, "{\"cut").unwrap();
    let log = AuditLog::start(Some(&path)).unwrap();
    log.record(&line("first", None));
    log.flush(SOON);
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"cut").unwrap();
    for target in ["second", "third"] {
        log.reopen();
        log.record(&line(target, None));
    }
    log.flush(SOON);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    for (at, target) in [(1, "first"), (3, "second"), (4, "third")] {
        let line: Value = serde_json::from_str(lines[at]).unwrap();
        assert_eq!(line["target"], target, "{text}");
    }
    assert_eq!((lines[0], lines[2]), ("{\"cut", "{\"cut"));
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_and_no_file_is_off() {
    assert!(AuditLog::start(Some(Path::new("/dev/null/audit"))).is_err());
    let off = AuditLog::start(None).unwrap();
    off.record(&line("t", None));
    off.reopen();
    off.flush(SOON);
    assert!(!off.is_on());
}
