//! Parity of the conversion kernel with its twin.

use sora_director::gpu::groups_2d;
use sora_director::reference::video::convert::convert;
use sora_director::video::{CONVERT, ConvertParams};

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
                for (i, (&g, &w)) in got.iter().zip(&want).enumerate() {
                    // A sum may be contracted on the GPU: a level where it falls on an edge.
                    let apart = (0..32)
                        .step_by(8)
                        .map(|s| (g >> s & 255).abs_diff(w >> s & 255))
                        .max();
                    let what = format!("{} {stored:?} {size:?} {orient} [{i}]", case.name);
                    assert!(apart <= Some(1), "{what}: kernel {g:08x}, twin {w:08x}");
                    off += usize::from(g != w);
                    pixels += 1;
                }
            }
        }
    }
    assert!(
        off * 200 <= pixels,
        "{off} of {pixels} pixels a level apart"
    );
}
