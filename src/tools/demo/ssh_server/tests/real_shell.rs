//! A real `/bin/sh` over a channel, on a terminal and on pipes.

use super::{Transcript, exchange, exec, login, open_pty, real_server, within};
use russh::Sig;

#[tokio::test]
async fn exec_reports_output_errors_status_and_signal() {
    let server = real_server();
    let client = login(&server).await;
    let transcript = exec(&client, "echo out; echo err >&2; exit 3").await;
    assert_eq!(transcript.text(), "out\n");
    assert_eq!(transcript.errors, b"err\n");
    assert_eq!(transcript.status, Some(3));
    let transcript = exec(&client, "kill -TERM $$").await;
    assert!(matches!(transcript.signal, Some(Sig::TERM)));
    assert_eq!(transcript.status, None);
}

#[tokio::test]
async fn much_input_passes_through_a_process_whole() {
    let server = real_server();
    let client = login(&server).await;
    let channel = client.channel_open_session().await.unwrap();
    channel.exec(false, "cat").await.unwrap();
    let input: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let transcript = exchange(channel, input.clone()).await;
    assert!(
        transcript.output == input,
        "{} bytes",
        transcript.output.len()
    );
    assert_eq!(transcript.status, Some(0));
}

#[tokio::test]
async fn input_nobody_reads_does_not_hold_a_command_back() {
    let server = real_server();
    let client = login(&server).await;
    let channel = client.channel_open_session().await.unwrap();
    channel.exec(false, "exec <&-; echo done").await.unwrap();
    let (mut read, write) = channel.split();
    // Refused or not, it must not keep the end from arriving.
    let send = write.data_bytes(vec![b'x'; 4 << 20]);
    let receive = async {
        let mut transcript = Transcript::default();
        while let Some(message) = within(read.wait()).await {
            transcript.take(message);
        }
        transcript
    };
    let mut receive = std::pin::pin!(receive);
    let transcript = tokio::select! {
        transcript = &mut receive => transcript,
        _ = send => receive.await,
    };
    assert_eq!(transcript.text(), "done\n");
}

#[tokio::test]
async fn a_terminal_has_its_size_and_follows_it() {
    let server = real_server();
    let client = login(&server).await;
    let mut channel = open_pty(&client, 100, 30).await;
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
    let server = real_server();
    let client = login(&server).await;
    for typed in [true, false] {
        let mut channel = open_pty(&client, 80, 24).await;
        channel.exec(true, "echo on; exec cat").await.unwrap();
        let mut transcript = Transcript::default();
        transcript.until(&mut channel, "on\r\n").await;
        match typed {
            true => channel.data_bytes("\x03").await.unwrap(),
            false => channel.signal(Sig::INT).await.unwrap(),
        }
        let transcript = transcript.read_on(&mut channel).await;
        assert!(
            matches!(transcript.signal, Some(Sig::INT)),
            "typed: {typed}"
        );
    }
}

#[tokio::test]
async fn a_shell_ends_with_what_is_typed_or_with_eof() {
    let server = real_server();
    let client = login(&server).await;
    for typed in [true, false] {
        let mut channel = open_pty(&client, 80, 24).await;
        channel.request_shell(true).await.unwrap();
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
    let server = real_server();
    let client = login(&server).await;
    let transcript = exec(&client, "sleep 1000 & echo $!").await;
    assert_eq!(transcript.status, Some(0));
    let left = transcript.text().trim().parse().unwrap();
    let left = rustix::process::Pid::from_raw(left).unwrap();
    rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_closed_channel_hangs_the_process_up() {
    let server = real_server();
    let client = login(&server).await;
    let mut channel = open_pty(&client, 80, 24).await;
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    // The process holds the FIFO open for writing for as long as it lives.
    let script = format!("exec cat 3>{}", fifo.display());
    channel.exec(true, script).await.unwrap();
    let opened = tokio::task::spawn_blocking(move || std::fs::read(fifo));
    channel.data_bytes("ready\r").await.unwrap();
    let mut transcript = Transcript::default();
    transcript.until(&mut channel, "ready\r\nready\r\n").await;
    channel.close().await.unwrap();
    assert_eq!(within(opened).await.unwrap().unwrap(), b"");
}

#[tokio::test]
async fn a_shell_that_can_not_be_run_is_refused() {
    let shell = Some("/nonexistent/shell".into());
    let server = super::EmbeddedServer::start(super::ServerOptions { shell }).unwrap();
    let client = login(&server).await;
    let mut channel = client.channel_open_session().await.unwrap();
    channel.request_shell(true).await.unwrap();
    let mut refused = false;
    while let Some(message) = within(channel.wait()).await {
        refused |= matches!(message, russh::ChannelMsg::Failure);
    }
    assert!(refused);
}
