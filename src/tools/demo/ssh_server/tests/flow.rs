//! Much of it, both ways, and a program that does not read.

use super::{SIZE, Transcript, exchange, logged_in, open_pty, read_all, within};
use crate::tools::demo::ssh_server::WINDOW;

#[tokio::test]
async fn much_input_passes_through_a_process_whole() {
    let (_server, client) = logged_in().await;
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
    let (_server, client) = logged_in().await;
    let channel = client.channel_open_session().await.unwrap();
    channel.exec(false, "exec <&-; echo done").await.unwrap();
    let (read, write) = channel.split();
    // Refused or not, it must not keep the end from arriving.
    let send = write.data_bytes(vec![b'x'; 4 << 20]);
    let mut receive = std::pin::pin!(read_all(read));
    let transcript = tokio::select! {
        transcript = &mut receive => transcript,
        _ = send => receive.await,
    };
    assert_eq!(transcript.text(), "done\n");
}

#[tokio::test]
async fn much_input_passes_through_a_terminal_that_echoes_it() {
    let (_server, client) = logged_in().await;
    let mut channel = open_pty(&client, SIZE).await;
    let script = "stty raw -echo; echo on; exec cat";
    channel.exec(false, script).await.unwrap();
    Transcript::default().until(&mut channel, "on\n").await;
    let input: Vec<u8> = (0..500_000_u32)
        .flat_map(|n| format!("{n:07}\n").into_bytes())
        .collect();
    let (mut read, write) = channel.split();
    let send = async { write.data_bytes(input.clone()).await.unwrap() };
    let receive = async {
        let mut transcript = Transcript::default();
        while transcript.output.len() < input.len() {
            transcript.take(within(read.wait()).await.unwrap());
        }
        transcript.output
    };
    let ((), output) = within(async { tokio::join!(send, receive) }).await;
    assert!(output == input, "{} bytes", output.len());
}

/// Held back by the window: what waits in the server is bounded, its output goes on, and nothing is
/// lost when the program reads again.
#[tokio::test]
async fn input_that_a_program_leaves_unread_waits_at_the_client() {
    let (_server, client) = logged_in().await;
    let directory = tempfile::tempdir().unwrap();
    let signal_file = directory.path().join("signal_file");
    let mut channel = within(client.channel_open_session()).await.unwrap();
    let script = format!(
        "while ! test -e {}; do echo waiting; sleep 0.01; done; echo reading; wc -c",
        signal_file.display()
    );
    channel.exec(true, script).await.unwrap();
    Transcript::default().until(&mut channel, "waiting\n").await;
    let (mut read, write) = channel.split();
    let input = vec![b'x'; 8 * WINDOW as usize];
    let send = async {
        write.data_bytes(input.clone()).await.unwrap();
        write.eof().await.unwrap();
    };
    let receive = async {
        let mut transcript = Transcript::default();
        // The output is not held up by the input that waits; and that is not all of it.
        while transcript.output.len() < 200 * "waiting\n".len() {
            transcript.take(within(read.wait()).await.unwrap());
        }
        let room = write.writable_packet_size().await;
        std::fs::write(&signal_file, "").unwrap();
        while let Some(message) = within(read.wait()).await {
            transcript.take(message);
        }
        (room, transcript)
    };
    let ((), (room, transcript)) = within(async { tokio::join!(send, receive) }).await;
    assert!(room <= 2, "the client may send {room} bytes more");
    let (_, counted) = transcript.text().split_once("reading\n").unwrap();
    assert_eq!(counted.trim(), input.len().to_string());
}
