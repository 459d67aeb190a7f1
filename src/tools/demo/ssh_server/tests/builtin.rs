//! The built-in shell over a channel.

use super::{Transcript, builtin_server, exchange, exec, login, open_pty, within};
use russh::{ChannelMsg, Sig};

const PROMPT: &str = "demo$ \x1b[J";

#[tokio::test]
async fn exec_runs_one_line_and_reports_its_status() {
    let server = builtin_server();
    let client = login(&server).await;
    let table = [
        ("echo hello  'the  world'", "hello the  world\n", 0),
        ("exit 7", "", 7),
        ("nosuch", "nosuch: command not found; try `help`\n", 127),
        ("whoami", "demo\n", 0),
        ("size", "size: there is no terminal\n", 1),
        ("count 3", "1\n2\n3\n", 0),
    ];
    for (command, output, status) in table {
        let transcript = exec(&client, command).await;
        assert_eq!(transcript.text(), output, "{command}");
        assert_eq!(transcript.status, Some(status), "{command}");
    }
}

#[tokio::test]
async fn a_terminal_greets_echoes_and_follows_its_size() {
    let server = builtin_server();
    let client = login(&server).await;
    let mut channel = open_pty(&client, 100, 30).await;
    channel.set_env(true, "LANG", "C.UTF-8").await.unwrap();
    channel.request_shell(true).await.unwrap();
    let mut transcript = Transcript::default();
    let greeting = transcript.until(&mut channel, PROMPT).await;
    assert!(greeting.starts_with("Welcome"), "{greeting:?}");
    let table = [
        ("size\r", "100 x 30\r\n"),
        ("env\r", "LANG=C.UTF-8\r\n"),
        ("echo \u{4e2d}\u{6587}\r", "\u{4e2d}\u{6587}\r\n"),
    ];
    for (typed, printed) in table {
        channel.data_bytes(typed).await.unwrap();
        let shown = transcript.until(&mut channel, PROMPT).await;
        let expected = format!("{}\r\n{printed}\r{PROMPT}", typed.trim_end());
        assert_eq!(shown, expected);
    }
    // The resize and the bytes after it arrive in order.
    channel.window_change(120, 40, 0, 0).await.unwrap();
    channel.data_bytes("size\r").await.unwrap();
    let shown = transcript.until(&mut channel, PROMPT).await;
    assert!(shown.contains("120 x 40\r\n"), "{shown:?}");
    channel.data_bytes("nosuch\rexit\r").await.unwrap();
    let transcript = transcript.read_on(&mut channel).await;
    assert_eq!(transcript.status, Some(127));
}

#[tokio::test]
async fn ctrl_d_and_eof_leave_the_terminal() {
    let server = builtin_server();
    let client = login(&server).await;
    for ctrl_d in [true, false] {
        let mut channel = open_pty(&client, 80, 24).await;
        channel.request_shell(true).await.unwrap();
        let mut transcript = Transcript::default();
        transcript.until(&mut channel, PROMPT).await;
        match ctrl_d {
            true => channel.data_bytes("\x04").await.unwrap(),
            false => channel.eof().await.unwrap(),
        }
        assert_eq!(transcript.read_on(&mut channel).await.status, Some(0));
    }
}

#[tokio::test]
async fn ctrl_c_stops_a_count_without_end() {
    let server = builtin_server();
    let client = login(&server).await;
    let mut channel = open_pty(&client, 80, 24).await;
    channel.request_shell(true).await.unwrap();
    let mut transcript = Transcript::default();
    transcript.until(&mut channel, PROMPT).await;
    channel.data_bytes("count 1000000000000\r").await.unwrap();
    within(channel.wait()).await.unwrap();
    // What is typed before Ctrl-C is given up, what is typed after it is not.
    channel.data_bytes("exit 1\r\x03exit\r").await.unwrap();
    let transcript = transcript.read_on(&mut channel).await;
    let text = transcript.text();
    assert!(
        text.contains("^C\r\n"),
        "it ends in {:?}",
        text.get(text.len() - 80..)
    );
    assert_eq!(transcript.status, Some(130));
}

#[tokio::test]
async fn signals_stop_a_command_or_end_the_shell() {
    let server = builtin_server();
    let client = login(&server).await;
    let mut channel = client.channel_open_session().await.unwrap();
    channel.exec(true, "count 1000000000000").await.unwrap();
    within(channel.wait()).await.unwrap();
    channel.signal(Sig::INT).await.unwrap();
    let transcript = Transcript::default().read_on(&mut channel).await;
    assert_eq!(transcript.status, Some(130));

    let mut channel = client.channel_open_session().await.unwrap();
    channel.request_shell(true).await.unwrap();
    channel.signal(Sig::INT).await.unwrap();
    channel.signal(Sig::TERM).await.unwrap();
    let transcript = Transcript::default().read_on(&mut channel).await;
    assert!(matches!(transcript.signal, Some(Sig::TERM)));
}

#[tokio::test]
async fn without_a_terminal_the_shell_works_line_by_line() {
    let server = builtin_server();
    let client = login(&server).await;
    let channel = client.channel_open_session().await.unwrap();
    channel.request_shell(false).await.unwrap();
    let transcript = exchange(channel, b"echo a\r\n\nnosuch\necho last".to_vec()).await;
    let expected = "a\nnosuch: command not found; try `help`\nlast\n";
    assert_eq!(transcript.text(), expected);
    assert_eq!(transcript.status, Some(0));

    let channel = client.channel_open_session().await.unwrap();
    channel.request_shell(false).await.unwrap();
    let transcript = exchange(channel, vec![b'x'; 100_000]).await;
    assert_eq!(transcript.errors, b"the line is too long\n");
    assert_eq!(transcript.status, Some(2));
}

#[tokio::test]
async fn long_output_arrives_whole() {
    let server = builtin_server();
    let client = login(&server).await;
    let transcript = exec(&client, "count 500000").await;
    let lines = transcript.text().lines();
    assert!(lines.eq((1..=500_000).map(|n: u32| n.to_string())));
}

#[tokio::test]
async fn much_input_is_held_back_and_not_lost() {
    let server = builtin_server();
    let client = login(&server).await;
    let channel = client.channel_open_session().await.unwrap();
    channel.request_shell(false).await.unwrap();
    // Far more than the gate lets stand, each line making more output than it is long.
    let lines = 200_000;
    let transcript = exchange(channel, "whoami\n".repeat(lines).into_bytes()).await;
    assert_eq!(transcript.text(), "demo\n".repeat(lines));
    assert_eq!(transcript.status, Some(0));
}

#[tokio::test]
async fn a_closed_channel_ends_its_command_and_the_connection_goes_on() {
    let server = builtin_server();
    let client = login(&server).await;
    let mut channel = client.channel_open_session().await.unwrap();
    channel.exec(true, "count 1000000000000").await.unwrap();
    while !matches!(within(channel.wait()).await, Some(ChannelMsg::Data { .. })) {}
    channel.close().await.unwrap();
    drop(channel);
    assert_eq!(exec(&client, "echo on").await.text(), "on\n");
}
