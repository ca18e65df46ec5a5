//! Parity of the conversion kernels with their twins.

use sora_director::gpu::{AnyBuffer, groups_2d};
use sora_director::video::twins::convert::convert;
use sora_director::video::twins::convert_420::convert_420;
use sora_director::video::twins::convert_hdr::convert_hdr;
use sora_director::video::twins::shrink_420::shrink_420;
use sora_director::video::{CONVERT, CONVERT_420, CONVERT_HDR, ConvertParams, SHRINK_420};

use crate::common::{Rng, garbage, gpu};

/// A format as the host would describe it, over one upload of planes with odd gaps, full of noise.
struct Case {
    name: &'static str,
    depth: u32,
    shift: u32,
    chroma_log2: [u32; 2],
    /// Chroma in one plane, alternating.
    interleaved: bool,
    /// Packed four components, the last alpha.
    packed: bool,
}

const CASES: [Case; 7] = [
    Case::planar("yuv420p", 8, [1, 1]),
    Case::planar("yuv420p10", 10, [1, 1]),
    Case::planar("yuv422p12", 12, [1, 0]),
    Case::planar("yuv444p16", 16, [0, 0]),
    Case::planar("yuv410p", 8, [2, 2]),
    Case {
        interleaved: true,
        shift: 6,
        ..Case::planar("p010", 10, [1, 1])
    },
    Case {
        packed: true,
        ..Case::planar("rgba", 8, [0, 0])
    },
];

impl Case {
    const fn planar(name: &'static str, depth: u32, chroma_log2: [u32; 2]) -> Self {
        Self {
            name,
            depth,
            shift: 0,
            chroma_log2,
            interleaved: false,
            packed: false,
        }
    }

    fn build(&self, stored: [u32; 2], rng: &mut Rng) -> (ConvertParams, Vec<u32>) {
        let bytes = if self.depth + self.shift > 8 { 2 } else { 1 };
        let mut params = ConvertParams {
            shift: [self.shift; 4],
            stored,
            chroma_log2: self.chroma_log2,
            chroma_at: [0, 1].map(|i| ((1 << self.chroma_log2[i]) - 1) as f32 * 0.5),
            mask: [(1 << self.depth) - 1; 4],
            ..ConvertParams::default()
        };
        let mut at = 0;
        for c in 0..4 {
            let log2 = if c == 0 { [0, 0] } else { self.chroma_log2 };
            let [w, h] = [0, 1].map(|i| stored[i].div_ceil(1 << log2[i]) as i32);
            let step = match c {
                _ if self.packed => 4,
                1 | 2 if self.interleaved => 2 * bytes,
                _ => bytes,
            };
            let stride = w * step + 6;
            let apart = !(self.packed || self.interleaved && c == 2) || c == 0;
            params.step[c] = step;
            params.stride[c] = stride;
            params.base[c] = if apart {
                at
            } else {
                params.base[c - 1] + bytes
            };
            if apart {
                // Planes stored bottom up, every other time.
                let up = if c == 0 && rng.u32().is_multiple_of(2) {
                    h - 1
                } else {
                    0
                };
                params.base[c] += up * stride;
                params.stride[c] *= if up > 0 { -1 } else { 1 };
                at = (at + h * stride + 8) / 4 * 4;
            } else {
                params.stride[c] = params.stride[c - 1];
            }
        }
        if !self.packed {
            params.mask[3] = 0;
        }
        params.alpha_scale = 1.0 / 255.0;
        let unit = 1.0 / params.mask[0] as f32;
        let mut row = |luma: f32| {
            let (u, v) = (rng.range(-1.0, 1.0), rng.range(-1.0, 1.0));
            [luma * unit, u * unit, v * unit, rng.range(-0.2, 0.2)]
        };
        (params.row_r, params.row_g, params.row_b) = (row(1.0), row(1.1), row(0.9));
        let words = (at as usize + 8) / 4;
        (params, (0..words).map(|_| rng.u32()).collect())
    }
}

