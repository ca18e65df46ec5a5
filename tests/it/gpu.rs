//! The primitives against their twins.

mod caps;
mod compact;
#[cfg(target_os = "linux")]
mod external;
mod histogram;
mod image;
mod indirect;
mod reduce;
mod scan;
mod sort;

/// Around a workgroup's lanes, one block and several.
const SIZES: [usize; 12] = [0, 1, 3, 63, 64, 65, 1023, 1024, 1025, 2049, 4097, 9000];

/// The exclusive wrapping prefix sum.
fn scanned(data: &[u32]) -> Vec<u32> {
    let mut running = 0u32;
    data.iter()
        .map(|v| {
            let before = running;
            running = running.wrapping_add(*v);
            before
        })
        .collect()
}
