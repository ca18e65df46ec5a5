//! Convolutions of 3 x 3 by Winograd's F(2 x 2, 3 x 3) (Lavin and Gray 2016, section 4.1): 16 products a tile of four pixels in place of 36.
//!
//! A block is 16 tiles beside one another, two lines of 32 pixels. Its 4 x 4 transformed inputs are 16 matrices of a line a channel, each as the
//! tiles of a product read it. An infinite input, or one of a quarter of the largest float, may
//! make a pixel NaN that is infinite by the sum.

use rayon::prelude::*;

use super::avx2::{self, COLUMNS};
use super::{Conv, Shared, product};

/// Transformed values of a tile.
const PLACES: usize = 16;

/// Pixels of a block's line, and inputs of it.
const PIXELS: usize = 2 * COLUMNS;
const INPUTS: usize = PIXELS + 2;

/// Floats after those that are read with them.
const MORE: usize = 6;

/// Floats of four lines that reach past the picture.
const EDGE: usize = 4 * INPUTS + MORE;

/// Fewer channels, to either side, are left to bands: a guess, measured with 32 and 64 only.
const LEAST_CHANNELS: usize = 12;

/// Channels of inputs and results at most: those of a block take a KiB each, in every thread.
const MOST_CHANNELS: usize = 4096;

/// Blocks reach past the picture by at most this share; where it pays no more was not measured.
const MOST_WASTE: f64 = 0.3;

/// Whether it is of that kind, and worth it.
pub(super) fn suits(conv: &Conv<'_>, channels: usize) -> bool {
    let blocks = conv.out[1].div_ceil(PIXELS) * PIXELS;
    conv.kernel == [3; 2]
        && conv.dilations == [1; 2]
        && conv.size[0].min(channels) >= LEAST_CHANNELS
        && conv.size[0] + channels <= MOST_CHANNELS
        && (blocks - conv.out[1]) as f64 <= MOST_WASTE * blocks as f64
}

/// As [`super::convolve`], which has checked the sizes, of one that [`suits`].
pub(super) fn run(conv: &Conv<'_>, y: &mut [f32]) {
    let [c, ..] = conv.size;
    let [oh, ow] = conv.out;
    let channels = y.len() / (oh * ow);
    let weights = transformed(conv.weights, channels, c);
    let shared = Shared(y.as_mut_ptr());
    // A line more a place: places that lie powers of two apart would push one another out of the first cache.
    let [input, sum] = [c, channels].map(|lines| (lines + 1) * COLUMNS);
    let across = ow.div_ceil(PIXELS);
    (0..oh.div_ceil(2) * across)
        .into_par_iter()
        .for_each_init(Vec::new, |room, block| {
            let (row, column) = (block / across * 2, block % across * PIXELS);
            room.resize(PLACES * (input + sum), 0f32);
            let (inputs, sums) = room.split_at_mut(PLACES * input);
            let mut edge = [0f32; EDGE];
            for channel in 0..c {
                let (from, apart) = lines(conv, channel, [row, column], &mut edge);
                let to = inputs[channel * COLUMNS..].as_mut_ptr();
                // SAFETY: the processor has AVX2 and FMA; four lines of 40 inputs are there, and 16 floats at each of the 16 places.
                unsafe { avx2::winograd_inputs(from.as_ptr(), apart, to, input) };
            }
            let places = weights.chunks_exact(channels * c);
            let rooms = inputs.chunks_exact(input).zip(sums.chunks_exact_mut(sum));
            for (weights, (inputs, sums)) in places.zip(rooms) {
                let to = sums.as_mut_ptr();
                // SAFETY: as above; the sums have a line of 16 a channel.
                unsafe {
                    product::strip(weights, c, channels, c, inputs, to, COLUMNS, COLUMNS, false);
                }
            }
            let (tall, wide) = (2.min(oh - row), PIXELS.min(ow - column));
            for channel in 0..channels {
                let bias = conv.bias.map_or(0.0, |bias| bias[channel]);
                let from = sums[channel * COLUMNS..].as_ptr();
                let mut pixels = [0f32; 2 * PIXELS];
                // SAFETY: as above.
                unsafe { avx2::winograd_pixels(from, sum, &mut pixels, bias, conv.then) };
                for (line, pixels) in pixels.chunks_exact(PIXELS).take(tall).enumerate() {
                    let at = (channel * oh + row + line) * ow + column;
                    // SAFETY: `wide` pixels from there on are in the line, and no other block's.
                    unsafe {
                        let to = shared.start().add(at);
                        std::ptr::copy_nonoverlapping(pixels.as_ptr(), to, wide);
                    }
                }
            }
        });
}

/// `G g G'` of each pair of channels: a matrix a place, a line of it an output channel.
fn transformed(weights: &[f32], channels: usize, c: usize) -> Vec<f32> {
    let mut out = vec![0f32; PLACES * channels * c];
    let shared = Shared(out.as_mut_ptr());
    (0..channels).into_par_iter().for_each(|o| {
        for i in 0..c {
            let g: &[f32] = &weights[(o * c + i) * 9..][..9];
            let third = |a: f32, b: f32, c: f32| {
                let (outer, inner) = (0.5 * (a + c), 0.5 * b);
                [a, outer + inner, outer - inner, c]
            };
            let down: [[f32; 4]; 3] = std::array::from_fn(|x| third(g[x], g[3 + x], g[6 + x]));
            for y in 0..4 {
                for (x, v) in third(down[0][y], down[1][y], down[2][y])
                    .into_iter()
                    .enumerate()
                {
                    let at = ((4 * y + x) * channels + o) * c + i;
                    // SAFETY: it is inside, and of this output channel.
                    unsafe { shared.start().add(at).write(v) };
                }
            }
        }
    });
    out
}

/// The inputs of the block whose result begins at `[row, column]`: four lines, so far apart; `edge` holds them where they reach past the picture.
fn lines<'a>(
    conv: &Conv<'a>,
    channel: usize,
    [row, column]: [usize; 2],
    edge: &'a mut [f32; EDGE],
) -> (&'a [f32], usize) {
    let [_, h, w] = conv.size;
    let x = &conv.x[channel * h * w..][..h * w];
    let begins = |at: usize, before: usize, n: usize, all: usize| {
        at.checked_sub(before).filter(|from| from + n <= all)
    };
    let top = begins(row, conv.before[0], 4, h);
    let left = begins(column, conv.before[1], INPUTS + MORE, w);
    if let (Some(top), Some(left)) = (top, left) {
        return (&x[top * w + left..], w);
    }
    edge.fill(0.0);
    // The first place that is inside the picture, and which of its columns that is.
    let skip = conv.before[1].saturating_sub(column).min(INPUTS);
    let first = (column + skip).saturating_sub(conv.before[1]);
    let n = (INPUTS - skip).min(w.saturating_sub(first));
    for (line, to) in edge.chunks_exact_mut(INPUTS).enumerate() {
        if let Some(top) = begins(row + line, conv.before[0], 1, h).filter(|_| n > 0) {
            to[skip..][..n].copy_from_slice(&x[top * w + first..][..n]);
        }
    }
    (edge, INPUTS)
}