#[test]
fn the_conversion_kernel_agrees_with_its_twin() {
    let gpu = gpu();
    let mut rng = Rng(7);
    let sizes = [
        ([1, 1], [1, 1]),
        ([2, 2], [0, 0]),
        ([7, 9], [7, 9]),
        ([8, 8], [8, 8]),
        ([9, 7], [8, 6]),
        ([33, 17], [16, 8]),
        ([5, 3], [8, 4]),
        ([64, 48], [20, 14]),
    ];
    let (mut pixels, mut off) = (0, 0);
    for case in &CASES {
        for (stored, size) in sizes {
            for orient in [0, rng.u32() % 8] {
                let (mut params, src) = case.build(stored, &mut rng);
                params.size = if orient & 1 == 1 {
                    [size[1], size[0]]
                } else {
                    size
                };
                params.orient = orient;
                if case.packed && stored == [9, 7] {
                    params.alpha_scale = 0.0;
                }
                let count = (size[0] * size[1]) as usize;
                let (input, output) = (gpu.upload(&src).expect("src"), garbage(&gpu, count));
                let mut recorder = gpu.recorder();
                let groups = groups_2d(params.size[0], params.size[1], CONVERT.workgroup);
                recorder
                    .run(&CONVERT, &params, &[&input, &output], groups)
                    .and_then(|()| recorder.submit())
                    .expect("run");
                let got = gpu.read::<u32>(&output).expect("read");
                let want = convert(&params, &src);
                assert_eq!(got.len(), want.len());
                off += apart(&got, &want, 1, || {
                    format!("{} {stored:?} {size:?} {orient}", case.name)
                });
                pixels += got.len();
            }
        }
    }
    assert!(
        off * 200 <= pixels,
        "{off} of {pixels} pixels a level apart"
    );
}

/// Pixels that differ; by more than `most` levels they fail. A sum may be contracted on the GPU: a level where it falls
/// on an edge.
#[track_caller]
fn apart(got: &[u32], want: &[u32], most: u32, what: impl Fn() -> String) -> usize {
    assert_eq!(got.len(), want.len());
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        let apart = (0..32)
            .step_by(8)
            .map(|s| (g >> s & 255).abs_diff(w >> s & 255))
            .max();
        let what = what();
        assert!(
            apart <= Some(most),
            "{what} [{i}]: kernel {g:08x}, twin {w:08x}"
        );
    }
    got.iter().zip(want).filter(|(g, w)| g != w).count()
}

/// A plain 4:2:0 frame as the decoder gives it: rows of whole words, noise in the padding too.
fn plain_420(stored: [u32; 2], chroma_at: [f32; 2], rng: &mut Rng) -> (ConvertParams, Vec<u32>) {
    let half = stored.map(|v| v.div_ceil(2));
    let strides = [stored[0], half[0], half[0]].map(|w| w.next_multiple_of(16) as i32);
    let rows = [stored[1], half[1], half[1]].map(|h| h as i32);
    let mut params = ConvertParams {
        row_r: [1.0 / 255.0, 0.001, 0.006, -0.8],
        row_g: [1.1 / 255.0, -0.002, -0.003, 0.5],
        row_b: [0.9 / 255.0, 0.007, 0.0005, -0.9],
        stride: [strides[0], strides[1], strides[2], 0],
        step: [1, 1, 1, 0],
        mask: [255, 255, 255, 0],
        stored,
        chroma_log2: [1, 1],
        chroma_at,
        ..ConvertParams::default()
    };
    let mut at = 0;
    for c in 0..3 {
        params.base[c] = at;
        at += strides[c] * rows[c];
    }
    (params, (0..at / 4).map(|_| rng.u32()).collect())
}

const SITINGS: [[f32; 2]; 4] = [[0.0, 0.5], [0.5, 0.5], [0.0, 0.0], [0.5, 1.0]];

#[test]
fn the_quick_conversion_of_420_agrees_with_its_twin() {
    let gpu = gpu();
    let mut rng = Rng(8);
    let (mut pixels, mut off) = (0, 0);
    for stored in [
        [4, 1],
        [4, 2],
        [16, 3],
        [20, 2],
        [60, 9],
        [64, 8],
        [260, 17],
    ] {
        for siting in SITINGS {
            let (mut params, src) = plain_420(stored, siting, &mut rng);
            params.size = stored;
            let count = (stored[0] * stored[1]) as usize;
            let input = gpu.upload(&src).expect("src");
            let output = garbage::<u32>(&gpu, count + 4);
            let guard = gpu.read_range(&output, count, 4).expect("guard");
            let (pairs, fours) = (input.cast::<[u32; 2]>(), input.cast::<[u32; 4]>());
            let wide = output.cast::<[u32; 4]>();
            let buffers: [&dyn AnyBuffer; 4] = [&input, &pairs, &fours, &wide];
            let [x, y] = [stored[0].div_ceil(16), stored[1].div_ceil(2)];
            let mut recorder = gpu.recorder();
            recorder
                .run(
                    &CONVERT_420,
                    &params,
                    &buffers,
                    groups_2d(x, y, CONVERT_420.workgroup),
                )
                .and_then(|()| recorder.submit())
                .expect("run");
            let got = gpu.read_range(&output, 0, count).expect("read");
            let want = convert_420(&params, &src);
            off += apart(&got, &want, 1, || format!("{stored:?} {siting:?}"));
            pixels += count;
            assert_eq!(gpu.read_range(&output, count, 4).expect("guard"), guard);
        }
    }
    assert!(off * 100 <= pixels, "{off} of {pixels} pixels apart");
}

