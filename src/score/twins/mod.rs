//! Twins of `kernels/score/`.

pub mod cells;
pub mod detail;
pub mod fold;
pub mod fold_detail;
pub mod fold_looks;
pub mod fold_paths;
pub mod glance;
pub mod likeness;
pub mod paths;
pub mod thumb;
pub mod tint;
pub mod unlike;

/// The value at the place of the share `q`; 0 for none. As `kernels/shared/rank.wgsl`.
fn ranked(values: &[f32], q: f32) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let place = (q * (sorted.len().max(1) - 1) as f32 + 0.5) as usize;
    sorted.get(place).copied().unwrap_or(0.0)
}

/// The first place of the largest value; 0 for none.
fn largest(values: &[f32]) -> usize {
    let mut at = 0;
    for (i, v) in values.iter().enumerate() {
        if *v > values[at] {
            at = i;
        }
    }
    at
}

/// Cells across and down.
#[derive(Clone, Copy)]
struct Shape {
    across: usize,
    down: usize,
}

impl Shape {
    /// The cells of the 3x3 neighbourhood of `c` that there are.
    fn around(self, c: usize) -> impl Iterator<Item = usize> {
        let (x, y) = (c % self.across, c / self.across);
        let rows = y.saturating_sub(1)..(y + 2).min(self.down);
        let columns = x.saturating_sub(1)..(x + 2).min(self.across);
        rows.flat_map(move |j| columns.clone().map(move |i| j * self.across + i))
    }

    /// The middle of a cell in shares of the grid.
    fn centre(self, c: usize) -> [f32; 2] {
        [
            ((c % self.across) as f32 + 0.5) / self.across as f32,
            ((c / self.across) as f32 + 0.5) / self.down as f32,
        ]
    }
}
