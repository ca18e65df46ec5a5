//! Small numerics that several rooms need: random numbers, medians, samples between pixels.

mod rng;

use std::cmp::Ordering;

pub use rng::{Rng, hashed, scramble, scramble32};

/// Floats that have an order, NaN included.
pub trait Float: Copy {
    /// As `total_cmp`.
    fn order(&self, other: &Self) -> Ordering;
}

impl Float for f32 {
    fn order(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }
}

impl Float for f64 {
    fn order(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }
}

/// The upper median; `None` of nothing. Reorders the list.
pub fn median<F: Float>(values: &mut [F]) -> Option<F> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, F::order).1)
}

/// The value at (x, y) between the four nearest of a grid of `width` x `height`, whose values lie at whole numbers, `at` their
/// index. The place must lie in the grid.
pub fn bilinear(width: usize, height: usize, x: f64, y: f64, at: impl Fn(usize) -> f64) -> f64 {
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(width - 1), (y0 + 1).min(height - 1));
    let (fx, fy) = (x - x0 as f64, y - y0 as f64);
    let row = |y: usize| at(y * width + x0) * (1.0 - fx) + at(y * width + x1) * fx;
    row(y0) * (1.0 - fy) + row(y1) * fy
}

#[cfg(test)]
mod tests {
    use super::{bilinear, median};

    #[test]
    fn the_median_is_the_upper_one() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0, 4.0]), Some(3.0));
        assert_eq!(median(&mut [2.0f32]), Some(2.0));
        assert_eq!(median::<f64>(&mut []), None);
    }

    #[test]
    fn a_sample_lies_between_its_four() {
        let grid = [0.0, 1.0, 2.0, 3.0];
        let at = |x, y| bilinear(2, 2, x, y, |i| grid[i]);
        assert_eq!(
            [at(0.0, 0.0), at(1.0, 1.0), at(0.5, 0.5), at(0.0, 0.25)],
            [0.0, 3.0, 1.5, 0.5]
        );
    }
}
