//! One map beside the true depth of its frame, along the camera's z, at the pixels of the truth.
//!
//! A map is brought to the truth first: relative inverse depth by the scale and shift of least squares in inverse depth (Ranftl et al.
//! 2022), metric depth by the median ratio. Depth is clamped to [`FAR`].

use serde::{Deserialize, Serialize};

use crate::depth::{DepthKind, DepthMap};
use crate::numeric::median;

/// Metres beyond which nothing is compared, and to which maps are clamped.
pub const FAR: f64 = 100.0;
/// Ratios of depth between neighbouring pixels from which on there is an edge: so many, from 5% to 25%.
const EDGES: usize = 10;
/// Fewest pixels that say anything.
const LEAST: usize = 64;

fn edge(k: usize) -> f64 {
    1.05 + 0.2 * k as f64 / (EDGES - 1) as f64
}

/// True depth of a frame, row-major from the top left.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Metres along the camera's z; 0 or NaN where nothing is known, infinite where nothing stands.
    pub depth: Vec<f32>,
}

impl Truth {
    /// Enough is known of it to compare with.
    pub fn is_known(&self) -> bool {
        let known = |d: &&f32| **d > 0.0 && f64::from(**d) <= FAR;
        self.depth.iter().filter(known).count() >= LEAST
    }
}

/// A map and the truth at the same pixels.
pub struct Pair {
    width: usize,
    /// Inverse of depth, of unknown scale and shift where it is relative; NaN where the map says nothing.
    said: Vec<f64>,
    /// Inverse of metres; NaN where unknown, 0 where nothing stands.
    truth: Vec<f64>,
    kind: DepthKind,
}

impl Pair {
    /// `None` where the map has no pixels.
    pub fn new(kind: DepthKind, map: &DepthMap, truth: &Truth) -> Option<Self> {
        if map.values.is_empty() {
            return None;
        }
        // What is unknown must not be mixed with what is known.
        let inverse = |v: &f32| kind.inverse(f64::from(*v)).map_or(f32::NAN, |r| r as f32);
        let map = DepthMap {
            values: map.values.iter().map(inverse).collect(),
            ..*map
        };
        let (width, height) = (truth.width, truth.height);
        let at = |k: u32, n: u32| (f64::from(k) + 0.5) / f64::from(n);
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let said = places.map(|(x, y)| map.sample(at(x, width), at(y, height)));
        let known = |depth: &f32| match f64::from(*depth) {
            d if d > FAR => 0.0,
            d if d > 0.0 => 1.0 / d,
            _ => f64::NAN,
        };
        Some(Self {
            width: width as usize,
            said: said.map(|s| s.unwrap_or(f64::NAN)).collect(),
            truth: truth.depth.iter().map(known).collect(),
            kind,
        })
    }

    /// Inverse depths that both know of something that stands: said, true.
    fn both(&self) -> impl Iterator<Item = [f64; 2]> + '_ {
        let pairs = self.said.iter().zip(&self.truth);
        pairs
            .filter(|(s, t)| s.is_finite() && **t > 0.0)
            .map(|(s, t)| [*s, *t])
    }
}

/// The scale and shift that bring a pair to the truth (inverse metres a unit of what the map says, and inverse metres); `None` of too few
/// pixels, and where nothing varies.
pub fn fitted(pair: &Pair) -> Option<[f64; 2]> {
    let both = || pair.both();
    let n = both().count();
    if n < LEAST {
        return None;
    }
    if pair.kind == DepthKind::Metric {
        let mut ratios: Vec<f64> = both().map(|[s, t]| t / s).collect();
        return Some([median(&mut ratios)?, 0.0]);
    }
    let n = n as f64;
    let mean = |k: usize| both().map(|p| p[k]).sum::<f64>() / n;
    let middle = [mean(0), mean(1)];
    let (mut xx, mut xy) = (0.0, 0.0);
    for p in both() {
        xx += (p[0] - middle[0]).powi(2);
        xy += (p[0] - middle[0]) * (p[1] - middle[1]);
    }
    // A constant map says nothing; no more does one that has near and far the wrong way round.
    let scale = xy / xx;
    (xx > 1e-12 * n * middle[0].powi(2).max(1e-12) && scale > 0.0)
        .then(|| [scale, middle[1] - scale * middle[0]])
}

/// Edges of depth, by the least ratio that is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Edges {
    /// In both.
    pub both: [u64; EDGES],
    /// In the map.
    pub said: [u64; EDGES],
    /// In the truth.
    pub truth: [u64; EDGES],
}

impl Edges {
    /// Sums.
    pub fn add(&mut self, other: &Self) {
        for k in 0..EDGES {
            self.both[k] += other.both[k];
            self.said[k] += other.said[k];
            self.truth[k] += other.truth[k];
        }
    }

