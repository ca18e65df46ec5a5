//! Workgroup counts from the GPU.

use sora_director::gpu::groups_1d;
use sora_director::gpu::indirect::{ArgsParams, DISPATCH_ARGS, record_args};
use sora_director::gpu::scan::{SCAN_SUMS, ScanParams};
use sora_director::gpu::twins as twin;

use crate::common::gpu;
use crate::common::parity::Case;

#[test]
fn dispatch_args_match_their_twin() {
    for count in [
        0,
        1,
        63,
        64,
        65,
        4096,
        64 * 65_535,
        64 * 65_535 + 1,
        u32::MAX,
    ] {
        for (per, times, shrink, least) in [(1, 1, 64, 0), (1, 1, 32, 1), (4096, 256, 1024, 0)] {
            let params = ArgsParams {
                count_at: 2,
                cap: 1 << 30,
                per,
                times,
                per_group: 64,
                shrink,
                levels: 4,
                least,
            };
            let counts = [1, 2, count];
            let got: Vec<[u32; 4]> = Case::new(&DISPATCH_ARGS, params)
                .input(&counts)
                .output::<[u32; 4]>(4)
                .run([1, 1, 1])
                .get(0);
            assert_eq!(got, twin::dispatch_args::dispatch_args(&params, &counts));
            if (per, least) == (1, 0) && count > 0 {
                let n = count.min(1 << 30) as usize;
                assert_eq!(got[0][..3], groups_1d(n, 64));
            }
        }
    }
}

#[test]
fn an_indirect_dispatch_covers_the_count_and_no_more() {
    let gpu = gpu();
    let data = gpu.upload(&vec![1u32; 5000]).expect("data");
    let quads = gpu.upload(&vec![[1u32; 4]; 1250]).expect("quads");
    for (n, want) in [
        (0, [9, 9, 9, 9, 9]),
        (1, [1, 9, 9, 9, 9]),
        (1025, [1024, 1, 9, 9, 9]),
        (9999, [1024, 1024, 1024, 1024, 904]),
    ] {
        let count = gpu.upload(&[n]).expect("count");
        let args = gpu.alloc::<[u32; 4]>(2).expect("args");
        let sums = gpu.upload(&[9u32; 5]).expect("sums");
        let mut recorder = gpu.recorder();
        record_args(&mut recorder, (&count, 0), 5000, 1024, &args).expect("args");
        let params = ScanParams {
            n: u32::MAX,
            ..Default::default()
        };
        let buffers: [&dyn sora_director::gpu::AnyBuffer; 4] = [&args, &quads, &data, &sums];
        recorder
            .run_indirect(&SCAN_SUMS, &params, &buffers, &args, 0)
            .expect("run");
        recorder.submit().expect("submit");
        assert_eq!(gpu.read(&sums).expect("sums"), want);
        assert!(
            recorder
                .run_indirect(&SCAN_SUMS, &params, &buffers, &args, 2)
                .is_err(),
            "past the end of the counts"
        );
        assert!(record_args(&mut recorder, (&count, 1), 1, 1, &args).is_err());
    }
}
