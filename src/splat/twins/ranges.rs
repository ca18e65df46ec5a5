//! Twin of `kernels/splat/ranges.wgsl`.

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