    /// F1 of precision and recall, averaged over the ratios with weights in proportion to what they are over 1; `None` where
    /// the truth has no edge. After Bochkovskii et al. 2024, section 3.2, which averages over directions and pictures, and weighs by
    /// the ratios: here edges of all directions are counted together, of all pictures that were added.
    pub fn f1(&self) -> Option<f64> {
        let (mut sum, mut weights) = (0.0, 0.0);
        for k in (0..EDGES).filter(|&k| self.truth[k] + self.said[k] > 0) {
            let weight = edge(k) - 1.0;
            sum += weight * 2.0 * self.both[k] as f64 / (self.said[k] + self.truth[k]) as f64;
            weights += weight;
        }
        (self.truth[0] > 0).then(|| sum / weights)
    }
}

/// How far a map is from the truth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Pixels that both know.
    pub pixels: u64,
    /// Mean of `|d - truth| / truth`.
    pub abs_rel: f64,
    /// Share of pixels with `max(d / truth, truth / d) < 1.25`.
    pub delta1: f64,
    /// Edges.
    pub edges: Edges,
}

/// A pair brought to the truth by a scale and a shift; `None` of too few pixels.
pub fn measure(pair: &Pair, [scale, shift]: [f64; 2]) -> Option<Measured> {
    let near = |inverse: f64| inverse.max(1.0 / FAR);
    let depth = |s: f64| 1.0 / near(scale * s + shift);
    let (mut sum, mut good, mut n) = (0.0, 0u64, 0u64);
    for [s, t] in pair.both() {
        let ratio = depth(s) * t;
        sum += (ratio - 1.0).abs();
        good += u64::from(ratio.max(1.0 / ratio) < 1.25);
        n += 1;
    }
    if (n as usize) < LEAST {
        return None;
    }
    let mut edges = Edges::default();
    let known = |i: usize| pair.said[i].is_finite() && !pair.truth[i].is_nan();
    let mut across = |i: usize, j: usize| {
        if !known(i) || !known(j) {
            return;
        }
        let said = depth(pair.said[i]) / depth(pair.said[j]);
        let truth = near(pair.truth[j]) / near(pair.truth[i]);
        for k in 0..EDGES {
            let over = |ratio: f64| [ratio > edge(k), ratio < 1.0 / edge(k)];
            let (own, its) = (over(said), over(truth));
            edges.said[k] += u64::from(own[0] || own[1]);
            edges.truth[k] += u64::from(its[0] || its[1]);
            edges.both[k] += u64::from((own[0] && its[0]) || (own[1] && its[1]));
        }
    };
    let height = pair.said.len() / pair.width;
    for y in 0..height {
        for x in 0..pair.width {
            let i = y * pair.width + x;
            if x + 1 < pair.width {
                across(i, i + 1);
            }
            if y + 1 < height {
                across(i, i + pair.width);
            }
        }
    }
    Some(Measured {
        pixels: n,
        abs_rel: sum / n as f64,
        delta1: good as f64 / n as f64,
        edges,
    })
}

