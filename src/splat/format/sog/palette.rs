//! A palette of vectors that stand for many: k-means in time that grows with their number alone, from a tree of halves.

use rayon::prelude::*;

/// Most entries of a palette.
pub(super) const MOST: usize = 1 << 16;

/// Vectors that tell along which line a part of the tree is cut.
const PROBE: usize = 256;

/// Beyond this depth of the tree parts are cut in equal halves, that it ends.
const DEEP: usize = 64;

/// Parts of so many vectors are worth another thread.
const PARALLEL: usize = 4096;

/// Rounds of k-means after the tree.
const ROUNDS: usize = 4;

/// Entries near an entry, among which its vectors look for a nearer one.
const NEAR: usize = 16;

/// Entries that are compared with each other for that, at most.
const GROUP: usize = 48;

/// Ways of sorting the entries that tell which are near each other.
const SORTINGS: usize = 4;

/// Steps from entry to nearer entry that a vector takes in a round, at most.
const STEPS: usize = 8;

/// A palette, and the entry of each vector.
pub(super) struct Palette {
    /// Entry by entry, each as wide as the vectors.
    pub entries: Vec<f32>,
    /// By vector.
    pub labels: Vec<u32>,
}

impl Palette {
    /// At most `most` entries for `count` vectors. The answer is the same for the same vectors, whatever the threads.
    pub fn of<'a>(
        count: usize,
        width: usize,
        most: usize,
        get: &(impl Fn(u32) -> &'a [f32] + Sync),
    ) -> Self {
        let mut points: Vec<u32> = (0..count as u32).collect();
        let all = Sums::of(width, &points, get);
        let sizes = halves(&mut points, &all, most.min(MOST), 0, get);
        let mut palette = Self {
            entries: vec![0.0; sizes.len() * width],
            labels: vec![0; count],
        };
        let mut rest = points.as_slice();
        for (label, size) in sizes.iter().enumerate() {
            let (part, after) = rest.split_at(*size);
            for point in part {
                palette.labels[*point as usize] = label as u32;
            }
            rest = after;
        }
        palette.centre(width, get);
        for round in 0..ROUNDS as u64 {
            if palette.entries.len() <= width {
                break;
            }
            let near = near(&palette.entries, width, round);
            palette.assign(width, &near, get);
            palette.centre(width, get);
        }
        palette
    }

    /// Moves each vector to the nearest entry that can be found from its own.
    fn assign<'a>(&mut self, width: usize, near: &[u32], get: &(impl Fn(u32) -> &'a [f32] + Sync)) {
        let entry = |label: u32| &self.entries[label as usize * width..][..width];
        let each = near.len() * width / self.entries.len();
        self.labels
            .par_iter_mut()
            .enumerate()
            .with_min_len(256)
            .for_each(|(point, label)| {
                let vector = get(point as u32);
                let mut best = distance(vector, entry(*label));
                for _ in 0..STEPS {
                    let from = *label;
                    for other in &near[from as usize * each..][..each] {
                        let found = distance(vector, entry(*other));
                        if found < best {
                            (best, *label) = (found, *other);
                        }
                    }
                    if *label == from {
                        break;
                    }
                }
            });
    }

    /// Puts each entry into the middle of its vectors; those without any are dropped.
    fn centre<'a>(&mut self, width: usize, get: &(impl Fn(u32) -> &'a [f32] + Sync)) {
        let n = self.entries.len() / width;
        let mut sums = vec![0.0f64; n * width];
        let mut counts = vec![0u32; n];
        for (point, label) in self.labels.iter().enumerate() {
            counts[*label as usize] += 1;
            let sum = &mut sums[*label as usize * width..][..width];
            for (sum, value) in sum.iter_mut().zip(get(point as u32)) {
                *sum += f64::from(*value);
            }
        }
        let mut kept = 0;
        let mut names = vec![0; n];
        for (label, count) in counts.iter().enumerate() {
            if *count > 0 {
                names[label] = kept as u32;
                for k in 0..width {
                    let mean = sums[label * width + k] / f64::from(*count);
                    self.entries[kept * width + k] = mean as f32;
                }
                kept += 1;
            }
        }
        self.entries.truncate(kept * width);
        for label in &mut self.labels {
            *label = names[*label as usize];
        }
    }
}

