//! A real `/bin/sh` over a channel, on a terminal and on pipes.

use super::{SIZE, Transcript, exec, logged_in, login, open_pty, open_shell, program, within};
use russh::Sig;

#[tokio::test]
async fn exec_reports_output_errors_status_and_signal() {
    let (_server, client) = logged_in().await;
    let transcript = exec(&client, "echo out; echo err >&2; exit 3").await;
    assert_eq!(transcript.text(), "out\n");
    assert_eq!(transcript.errors, b"err\n");
    assert_eq!(transcript.status, Some(3));
    let transcript = exec(&client, "kill -TERM $$").await;
    assert!(matches!(transcript.signal, Some(Sig::TERM)));
    assert_eq!(transcript.status, None);
}

#[tokio::test]
async fn a_terminal_has_its_size_and_follows_it() {
    let (_server, client) = logged_in().await;
    let mut channel = open_pty(&client, [100, 30]).await;
    let script = "stty -echo; stty size; read _; stty size; echo $TERM; exit 4";
    channel.exec(true, script).await.unwrap();
    let mut transcript = Transcript::default();
    transcript.until(&mut channel, "30 100\r\n").await;
    // A new size is passed on before the input that follows it is.
    channel.window_change(120, 40, 0, 0).await.unwrap();
    channel.data_bytes("\r").await.unwrap();
    let transcript = transcript.read_on(&mut channel).await;
    assert_eq!(transcript.text(), "40 120\r\nxterm-256color\r\n");
    assert_eq!(transcript.status, Some(4));
}

#[tokio::test]
async fn ctrl_c_and_signals_reach_the_foreground() {
    let (_server, client) = logged_in().await;
    for typed in [true, false] {
        let mut channel = open_pty(&client, SIZE).await;
        channel.exec(true, "echo on; exec cat").await.unwrap();
        let mut transcript = Transcript::default();
        transcript.until(&mut channel, "on\r\n").await;
        match typed {
            true => channel.data_bytes("\x03").await.unwrap(),
            false => channel.signal(Sig::INT).await.unwrap(),
        }
        let transcript = transcript.read_on(&mut channel).await;
        let interrupted = matches!(transcript.signal, Some(Sig::INT));
        assert!(interrupted, "typed: {typed}");
    }
}

#[tokio::test]
async fn a_shell_ends_with_what_is_typed_or_with_eof() {
    let (_server, client) = logged_in().await;
    for typed in [true, false] {
        let mut channel = open_shell(&client).await;
        match typed {
            true => channel.data_bytes("exit 5\r").await.unwrap(),
            false => channel.eof().await.unwrap(),
        }
        let expected = if typed { 5 } else { 0 };
        let transcript = Transcript::default().read_on(&mut channel).await;
        assert_eq!(transcript.status, Some(expected));
    }
}

