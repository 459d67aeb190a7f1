//! Settings of the system's allocator that the program relies on.

use std::hint::black_box;

/// Size of the mapping that is freed once, in bytes. glibc raises M_MMAP_THRESHOLD to it and
/// M_TRIM_THRESHOLD to twice as much.
const MMAP_THRESHOLD: usize = 1024 * 1024;

/// Makes glibc keep a little of what is freed. By default it gives back the end of a heap beyond
/// 128 KiB, so that the buffers of a single busy session, freed and taken again with each packet,
/// are mapped and zeroed by the kernel each time: a tenth of the CPU of large output. The threshold
/// follows the largest mapping that was freed (mallopt(3), "M_MMAP_THRESHOLD"). Has no effect with
/// another allocator.
pub fn keep_what_is_freed() {
    let size = black_box(MMAP_THRESHOLD);
    drop(black_box(Vec::<u8>::with_capacity(size)));
}
