//! Convolutions of stride 1 without columns: a band of rows with its margins is laid out once, and every tap is a place in it.

use rayon::prelude::*;

use super::avx2::{self, COLUMNS, ROWS};
use super::{Conv, Shared};

/// Floats of a band at most, so that it stays in the second cache; one row is always taken.
const BAND: usize = 30 << 10;

/// Floats that one row with its margins may take; wide dilations of many channels are left to columns.
const MOST: usize = 4 << 20;

/// As [`super::convolve`], which has checked the sizes.
pub(super) fn run(conv: &Conv<'_>, y: &mut [f32]) -> bool {
    let [c, h, w] = conv.size;
    let [kh, kw] = conv.kernel;
    let [dy, dx] = conv.dilations;
    let [oh, ow] = conv.out;
    let taps = c * kh * kw;
    let channels = y.len() / (oh * ow);
    let mut ready = Ready {
        conv,
        groups: groups(channels),
        weights: vec![0f32; channels * taps],
        offsets: Vec::new(),
    };
    for &(first, many) in &ready.groups {
        let to = &mut ready.weights[first * taps..][..many * taps];
        for r in 0..many {
            let of = &conv.weights[(first + r) * taps..][..taps];
            for (to, &w) in to[r..].iter_mut().step_by(many).zip(of) {
                *to = w;
            }
        }
    }
    let shared = Shared(y.as_mut_ptr());
    let area = oh * ow;
    if conv.kernel == [1; 2] && conv.before == [0; 2] && conv.out == [h, w] && area >= COLUMNS {
        // Pixels are read where they lie.
        ready.offsets = (0..c).map(|c| c * area).collect();
        // The last task takes what is left over.
        let tasks = (area / TASK).max(1);
        (0..tasks).into_par_iter().for_each(|task| {
            let end = if task + 1 == tasks {
                area
            } else {
                (task + 1) * TASK
            };
            for at in (task * TASK..end).step_by(COLUMNS) {
                // The last block begins earlier, so that it ends with the picture: that much is this task's, too.
                let at = at.min(area - COLUMNS);
                // SAFETY: the processor has AVX2 and FMA; 16 pixels from `at` on are inside, and no other task's.
                unsafe { ready.block(conv.x.as_ptr(), at, [area, 1, area], shared.start()) };
            }
        });
        return true;
    }
    let wide = ow + dx * (kw - 1);
    let margin = dy * (kh - 1);
    if c.saturating_mul(margin + 1).saturating_mul(wide) > MOST {
        return false;
    }
    // Bands of even heights, as few as hold what they may.
    let most = (BAND / (c * wide)).saturating_sub(margin).clamp(1, oh);
    let bands = oh.div_ceil(most).max(rayon::current_num_threads().min(oh));
    let rows = oh.div_ceil(bands);
    let tall = rows + margin;
    ready.offsets = (0..taps)
        .map(|tap| {
            let (x, y, c) = (tap % kw, tap / kw % kh, tap / kw / kh);
            (c * tall + y * dy) * wide + x * dx
        })
        .collect();
    (0..oh.div_ceil(rows))
        .into_par_iter()
        .for_each_init(Vec::new, |band, task| {
            let top = task * rows;
            let rows = rows.min(oh - top);
            // Past the end the last block reads, and what it makes of that is not kept.
            band.resize(c * tall * wide + COLUMNS, 0f32);
            for (line, to) in band[..c * tall * wide].chunks_exact_mut(wide).enumerate() {
                let (channel, row) = (line / tall, line % tall);
                let from = (top + row).checked_sub(conv.before[0]).filter(|&r| r < h);
                let Some(from) = from else {
                    to.fill(0.0);
                    continue;
                };
                let from = &conv.x[(channel * h + from) * w..][..w];
                let left = conv.before[1].min(wide);
                let n = w.min(wide - left);
                to[..left].fill(0.0);
                to[left..left + n].copy_from_slice(&from[..n]);
                to[left + n..].fill(0.0);
            }
            for at in (0..(rows - 1) * wide + ow).step_by(COLUMNS) {
                // SAFETY: the processor has AVX2 and FMA; a tap of a pixel of this band lies in it, and of those past the last pixel at
                // most 16 floats after its end. The band's lines of the result are its own.
                unsafe {
                    let to = shared.start().add(top * ow);
                    ready.block(band.as_ptr(), at, [wide, rows, ow], to);
                }
            }
        });
    true
}

/// Taps at a time: their pixels and a group's weights stay in the first cache.
const PART: usize = 144;

/// Channels whose sums are kept at a time.
const CHANNELS: usize = 96;

