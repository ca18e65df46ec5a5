//! What every target does: calls a reader on bytes, and fails when it takes more memory than the bytes account for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// Bytes that are allocated now.
static NOW: AtomicUsize = AtomicUsize::new(0);
/// Bytes that may be allocated at once.
static MOST: AtomicUsize = AtomicUsize::new(usize::MAX);
/// A request went beyond that.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// The system's allocator, counted. A request beyond the bound gets nothing, so that the program ends where it asks,
/// with that place in its backtrace.
struct Counted;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn taken(bytes: usize) -> bool {
    let fits = NOW.fetch_add(bytes, Relaxed).saturating_add(bytes) <= MOST.load(Relaxed);
    if !fits {
        NOW.fetch_sub(bytes, Relaxed);
        REFUSED.store(true, Relaxed);
    }
    fits
}

// SAFETY: every block is the system allocator's, asked for and given back with the layout that was given.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match taken(layout.size()) {
            // SAFETY: the caller's promises are the system allocator's conditions.
            true => unsafe { System.alloc(layout) },
            false => std::ptr::null_mut(),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match taken(layout.size()) {
            // SAFETY: as above.
            true => unsafe { System.alloc_zeroed(layout) },
            false => std::ptr::null_mut(),
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !taken(size.saturating_sub(layout.size())) {
            return std::ptr::null_mut();
        }
        NOW.fetch_sub(layout.size().saturating_sub(size), Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

/// What `reader` answers; fails when it has more than four times the input plus `more` mebibytes allocated at once,
/// or asks for that much.
pub fn within<T>(input: &[u8], more: usize, reader: impl FnOnce() -> T) -> T {
    REFUSED.store(false, Relaxed);
    MOST.store(NOW.load(Relaxed) + 4 * input.len() + (more << 20), Relaxed);
    let answer = reader();
    MOST.store(usize::MAX, Relaxed);
    assert!(
        !REFUSED.load(Relaxed),
        "asked for more than 4 times {} bytes and {more} MiB",
        input.len()
    );
    answer
}