/// How far a frame as a whole is off: the median of `ln(d / truth)`. `None` of too few pixels; infinite where the scale and shift have most
/// of it beyond infinity.
pub fn off(pair: &Pair, [scale, shift]: [f64; 2]) -> Option<f64> {
    let log = |[s, t]: [f64; 2]| -((scale * s + shift).max(0.0) / t).ln();
    let mut logs: Vec<f64> = pair.both().map(log).collect();
    let enough = logs.len() >= LEAST;
    median(&mut logs).filter(|_| enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wall at 4 m with a post at 2 m before it, and sky above.
    fn truth() -> Truth {
        let depth = (0..16 * 12).map(|i| match (i % 16, i / 16) {
            (_, 0 | 1) => f32::INFINITY,
            (6..=8, _) => 2.0,
            (x, _) => 4.0 + 0.05 * x as f32,
        });
        Truth {
            width: 16,
            height: 12,
            depth: depth.collect(),
        }
    }

    fn map(of: impl Fn(usize, f32) -> f32) -> DepthMap {
        let depth = truth().depth;
        let values = depth.iter().enumerate().map(|(i, d)| of(i, *d));
        DepthMap {
            width: 16,
            height: 12,
            values: values.collect(),
        }
    }

    fn judged(kind: DepthKind, map: &DepthMap) -> ([f64; 2], Measured) {
        let pair = Pair::new(kind, map, &truth()).expect("pixels");
        let line = fitted(&pair).expect("a line");
        let most = off(&pair, line).expect("pixels");
        assert!(most.abs() < 1e-5, "most pixels are right: {most}");
        let doubled = off(&pair, line.map(|v| v / 2.0)).expect("pixels");
        assert!((doubled - most - 2f64.ln()).abs() < 1e-9);
        (line, measure(&pair, line).expect("pixels"))
    }

    #[test]
    fn an_exact_map_of_any_scale_and_shift_is_without_error() {
        let exact = map(|_, d| 3.0 / d - 0.7);
        let (line, found) = judged(DepthKind::RelativeInverse, &exact);
        assert!((line[0] - 1.0 / 3.0).abs() < 1e-5 && (line[1] - 0.7 / 3.0).abs() < 1e-5);
        assert!(found.abs_rel < 1e-5);
        assert_eq!((found.delta1, found.pixels), (1.0, 160));
        assert_eq!(found.edges.f1(), Some(1.0));
        let metric = map(|_, d| 0.5 * d.min(1e6));
        let (line, found) = judged(DepthKind::Metric, &metric);
        assert!((line[0] - 0.5).abs() < 1e-6 && found.abs_rel < 1e-6);
        assert_eq!(found.edges.f1(), Some(1.0));
    }

    #[test]
    fn errors_are_what_they_are_by_hand() {
        // Metric, everything right but the post, which is said to stand at 3 m: 30 of 160 pixels off by a half.
        let metric = map(|_, d| if d == 2.0 { 3.0 } else { d.min(1e6) });
        let (line, found) = judged(DepthKind::Metric, &metric);
        assert!((line[0] - 1.0).abs() < 1e-6 && line[1] == 0.0, "{line:?}");
        assert!((found.abs_rel - 0.5 * 30.0 / 160.0).abs() < 1e-6);
        assert!((found.delta1 - 130.0 / 160.0).abs() < 1e-12);
        // Its edges are still edges at every ratio: 3 to 4.25 is 1.42, in the same direction.
        assert_eq!(found.edges.f1(), Some(1.0));
        // Flat throughout: no edge is told.
        let flat = map(|i, _| 4.0 + 0.001 * (i % 16) as f32);
        let pair = Pair::new(DepthKind::Metric, &flat, &truth()).expect("pixels");
        let found = measure(&pair, [1.0, 0.0]).expect("pixels");
        assert_eq!(found.edges.said, [0; EDGES]);
        assert_eq!(found.edges.f1(), Some(0.0));
    }

    #[test]
    fn a_map_that_says_nothing_or_the_opposite_is_not_fitted() {
        let fit = |of: &dyn Fn(usize, f32) -> f32| {
            let pair = Pair::new(DepthKind::RelativeInverse, &map(of), &truth()).expect("pixels");
            fitted(&pair)
        };
        assert_eq!(fit(&|_, _| 1.0), None);
        assert_eq!(fit(&|_, _| f32::NAN), None);
        assert_eq!(fit(&|_, d| d.min(50.0)), None, "far is large");
        assert_eq!(fit(&|i, d| if i < 40 { 1.0 / d } else { f32::NAN }), None);
        let empty = DepthMap {
            width: 0,
            height: 0,
            values: Vec::new(),
        };
        assert!(Pair::new(DepthKind::Metric, &empty, &truth()).is_none());
        // A shift that has all of it beyond infinity.
        let pair = Pair::new(DepthKind::RelativeInverse, &map(|_, d| 1.0 / d), &truth());
        assert_eq!(
            off(&pair.expect("pixels"), [1.0, -9.0]),
            Some(f64::INFINITY)
        );
    }

    #[test]
    fn edges_count_by_their_ratio() {
        let mut edges = Edges::default();
        assert_eq!(edges.f1(), None);
        // Steps of 5 to 15% stand in the truth, 100 of each; half of those under 10% are told, and 50 others; what is told from
        // there on is not there.
        for k in 0..EDGES {
            edges.truth[k] = if k < 5 { 100 } else { 0 };
            edges.said[k] = if k < 3 { 100 } else { 50 };
            edges.both[k] = if k < 3 { 50 } else { 0 };
        }
        let weight = |k: usize| 0.05 + 0.2 * k as f64 / 9.0;
        let all: f64 = (0..10).map(weight).sum();
        let want = (0..3).map(|k| 0.5 * weight(k)).sum::<f64>() / all;
        assert!((edges.f1().expect("edges") - want).abs() < 1e-12);
    }

    #[test]
    fn maps_of_another_size_are_brought_to_the_truths() {
        // Inverse depth that is linear in x stays so between its pixels.
        let half = DepthMap {
            width: 8,
            height: 6,
            values: (0..48).map(|i| 1.0 + (i % 8) as f32).collect(),
        };
        let pair = Pair::new(DepthKind::RelativeInverse, &half, &truth()).expect("pixels");
        assert_eq!((pair.width, pair.said.len()), (16, 16 * 12));
        assert!((pair.said[5 * 16 + 8] - 4.75).abs() < 1e-6);
        // Unknown metres are not mixed with known ones.
        let holed = DepthMap {
            values: (0..48)
                .map(|i| if i % 8 == 3 { 0.0 } else { 2.0 })
                .collect(),
            ..half
        };
        let pair = Pair::new(DepthKind::Metric, &holed, &truth()).expect("pixels");
        assert!(pair.said.iter().all(|s| s.is_nan() || *s == 0.5));
        assert!(pair.said.iter().any(|s| s.is_nan()));
    }
}
