use super::*;
use futures_lite::future::{block_on, poll_once};
use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::pin::Pin;

type Waiting = Pin<Box<dyn Future<Output = Answer> + Send>>;

fn client(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, number).into()
}

fn pool(threads: usize) -> Pool {
    Pool::start(Bounds::new(threads, 1024), 1024).unwrap()
}

/// A look-up that hangs until the sender is dropped; returns once it has
/// started.
fn hang(pool: &Pool, number: u8) -> (Sender<()>, Waiting) {
    let (release, released) = async_channel::bounded::<()>(1);
    let (started, has_started) = async_channel::bounded(1);
    let answer = pool.run(client(number), move || {
        started.send_blocking(()).unwrap();
        let _ = released.recv_blocking();
        Ok(Vec::new())
    });
    has_started.recv_blocking().unwrap();
    (release, Box::pin(answer))
}

fn quick(pool: &Pool, number: u8) -> Waiting {
    let address = SocketAddr::new(client(number), 22);
    Box::pin(pool.run(client(number), move || Ok(vec![address])))
}

#[test]
fn an_answer_comes_back() {
    let pool = pool(2);
    let expected = vec![SocketAddr::new(client(7), 22)];
    assert_eq!(block_on(quick(&pool, 7)), Ok(expected));
}

#[test]
fn a_panic_costs_its_own_caller_only() {
    let pool = pool(1);
    let lost = pool.run(client(1), || panic!("planted"));
    assert_eq!(block_on(lost), Err(ResolveError::Temporary));
    assert!(block_on(quick(&pool, 1)).is_ok());
}

/// With one thread, three callers leave theirs hanging: a fourth thread
/// answers the next; and once all four hang, it waits for one to come back.
#[test]
fn hung_threads_are_replaced_up_to_four_times_as_many() {
    let pool = pool(1);
    let mut hung = Vec::new();
    for number in 1..=3 {
        let (release, answer) = hang(&pool, number);
        drop(answer);
        hung.push(release);
        assert!(block_on(quick(&pool, 10 + number)).is_ok());
    }
    let (release, answer) = hang(&pool, 4);
    drop(answer);
    hung.push(release);
    let mut waits = quick(&pool, 20);
    assert!(block_on(poll_once(&mut waits)).is_none());
    hung.clear();
    assert!(block_on(waits).is_ok());
}

#[test]
fn one_client_does_not_keep_another_waiting() {
    let pool = pool(2);
    let (_release, _answer) = hang(&pool, 1);
    let mut second = quick(&pool, 1);
    assert!(block_on(quick(&pool, 2)).is_ok());
    assert!(block_on(poll_once(&mut second)).is_none());
}

#[test]
fn a_full_queue_refuses_at_once() {
    let pool = Pool::start(Bounds::new(1, 4), 64).unwrap();
    let (_release, _answer) = hang(&pool, 1);
    let mut waits = quick(&pool, 1);
    assert!(block_on(poll_once(&mut waits)).is_none());
    // A quarter of four is one client's share.
    assert_eq!(block_on(quick(&pool, 1)), Err(ResolveError::QueueFull));
}

#[test]
fn the_threads_end_with_the_last_handle() {
    thread_local! {
        static ALIVE: RefCell<Option<Sender<()>>> = const { RefCell::new(None) };
    }
    let pool = pool(1);
    let (alive, ended) = async_channel::bounded::<()>(1);
    let set = pool.run(client(1), move || {
        ALIVE.set(Some(alive));
        Ok(Vec::new())
    });
    block_on(set).unwrap();
    assert!(!ended.is_closed());
    drop(pool);
    // The thread's end drops its locals, and with them the sender.
    assert!(ended.recv_blocking().is_err());
}
