//! Scan and sort against their twins.

use sora_director::gpu::scan::{SCAN_ADD, SCAN_BLOCKS, Scan, ScanParams};
use sora_director::gpu::sort::{SORT_COUNT, SORT_SCATTER, Sort, SortParams};
use sora_director::gpu::{Buffer, groups_1d};
use sora_director::reference::gpu as twin;

use crate::common::{Rng, garbage, gpu};

const SIZES: [usize; 8] = [0, 1, 63, 65, 1023, 1025, 2049, 5000];

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

#[test]
fn scan_kernels_match_their_twins() {
    let gpu = gpu();
    let mut rng = Rng(1);
    for n in SIZES {
        let input: Vec<u32> = (0..n).map(|_| rng.u32()).collect();
        let data: Buffer<u32> = garbage(&gpu, n + 3);
        let guard = gpu.read_range(&data, n, 3).expect("guard");
        gpu.write(&data, 0, &input).expect("write");
        let blocks = n.div_ceil(1024);
        let sums: Buffer<u32> = garbage(&gpu, blocks);
        let params = ScanParams {
            n: n as u32,
            ..Default::default()
        };
        let groups = groups_1d(blocks, 1);
        let mut recorder = gpu.recorder();
        recorder
            .run(&SCAN_BLOCKS, &params, &[&data, &sums], groups)
            .expect("run");
        recorder.submit().expect("submit");
        let mut want = input.clone();
        let want_sums = twin::scan_blocks::scan_blocks(&mut want);
        assert_eq!(gpu.read_range(&data, 0, n).expect("data"), want);
        assert_eq!(gpu.read(&sums).expect("sums"), want_sums);
        recorder
            .run(&SCAN_ADD, &params, &[&sums, &data], groups)
            .expect("run");
        recorder.submit().expect("submit");
        twin::scan_add::scan_add(&want_sums, &mut want);
        assert_eq!(gpu.read_range(&data, 0, n).expect("data"), want);
        assert_eq!(gpu.read_range(&data, n, 3).expect("guard"), guard);
    }
}

#[test]
fn a_scan_of_three_levels_is_a_prefix_sum() {
    let gpu = gpu();
    let mut rng = Rng(2);
    for n in [1, 1024, 1025, 70_000, 1_100_000] {
        let input: Vec<u32> = (0..n).map(|_| rng.u32() >> 8).collect();
        let data = gpu.upload(&input).expect("upload");
        let scan = Scan::new(&gpu, n).expect("scan");
        let mut recorder = gpu.recorder();
        scan.record(&mut recorder, &data, n).expect("record");
        recorder.submit().expect("submit");
        assert!(gpu.read(&data).expect("data") == scanned(&input), "{n}");
        assert!(scan.record(&mut recorder, &data, n + 1).is_err());
    }
}

#[test]
fn sort_kernels_match_their_twins() {
    let gpu = gpu();
    let mut rng = Rng(3);
    for n in SIZES {
        let capacity = 6000usize;
        let blocks = capacity.div_ceil(2048);
        let keys: Vec<u32> = (0..n).map(|_| rng.u32()).collect();
        let values: Vec<u32> = (0..n).map(|_| rng.u32()).collect();
        let (k, v): (Buffer<u32>, Buffer<u32>) = (garbage(&gpu, capacity), garbage(&gpu, capacity));
        gpu.write(&k, 0, &keys).expect("write");
        gpu.write(&v, 0, &values).expect("write");
        let count = gpu.upload(&[9, n as u32]).expect("count");
        let histogram: Buffer<u32> = garbage(&gpu, blocks * 64);
        let (k2, v2): (Buffer<u32>, Buffer<u32>) =
            (garbage(&gpu, capacity), garbage(&gpu, capacity));
        let params = SortParams {
            capacity: capacity as u32,
            shift: 12,
            blocks: blocks as u32,
            count_at: 1,
        };
        let mut recorder = gpu.recorder();
        recorder
            .run(
                &SORT_COUNT,
                &params,
                &[&count, &k, &histogram],
                groups_1d(blocks, 1),
            )
            .expect("run");
        recorder.submit().expect("submit");
        let want = twin::sort_count::sort_count(&keys, 12, blocks);
        assert_eq!(gpu.read(&histogram).expect("histogram"), want);
        let places = scanned(&want);
        gpu.write(&histogram, 0, &places).expect("write");
        recorder
            .run(
                &SORT_SCATTER,
                &params,
                &[&count, &histogram, &k, &v, &k2, &v2],
                groups_1d(blocks, 1),
            )
            .expect("run");
        recorder.submit().expect("submit");
        let want = twin::sort_scatter::sort_scatter(&keys, &values, 12, blocks, &places);
        assert_eq!(gpu.read_range(&k2, 0, n).expect("keys"), want.0);
        assert_eq!(gpu.read_range(&v2, 0, n).expect("values"), want.1);
    }
}

#[test]
fn the_sort_is_stable_and_stops_at_the_count() {
    let gpu = gpu();
    let mut rng = Rng(4);
    for (n, bits) in [
        (0, 32),
        (1, 32),
        (2047, 6),
        (2049, 26),
        (100_000, 32),
        (100_000, 13),
    ] {
        let mask = if bits == 32 {
            u32::MAX
        } else {
            (1 << bits) - 1
        };
        let sort = Sort::new(&gpu, n + 777).expect("sort");
        let mut pairs: Vec<(u32, u32)> = (0..n)
            .map(|i| (rng.u32() & mask & 0xff00_ffff, i as u32))
            .collect();
        let (keys, values): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        gpu.write(sort.keys(), 0, &keys).expect("write");
        gpu.write(sort.values(), 0, &values).expect("write");
        let count = gpu.upload(&[n as u32]).expect("count");
        let mut recorder = gpu.recorder();
        let (k, v) = sort.record(&mut recorder, &count, 0, bits).expect("record");
        recorder.submit().expect("submit");
        pairs.sort_by_key(|p| p.0);
        let (keys, values): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        assert!(gpu.read_range(k, 0, n).expect("keys") == keys, "{n} {bits}");
        assert!(
            gpu.read_range(v, 0, n).expect("values") == values,
            "{n} {bits}"
        );
    }
}
