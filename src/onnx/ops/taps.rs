//! Separable resampling: for each output place along an axis, which inputs it is made of.

use candle_core::Result;
use rayon::prelude::*;

use super::sane;

/// Weighted inputs of every output place along one axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Taps {
    /// Inputs of one output place.
    per: usize,
    index: Vec<u32>,
    weight: Vec<f32>,
}

impl Taps {
    /// From `per` (index, weight) pairs for each of `outputs` places; indices are clamped to `inputs`.
    pub fn new(
        inputs: usize,
        outputs: usize,
        per: usize,
        pair: impl Fn(usize, usize) -> (i64, f32),
    ) -> Self {
        let last = inputs.saturating_sub(1) as i64;
        let (index, weight) = (0..outputs * per)
            .map(|i| {
                let (at, weight) = pair(i / per, i % per);
                (at.clamp(0, last) as u32, weight)
            })
            .unzip();
        Self { per, index, weight }
    }

    /// Linear interpolation at half-pixel centres, over the whole footprint of an output place where it
    /// shrinks (a triangle filter), so that nothing aliases.
    pub fn area(inputs: usize, outputs: usize) -> Self {
        let scale = inputs as f32 / outputs.max(1) as f32;
        let reach = scale.max(1.0);
        let per = (2.0 * reach).ceil() as usize + 1;
        let first = |i: usize| ((i as f32 + 0.5) * scale - 0.5 - reach).ceil() as i64;
        let weight = |i: usize, k: usize| {
            let at = first(i) + k as i64;
            let inside = at >= 0 && at < inputs as i64;
            let away = (at as f32 - ((i as f32 + 0.5) * scale - 0.5)).abs() / reach;
            if inside { (1.0 - away).max(0.0) } else { 0.0 }
        };
        let mut taps = Self::new(inputs, outputs, per, |i, k| {
            (first(i) + k as i64, weight(i, k))
        });
        for row in taps.weight.chunks_mut(per) {
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|w| *w /= sum);
        }
        taps
    }

    /// Inputs of one output place.
    pub(in super::super) fn each(&self) -> usize {
        self.per
    }

    /// The inputs of each output place, one place after the other, and their weights.
    pub(in super::super) fn lists(&self) -> (&[u32], &[f32]) {
        (&self.index, &self.weight)
    }

    /// Output places.
    pub fn len(&self) -> usize {
        self.index.len() / self.per.max(1)
    }

    /// No output places.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    fn of(&self, i: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let range = i * self.per..(i + 1) * self.per;
        self.index[range.clone()]
            .iter()
            .map(|&at| at as usize)
            .zip(self.weight[range].iter().copied())
            .filter(|&(_, w)| w != 0.0)
    }

    /// Resamples the middle dimension of `x`, seen as `[outer, inputs, inner]`, row-major. The taps must have
    /// been made for `inputs`.
    pub fn apply(&self, x: &[f32], inputs: usize, inner: usize) -> Vec<f32> {
        let outputs = self.len();
        let outer = x.len() / (inputs * inner).max(1);
        let mut y = vec![0f32; outer * outputs * inner];
        if y.is_empty() {
            return y;
        }
        // Lines along the axis are shared when it is the last one, single places of it otherwise.
        if inner == 1 {
            let lines = (8192 / outputs).max(1);
            y.par_chunks_mut(outputs * lines)
                .zip(x.par_chunks(inputs * lines))
                .for_each(|(y, x)| {
                    for (y, x) in y.chunks_mut(outputs).zip(x.chunks(inputs)) {
                        let two = self.index.as_chunks::<2>().0.iter();
                        let two = two.zip(self.weight.as_chunks::<2>().0);
                        match self.per {
                            2 => y.iter_mut().zip(two).for_each(|(y, (at, w))| {
                                let [a, b] = at.map(|at| x[at as usize]);
                                // 0 times infinity is no number.
                                *y = match w {
                                    [w, 0.0] => a * w,
                                    [0.0, w] => b * w,
                                    [w, v] => a * w + b * v,
                                };
                            }),
                            _ => y.iter_mut().enumerate().for_each(|(i, y)| {
                                *y = self.of(i).map(|(at, w)| x[at] * w).sum();
                            }),
                        }
                    }
                });
        } else {
            y.par_chunks_mut(inner).enumerate().for_each(|(place, y)| {
                let from = place / outputs * inputs;
                let line = |at: usize| &x[(from + at) * inner..][..inner];
                let mut taps = self.of(place % outputs);
                match (taps.next(), taps.next()) {
                    (Some((a, w)), Some((b, v))) => {
                        for ((y, &a), &b) in y.iter_mut().zip(line(a)).zip(line(b)) {
                            *y = a * w + b * v;
                        }
                    }
                    // By itself: 0 times infinity is no number.
                    (Some((at, w)), None) => {
                        y.iter_mut().zip(line(at)).for_each(|(y, &x)| *y = x * w);
                    }
                    (None, _) => {}
                }
                for (at, w) in taps {
                    for (y, &x) in y.iter_mut().zip(line(at)) {
                        *y += x * w;
                    }
                }
            });
        }
        y
    }
}

