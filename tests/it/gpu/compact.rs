//! Compaction.

use sora_director::gpu::compact::{BLOCK, COMPACT_COUNT, COMPACT_MOVE, Compact, CompactParams};
use sora_director::gpu::scan::ScanParams;
use sora_director::gpu::twins as twin;
use sora_director::gpu::{Buffer, groups_1d};

use super::{SIZES, scanned};
use crate::common::parity::Case;
use crate::common::{Rng, garbage, gpu};

/// About one flag in `of` is set, each with another value.
fn flags(rng: &mut Rng, n: usize, of: u32) -> Vec<u32> {
    (0..n)
        .map(|_| {
            let word = rng.u32();
            if word.is_multiple_of(of) { word | 1 } else { 0 }
        })
        .collect()
}

#[test]
fn compaction_kernels_match_their_twins() {
    let mut rng = Rng(21);
    for n in SIZES {
        for of in [1, 3, u32::MAX] {
            let set = flags(&mut rng, n, of);
            let values: Vec<u32> = (0..n).map(|_| rng.u32()).collect();
            let blocks = n.div_ceil(BLOCK).max(1);
            let counting = ScanParams {
                n: n as u32,
                ..Default::default()
            };
            let sizes = [[u32::MAX; 4]];
            let counts: Vec<u32> = Case::new(&COMPACT_COUNT, counting)
                .input(&sizes)
                .quads(&set)
                .input(&set)
                .output::<u32>(blocks)
                .run(groups_1d(blocks, 1))
                .get(0);
            assert_eq!(counts, twin::compact_count::compact_count(&set));
            let before = scanned(&counts);
            for indices in [0, 1] {
                let moving = CompactParams {
                    n: n as u32,
                    at: 0,
                    indices,
                    count_at: 2,
                };
                // Behind what is kept nothing changes.
                let mut want: Vec<u32> = (0..n).map(|_| rng.u32()).collect();
                let got = Case::new(&COMPACT_MOVE, moving)
                    .input(&sizes)
                    .input(&before)
                    .input(&set)
                    .input(&values)
                    .update(&want)
                    .update(&[7u32, 8, 9, 10])
                    .run(groups_1d(blocks, 1));
                let payload = (indices == 0).then_some(&values[..]);
                let count = twin::compact_move::compact_move(&before, &set, payload, &mut want);
                assert_eq!(got.get::<u32>(0), want);
                assert_eq!(got.get::<u32>(1), [7, 8, count, 10]);
            }
        }
    }
}

#[test]
fn compaction_keeps_the_order_and_counts() {
    let gpu = gpu();
    let mut rng = Rng(22);
    let capacity = 1_200_000;
    let set = flags(&mut rng, capacity, 3);
    let payload: Vec<u32> = (0..capacity).map(|_| rng.u32()).collect();
    let compact = Compact::new(&gpu, capacity).expect("compact");
    let set_buffer = gpu.upload(&set).expect("flags");
    let values = gpu.upload(&payload).expect("values");
    let kept: Buffer<u32> = garbage(&gpu, capacity);
    let count = gpu.upload(&[77u32, 77]).expect("count");
    let mut recorder = gpu.recorder();
    for n in [5000usize, 0, 1, 1024, capacity] {
        let length = gpu.upload(&[n as u32]).expect("length");
        let indices: Vec<u32> = (0..n as u32).filter(|i| set[*i as usize] != 0).collect();
        let moved: Vec<u32> = indices.iter().map(|i| payload[*i as usize]).collect();
        for (on_gpu, with) in [
            (false, None),
            (true, None),
            (false, Some(&values)),
            (true, Some(&values)),
        ] {
            let to = (&count, 1);
            let recorded = if on_gpu {
                compact.record(&mut recorder, &set_buffer, with, (&length, 0), &kept, to)
            } else {
                compact.record(&mut recorder, &set_buffer, with, n, &kept, to)
            };
            recorded.expect("record");
            recorder.submit().expect("submit");
            let want = if with.is_some() { &moved } else { &indices };
            assert_eq!(gpu.read(&count).expect("count"), [77, want.len() as u32]);
            let got = gpu.read_range(&kept, 0, want.len()).expect("kept");
            assert!(got == *want, "{n} {on_gpu}");
        }
    }
    let over = compact.record(
        &mut recorder,
        &set_buffer,
        None,
        capacity + 1,
        &kept,
        (&count, 1),
    );
    assert!(over.is_err());
}
