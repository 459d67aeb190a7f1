//! What the program expects of the system's allocator.

use std::cell::Cell;
use std::hint::black_box;

/// Freed memory at the end of a heap that is kept for what comes next is twice
/// this, in bytes.
const KEPT: usize = 1024 * 1024;

/// Makes glibc keep a little of what is freed. By default it gives back the end
/// of a heap beyond 128 KiB, so that the buffers of a single busy session, freed
/// and taken again with each packet, are mapped and zeroed by the kernel each
/// time: a tenth of the CPU of large output. The threshold follows the largest
/// mapping that was freed (mallopt(3), "M_MMAP_THRESHOLD"). Another allocator
/// takes no notice.
pub fn keep_what_is_freed() {
    drop(black_box(Vec::<u8>::with_capacity(black_box(KEPT))));
}

/// Step in which a shard's heap grows, in bytes; less than [`KEPT`], from which on memory is a mapping of its own.
const STEP: usize = KEPT - KEPT / 16;

/// Sessions that fit in a step. An idle one takes 108 KiB.
const SESSIONS_PER_STEP: u32 = 8;

thread_local! {
    /// Sessions of this thread since it last grew its heap.
    static SESSIONS: Cell<u32> = const { Cell::new(0) };
}

/// Makes the heap of a shard's thread grow by several sessions at once; to be called before each is made. glibc grows
/// the heap of any thread but the first by the pages that an allocation lacks, with an mprotect(2) each: ten per
/// session, 3 % of its set-up. Nothing of a step is written but its end, so it costs a page at the most.
pub fn make_room_for_session() {
    let sessions = SESSIONS.get();
    if sessions == 0 {
        drop(black_box(Vec::<u8>::with_capacity(black_box(STEP))));
    }
    SESSIONS.set((sessions + 1) % SESSIONS_PER_STEP);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that this thread may write from `address` on.
    fn writable_from(address: usize) -> usize {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let mut end = address;
        for line in maps.lines() {
            let (range, rest) = line.split_once(' ').unwrap();
            let (from, to) = range.split_once('-').unwrap();
            let [from, to] = [from, to].map(|text| usize::from_str_radix(text, 16).unwrap());
            // Locked pages are mappings of their own.
            if (from..to).contains(&end) && rest.starts_with("rw") {
                end = to;
            }
        }
        end - address
    }

    #[test]
    fn a_heap_grows_by_several_sessions_at_once() {
        keep_what_is_freed();
        let room = std::thread::spawn(|| {
            make_room_for_session();
            // Larger than what glibc keeps for the thread in lists of its own.
            let first = Vec::<u8>::with_capacity(4096);
            writable_from(first.as_ptr() as usize)
        });
        assert!(room.join().unwrap() >= STEP);
    }
}
