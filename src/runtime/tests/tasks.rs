//! Tasks and timers: who wakes them, in which order, and what is left of them.

use super::*;

#[test]
fn a_task_is_woken_by_other_threads_while_the_shard_waits() {
    on_a_shard(|| async {
        for number in 0..100 {
            let (answer, answered) = async_channel::bounded(1);
            let thread = std::thread::spawn(move || answer.send_blocking(number).unwrap());
            assert_eq!(answered.recv().await.unwrap(), number);
            thread.join().unwrap();
        }
    });
}

/// Wakers outlive their tasks, in any thread, and an index that is used again is not theirs.
#[test]
fn a_waker_without_a_task_wakes_nobody() {
    on_a_shard(|| async {
        let (wakers, all) = mpsc::sync_channel(10);
        for _ in 0..3 {
            let wakers = wakers.clone();
            let task = spawn_scoped(poll_fn(move |cx| {
                wakers.send(cx.waker().clone()).unwrap();
                Poll::Pending
            }));
            futures_lite::future::yield_now().await;
            drop(task);
        }
        drop(wakers);
        let polls = Rc::new(Cell::new(0));
        let count = Rc::clone(&polls);
        spawn(poll_fn(move |_| {
            count.set(count.get() + 1);
            Poll::Pending
        }));
        let old: Vec<_> = all.iter().collect();
        assert_eq!(old.len(), 3);
        let thread = std::thread::spawn(move || old.into_iter().for_each(|waker| waker.wake()));
        thread.join().unwrap();
        sleep(A_WHILE).await;
        assert_eq!(polls.get(), 1);
    });
}

/// Tasks that end with the main task may spawn, wait and end others.
#[test]
fn every_task_is_dropped_with_the_main_task() {
    struct AtEnd(Rc<Cell<u32>>, Option<Task>);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            if self.1.take().is_some() {
                let more = AtEnd(Rc::clone(&self.0), None);
                spawn(async move { drop(more) });
            }
        }
    }
    let builder = LocalExecutorBuilder::new(Placement::Unbound);
    let shard = builder.spawn(|| async {
        let ends = Rc::new(Cell::new(0));
        let counted = Rc::clone(&ends);
        let main = async move {
            let inner = AtEnd(Rc::clone(&counted), None);
            let inner = spawn_scoped(async move {
                sleep(Duration::from_secs(3600)).await;
                drop(inner);
            });
            let outer = AtEnd(counted, inner);
            spawn(async move {
                std::future::pending::<()>().await;
                drop(outer);
            });
            sleep(Duration::from_millis(1)).await;
        };
        run(main).await.unwrap();
        ends.get()
    });
    assert_eq!(shard.unwrap().join().unwrap(), 3);
}

#[test]
fn sleeps_end_in_the_order_of_their_deadlines() {
    on_a_shard(|| async {
        let order = Rc::new(std::cell::RefCell::new(Vec::new()));
        let (running, ended) = async_channel::bounded::<()>(1);
        for ms in [30, 10, 20, 10, 0] {
            let (order, running) = (Rc::clone(&order), running.clone());
            spawn(async move {
                sleep(Duration::from_millis(ms)).await;
                order.borrow_mut().push(ms);
                drop(running);
            });
        }
        drop(running);
        drop(sleep(Duration::from_millis(1)));
        let _ = ended.recv().await;
        assert_eq!(*order.borrow(), [0, 10, 10, 20, 30]);
    });
}