/// Pixels of a task where they are read where they lie.
const TASK: usize = 64 * COLUMNS;

/// A convolution, ready to be run.
struct Ready<'a> {
    conv: &'a Conv<'a>,
    groups: Vec<(usize, usize)>,
    /// A group's weights of a tap lie together.
    weights: Vec<f32>,
    /// Where each tap lies from a pixel on.
    offsets: Vec<usize>,
}

impl Ready<'_> {
    /// 16 pixels from `at` on, of every channel: `x` in lines of `wide`, of which there are `rows` with `ow` pixels of a result whose first
    /// line is at `to`.
    ///
    /// # Safety
    /// AVX2 and FMA; 16 floats at `x + at` and every offset, and `rows` lines of every channel at `to` that nobody else writes.
    unsafe fn block(&self, x: *const f32, at: usize, shape: [usize; 3], to: *mut f32) {
        let Conv {
            bias, then, out, ..
        } = *self.conv;
        let taps = self.offsets.len();
        let mut sums = [[0f32; COLUMNS]; CHANNELS];
        // Some groups at a time, whose sums are kept, and one part of the taps after the other.
        let mut rest = &self.groups[..];
        while let Some(&(first, _)) = rest.first() {
            let inside = |&&(channel, n): &&(usize, usize)| channel + n - first <= CHANNELS;
            let (now, later) = rest.split_at(rest.iter().take_while(inside).count());
            for part in (0..taps).step_by(PART) {
                let offsets = &self.offsets[part..taps.min(part + PART)];
                for &(channel, n) in now {
                    let sums = &mut sums[channel - first..][..n];
                    // SAFETY: as promised.
                    unsafe {
                        let x = x.add(at);
                        let w = self.weights.as_ptr().add(channel * taps + part * n);
                        match n {
                            6 => avx2::pixels::<6>(offsets, x, w, sums, part > 0),
                            5 => avx2::pixels::<5>(offsets, x, w, sums, part > 0),
                            4 => avx2::pixels::<4>(offsets, x, w, sums, part > 0),
                            3 => avx2::pixels::<3>(offsets, x, w, sums, part > 0),
                            2 => avx2::pixels::<2>(offsets, x, w, sums, part > 0),
                            _ => avx2::pixels::<1>(offsets, x, w, sums, part > 0),
                        }
                    }
                }
            }
            let end = now.last().map_or(first, |&(channel, n)| channel + n);
            for (channel, values) in (first..end).zip(&mut sums) {
                let bias = bias.map_or(0.0, |bias| bias[channel]);
                // SAFETY: as promised.
                unsafe {
                    avx2::finish_pixels(values, bias, then);
                    scattered(values, at, shape, to.add(channel * out[0] * out[1]));
                }
            }
            rest = later;
        }
    }
}

/// First channel and number of each group: sixes, and rather two of the same size than a six and one or two.
fn groups(channels: usize) -> Vec<(usize, usize)> {
    let (mut sixes, rest) = (channels / ROWS, channels % ROWS);
    let last = match rest {
        0 => [0, 0],
        1 | 2 if sixes > 0 => {
            sixes -= 1;
            [(ROWS + rest).div_ceil(2), (ROWS + rest) / 2]
        }
        rest => [rest, 0],
    };
    let sizes = std::iter::repeat_n(ROWS, sixes).chain(last);
    sizes
        .filter(|&n| n > 0)
        .scan(0, |first, n| {
            *first += n;
            Some((*first - n, n))
        })
        .collect()
}

/// Writes the pixels from `at` on of lines of `wide`, of which there are `rows` with `ow` kept of each, to lines of `ow`.
///
/// # Safety
/// `rows * ow` floats at `to`.
unsafe fn scattered(
    values: &[f32; COLUMNS],
    at: usize,
    [wide, rows, ow]: [usize; 3],
    to: *mut f32,
) {
    let mut i = 0;
    let (mut line, mut column) = (at / wide, at % wide);
    if line < rows && column + COLUMNS <= ow {
        // SAFETY: the line is one of the rows, and 16 places of it are left.
        unsafe {
            std::ptr::copy_nonoverlapping(values.as_ptr(), to.add(line * ow + column), COLUMNS);
        }
        return;
    }
    while i < COLUMNS && line < rows {
        let left = (wide - column).min(COLUMNS - i);
        if column < ow {
            let n = left.min(ow - column);
            // SAFETY: the line is one of the rows, and `n` places of it are left.
            unsafe {
                std::ptr::copy_nonoverlapping(values[i..].as_ptr(), to.add(line * ow + column), n);
            }
        }
        i += left;
        line += 1;
        column = 0;
    }
}
