//! Where the elements of a tensor lie in a buffer.

use crate::gpu::Buffer;

/// Floats on the device, which lie by strides: what is transposed, picked or repeated shares its memory.
#[derive(Clone, Debug)]
pub struct View {
    /// The memory.
    pub buffer: Buffer<f32>,
    /// Sides.
    pub dims: Vec<usize>,
    /// Elements from neighbour to neighbour along each side; 0 where one element is repeated.
    pub strides: Vec<usize>,
    /// The first element.
    pub first: usize,
}

/// Strides of a tensor whose elements lie one after the other.
pub(super) fn row_major(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for i in (1..dims.len()).rev() {
        strides[i - 1] = strides[i] * dims[i];
    }
    strides
}

impl View {
    /// A buffer's elements one after the other.
    pub fn whole(buffer: Buffer<f32>, dims: &[usize]) -> Self {
        Self {
            buffer,
            dims: dims.to_vec(),
            strides: row_major(dims),
            first: 0,
        }
    }

    /// Elements.
    pub fn count(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether its elements lie one after the other.
    pub fn is_contiguous(&self) -> bool {
        let rows = row_major(&self.dims);
        let each = self.dims.iter().zip(self.strides.iter().zip(&rows));
        self.count() == 0 || each.into_iter().all(|(n, (a, b))| *n == 1 || a == b)
    }

    /// The same elements with other sides; of a view that is contiguous.
    pub(super) fn shaped(&self, dims: &[usize]) -> Self {
        Self {
            first: self.first,
            ..Self::whole(self.buffer.clone(), dims)
        }
    }

    /// With its sides in another order.
    pub(super) fn permuted(&self, order: &[usize]) -> Self {
        Self {
            dims: order.iter().map(|&i| self.dims[i]).collect(),
            strides: order.iter().map(|&i| self.strides[i]).collect(),
            ..self.clone()
        }
    }

    /// `n` places of a side from `from` on.
    pub(super) fn narrowed(&self, axis: usize, from: usize, n: usize) -> Self {
        let mut view = self.clone();
        view.dims[axis] = n;
        if n > 0 {
            view.first += from * self.strides[axis];
        }
        view
    }

    /// Without a side of one place.
    pub(super) fn without(&self, axis: usize) -> Self {
        let mut view = self.clone();
        view.dims.remove(axis);
        view.strides.remove(axis);
        view
    }

    /// Repeated to `dims`, which it broadcasts to.
    pub(super) fn repeated(&self, dims: &[usize]) -> Self {
        let more = dims.len() - self.dims.len();
        let strides = (0..dims.len()).map(|i| match i.checked_sub(more) {
            Some(k) if self.dims[k] == dims[i] => self.strides[k],
            _ => 0,
        });
        Self {
            strides: strides.collect(),
            dims: dims.to_vec(),
            ..self.clone()
        }
    }

    /// The one stride from each to the next over the first `sides` sides as if they were one; `None` where there is none.
    pub(super) fn stride_over(&self, sides: usize) -> Option<usize> {
        let mut found: Option<(usize, usize)> = None;
        for (n, stride) in self.dims[..sides].iter().zip(&self.strides).rev() {
            match (*n, found) {
                (1, _) => {}
                (n, None) => found = Some((*stride, n)),
                (n, Some((each, all))) if *stride == each * all => found = Some((each, all * n)),
                _ => return None,
            }
        }
        Some(found.map_or(0, |(each, _)| each))
    }
}

#[cfg(test)]
mod tests {
    use super::row_major;

    #[test]
    fn strides_of_rows() {
        assert_eq!(row_major(&[2, 3, 4]), [12, 4, 1]);
        assert_eq!(row_major(&[]), [0; 0]);
    }
}
