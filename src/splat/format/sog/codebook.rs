//! 256 numbers that stand for many.

use rayon::slice::ParallelSliceMut as _;

/// Numbers of a codebook.
pub(super) const ENTRIES: usize = 256;

/// Cuts of the sorted numbers by rank, and as many by value: what lies between two is kept together.
const CUTS: usize = 2048;

/// Ranges of value that count as much as each other, however many numbers lie in them.
const RANGES: usize = 1024;

/// What those ranges count for, against the numbers themselves: a few large splats, or bright ones, are seen as well as the many.
const SPREAD: f64 = 0.3;

/// Numbers that stand for others.
pub(super) struct Codebook(pub [f32; ENTRIES]);

impl Codebook {
    /// The best for these finite numbers: the mean squared error is as small as it can be, see [`SPREAD`]. Up to 256 different
    /// ones are kept as they are.
    pub fn of(mut values: Vec<f32>) -> Self {
        values.par_sort_unstable_by(f32::total_cmp);
        let distinct = values.chunk_by(|a, b| a == b).count();
        if distinct > ENTRIES {
            return Self::fitted(&values, distinct);
        }
        let mut out = [0.0; ENTRIES];
        let mut last = 0.0;
        let mut equals = values.chunk_by(|a, b| a == b);
        for entry in &mut out {
            // The last again where there are no more: the order stays.
            last = equals.next().map_or(last, |equal| equal[0]);
            *entry = last;
        }
        Self(out)
    }

    /// By dynamic programming over runs of the sorted numbers.
    fn fitted(sorted: &[f32], distinct: usize) -> Self {
        let runs = Runs::of(sorted, distinct);
        let n = runs.len();
        // The least error of the first j runs by m entries, and where the last entry's runs begin.
        let mut least: Vec<f64> = (0..=n).map(|end| runs.error(0, end)).collect();
        let mut begins = vec![vec![0u32; n + 1]];
        for entries in 1..ENTRIES.min(n) {
            let mut next = vec![f64::INFINITY; n + 1];
            let mut begin = vec![0; n + 1];
            let mut layer = Layer {
                runs: &runs,
                before: &least,
                least: &mut next,
                begin: &mut begin,
            };
            layer.fill((entries + 1, n), (entries, n));
            least = next;
            begins.push(begin);
        }
        let mut out = [0.0; ENTRIES];
        let mut end = n;
        for (entry, begin) in begins.iter().enumerate().rev() {
            let start = begin[end] as usize;
            out[entry] = runs.mean(start, end);
            end = start;
        }
        let last = out[begins.len() - 1];
        out[begins.len()..].fill(last);
        out.sort_unstable_by(f32::total_cmp);
        Self(out)
    }

    /// The entry that is nearest.
    pub fn nearest(&self, value: f32) -> u8 {
        let above = self.0.partition_point(|entry| *entry < value);
        let below = above.saturating_sub(1);
        let above = above.min(ENTRIES - 1);
        let nearer = value - self.0[below] <= self.0[above] - value;
        (if nearer { below } else { above }) as u8
    }
}

/// Runs of sorted numbers: running sums of weight, weighted numbers and their squares, from the middle outwards, so that a few
/// numbers far out do not drown the others in rounding.
struct Runs {
    sums: Vec<[f64; 3]>,
    middle: f64,
}

impl Runs {
    fn of(sorted: &[f32], distinct: usize) -> Self {
        let n = sorted.len();
        let first = f64::from(sorted[0]);
        let range = f64::from(sorted[n - 1]) - first;
        let middle = f64::from(sorted[n / 2]);
        let place = |value: f32, parts: usize| {
            let part = (f64::from(value) - first) / range * parts as f64;
            (part as usize).min(parts - 1)
        };
        let mut filled = [0usize; RANGES];
        for value in sorted {
            filled[place(*value, RANGES)] += 1;
        }
        let ranges = filled.iter().filter(|n| **n > 0).count();
        let mut runs = Vec::new();
        let mut run = [0.0; 3];
        let mut half = 0;
        for (i, value) in sorted.iter().enumerate() {
            let x = f64::from(*value) - middle;
            let range = filled[place(*value, RANGES)] * ranges;
            let weight = (1.0 - SPREAD) / n as f64 + SPREAD / range as f64;
            for (sum, add) in run.iter_mut().zip([weight, weight * x, weight * x * x]) {
                *sum += add;
            }
            let ends = sorted.get(i + 1).is_none_or(|next| {
                next != value
                    && (distinct <= 2 * CUTS
                        || (i + 1) * CUTS / n != i * CUTS / n
                        || place(*next, CUTS) != place(*value, CUTS))
            });
            if ends {
                runs.push(std::mem::take(&mut run));
                half = if x < 0.0 { runs.len() } else { half };
            }
        }
        let mut sums = vec![[0.0; 3]; runs.len() + 1];
        for i in half..runs.len() {
            sums[i + 1] = std::array::from_fn(|k| sums[i][k] + runs[i][k]);
        }
        for i in (0..half).rev() {
            sums[i] = std::array::from_fn(|k| sums[i + 1][k] - runs[i][k]);
        }
        Self { sums, middle }
    }

    fn len(&self) -> usize {
        self.sums.len() - 1
    }

    fn between(&self, start: usize, end: usize) -> [f64; 3] {
        std::array::from_fn(|i| self.sums[end][i] - self.sums[start][i])
    }

    /// The squared error when their mean stands for them.
    fn error(&self, start: usize, end: usize) -> f64 {
        let [weight, linear, square] = self.between(start, end);
        if weight > 0.0 {
            (square - linear * linear / weight).max(0.0)
        } else {
            0.0
        }
    }

    fn mean(&self, start: usize, end: usize) -> f32 {
        let [weight, linear, _] = self.between(start, end);
        (self.middle + linear / weight) as f32
    }
}

/// One step of the dynamic programming.
struct Layer<'a> {
    runs: &'a Runs,
    before: &'a [f64],
    least: &'a mut [f64],
    begin: &'a mut [u32],
}

impl Layer<'_> {
    /// Fills `ends`, whose last entries begin within `begins`: the further the end, the further the best begin.
    fn fill(&mut self, ends: (usize, usize), begins: (usize, usize)) {
        if ends.0 > ends.1 {
            return;
        }
        let end = usize::midpoint(ends.0, ends.1);
        let mut best = (f64::INFINITY, begins.0);
        for begin in begins.0..=begins.1.min(end - 1) {
            let error = self.before[begin] + self.runs.error(begin, end);
            if error < best.0 {
                best = (error, begin);
            }
        }
        self.least[end] = best.0;
        self.begin[end] = best.1 as u32;
        self.fill((ends.0, end - 1), (begins.0, best.1));
        self.fill((end + 1, ends.1), (best.1, begins.1));
    }
}
