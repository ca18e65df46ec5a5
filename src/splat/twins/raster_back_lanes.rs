//! Twin of `kernels/splat/raster_back_lanes.wgsl`, lane by lane in waves of any width.

use super::Seen;
use super::raster::{CLEAR, DONE, take};
use super::raster_back::{Behind, PixelGrad, Sums, run};
use super::raster_lanes::{Lane, eight, waves};
use crate::gpu::Call;
use crate::splat::records::TILE;

/// Sums of all slots, as waves of `width` lanes make them.
pub fn in_waves(
    width: usize,
    size: [u32; 2],
    ranges: &[[u32; 2]],
    values: &[u32],
    owners: &[u32],
    projected: &[Seen],
    grads: &[PixelGrad],
) -> Vec<Sums> {
    let mut out = vec![Sums::default(); owners.len()];
    for wave in waves(size, ranges, width) {
        let mut pixels: Vec<Vec<_>> = wave
            .iter()
            .map(|lane| {
                let pixels = lane.pixels(size).flatten();
                pixels
                    .map(|(x, y, at)| {
                        let mut all = CLEAR;
                        for i in 0..lane.n() {
                            let slot = values[lane.range[0] as usize + i];
                            take(&mut all, &projected[owners[slot as usize] as usize], x, y);
                        }
                        (x, y, at, Behind::new(&all, &grads[at]))
                    })
                    .collect()
            })
            .collect();
        let most = wave.iter().map(Lane::n).max().unwrap_or_default();
        for first in (0..most).step_by(TILE as usize) {
            let slots: Vec<Option<u32>> = (0..wave.len())
                .map(|at| wave[at].slot(values, first + at % TILE as usize))
                .collect();
            // By lane, what each splat of the turn gets.
            let parts: Vec<[Sums; TILE as usize]> = pixels
                .iter_mut()
                .enumerate()
                .map(|(at, column)| {
                    let from = eight(at).start;
                    std::array::from_fn(|k| {
                        let Some(slot) = slots[from + k] else {
                            return Sums::default();
                        };
                        let splat = &projected[owners[slot as usize] as usize];
                        let mut sum = Sums::default();
                        for (x, y, at, behind) in column.iter_mut() {
                            let part = behind.take(splat, *x, *y, &grads[*at]);
                            add(&mut sum, &part.unwrap_or_default());
                        }
                        sum
                    })
                })
                .collect();
            for (at, slot) in slots.iter().enumerate() {
                let Some(slot) = slot else { continue };
                let k = at % TILE as usize;
                let mut lanes: Vec<Sums> = parts[eight(at)].iter().map(|of| of[k]).collect();
                // The tree that shuffles by 1, 2 and 4 make.
                while lanes.len() > 1 {
                    let pairs = lanes.chunks(2).map(|pair| {
                        let mut sum = pair[0];
                        add(&mut sum, &pair[1]);
                        sum
                    });
                    lanes = pairs.collect();
                }
                out[*slot as usize] = lanes[0];
            }
            let mut all = pixels.iter().flatten();
            if all.all(|(.., behind)| behind.clear < DONE) {
                break;
            }
        }
    }
    out
}

fn add(sum: &mut Sums, part: &Sums) {
    sum.iter_mut().zip(part).for_each(|(s, p)| *s += p);
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    run(call, |size, ranges, values, owners, projected, grads| {
        let width = TILE as usize;
        in_waves(width, size, ranges, values, owners, projected, grads)
    });
}