/// How Resize maps an output place to the input's axis, and with which kernel.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Rule {
    pub mode: Mode,
    pub coordinates: Coordinates,
    pub nearest: Nearest,
    pub cubic_a: f32,
    pub exclude_outside: bool,
    /// Where an axis shrinks the kernel spans what one output place stands for.
    pub antialias: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum Mode {
    Nearest,
    Linear,
    Cubic,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum Coordinates {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum Nearest {
    RoundPreferFloor,
    RoundPreferCeil,
    Floor,
    Ceil,
}

impl Rule {
    fn place(&self, i: usize, inputs: usize, outputs: usize, scale: f32) -> f32 {
        let (i, n, m) = (i as f32, inputs as f32, outputs as f32);
        match self.coordinates {
            Coordinates::HalfPixel => (i + 0.5) / scale - 0.5,
            Coordinates::PytorchHalfPixel if outputs <= 1 => 0.0,
            Coordinates::PytorchHalfPixel => (i + 0.5) / scale - 0.5,
            Coordinates::HalfPixelSymmetric => {
                // The output's true length is n * scale; what flooring cut off is cut at both ends.
                let adjust = m / (scale * n);
                n / 2.0 * (1.0 - adjust) + (i + 0.5) / scale - 0.5
            }
            Coordinates::AlignCorners if outputs <= 1 => 0.0,
            Coordinates::AlignCorners => i * (n - 1.0) / (m - 1.0),
            Coordinates::Asymmetric => i / scale,
        }
    }

    /// The taps from `inputs` to `outputs` places at `scale` (outputs / inputs, before flooring).
    ///
    /// # Errors
    /// Never for positive sizes; zero inputs are refused.
    pub fn taps(&self, inputs: usize, outputs: usize, scale: f32) -> Result<Taps> {
        if inputs == 0 || !(scale.is_finite() && scale > 0.0) {
            candle_core::bail!("a resize from {inputs} to {outputs} by {scale}");
        }
        let at = |i| self.place(i, inputs, outputs, scale);
        if self.antialias && self.mode != Mode::Nearest {
            return self.spread(inputs, outputs, scale);
        }
        Ok(match self.mode {
            Mode::Nearest => Taps::new(inputs, outputs, 1, |i, _| {
                let x = at(i);
                let x = match self.nearest {
                    Nearest::RoundPreferFloor => (x - 0.5).ceil(),
                    Nearest::RoundPreferCeil => (x + 0.5).floor(),
                    Nearest::Floor => x.floor(),
                    Nearest::Ceil => x.ceil(),
                };
                (x as i64, 1.0)
            }),
            Mode::Linear => Taps::new(inputs, outputs, 2, |i, k| {
                let x = at(i).clamp(0.0, (inputs - 1) as f32);
                let f = x - x.floor();
                (x as i64 + k as i64, if k == 0 { 1.0 - f } else { f })
            }),
            Mode::Cubic => {
                let weights = |i: usize| {
                    let x = at(i);
                    let w = cubic(x - x.floor(), self.cubic_a);
                    let from = x.floor() as i64 - 1;
                    if !self.exclude_outside {
                        return (from, w);
                    }
                    let inside = |k: i64| (0..inputs as i64).contains(&(from + k));
                    let mut kept = w;
                    for (k, w) in kept.iter_mut().enumerate() {
                        *w *= f32::from(inside(k as i64));
                    }
                    let sum: f32 = kept.iter().sum();
                    (from, kept.map(|w| w / sum))
                };
                Taps::new(inputs, outputs, 4, |i, k| {
                    let (from, w) = weights(i);
                    (from + k as i64, w[k])
                })
            }
        })
    }
}

impl Rule {
    /// Taps of a kernel as wide as an output place, or an input place where that is more; what lies outside counts as the border, or not.
    fn spread(&self, inputs: usize, outputs: usize, scale: f32) -> Result<Taps> {
        let narrow = scale.min(1.0);
        let reach = if self.mode == Mode::Cubic { 2.0 } else { 1.0 } / narrow;
        let per = ((2.0 * reach).ceil() as usize).saturating_add(1);
        sane(&[outputs, per])?;
        let centre = |i: usize| self.place(i, inputs, outputs, scale) + 0.5;
        let first = |i: usize| (centre(i) - reach + 0.5).floor() as i64;
        let mut taps = Taps::new(inputs, outputs, per, |i, k| {
            let at = first(i) + k as i64;
            let kept = !self.exclude_outside || (0..inputs as i64).contains(&at);
            let away = ((at as f32 + 0.5 - centre(i)) * narrow).abs();
            let weight = match self.mode {
                Mode::Cubic if away < 1.0 => cubic(away, self.cubic_a)[1],
                Mode::Cubic if away < 2.0 => cubic(away - 1.0, self.cubic_a)[0],
                Mode::Cubic => 0.0,
                _ => (1.0 - away).max(0.0),
            };
            (at, if kept { weight } else { 0.0 })
        });
        for row in taps.weight.chunks_mut(per) {
            let sum: f32 = row.iter().sum();
            if sum != 0.0 {
                row.iter_mut().for_each(|w| *w /= sum);
            }
        }
        Ok(taps)
    }
}

/// Keys' cubic convolution kernel at the four neighbours of a place `f` after the second (R. Keys 1981).
pub(super) fn cubic(f: f32, a: f32) -> [f32; 4] {
    let near = |d: f32| ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
    let far = |d: f32| ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a;
    [far(f + 1.0), near(f), near(1.0 - f), far(2.0 - f)]
}
