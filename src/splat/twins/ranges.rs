//! Twin of `kernels/splat/ranges.wgsl`.

use crate::gpu::Call;
use crate::splat::records::RangesParams;

/// First and one past the last sorted instance of each of `tiles` tiles; zeros where there is none.
pub fn ranges(keys: &[u32], depth_bits: u32, tiles: usize) -> Vec<[u32; 2]> {
    let mut out = vec![[0; 2]; tiles];
    for (i, key) in keys.iter().enumerate() {
        let tile = (key >> depth_bits) as usize;
        if i == 0 || keys[i - 1] >> depth_bits != tile as u32 {
            out[tile][0] = i as u32;
        }
        out[tile][1] = i as u32 + 1;
    }
    out
}

/// The kernel, which leaves tiles without instances as they are.
pub fn twin(call: &mut Call<'_>) {
    let p: RangesParams = call.params();
    let count: &[u32] = call.read(0);
    let n = count[p.count_at as usize].min(p.capacity) as usize;
    let tiles: &mut [[u32; 2]] = call.write(2);
    let found = ranges(&call.read(1)[..n], p.depth_bits, tiles.len());
    for (tile, found) in tiles.iter_mut().zip(found) {
        if found[1] > found[0] {
            *tile = found;
        }
    }
}