/// The squared distance, in lanes.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    folded(a, b, |sum, a, b| sum + (a - b) * (a - b))
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    folded(a, b, |sum, a, b| sum + a * b)
}

fn folded(a: &[f32], b: &[f32], add: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0; 8];
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    for (a, b) in a.iter().zip(b) {
        for i in 0..8 {
            lanes[i] = add(lanes[i], a[i], b[i]);
        }
    }
    for (i, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[i] = add(lanes[i], *a, *b);
    }
    lanes.iter().sum()
}

/// Vectors added up, and their squared lengths.
struct Sums {
    count: usize,
    sum: Vec<f64>,
    square: f64,
}

impl Sums {
    fn new(width: usize) -> Self {
        Self {
            count: 0,
            sum: vec![0.0; width],
            square: 0.0,
        }
    }

    fn of<'a>(width: usize, points: &[u32], get: &(impl Fn(u32) -> &'a [f32] + Sync)) -> Self {
        let mut out = Self::new(width);
        for point in points {
            out.add(get(*point));
        }
        out
    }

    fn add(&mut self, vector: &[f32]) {
        self.count += 1;
        for (sum, value) in self.sum.iter_mut().zip(vector) {
            let value = f64::from(*value);
            *sum += value;
            self.square += value * value;
        }
    }

    fn mean(&self) -> Vec<f32> {
        let n = self.count as f64;
        self.sum.iter().map(|s| (s / n) as f32).collect()
    }

    /// The squared error when their mean stands for them.
    fn error(&self) -> f64 {
        let n = self.count as f64;
        self.square - self.sum.iter().map(|s| s * s).sum::<f64>() / n
    }
}

/// Sorts vectors into at most `budget` parts of small error; the answer has the lengths of the parts.
fn halves<'a>(
    points: &mut [u32],
    all: &Sums,
    budget: usize,
    depth: usize,
    get: &(impl Fn(u32) -> &'a [f32] + Sync),
) -> Vec<usize> {
    let n = points.len();
    // Of equal vectors rounding is all that is left.
    if budget < 2 || n < 2 || !(all.error() > 1e-9 * all.square) {
        return vec![n];
    }
    let width = all.sum.len();
    let mean = all.mean();
    let line = line(points, &mean, get);
    let middle = dot(&line, &mean);
    let mut cut = 0;
    if depth < DEEP {
        for i in 0..n {
            if dot(get(points[i]), &line) < middle {
                points.swap(i, cut);
                cut += 1;
            }
        }
    } else {
        cut = n / 2;
        points.select_nth_unstable_by(cut, |a, b| {
            let along = |point: &u32| dot(get(*point), &line);
            along(a).total_cmp(&along(b)).then(a.cmp(b))
        });
    }
    if cut == 0 || cut == n {
        return vec![n];
    }
    // Each for itself, not as what is left of all: where one vector is far out, little would be right of the others' error.
    let left = Sums::of(width, &points[..cut], get);
    let right = Sums::of(width, &points[cut..], get);
    let share = |sums: &Sums| sums.error().max(0.0).powf(0.9);
    let part = share(&left) / (share(&left) + share(&right));
    let most = cut.min(budget - 1);
    let least = budget.saturating_sub(n - cut).clamp(1, most);
    let budgets = ((budget as f64 * part).round() as usize).clamp(least, most);
    let (low, high) = points.split_at_mut(cut);
    let mut low = || halves(low, &left, budgets, depth + 1, get);
    let mut high = || halves(high, &right, budget - budgets, depth + 1, get);
    let (mut low, high) = match n > PARALLEL {
        true => rayon::join(low, high),
        false => (low(), high()),
    };
    low.extend(high);
    low
}