#[test]
fn the_quick_shrinking_of_420_agrees_with_its_twin() {
    let gpu = gpu();
    let mut rng = Rng(9);
    let (mut pixels, mut off) = (0, 0);
    for (stored, size) in [
        ([1, 1], [1, 1]),
        ([2, 2], [2, 2]),
        ([9, 7], [8, 6]),
        ([33, 17], [16, 8]),
        ([5, 3], [5, 3]),
        ([130, 62], [52, 26]),
        ([640, 40], [18, 2]),
    ] {
        for siting in SITINGS {
            let (mut params, src) = plain_420(stored, siting, &mut rng);
            params.size = size;
            let count = (size[0] * size[1]) as usize;
            let (input, output) = (gpu.upload(&src).expect("src"), garbage(&gpu, count + 3));
            let guard = gpu.read_range(&output, count, 3).expect("guard");
            let groups = groups_2d(size[0].div_ceil(4), size[1], SHRINK_420.workgroup);
            let mut recorder = gpu.recorder();
            recorder
                .run(&SHRINK_420, &params, &[&input, &output], groups)
                .and_then(|()| recorder.submit())
                .expect("run");
            let got = gpu.read_range(&output, 0, count).expect("read");
            let want = shrink_420(&params, &src);
            off += apart(&got, &want, 1, || format!("{stored:?} {size:?} {siting:?}"));
            pixels += count;
            assert_eq!(gpu.read_range(&output, count, 3).expect("guard"), guard);
        }
    }
    assert!(off * 50 <= pixels, "{off} of {pixels} pixels apart");
}

#[test]
fn the_hdr_kernel_agrees_with_its_twin_and_keeps_the_order_of_light() {
    let gpu = gpu();
    let mut rng = Rng(10);
    let run = |params: &ConvertParams, src: &[u32]| {
        let count = (params.size[0] * params.size[1]) as usize;
        let (input, output) = (gpu.upload(src).expect("src"), garbage(&gpu, count));
        let groups = groups_2d(params.size[0], params.size[1], CONVERT_HDR.workgroup);
        let mut recorder = gpu.recorder();
        recorder
            .run(&CONVERT_HDR, params, &[&input, &output], groups)
            .and_then(|()| recorder.submit())
            .expect("run");
        gpu.read::<u32>(&output).expect("read")
    };
    for (hlg, peak) in [(0, 1000.0), (0, 4000.0), (0, 100.0), (1, 1000.0)] {
        for case in CASES.iter().filter(|case| case.depth > 8) {
            for (stored, size) in [([1, 1], [1, 1]), ([9, 7], [8, 6]), ([33, 17], [16, 8])] {
                let (mut params, src) = case.build(stored, &mut rng);
                (params.size, params.hlg, params.peak) = (size, hlg, peak);
                // Powers differ in their last bits, and PQ takes them to the 79th.
                let got = run(&params, &src);
                apart(&got, &convert_hdr(&params, &src), 2, || {
                    format!("{} {stored:?} {hlg} {peak}", case.name)
                });
            }
        }
        // A grey ramp of 1024 code values comes out grey, and never darker to the right.
        let unit = [1.0 / 1023.0, 0.0, 0.0, 0.0];
        let params = ConvertParams {
            row_r: unit,
            row_g: unit,
            row_b: unit,
            step: [2, 2, 2, 0],
            stride: [2048, 2048, 2048, 0],
            mask: [1023, 1023, 1023, 0],
            stored: [1024, 1],
            size: [1024, 1],
            hlg,
            peak,
            ..ConvertParams::default()
        };
        let ramp: Vec<u32> = (0..512).map(|i| (2 * i) | ((2 * i + 1) << 16)).collect();
        let got = run(&params, &ramp);
        for (i, pixel) in got.iter().enumerate() {
            let [r, g, b, _] = pixel.to_le_bytes();
            assert!(
                r.abs_diff(g) <= 1 && b.abs_diff(g) <= 1,
                "{i}: {pixel:08x} is grey"
            );
        }
        assert!(got.is_sorted_by_key(|pixel| pixel >> 8 & 255));
        // Light under the reference white is not stretched to it.
        let white = if peak < 203.0 { 186 } else { 255 };
        assert_eq!((got[0] & 255, got[1023] & 255), (0, white));
    }
}
