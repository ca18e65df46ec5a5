//! Cholesky factorisation of a symmetric matrix that is kept from each row's first entry to its diagonal.
//!
//! Frames of a clip touch near neighbours only, so rows are short but for the last one (the focal length).
//! No fill-in occurs outside the envelope (George and Liu, Computer Solution of Large Sparse Positive
//! Definite Systems, 1981, ch. 4).

/// A symmetric positive definite matrix, lower triangle, row by row.
#[derive(Clone)]
pub(super) struct Envelope {
    first: Vec<usize>,
    start: Vec<usize>,
    values: Vec<f64>,
}

impl Envelope {
    /// Zeros; row `i` holds columns `first[i] ..= i`.
    pub fn new(first: Vec<usize>) -> Self {
        let mut start = Vec::with_capacity(first.len());
        let mut total = 0;
        for (row, &column) in first.iter().enumerate() {
            start.push(total);
            total += row + 1 - column.min(row);
        }
        Self {
            first,
            start,
            values: vec![0.0; total],
        }
    }

    pub fn len(&self) -> usize {
        self.first.len()
    }

    /// Adds at `(row, column)` of the lower triangle; both orders are accepted, outside the envelope ignored.
    pub fn add(&mut self, row: usize, column: usize, value: f64) {
        let (row, column) = (row.max(column), row.min(column));
        if column >= self.first[row] {
            self.values[self.start[row] + column - self.first[row]] += value;
        }
    }

    pub fn diagonal(&self, row: usize) -> f64 {
        self.values[self.start[row] + row - self.first[row]]
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.values[self.start[row]..][..row + 1 - self.first[row]]
    }

    /// Solves `A x = rhs` in place; false where the matrix is not positive definite.
    pub fn solve(mut self, x: &mut [f64]) -> bool {
        let n = self.len();
        for i in 0..n {
            let fi = self.first[i];
            for j in fi..i {
                let fj = self.first[j];
                let low = fi.max(fj);
                let (a, b) = (self.row(i), self.row(j));
                let dot: f64 = a[low - fi..j - fi]
                    .iter()
                    .zip(&b[low - fj..j - fj])
                    .map(|(x, y)| x * y)
                    .sum();
                let pivot = b[j - fj];
                let value = (a[j - fi] - dot) / pivot;
                self.values[self.start[i] + j - fi] = value;
            }
            let row = self.row(i);
            let (last, rest) = (row[i - fi], &row[..i - fi]);
            let pivot = last - rest.iter().map(|x| x * x).sum::<f64>();
            if !(pivot.is_finite() && pivot > 0.0) {
                return false;
            }
            self.values[self.start[i] + i - fi] = pivot.sqrt();
        }
        for i in 0..n {
            let fi = self.first[i];
            let row = self.row(i);
            let dot: f64 = row[..i - fi]
                .iter()
                .zip(&x[fi..i])
                .map(|(a, b)| a * b)
                .sum();
            x[i] = (x[i] - dot) / row[i - fi];
        }
        for i in (0..n).rev() {
            let fi = self.first[i];
            let row = self.row(i);
            x[i] /= row[i - fi];
            let value = x[i];
            for (target, a) in x[fi..i].iter_mut().zip(row) {
                *target -= a * value;
            }
        }
        x.iter().all(|v| v.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_an_arrow_matrix() {
        // Bandwidth 2 and a full last row, A = L L^T + I by construction of a diagonally dominant matrix.
        let n = 9;
        let first: Vec<usize> = (0..n)
            .map(|i: usize| if i == n - 1 { 0 } else { i.saturating_sub(2) })
            .collect();
        let mut a = Envelope::new(first.clone());
        let mut dense = vec![vec![0.0; n]; n];
        for i in 0..n {
            let row = first[i]..=i;
            for j in row {
                let v = if i == j {
                    10.0 + i as f64
                } else {
                    ((i * 7 + j * 3) % 5) as f64 - 2.0
                };
                a.add(j, i, v);
                dense[i][j] = v;
                dense[j][i] = v;
            }
        }
        let want: Vec<f64> = (0..n).map(|i| i as f64 - 3.5).collect();
        let mut x: Vec<f64> = dense
            .iter()
            .map(|row| row.iter().zip(&want).map(|(a, b)| a * b).sum())
            .collect();
        assert!(a.solve(&mut x));
        for (x, w) in x.iter().zip(&want) {
            assert!((x - w).abs() < 1e-12, "{x} {w}");
        }
    }

    #[test]
    fn refuses_an_indefinite_matrix() {
        let mut a = Envelope::new(vec![0, 0]);
        a.add(0, 0, 1.0);
        a.add(1, 0, 2.0);
        a.add(1, 1, 1.0);
        assert!(!a.solve(&mut [1.0, 1.0]));
    }
}
