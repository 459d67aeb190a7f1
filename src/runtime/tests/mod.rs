mod tasks;

use super::*;
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use glommio::{LocalExecutorBuilder, Placement};
use socket2::Socket;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream as Peer};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

/// Long enough for a shard with nothing to do to wait in epoll_wait.
const A_WHILE: Duration = Duration::from_millis(20);

pub(crate) fn on_a_shard<F: Future<Output = ()> + 'static>(
    work: impl FnOnce() -> F + Send + 'static,
) {
    let builder = LocalExecutorBuilder::new(Placement::Unbound);
    let shard = builder.spawn(move || async move { run(work()).await.unwrap() });
    shard.unwrap().join().unwrap();
}

pub(crate) fn pair() -> (Socket, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = Peer::connect(listener.local_addr().unwrap()).unwrap();
    (Socket::from(listener.accept().unwrap().0), peer)
}

/// A connection on this shard, and its peer.
fn connected() -> (Stream, Peer) {
    let (socket, peer) = pair();
    (Stream::new(socket).unwrap(), peer)
}

/// A timer from before the time in which there are short ones is looked at then, too.
#[test]
fn short_timers_of_tokio_fire_soon() {
    on_a_shard(|| async {
        let clock = TokioClock::install().unwrap();
        spawn(clock.run());
        for _ in 0..2 {
            let mut timer = std::pin::pin!(tokio::time::sleep(A_WHILE));
            // The clock's task waits for its long step by now.
            sleep(A_WHILE).await;
            assert!(futures_lite::future::poll_once(&mut timer).await.is_none());
            let _short = ShortTimers::begin();
            timer.await;
        }
    });
}

/// A loop with nothing to do runs often enough to be known to.
#[test]
fn a_running_loop_reports_heartbeats() {
    on_a_shard(|| async {
        let (reports, reported) = async_channel::bounded(64);
        on_heartbeat(move |now| {
            let _ = reports.try_send(now);
        });
        let mut last = reported.recv().await.unwrap();
        for _ in 0..3 {
            let next = reported.recv().await.unwrap();
            assert!(next > last);
            last = next;
        }
    });
}

#[test]
fn a_thread_without_a_reactor_is_an_error() {
    let (socket, _peer) = pair();
    assert!(Stream::new(socket).is_err());
}

/// The kernel refuses to register a socket twice.
#[test]
fn a_socket_is_taken_off_a_loop_and_entered_again() {
    on_a_shard(|| async {
        let (socket, mut peer) = pair();
        let socket = Stream::new(socket).unwrap().into_socket();
        peer.write_all(b"x").unwrap();
        let mut stream = Stream::new(socket).unwrap();
        let mut read = [0];
        assert_eq!(stream.read(&mut read).await.unwrap(), 1);
        assert_eq!(&read, b"x");
    });
}

#[test]
fn more_than_the_buffers_hold_goes_both_ways_at_once() {
    const BYTES: usize = 16 << 20;
    on_a_shard(|| async {
        let (socket, mut peer) = pair();
        let mut sender = peer.try_clone().unwrap();
        let sends = std::thread::spawn(move || sender.write_all(&vec![7; BYTES]).unwrap());
        let receives = std::thread::spawn(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).unwrap();
            all == vec![9; BYTES]
        });
        let (mut reader, mut writer) = futures_lite::io::split(Stream::new(socket).unwrap());
        spawn(async move {
            writer.write_all(&vec![9; BYTES]).await.unwrap();
            writer.close().await.unwrap();
        });
        let mut all = Vec::new();
        reader.read_to_end(&mut all).await.unwrap_or(0);
        assert_eq!(all.len(), BYTES);
        assert!(all.iter().all(|byte| *byte == 7));
        sends.join().unwrap();
        assert!(receives.join().unwrap());
    });
}

