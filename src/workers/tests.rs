use super::*;
use futures_lite::future::block_on;
use futures_util::FutureExt as _;
use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::pin::Pin;

type Waiting<T> = Pin<Box<dyn Future<Output = Result<T, WorkError>> + Send>>;

fn client(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, number).into()
}

fn fixed(threads: usize, queue: usize) -> Workers {
    Workers::start("test", Bounds::fixed(threads, queue)).unwrap()
}

fn replacing(threads: usize) -> Workers {
    Workers::start("test", Bounds::replacing(threads, 1024)).unwrap()
}

/// A job that hangs until the sender is dropped; returns once it has started.
fn hang(workers: &Workers, number: u8) -> (Sender<()>, Waiting<()>) {
    hang_for(workers, client(number))
}

fn hang_for(workers: &Workers, client: IpAddr) -> (Sender<()>, Waiting<()>) {
    let (release, released) = async_channel::bounded::<()>(1);
    let (started, has_started) = async_channel::bounded(1);
    let answer = workers.run(client, move || {
        started.send_blocking(()).unwrap();
        let _ = released.recv_blocking();
    });
    has_started.recv_blocking().unwrap();
    (release, Box::pin(answer))
}

fn quick(workers: &Workers, number: u8) -> Waiting<u8> {
    Box::pin(workers.run(client(number), move || number))
}

#[test]
fn a_job_runs_on_a_named_thread_and_returns_its_result() {
    let workers = fixed(2, 4);
    let name = workers.run(client(1), || thread::current().name().map(str::to_owned));
    assert_eq!(block_on(name).unwrap().as_deref(), Some("sshard-test"));
}

#[test]
fn a_panic_reaches_its_own_caller_alone() {
    let workers = fixed(1, 4);
    let lost = workers.run(client(1), || -> u8 { panic!("planted") });
    let next = quick(&workers, 1);
    assert_eq!(block_on(lost), Err(WorkError::Lost));
    assert_eq!(block_on(next), Ok(1));
}

#[test]
fn a_full_queue_refuses_at_once() {
    let workers = fixed(1, 8);
    let (_release, _answer) = hang(&workers, 1);
    let mut own = [quick(&workers, 1), quick(&workers, 1)];
    for waits in &mut own {
        assert!(waits.now_or_never().is_none());
    }
    // A quarter of eight is one client's share.
    assert_eq!(block_on(quick(&workers, 1)), Err(WorkError::QueueFull));
}

#[test]
fn an_evicted_job_returns_queue_full() {
    let workers = fixed(1, 8);
    let (release, first) = hang(&workers, 1);
    let mut jobs: Vec<_> = [2, 2, 3, 3, 4, 4, 5, 5, 6]
        .into_iter()
        .map(|number| quick(&workers, number))
        .collect();
    let sixth = jobs.pop().unwrap();
    // One of the eight is refused before a job ends.
    let (told, _, _jobs) = block_on(futures_util::future::select_all(jobs));
    assert_eq!(told, Err(WorkError::QueueFull));
    drop(release);
    block_on(first).unwrap();
    assert_eq!(block_on(sixth), Ok(6));
}

#[test]
fn a_job_abandoned_before_its_start_is_skipped() {
    let workers = fixed(1, 4);
    let (release, first) = hang(&workers, 1);
    let ran = Arc::new(AtomicBool::new(false));
    let witness = ran.clone();
    drop(workers.run(client(2), move || witness.store(true, Ordering::SeqCst)));
    // Runs after the abandoned one: there is one thread, and one client.
    let after = workers.run(client(2), || ());
    drop(release);
    block_on(first).unwrap();
    block_on(after).unwrap();
    assert!(!ran.load(Ordering::SeqCst));
}

/// With one thread, three callers leave theirs hanging: a fourth thread answers the next; and once
/// all four hang, it waits for one to come back.
#[test]
fn hung_threads_are_replaced_up_to_four_times_as_many() {
    let workers = replacing(1);
    let mut hung = Vec::new();
    for number in 1..=3 {
        let (release, answer) = hang(&workers, number);
        drop(answer);
        hung.push(release);
        assert!(block_on(quick(&workers, 10 + number)).is_ok());
    }
    let (release, answer) = hang(&workers, 4);
    drop(answer);
    hung.push(release);
    let mut waits = quick(&workers, 20);
    assert!(waits.as_mut().now_or_never().is_none());
    hung.clear();
    assert!(block_on(waits).is_ok());
}

/// Abandoning a job wakes the dispatcher: nothing else happens here that would.
#[test]
fn a_job_that_waits_starts_when_a_hung_one_is_abandoned() {
    let workers = replacing(1);
    let (_release, hung) = hang(&workers, 1);
    let mut waits = quick(&workers, 2);
    assert!(waits.as_mut().now_or_never().is_none());
    drop(hung);
    assert_eq!(block_on(waits), Ok(2));
}

#[test]
fn addresses_of_one_network_are_one_client() {
    let workers = fixed(2, 1024);
    let v6 = |text: &str| text.parse::<IpAddr>().unwrap();
    let (release, first) = hang_for(&workers, v6("2001:db8::1"));
    let mut same = Box::pin(workers.run(v6("2001:db8::2"), || ()));
    block_on(workers.run(v6("2001:db8:0:1::1"), || ())).unwrap();
    assert!(same.as_mut().now_or_never().is_none());
    drop(release);
    block_on(first).unwrap();
    block_on(same).unwrap();
}

#[test]
fn the_threads_end_with_the_last_handle() {
    thread_local! {
        static ALIVE: RefCell<Option<Sender<()>>> = const { RefCell::new(None) };
    }
    let workers = fixed(1, 1);
    let (alive, ended) = async_channel::bounded::<()>(1);
    block_on(workers.run(client(1), move || ALIVE.set(Some(alive)))).unwrap();
    assert!(!ended.is_closed());
    drop(workers);
    // The thread's end drops its locals, and with them the sender.
    assert!(ended.recv_blocking().is_err());
}
