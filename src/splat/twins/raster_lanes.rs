//! Twin of `kernels/splat/raster_lanes.wgsl`, lane by lane in waves of any width.

use std::ops::Range;

use super::Seen;
use super::raster::{CLEAR, DONE, Pixel, run, take};
use crate::gpu::Call;
use crate::splat::records::TILE;

/// Lanes of a workgroup, eight a tile.
const LANES: usize = 32;

/// A lane: a column of a tile of an image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lane {
    /// Its slots in the sorted values.
    pub range: [u32; 2],
    /// x of its pixels.
    pub column: u32,
    /// y of the first of them.
    pub row: u32,
}

impl Lane {
    /// Splats of its tile.
    pub fn n(&self) -> usize {
        (self.range[1] - self.range[0]) as usize
    }

    /// The `i`-th slot of its tile.
    pub fn slot(&self, values: &[u32], i: usize) -> Option<u32> {
        (i < self.n()).then(|| values[self.range[0] as usize + i])
    }

    /// Its pixels: x, y and place in the image, where they lie in it.
    pub fn pixels(&self, size: [u32; 2]) -> impl Iterator<Item = Option<(f64, f64, usize)>> {
        let (x, row) = (self.column, self.row);
        (row..row + TILE).map(move |y| {
            let at = (y * size[0] + x) as usize;
            (x < size[0] && y < size[1]).then_some((f64::from(x) + 0.5, f64::from(y) + 0.5, at))
        })
    }
}

/// The waves of all workgroups, each as its lanes: `width` of them, or what a workgroup has.
pub(super) fn waves(size: [u32; 2], ranges: &[[u32; 2]], width: usize) -> Vec<Vec<Lane>> {
    let across = size[0].div_ceil(TILE);
    let tiles = ranges.len().next_multiple_of(LANES / TILE as usize);
    let lanes: Vec<Lane> = (0..tiles as u32)
        .flat_map(|tile| {
            let range = ranges.get(tile as usize).copied().unwrap_or_default();
            (0..TILE).map(move |lane| Lane {
                range,
                // Tiles beyond the last have no pixels.
                column: match ranges.len() as u32 > tile {
                    true => tile % across * TILE + lane,
                    false => u32::MAX / 2,
                },
                row: tile / across * TILE,
            })
        })
        .collect();
    lanes
        .chunks(LANES)
        .flat_map(|group| group.chunks(width))
        .map(<[Lane]>::to_vec)
        .collect()
}

/// The lanes that share splats with the lane at `at` of its wave.
pub(super) fn eight(at: usize) -> Range<usize> {
    let base = at - at % TILE as usize;
    base..base + TILE as usize
}

/// All pixels of an image, row-major, as waves of `width` lanes make them.
pub fn in_waves(
    width: usize,
    size: [u32; 2],
    ranges: &[[u32; 2]],
    values: &[u32],
    owners: &[u32],
    projected: &[Seen],
) -> Vec<Pixel> {
    let mut image = vec![CLEAR; (size[0] * size[1]) as usize];
    for wave in waves(size, ranges, width) {
        let most = wave.iter().map(Lane::n).max().unwrap_or_default();
        for first in (0..most).step_by(TILE as usize) {
            let mine: Vec<Option<&Seen>> = (0..wave.len())
                .map(|at| {
                    let slot = wave[at].slot(values, first + at % TILE as usize)?;
                    Some(&projected[owners[slot as usize] as usize])
                })
                .collect();
            for (at, lane) in wave.iter().enumerate() {
                for from in eight(at) {
                    let Some(splat) = mine[from] else { continue };
                    for (x, y, pixel) in lane.pixels(size).flatten() {
                        take(&mut image[pixel], splat, x, y);
                    }
                }
            }
            let mut pixels = wave.iter().flat_map(|lane| lane.pixels(size)).flatten();
            if pixels.all(|(.., pixel)| image[pixel].clear < DONE) {
                break;
            }
        }
    }
    image
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    run(call, |size, ranges, values, owners, projected| {
        in_waves(TILE as usize, size, ranges, values, owners, projected)
    });
}
