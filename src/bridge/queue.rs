//! Short queues that most sessions need for their beginning only.

use std::collections::VecDeque;

/// The next item. With the last one goes the queue's memory: a session has three
/// such queues, and most of tens of thousands of sessions are idle.
pub(super) fn next<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let item = queue.pop_front();
    if queue.is_empty() {
        queue.shrink_to_fit();
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emptied_queue_holds_nothing() {
        let mut queue = VecDeque::from([1, 2]);
        assert_eq!(next(&mut queue), Some(1));
        assert_eq!(next(&mut queue), Some(2));
        assert_eq!(queue.capacity(), 0);
        assert_eq!(next(&mut queue), None);
    }
}
