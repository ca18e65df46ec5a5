//! Segmented reductions.

use sora_director::gpu::groups_1d;
use sora_director::gpu::reduce::{
    LevelParams, Op, REDUCE_LEVEL, REDUCE_SEGMENTS, Reduce, SegmentParams,
};
use sora_director::gpu::twins as twin;

use super::SIZES;
use crate::common::parity::Case;
use crate::common::{Rng, garbage, gpu};

const OPS: [Op; 4] = [Op::SumU32, Op::SumF32, Op::MinF32, Op::MaxF32];

/// Values for an operation as bits, for floats with some that are not finite.
fn values(rng: &mut Rng, n: usize, op: Op) -> Vec<u32> {
    (0..n)
        .map(|_| match (op, rng.u32() % 300) {
            (Op::SumU32, _) => rng.u32(),
            (_, 0) => f32::NAN.to_bits(),
            (_, 1) => f32::INFINITY.to_bits(),
            (_, 2) => f32::NEG_INFINITY.to_bits(),
            (_, 3) => (-0.0f32).to_bits(),
            _ => rng.range(-1000.0, 1000.0).to_bits(),
        })
        .collect()
}

/// Offsets that are cuts of `n` values: empty, tiny and huge segments.
fn cuts(rng: &mut Rng, n: usize) -> Vec<u32> {
    let mut offsets = vec![0u32];
    let mut at = 0;
    while at < n {
        let length = match rng.u32() % 8 {
            0 | 1 => 0,
            2..=5 => rng.u32() as usize % 9,
            6 => rng.u32() as usize % 100,
            _ => rng.u32() as usize % (n / 2 + 1),
        };
        at = (at + length).min(n);
        offsets.push(at as u32);
    }
    offsets
}

/// The same bits, or both NaN.
fn same(got: &[u32], want: &[u32], op: Op) -> bool {
    let equal = |g: &u32, w: &u32| {
        g == w || op != Op::SumU32 && f32::from_bits(*g).is_nan() && f32::from_bits(*w).is_nan()
    };
    got.len() == want.len() && got.iter().zip(want).all(|(g, w)| equal(g, w))
}

fn tree(op: Op, values: &[u32]) -> Vec<Vec<u32>> {
    let mut levels = vec![values.to_vec()];
    while levels[levels.len() - 1].len() >= 32 {
        levels.push(twin::reduce_level::reduce_level(
            op,
            &levels[levels.len() - 1],
        ));
    }
    levels
}

#[test]
fn reduction_kernels_match_their_twins() {
    let mut rng = Rng(31);
    for n in SIZES.into_iter().chain([40_000]) {
        for op in OPS {
            let input = values(&mut rng, n, op);
            let levels = tree(op, &input);
            let (mut odd, mut even, mut starts) = (vec![], vec![], [[0; 4]; 2]);
            for (level, data) in levels.iter().enumerate().skip(1) {
                let params = LevelParams {
                    n: levels[level - 1].len() as u32,
                    at: 0,
                    op: op as u32,
                    source_at: 2,
                    tree_at: 1,
                    ..Default::default()
                };
                let source = [&[5, 6], &levels[level - 1][..]].concat();
                let got: Vec<u32> = Case::new(&REDUCE_LEVEL, params)
                    .input(&[[u32::MAX; 4]])
                    .input(&source)
                    .update(&vec![3; data.len() + 1])
                    .run(groups_1d(data.len(), 64))
                    .get(0);
                assert_eq!(got[0], 3, "{n} {op:?} level {level}");
                assert!(same(&got[1..], data, op), "{n} {op:?} level {level}");
                let side = if level % 2 == 1 { &mut odd } else { &mut even };
                starts[level / 4][level % 4] = side.len() as u32;
                side.extend_from_slice(data);
            }
            let mut offsets = cuts(&mut rng, n);
            // The last ones lie past the values, and one runs backwards.
            offsets.extend([n as u32 + 9, 0, 0]);
            let segments = offsets.len() - 1;
            let params = SegmentParams {
                n: u32::MAX,
                at: 0,
                op: op as u32,
                values: n as u32,
                starts,
            };
            let got: Vec<u32> = Case::new(&REDUCE_SEGMENTS, params)
                .input(&[[0, 0, 0, segments as u32]])
                .input(&offsets)
                .input(&input)
                .input(&odd)
                .input(&even)
                .output::<u32>(segments)
                .run(groups_1d(segments, 64))
                .get(0);
            let want = twin::reduce_segments::reduce_segments(op, &levels, &offsets);
            assert!(same(&got, &want, op), "{n} {op:?}");
        }
    }
}