/// The last bytes and the end may be one event or two.
#[test]
fn the_end_comes_after_the_last_bytes() {
    on_a_shard(|| async {
        for round in 0..300 {
            let (mut stream, mut peer) = connected();
            let thread = std::thread::spawn(move || {
                peer.write_all(b"last").unwrap();
                peer.shutdown(Shutdown::Write).unwrap();
            });
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.unwrap();
            assert_eq!(all, b"last", "round {round}");
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_waiting_shard_wakes_for_its_sockets_again_and_again() {
    on_a_shard(|| async {
        let (mut stream, mut peer) = connected();
        for number in 0..10 {
            sleep(A_WHILE).await;
            peer.write_all(&[number]).unwrap();
            let mut byte = [0];
            stream.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte, [number]);
        }
    });
}

/// Timers are not starved by sockets that always have something.
#[test]
fn timers_run_beside_busy_sockets() {
    on_a_shard(|| async {
        let (mut stream, mut peer) = connected();
        let sender = std::thread::spawn(move || while peer.write_all(&[0; 4096]).is_ok() {});
        let (done, is_done) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0_u64)));
        let (stop, count) = (Rc::clone(&done), Rc::clone(&is_done));
        spawn(async move {
            let mut buffer = vec![0; 65_536];
            while !stop.get() {
                let read = stream.read(&mut buffer).await.unwrap();
                count.set(count.get() + read as u64);
            }
        });
        for _ in 0..10 {
            sleep(A_WHILE).await;
        }
        done.set(true);
        sleep(A_WHILE).await;
        assert!(is_done.get() > 0);
        sender.join().unwrap();
    });
}

#[test]
fn a_reset_is_an_error_or_an_end_and_never_silence() {
    on_a_shard(|| async {
        let (mut stream, peer) = connected();
        Socket::from(peer).set_linger(Some(Duration::ZERO)).unwrap();
        let mut byte = [0];
        assert!(stream.read(&mut byte).await.is_err());
        assert!(stream.write(&byte).await.is_err());
    });
}

/// Bytes that come meanwhile are read at once; without coalescing, as soon as it comes, also
/// afterwards.
#[test]
fn a_socket_that_coalesces_is_read_once_per_interval() {
    on_a_shard(|| async {
        let (mut stream, mut peer) = connected();
        let mut buffer = [0; 100];
        for round in 0..20 {
            for _ in 0..3 {
                stream.coalesce().unwrap();
                // No tick of the loop comes between these.
                for _ in 0..10 {
                    peer.write_all(&[round]).unwrap();
                }
                let (mut count, mut reads) = (0, 0);
                while count < 10 {
                    count += stream.read(&mut buffer).await.unwrap();
                    reads += 1;
                }
                assert_eq!(count, 10);
                // The kernel may deliver the last of them late.
                assert!(reads < 10, "each piece was read alone");
            }
            let mut late = peer.try_clone().unwrap();
            spawn(async move {
                sleep(A_WHILE).await;
                late.write_all(&[round]).unwrap();
            });
            assert_eq!(stream.read(&mut buffer).await.unwrap(), 1, "round {round}");
        }
    });
}

#[test]
fn the_end_is_seen_by_a_socket_that_coalesces() {
    on_a_shard(|| async {
        let mut byte = [0];
        for reset in [false, true] {
            let (mut stream, peer) = connected();
            stream.coalesce().unwrap();
            if reset {
                Socket::from(peer).set_linger(Some(Duration::ZERO)).unwrap();
                assert!(stream.read(&mut byte).await.is_err());
            } else {
                drop(peer);
                assert_eq!(stream.read(&mut byte).await.unwrap(), 0);
            }
            stream.coalesce().unwrap();
        }
    });
}

/// A write that waits for room is woken, although the socket coalesces its reads as often as it
/// can.
#[test]
fn writes_go_on_while_reads_coalesce() {
    const BYTES: usize = 16 << 20;
    on_a_shard(|| async {
        let (mut stream, mut peer) = connected();
        let echoes = std::thread::spawn(move || {
            let mut all = vec![0; BYTES];
            peer.read_exact(&mut all).unwrap();
            peer.write_all(b"!").unwrap();
        });
        let (all, mut sent, mut answer) = (vec![9; BYTES], 0, [0]);
        let read = poll_fn(|cx| {
            while sent < BYTES {
                match Pin::new(&mut stream).poll_write(cx, &all[sent..]) {
                    Poll::Ready(count) => sent += count.unwrap(),
                    Poll::Pending => break,
                }
            }
            let read = Pin::new(&mut stream).poll_read(cx, &mut answer);
            stream.coalesce().unwrap();
            read
        });
        assert_eq!(read.await.unwrap(), 1);
        assert_eq!(&answer, b"!");
        echoes.join().unwrap();
    });
}

