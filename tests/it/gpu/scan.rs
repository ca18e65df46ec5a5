//! Prefix sums.

use sora_director::gpu::groups_1d;
use sora_director::gpu::scan::{BLOCK, SCAN_BLOCKS, SCAN_SUMS, Scan, ScanParams};
use sora_director::gpu::twins as twin;

use super::{SIZES, scanned};
use crate::common::parity::Case;
use crate::common::{Rng, gpu};

#[test]
fn scan_kernels_match_their_twins() {
    let mut rng = Rng(1);
    for n in SIZES {
        let data: Vec<u32> = (0..n).map(|_| rng.u32()).collect();
        let blocks = n.div_ceil(BLOCK);
        let groups = groups_1d(blocks, 1);
        // The smaller of the two counts.
        for (params, sizes) in [
            ((n as u32, 0), [[u32::MAX; 4], [0; 4]]),
            ((u32::MAX, 1), [[0; 4], [9, 9, 9, n as u32]]),
        ] {
            let params = ScanParams {
                n: params.0,
                at: params.1,
                ..Default::default()
            };
            let sums: Vec<u32> = Case::new(&SCAN_SUMS, params)
                .input(&sizes)
                .quads(&data)
                .input(&data)
                .output::<u32>(blocks)
                .run(groups)
                .get(0);
            assert_eq!(sums, twin::scan_sums::scan_sums(&data));
            let mut want = data.clone();
            twin::scan_blocks::scan_blocks(&sums, &mut want);
            let got: Vec<u32> = Case::new(&SCAN_BLOCKS, params)
                .input(&sizes)
                .input(&sums)
                .update(&data)
                .run(groups)
                .get(0);
            assert_eq!(got, want);
        }
    }
}

#[test]
fn a_scan_of_three_levels_is_a_prefix_sum() {
    let gpu = gpu();
    let mut rng = Rng(2);
    for n in [0, 1, 3, 1024, 1025, 70_000, 1_100_000] {
        let input: Vec<u32> = (0..n).map(|_| rng.u32() >> 8).collect();
        let data = gpu.upload(&input).expect("upload");
        let scan = Scan::new(&gpu, n).expect("scan");
        let mut recorder = gpu.recorder();
        scan.record(&mut recorder, &data, n).expect("record");
        recorder.submit().expect("submit");
        assert!(
            gpu.read_range(&data, 0, n).expect("data") == scanned(&input),
            "{n}"
        );
        assert!(scan.record(&mut recorder, &data, n + 1).is_err());
    }
}

#[test]
fn a_scan_stops_at_a_count_on_the_gpu() {
    let gpu = gpu();
    let mut rng = Rng(3);
    let capacity = 1_100_000;
    let input: Vec<u32> = (0..capacity).map(|_| rng.u32()).collect();
    let scan = Scan::new(&gpu, capacity).expect("scan");
    for n in [0, 1, 1023, 1024, 1025, 70_001, capacity, capacity + 9] {
        let data = gpu.upload(&input).expect("upload");
        let count = gpu.upload(&[7, n as u32]).expect("count");
        let mut recorder = gpu.recorder();
        scan.record(&mut recorder, &data, (&count, 1))
            .expect("record");
        recorder.submit().expect("submit");
        let n = n.min(capacity);
        let got = gpu.read(&data).expect("data");
        assert!(got[..n] == scanned(&input[..n]), "{n}");
        assert!(got[n..] == input[n..], "{n}: past the count");
        assert!(scan.record(&mut recorder, &data, (&count, 2)).is_err());
    }
}
