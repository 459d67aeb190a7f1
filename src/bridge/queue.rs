//! Short queues that most sessions use only at their start.

use std::collections::VecDeque;

/// Takes the oldest item, and frees the queue's memory with the last one: a session has three such
/// queues, and most of tens of thousands of sessions are idle.
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
    fn an_emptied_queue_frees_its_memory() {
        let mut queue = VecDeque::from([1, 2]);
        assert_eq!(next(&mut queue), Some(1));
        assert_eq!(next(&mut queue), Some(2));
        assert_eq!(queue.capacity(), 0);
        assert_eq!(next(&mut queue), None);
    }
}
