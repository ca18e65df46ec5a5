//! Small measures on one picture of luma: filters, percentiles, sharpness, noise.

/// A picture of luma, 0-255, row-major.
pub(super) struct Picture<'a> {
    pub width: usize,
    pub height: usize,
    pub luma: &'a [f32],
}

/// The value below which a share `q` of `values` lies; 0 for none. Reorders them.
pub(super) fn percentile(values: &mut [f32], q: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() - 1) as f64 * q).round() as usize;
    let (_, value, _) = values.select_nth_unstable_by(at, f32::total_cmp);
    f64::from(*value)
}

/// Mean; 0 for none.
pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut n) = (0.0, 0.0);
    for v in values {
        sum += v;
        n += 1.0;
    }
    if n > 0.0 { sum / n } else { 0.0 }
}

impl Picture<'_> {
    /// Convolved with a Gaussian of `sigma` pixels, edges repeated.
    fn gaussian(&self, sigma: f32) -> Vec<f32> {
        let radius = (3.0 * sigma).ceil() as usize;
        let mut taps: Vec<f32> = (0..=2 * radius)
            .map(|i| (-0.5 * ((i as f32 - radius as f32) / sigma).powi(2)).exp())
            .collect();
        let total: f32 = taps.iter().sum();
        taps.iter_mut().for_each(|t| *t /= total);
        let (w, h) = (self.width, self.height);
        let mut rows = vec![0.0f32; w * h];
        let mut padded = vec![0.0f32; w + 2 * radius];
        for (row, out) in self.luma.chunks_exact(w).zip(rows.chunks_exact_mut(w)) {
            padded[..radius].fill(row[0]);
            padded[radius..radius + w].copy_from_slice(row);
            padded[radius + w..].fill(row[w - 1]);
            for (k, tap) in taps.iter().enumerate() {
                for (o, v) in out.iter_mut().zip(&padded[k..k + w]) {
                    *o += tap * v;
                }
            }
        }
        let mut out = vec![0.0f32; w * h];
        for (y, line) in out.chunks_exact_mut(w).enumerate() {
            for (k, tap) in taps.iter().enumerate() {
                let from = (y + k).saturating_sub(radius).min(h - 1);
                for (o, v) in line.iter_mut().zip(&rows[from * w..(from + 1) * w]) {
                    *o += tap * v;
                }
            }
        }
        out
    }

    /// Standard deviation of the noise, from the median of the diagonal second difference (in grey levels).
    pub fn noise(&self) -> f64 {
        let (w, x) = (self.width, self.luma);
        let mut high = Vec::with_capacity(w * self.height);
        for y in 1..self.height.saturating_sub(1) {
            for i in y * w + 1..((y + 1) * w).saturating_sub(1) {
                let edge = x[i - 1] + x[i + 1] + x[i - w] + x[i + w];
                let corner = x[i - w - 1] + x[i - w + 1] + x[i + w - 1] + x[i + w + 1];
                high.push((4.0 * x[i] - 2.0 * edge + corner).abs());
            }
        }
        percentile(&mut high, 0.5) / (0.6745 * 6.0)
    }

    /// Fine detail against coarse: P97 |x - G1 x|, less what noise of `noise` grey levels gives, over
    /// P97 |G1 x - G4 x| + 1.
    pub fn sharpness(&self, noise: f64) -> f64 {
        let (fine, coarse) = (self.gaussian(1.0), self.gaussian(4.0));
        let mut detail: Vec<f32> = self
            .luma
            .iter()
            .zip(&fine)
            .map(|(a, b)| (a - b).abs())
            .collect();
        let mut body: Vec<f32> = fine
            .iter()
            .zip(&coarse)
            .map(|(a, b)| (a - b).abs())
            .collect();
        let detail = (percentile(&mut detail, 0.97) - 2.2 * noise).max(0.0);
        detail / (percentile(&mut body, 0.97) + 1.0)
    }

    /// By how much the mean gradient across the lines of an 8-pixel grid exceeds that elsewhere, at the worst of
    /// the eight phases; the mean over both directions. 0 for pictures under 24 pixels.
    pub fn blocks(&self) -> f64 {
        let (w, h, x) = (self.width, self.height, self.luma);
        if w.min(h) < 24 {
            return 0.0;
        }
        let (mut across, mut down) = ([0.0f64; 8], [0.0f64; 8]);
        for y in 1..h {
            for c in 1..w {
                let i = y * w + c;
                across[c % 8] += f64::from((x[i] - x[i - 1]).abs());
                down[y % 8] += f64::from((x[i] - x[i - w]).abs());
            }
        }
        let count = |side: usize, phase: usize| (1..side).filter(|i| i % 8 == phase).count() as f64;
        let excess = |sums: [f64; 8], side: usize| {
            let total = sums.iter().sum::<f64>() / (side - 1) as f64;
            let worst = (0..8).map(|p| sums[p] / count(side, p)).fold(0.0, f64::max);
            worst / (total + 1e-3 * (w * h) as f64 / side as f64) - 1.0
        };
        (0.5 * (excess(across, w) + excess(down, h))).max(0.0)
    }

    /// Share of pixels at the ends of the range.
    pub fn clipped(&self) -> f64 {
        let ends = self
            .luma
            .iter()
            .filter(|v| **v <= 2.0 || **v >= 253.0)
            .count();
        ends as f64 / self.luma.len().max(1) as f64
    }

    /// Standard deviation of the luma in grey levels.
    pub fn contrast(&self) -> f64 {
        let m = mean(self.luma.iter().map(|v| f64::from(*v)));
        mean(self.luma.iter().map(|v| (f64::from(*v) - m).powi(2))).sqrt()
    }
}

/// Mean over the 9x9 box around each pixel, less at the border.
pub(super) fn box9(values: &[f32], width: usize, height: usize) -> Vec<f32> {
    let pass = |values: &[f32], len: usize, stride: usize, lines: usize, line_stride: usize| {
        let mut out = vec![0.0f32; values.len()];
        for line in 0..lines {
            let at = |i: usize| values[line * line_stride + i * stride];
            let mut sum: f32 = (0..len.min(4)).map(at).sum();
            for i in 0..len {
                if i + 4 < len {
                    sum += at(i + 4);
                }
                if i > 4 {
                    sum -= at(i - 5);
                }
                let n = (i + 4).min(len - 1) - i.saturating_sub(4) + 1;
                out[line * line_stride + i * stride] = sum / n as f32;
            }
        }
        out
    };
    let rows = pass(values, width, 1, height, width);
    pass(&rows, height, width, width, 1)
}
