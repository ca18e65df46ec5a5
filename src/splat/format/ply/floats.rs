//! The common PLY: rows of little-endian floats, read block by block on all cores.

use rayon::prelude::*;

use super::super::super::Splats;
use super::super::super::cloud::usable;
use super::super::builder::Builder;
use super::super::unit;
use super::layout::{FLAT, Layout, SMALL};

/// Rows of a block.
const BLOCK: usize = 1 << 14;

/// Where the numbers of a splat lie.
struct Rows<'a> {
    bytes: &'a [u8],
    stride: usize,
    /// Offsets in a row, in the order of [`Layout::columns`].
    spots: &'a [usize],
    /// All that a row holds is 4 bytes wide.
    words: bool,
    layout: &'a Layout,
}

/// What a block showed.
#[derive(Clone, Copy, Default)]
struct Seen {
    not_finite: usize,
    unturned: usize,
    normals: bool,
}

/// One block of each array of a cloud.
struct Block<'a> {
    positions: &'a mut [[f32; 3]],
    log_scales: &'a mut [[f32; 3]],
    rotations: &'a mut [[f32; 4]],
    opacity_logits: &'a mut [f32],
    sh: &'a mut [[f32; 3]],
}

/// The splats of rows of `stride` bytes with floats at `spots`, and whether one has a normal. `words` where all that a
/// row holds is 4 bytes wide.
pub(super) fn read(
    bytes: &[u8],
    stride: usize,
    (spots, words): (&[usize], bool),
    layout: &Layout,
) -> (Builder, bool) {
    let n = bytes.len() / stride;
    let mut splats = Splats {
        sh_degree: layout.kept_degree(),
        ..Splats::default()
    };
    let k = splats.coefficients();
    splats.positions = vec![[0.0; 3]; n];
    splats.log_scales = vec![[0.0; 3]; n];
    splats.rotations = vec![[0.0; 4]; n];
    splats.opacity_logits = vec![0.0; n];
    splats.sh = vec![[0.0; 3]; n * k];
    let seen = (
        bytes.par_chunks(BLOCK * stride),
        splats.positions.par_chunks_mut(BLOCK),
        splats.log_scales.par_chunks_mut(BLOCK),
        splats.rotations.par_chunks_mut(BLOCK),
        splats.opacity_logits.par_chunks_mut(BLOCK),
        splats.sh.par_chunks_mut(BLOCK * k),
    )
        .into_par_iter()
        .map(
            |(bytes, positions, log_scales, rotations, opacity_logits, sh)| {
                let rows = Rows {
                    bytes,
                    stride,
                    spots,
                    words,
                    layout,
                };
                let mut block = Block {
                    positions,
                    log_scales,
                    rotations,
                    opacity_logits,
                    sh,
                };
                match k {
                    1 => rows.fill::<1>(&mut block),
                    4 => rows.fill::<4>(&mut block),
                    9 => rows.fill::<9>(&mut block),
                    _ => rows.fill::<16>(&mut block),
                }
            },
        )
        .reduce(Seen::default, |a, b| Seen {
            not_finite: a.not_finite + b.not_finite,
            unturned: a.unturned + b.unturned,
            normals: a.normals || b.normals,
        });
    if seen.not_finite > 0 {
        splats.retain_usable();
    }
    (
        Builder::of(splats, seen.not_finite, seen.unturned),
        seen.normals,
    )
}

impl Rows<'_> {
    /// Fills a block of splats with `K` coefficients each; one that cannot be used gets a position that tells.
    fn fill<const K: usize>(&self, out: &mut Block<'_>) -> Seen {
        let mut seen = Seen::default();
        let (own, rest) = self.spots.split_at(SMALL + 3 * (K - 1));
        let (higher, normal) = rest.split_at(self.layout.higher);
        let flat = self.layout.scales == 2;
        for (i, row) in self.bytes.chunks_exact(self.stride).enumerate() {
            let at = |column: usize| float(row, own[column]);
            let position = [at(0), at(1), at(2)];
            let log_scale = [at(7), at(8), if flat { FLAT } else { at(9) }];
            let opacity_logit = at(6);
            let rotation = [at(10), at(11), at(12), at(13)];
            let mut sh = [[at(3), at(4), at(5)]; K];
            for (k, coefficient) in sh.iter_mut().enumerate().skip(1) {
                // Channel-major in the file.
                *coefficient = [0, 1, 2].map(|c| at(SMALL - 1 + c * (K - 1) + k));
            }
            if !seen.normals {
                seen.normals = normal.iter().any(|at| float(row, *at) != 0.0);
            }
            let sound = self.words && all_finite(row)
                || higher.iter().all(|at| float(row, *at).is_finite())
                    && usable(&position, &log_scale, &rotation, opacity_logit, &sh);
            seen.not_finite += usize::from(!sound);
            seen.unturned += usize::from(sound && rotation == [0.0; 4]);
            out.positions[i] = if sound { position } else { [f32::NAN; 3] };
            out.log_scales[i] = log_scale;
            out.rotations[i] = unit(rotation);
            out.opacity_logits[i] = opacity_logit;
            out.sh[K * i..K * (i + 1)].copy_from_slice(&sh);
        }
        seen
    }
}

fn float(row: &[u8], at: usize) -> f32 {
    let mut word = [0; 4];
    word.copy_from_slice(&row[at..at + 4]);
    f32::from_le_bytes(word)
}

/// Whether a row of words has neither NaN nor infinities among them, each taken as a float.
fn all_finite(row: &[u8]) -> bool {
    // Two floats at once: one more than the greatest exponent carries into the sign's place, and no further.
    const EXPONENTS: u64 = 0x7F80_0000_7F80_0000;
    const ONES: u64 = 0x0080_0000_0080_0000;
    const SIGNS: u64 = 0x8000_0000_8000_0000;
    let (pairs, last) = row.as_chunks::<8>();
    let mut carried = 0;
    for pair in pairs {
        carried |= (u64::from_le_bytes(*pair) & EXPONENTS) + ONES;
    }
    if let [a, b, c, d] = *last {
        carried |= (u64::from(u32::from_le_bytes([a, b, c, d])) & EXPONENTS) + ONES;
    }
    carried & SIGNS == 0
}
