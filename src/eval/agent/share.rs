//! A share with its interval.

use serde::Serialize;

/// A share with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// How many do.
    pub of: usize,
    /// Among so many.
    pub among: usize,
    /// The share; `None` among none.
    pub share: Option<f64>,
    /// Wilson's interval.
    pub interval: [f64; 2],
}

impl Share {
    /// `of` among `among`, with the interval of Wilson (1927) at 95 %.
    pub fn new(of: usize, among: usize) -> Self {
        let (n, z) = (among as f64, 1.959_963_984_540_054f64);
        if among == 0 {
            return Self {
                of,
                among,
                share: None,
                interval: [0.0, 1.0],
            };
        }
        let p = of as f64 / n;
        let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        Self {
            of,
            among,
            share: Some(p),
            interval: [(middle - half).max(0.0), (middle + half).min(1.0)],
        }
    }
}