/// The line along which some vectors differ most: the greatest principal axis of a few of them.
fn line<'a>(points: &[u32], mean: &[f32], get: &(impl Fn(u32) -> &'a [f32] + Sync)) -> Vec<f32> {
    let n = points.len().min(PROBE);
    let mut probe: Vec<Vec<f32>> = (0..n)
        .map(|i| get(points[i * points.len() / n]))
        .map(|vector| {
            vector
                .iter()
                .zip(mean)
                .map(|(v, m)| 0.5 * v - 0.5 * m)
                .collect()
        })
        .collect();
    // Squares shall neither overflow nor vanish.
    let largest = probe
        .iter()
        .flatten()
        .fold(0.0, |most: f32, v| most.max(v.abs()));
    probe.iter_mut().flatten().for_each(|v| *v /= largest);
    let furthest = probe.iter().max_by(|a, b| dot(a, a).total_cmp(&dot(b, b)));
    let mut line = furthest.cloned().unwrap_or_default();
    for _ in 0..5 {
        let mut next = vec![0.0; line.len()];
        for vector in &probe {
            let along = dot(vector, &line);
            for (next, v) in next.iter_mut().zip(vector) {
                *next += along * v;
            }
        }
        // Short, that no vector's product with it overflows.
        let scale = dot(&next, &next).sqrt().recip() / 64.0;
        if !scale.is_finite() {
            break;
        }
        line = next;
        line.iter_mut().for_each(|v| *v *= scale);
    }
    line
}

/// For each entry those near it, equally many for all.
fn near(entries: &[f32], width: usize, seed: u64) -> Vec<u32> {
    let n = entries.len() / width;
    let each = NEAR.min(n - 1);
    let entry = |i: u32| &entries[i as usize * width..][..width];
    let groups: Vec<(Vec<u32>, Vec<usize>)> = (0..SORTINGS as u64)
        .into_par_iter()
        .map(|sorting| {
            let mut order: Vec<u32> = (0..n as u32).collect();
            let mut sizes = Vec::new();
            let seed = seed * SORTINGS as u64 + sorting;
            group(&mut order, seed, &mut sizes, &entry);
            (order, sizes)
        })
        .collect();
    // Where the groups of each sorting begin and end, by entry.
    let mut places = vec![[(0u32, 0u32); SORTINGS]; n];
    for (sorting, (order, sizes)) in groups.iter().enumerate() {
        let mut start = 0;
        for size in sizes {
            for i in &order[start..start + size] {
                places[*i as usize][sorting] = (start as u32, (start + size) as u32);
            }
            start += size;
        }
    }
    (0..n as u32)
        .into_par_iter()
        .with_min_len(64)
        .flat_map_iter(|i| {
            let mut found = vec![(f32::INFINITY, i); each];
            for ((start, end), (order, _)) in places[i as usize].iter().zip(&groups) {
                for other in &order[*start as usize..*end as usize] {
                    let far = distance(entry(i), entry(*other));
                    let known = || *other == i || found.iter().any(|(_, known)| known == other);
                    if far < found[each - 1].0 && !known() {
                        let at = found.partition_point(|(near, _)| *near <= far);
                        found[at..].rotate_right(1);
                        found[at] = (far, *other);
                    }
                }
            }
            found.into_iter().map(|(_, other)| other)
        })
        .collect()
}

/// Sorts entries into groups of similar ones, along lines drawn by lot.
fn group<'a>(
    order: &mut [u32],
    seed: u64,
    sizes: &mut Vec<usize>,
    entry: &(impl Fn(u32) -> &'a [f32] + Sync),
) {
    let n = order.len();
    if n <= GROUP {
        sizes.push(n);
        return;
    }
    let lot = |k: u64| mixed(seed ^ (k << 32)) as usize % n;
    let (a, b) = (entry(order[lot(1)]), entry(order[lot(2)]));
    let line: Vec<f32> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let along: Vec<f32> = order.iter().map(|i| dot(entry(*i), &line)).collect();
    let mut sorted: Vec<(f32, u32)> = along.into_iter().zip(order.iter().copied()).collect();
    sorted.select_nth_unstable_by(n / 2, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    for (to, (_, from)) in order.iter_mut().zip(sorted) {
        *to = from;
    }
    let (low, high) = order.split_at_mut(n / 2);
    group(low, mixed(seed.wrapping_add(1)), sizes, entry);
    group(high, mixed(seed.wrapping_add(2)), sizes, entry);
}

/// A number that looks drawn by lot (the finaliser of SplitMix64).
fn mixed(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