#[tokio::test]
async fn what_a_command_leaves_behind_does_not_keep_the_channel_open() {
    let (_server, client) = logged_in().await;
    let transcript = exec(&client, "sleep 1000 & echo $!").await;
    assert_eq!(transcript.status, Some(0));
    let left = transcript.text().trim().parse().unwrap();
    let left = rustix::process::Pid::from_raw(left).unwrap();
    rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_shell_that_can_not_be_run_any_more_is_refused() {
    let mut program = program();
    program.path = "/nonexistent/shell".into();
    let server = super::EmbeddedServer::start(program).unwrap();
    let client = login(&server).await;
    let mut channel = open_shell(&client).await;
    let mut refused = false;
    while let Some(message) = within(channel.wait()).await {
        refused |= matches!(message, russh::ChannelMsg::Failure);
    }
    assert!(refused);
}

#[tokio::test]
async fn a_login_shell_leads_a_session_with_its_terminal_in_the_users_environment() {
    let (_server, client) = logged_in().await;
    let mut channel = open_shell(&client).await;
    let script = "stty -echo; PS1=; echo \"[$0 $SHELL $HOME $TERM]\" \"[$SSH_TTY $(tty)]\" \"[${SSH_CONNECTION%% *}]\"; \
        echo \"$$ $(ps -o sid= -p $$) $(ps -o tpgid= -p $$)\"; stty -a; exit\r";
    channel.data_bytes(script).await.unwrap();
    let transcript = Transcript::default().read_on(&mut channel).await;
    let text = transcript.text();
    assert!(text.contains("[-sh /bin/sh / xterm-256color]"), "{text}");
    assert!(text.contains("[127.0.0.1]"), "{text}");
    let (_, tty) = text.rsplit_once("[/dev/pts/").unwrap();
    let (tty, rest) = tty.split_once(']').unwrap();
    let (number, again) = tty.split_once(' ').unwrap();
    assert_eq!(again, format!("/dev/pts/{number}"));
    // The shell, its session, and who has the terminal: all one, or a job of it.
    let numbers = rest
        .lines()
        .find(|l| l.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap();
    let numbers: Vec<u32> = numbers
        .split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect();
    assert_eq!(numbers[0], numbers[1], "{text}");
    assert!(numbers[2] > 1, "{text}");
    assert!(text.contains(" iutf8"), "{text}");
}

#[tokio::test]
async fn a_stopped_job_can_go_on() {
    let (_server, client) = logged_in().await;
    let mut channel = open_shell(&client).await;
    let mut transcript = Transcript::default();
    for (typed, shown) in [
        ("PS1='rea''dy> '; stty -echo\r", "ready> "),
        ("echo go; cat\r", "go\r\n"),
        ("one\r", "one\r\n"),
        ("\x1a", "ready> "),
        ("fg\r", ""),
        ("two\r", "two\r\n"),
        ("\x03", "ready> "),
    ] {
        channel.data_bytes(typed).await.unwrap();
        transcript.until(&mut channel, shown).await;
    }
    channel.data_bytes("exit 9\r").await.unwrap();
    assert_eq!(transcript.read_on(&mut channel).await.status, Some(9));
}

#[tokio::test]
async fn without_a_terminal_a_command_has_none_not_even_ours() {
    let (_server, client) = logged_in().await;
    let transcript = exec(
        &client,
        "tty; (: < /dev/tty) 2>/dev/null || echo none; ps -o sid= -p $$ | grep -c $$",
    )
    .await;
    assert_eq!(transcript.text(), "not a tty\nnone\n1\n");
}

/// The reader ends when all that hold the FIFO open for writing have ended.
fn fifo_reader(directory: &tempfile::TempDir) -> (String, tokio::task::JoinHandle<Vec<u8>>) {
    let fifo = directory.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let path = fifo.display().to_string();
    (
        path,
        tokio::task::spawn_blocking(move || std::fs::read(fifo).unwrap()),
    )
}

#[tokio::test]
async fn a_closed_channel_hangs_up_programs_and_jobs_and_kills_a_shell_that_ignores_it() {
    for script in [
        "echo o''pen; exec cat",
        "trap '' HUP; echo o''pen; while :; do read x; done",
        "sleep 1000 & sleep 1000 & echo o''pen; cat",
    ] {
        let (_server, client) = logged_in().await;
        let directory = tempfile::tempdir().unwrap();
        let (fifo, reader) = fifo_reader(&directory);
        let mut channel = open_shell(&client).await;
        let lines = format!("exec bash --norc\rexec 3>{fifo}; {script}\r");
        channel.data_bytes(lines).await.unwrap();
        let mut transcript = Transcript::default();
        transcript.until(&mut channel, "open\r\n").await;
        channel.close().await.unwrap();
        assert_eq!(within(reader).await.unwrap(), b"");
    }
}

#[tokio::test]
async fn dropping_the_server_ends_its_shells() {
    let (server, client) = logged_in().await;
    let directory = tempfile::tempdir().unwrap();
    let (fifo, reader) = fifo_reader(&directory);
    let mut channel = open_pty(&client, SIZE).await;
    let script = format!("exec 3>{fifo}; echo on; cat");
    channel.exec(true, script).await.unwrap();
    Transcript::default().until(&mut channel, "on\r\n").await;
    tokio::task::spawn_blocking(move || drop(server))
        .await
        .unwrap();
    assert_eq!(within(reader).await.unwrap(), b"");
}
