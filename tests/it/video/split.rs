//! Chroma pairs to planes against its twin.

use sora_director::gpu::groups_2d;
use sora_director::video::twins::split::split as twin;
use sora_director::video::{SPLIT, SplitParams};

use crate::common::Rng;
use crate::common::parity::Case;

#[test]
fn pairs_are_split_as_the_twin_does() {
    let mut rng = Rng(91);
    for (row, rows) in [(1, 1), (3, 2), (16, 4), (17, 5), (33, 9)] {
        for (before, gap) in [(0, 0), (5, 3)] {
            let params = SplitParams {
                blue: before,
                red: before + row * rows + gap,
                pairs: before + 2 * (row * rows + gap),
                stride: 2 * row + gap,
                row,
                rows,
                ..SplitParams::default()
            };
            let len = params.pairs + params.stride * rows;
            let words: Vec<u32> = (0..len).map(|_| rng.u32()).collect();
            let got: Vec<u32> = Case::new(&SPLIT, params)
                .update(&words)
                .run(groups_2d(row, rows, SPLIT.workgroup))
                .get(0);
            let mut want = words.clone();
            twin(&params, &mut want);
            assert_eq!(got, want, "{params:?}");
            // Said once more, pair by pair.
            let bytes: &[u8] = bytemuck::cast_slice(&got);
            let first = 4 * (params.pairs + params.stride * (rows - 1)) as usize;
            for i in 0..4 * row as usize {
                let plane = |at: u32| bytes[4 * (at + row * (rows - 1)) as usize + i];
                assert_eq!(plane(params.blue), bytes[first + 2 * i]);
                assert_eq!(plane(params.red), bytes[first + 2 * i + 1]);
            }
        }
    }
}