/// Also when another descriptor of the socket is left behind.
#[test]
fn a_listener_reports_each_connection() {
    on_a_shard(|| async {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let copy = socket.try_clone().unwrap();
        for listening in [socket, copy] {
            let listener = Listener::new(Socket::from(listening)).unwrap();
            for _ in 0..10 {
                let (keep, kept) = async_channel::bounded(1);
                spawn(async move {
                    sleep(A_WHILE / 10).await;
                    keep.try_send(Peer::connect(address).unwrap()).unwrap();
                });
                while let Err(error) = listener.socket().accept() {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    listener.wait().await;
                }
                kept.recv().await.unwrap();
            }
        }
    });
}

/// Returns who did its share in each tick, of `transfers` bulk transfers with `shares` each.
fn run_bulk(transfers: usize, shares: usize) -> Vec<usize> {
    let (order, seen) = mpsc::sync_channel(transfers * shares);
    on_a_shard(move || async move {
        let (running, ended) = async_channel::bounded::<()>(1);
        for number in 0..transfers {
            let (ticket, order) = (BulkTicket::new().unwrap(), order.clone());
            let (mut left, mut share_spent, running) = (shares, false, running.clone());
            let mut work = move |cx: &mut std::task::Context<'_>| {
                while left > 0 {
                    std::task::ready!(ticket.poll_dispatch(cx, share_spent));
                    if !std::mem::replace(&mut share_spent, true) {
                        order.send(number).unwrap();
                        left -= 1;
                    }
                    if left > 0 && ticket.poll_dispatch(cx, share_spent).is_pending() {
                        share_spent = false;
                        return Poll::Pending;
                    }
                }
                Poll::Ready(())
            };
            spawn(async move {
                poll_fn(&mut work).await;
                drop(running);
            });
        }
        drop(running);
        let _ = ended.recv().await;
    });
    seen.iter().collect()
}

#[test]
fn bulk_transfers_take_turns_and_one_that_is_alone_waits_for_none() {
    assert_eq!(run_bulk(1, 50), [0; 50]);
    let order = run_bulk(3, 50);
    assert_eq!(order.len(), 150);
    // From the second round on, when all wait.
    for round in order[6..141].chunks(3) {
        let mut all = round.to_vec();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2], "{order:?}");
    }
}

/// A dropped transfer blocks no other.
#[test]
fn a_transfer_that_ends_while_it_waits_holds_nobody_up() {
    on_a_shard(|| async {
        let [first, second, third] = [(); 3].map(|()| BulkTicket::new().unwrap());
        poll_fn(|cx| first.poll_dispatch(cx, false)).await;
        let waits = poll_fn(|cx| Poll::Ready(second.poll_dispatch(cx, false))).await;
        assert!(waits.is_pending());
        drop((first, second));
        poll_fn(|cx| third.poll_dispatch(cx, false)).await;
    });
}

#[test]
fn a_dispatch_that_was_given_up_is_not_used_in_a_later_tick() {
    on_a_shard(|| async {
        for given_up in [false, true] {
            let [first, second, third] = [(); 3].map(|()| BulkTicket::new().unwrap());
            poll_fn(|cx| first.poll_dispatch(cx, false)).await;
            for ticket in [&second, &third] {
                let waits = poll_fn(|cx| Poll::Ready(ticket.poll_dispatch(cx, false))).await;
                assert!(waits.is_pending());
            }
            while second.waits() {
                futures_lite::future::yield_now().await;
            }
            if given_up {
                second.forgo();
            }
            let used = poll_fn(|cx| Poll::Ready(second.poll_dispatch(cx, false))).await;
            assert_eq!(used.is_pending(), given_up);
        }
    });
}

#[test]
fn a_waiting_shard_serves_coalesced_reads_and_bulk_transfers() {
    on_a_shard(|| async {
        let (mut stream, mut peer) = connected();
        peer.write_all(b"..").unwrap();
        let mut byte = [0];
        for _ in 0..2 {
            sleep(A_WHILE).await;
            stream.coalesce().unwrap();
            stream.read_exact(&mut byte).await.unwrap();
        }
        sleep(A_WHILE).await;
        let ticket = BulkTicket::new().unwrap();
        poll_fn(|cx| ticket.poll_dispatch(cx, false)).await;
    });
}