#[test]
fn one_huge_and_many_tiny_segments_come_out_right_and_the_same_twice() {
    let gpu = gpu();
    let mut rng = Rng(32);
    let n = 300_000;
    let floats: Vec<f32> = (0..n).map(|_| rng.range(-1.0, 1.0)).collect();
    let words: Vec<u32> = floats.iter().map(|v| v.to_bits()).collect();
    let reduce = Reduce::new(&gpu, n + 1000).expect("reduce");
    let f = gpu.upload(&floats).expect("upload");
    let u = gpu.upload(&words).expect("upload");
    let ones: Vec<u32> = (0..=n as u32).collect();
    let huge = vec![0, 0, 7, n as u32 - 1, n as u32];
    let some = cuts(&mut rng, n);
    for offsets in [ones, huge, some] {
        let segments = offsets.len() - 1;
        let bounds: Vec<_> = offsets
            .windows(2)
            .map(|w| w[0] as usize..w[1] as usize)
            .collect();
        let o = gpu.upload(&offsets).expect("offsets");
        let counts = gpu.upload(&[n as u32, segments as u32]).expect("counts");
        let sums = garbage(&gpu, segments);
        let mut recorder = gpu.recorder();
        reduce
            .record(&mut recorder, Op::SumU32, &u, n, &o, segments, &sums)
            .expect("record");
        recorder.submit().expect("submit");
        let want: Vec<u32> = bounds
            .iter()
            .map(|r| {
                words[r.clone()]
                    .iter()
                    .fold(0u32, |a, b| a.wrapping_add(*b))
            })
            .collect();
        assert!(gpu.read(&sums).expect("sums") == want);
        for op in [Op::SumF32, Op::MinF32, Op::MaxF32] {
            let run = |on_gpu: bool| {
                let results = garbage(&gpu, segments);
                let mut recorder = gpu.recorder();
                let recorded = if on_gpu {
                    let (length, segments) = ((&counts, 0), (&counts, 1));
                    reduce.record(&mut recorder, op, &f, length, &o, segments, &results)
                } else {
                    reduce.record(&mut recorder, op, &f, n, &o, segments, &results)
                };
                recorded.expect("record");
                recorder.submit().expect("submit");
                gpu.read(&results).expect("results")
            };
            let got: Vec<f32> = run(false);
            assert!(got == run(true), "{op:?}: the same bits");
            for (value, r) in got.iter().zip(&bounds) {
                let slice = &floats[r.clone()];
                let exact: f64 = slice.iter().map(|v| f64::from(*v)).sum();
                let near = match op {
                    Op::MinF32 => *value == slice.iter().copied().fold(f32::INFINITY, f32::min),
                    Op::MaxF32 => *value == slice.iter().copied().fold(f32::NEG_INFINITY, f32::max),
                    _ => (f64::from(*value) - exact).abs() < 1e-5 + 1e-7 * slice.len() as f64,
                };
                assert!(near, "{op:?} of {r:?}: {value}");
            }
        }
        let none = gpu.upload(&[0u32, 0]).expect("none");
        let before = gpu.read(&sums).expect("sums");
        reduce
            .record(
                &mut recorder,
                Op::SumU32,
                &u,
                (&none, 0),
                &o,
                (&none, 1),
                &sums,
            )
            .expect("record");
        recorder.submit().expect("submit");
        assert!(gpu.read(&sums).expect("sums") == before, "no segments");
        let refused = reduce.record(&mut recorder, Op::SumF32, &u, n, &o, segments, &sums);
        assert!(refused.is_err(), "floats out of integers");
    }
}

#[test]
fn more_segments_than_one_row_of_workgroups_holds() {
    let gpu = gpu();
    let segments = 65_535 * 64 + 100;
    // Segment s is value s alone.
    let values: Vec<u32> = (0..segments as u32).map(|i| i ^ 0x5555).collect();
    let offsets: Vec<u32> = (0..=segments as u32).collect();
    let (v, o) = (gpu.upload(&values), gpu.upload(&offsets));
    let (v, o) = (v.expect("values"), o.expect("offsets"));
    let count = gpu.upload(&[segments as u32]).expect("count");
    let reduce = Reduce::new(&gpu, segments).expect("reduce");
    let mut recorder = gpu.recorder();
    for on_gpu in [false, true] {
        let sums = garbage(&gpu, segments);
        let recorded = if on_gpu {
            let all = (&count, 0);
            reduce.record(&mut recorder, Op::SumU32, &v, all, &o, all, &sums)
        } else {
            reduce.record(&mut recorder, Op::SumU32, &v, segments, &o, segments, &sums)
        };
        recorded.expect("record");
        recorder.submit().expect("submit");
        assert!(gpu.read(&sums).expect("sums") == values, "{on_gpu}");
    }
}
