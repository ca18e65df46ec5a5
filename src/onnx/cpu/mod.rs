//! Dense arithmetic on the host: products, convolutions and attention by AVX2 and FMA where the processor has them (asked at run time).
//!
//! Elsewhere every function answers `None`, and candle's own do the work.

#[cfg(target_arch = "x86_64")]
mod attend;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod conv;
#[cfg(target_arch = "x86_64")]
mod product;
#[cfg(target_arch = "x86_64")]
mod winograd;

/// A matrix that lies in a slice: element `(i, j)` at `i * strides[0] + j * strides[1]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix<'a> {
    pub data: &'a [f32],
    pub size: [usize; 2],
    pub strides: [usize; 2],
}

impl Matrix<'_> {
    /// Whether every element lies in the slice.
    fn fits(&self) -> bool {
        let [m, n] = self.size;
        let last = |n: usize, stride: usize| (n - 1).checked_mul(stride);
        let end = || last(m, self.strides[0])?.checked_add(last(n, self.strides[1])?);
        m == 0 || n == 0 || end().is_some_and(|end| end < self.data.len())
    }
}

/// What is done to every element of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing.
    #[default]
    Keep,
    /// `max(x, 0)`.
    Relu,
    /// `x / 2 (1 + erf(x / sqrt 2))`.
    Gelu,
}

/// What is done to the lines of a product: `then(y + bias) scale + residual`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line<'a> {
    /// One number a column.
    pub bias: Option<&'a [f32]>,
    pub then: Then,
    /// One number a column.
    pub scale: Option<&'a [f32]>,
    /// One number an element, row-major.
    pub residual: Option<&'a [f32]>,
}

impl Line<'_> {
    /// Whether it is as wide as a result of this many columns and elements.
    fn fits(&self, columns: usize, elements: usize) -> bool {
        let is = |v: Option<&[f32]>, n| v.is_none_or(|v| v.len() == n);
        is(self.bias, columns) && is(self.scale, columns) && is(self.residual, elements)
    }
}

/// Asks for what other processors do, where it is `plain`.
const ASKED: &str = "DIRECTOR_CPU";

/// Whether the kernels here can run, and are not asked to leave their work to candle.
pub(super) fn have() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        static PLAIN: std::sync::LazyLock<bool> =
            std::sync::LazyLock::new(|| std::env::var_os(ASKED).is_some_and(|v| v == "plain"));
        std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") && !*PLAIN
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// `a b` of each of `batch`, row-major, one after the other, and of each line what `line` has.
pub(super) fn products(batch: &[(Matrix<'_>, Matrix<'_>)], line: &Line<'_>) -> Option<Vec<f32>> {
    let (a, b) = batch.first()?;
    let sizes = [a.size, b.size];
    let fit = |(a, b): &(Matrix<'_>, Matrix<'_>)| {
        [a.size, b.size] == sizes && a.size[1] == b.size[0] && a.fits() && b.fits()
    };
    let (m, n) = (a.size[0], b.size[1]);
    let count = batch.len().checked_mul(m)?.checked_mul(n)?;
    if !have() || !batch.iter().all(fit) || !line.fits(n, count) {
        return None;
    }
    #[cfg(target_arch = "x86_64")]
    return Some(product::all(batch, line));
    #[cfg(not(target_arch = "x86_64"))]
    None
}

/// A convolution of stride 1 of one picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conv<'a> {
    /// `[channels, rows, columns]`.
    pub x: &'a [f32],
    pub size: [usize; 3],
    /// `[out channels, channels, kernel rows, kernel columns]`.
    pub weights: &'a [f32],
    pub kernel: [usize; 2],
    pub dilations: [usize; 2],
    /// Above and to the left.
    pub before: [usize; 2],
    /// Rows and columns of the result.
    pub out: [usize; 2],
    pub bias: Option<&'a [f32]>,
    pub then: Then,
}

/// Writes a convolution to `y`, `[out channels, rows, columns]`; `false` where it cannot.
pub(super) fn convolve(conv: &Conv<'_>, y: &mut [f32]) -> bool {
    let [c, h, w] = conv.size;
    let area = conv.out[0] * conv.out[1];
    let taps = c * conv.kernel[0] * conv.kernel[1];
    let channels = y.len() / area.max(1);
    let sound = area > 0
        && taps > 0
        && conv.x.len() == c * h * w
        && y.len() == channels * area
        && conv.weights.len() == channels * taps
        && conv.bias.is_none_or(|bias| bias.len() == channels);
    if !have() || !sound {
        return false;
    }
    #[cfg(target_arch = "x86_64")]
    if winograd::suits(conv, channels) {
        winograd::run(conv, y);
        return true;
    }
    #[cfg(target_arch = "x86_64")]
    return conv::run(conv, y);
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Attention of one head: queries `[n, d]`, keys turned over `[d, m]`, values `[m, e]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub q: Matrix<'a>,
    pub k: Matrix<'a>,
    pub v: Matrix<'a>,
}

/// `softmax(scale q k) v` of each head, row-major, one after the other; the matrix between is never held as a whole. `guarded`, NaN of the
/// softmax is 0.
pub(super) fn attend(heads: &[Head<'_>], scale: f32, guarded: bool) -> Option<Vec<f32>> {
    let first = heads.first()?;
    let sizes = |h: &Head<'_>| [h.q.size, h.k.size, h.v.size];
    let fit = |h: &Head<'_>| {
        sizes(h) == sizes(first)
            && h.q.size[1] == h.k.size[0]
            && h.k.size[1] == h.v.size[0]
            && h.q.strides[1] == 1
            && [h.q, h.k, h.v].iter().all(Matrix::fits)
    };
    if !have() || !heads.iter().all(fit) || first.k.size.contains(&0) {
        return None;
    }
    #[cfg(target_arch = "x86_64")]
    return Some(attend::all(heads, scale, guarded));
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (scale, guarded);
        None
    }
}

/// `y = exp(x - top)` of a line, and the sum; by the kernels at most 2 units in the last place off, and 0 below 1.2e-38.
pub(super) fn exponentials(x: &[f32], top: f32, y: &mut [f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if have() {
        y.copy_from_slice(x);
        // SAFETY: the processor has AVX2 and FMA.
        return unsafe { avx2::exponentials(y, top) };
    }
    let mut sum = 0.0;
    for (y, &x) in y.iter_mut().zip(x) {
        *y = (x - top).exp();
        sum += *y;
    }
    sum
}

/// Mean and variance of a line.
pub(super) fn moments(x: &[f32]) -> [f32; 2] {
    let n = x.len() as f64;
    #[cfg(target_arch = "x86_64")]
    if have() {
        // SAFETY: the processor has AVX2 and FMA.
        return unsafe {
            let mean = (avx2::sum_of_powers::<1>(x, 0.0) / n) as f32;
            [mean, (avx2::sum_of_powers::<2>(x, mean) / n) as f32]
        };
    }
    let mean = (x.iter().map(|&v| f64::from(v)).sum::<f64>() / n) as f32;
    let squares = x.iter().map(|&v| f64::from((v - mean) * (v - mean)));
    [mean, (squares.sum::<f64>() / n) as f32]
}

/// `then` of every element.
pub(super) fn finish(y: &mut [f32], then: Then) {
    #[cfg(target_arch = "x86_64")]
    if have() {
        // SAFETY: the processor has AVX2 and FMA.
        return unsafe { avx2::finish(y, then) };
    }
    for y in y {
        *y = match then {
            Then::Keep => *y,
            Then::Relu if *y < 0.0 => 0.0,
            Then::Relu => *y,
            Then::Gelu => super::ops::unary::gelu_exact(*y),
        };
    }
}

/// A result that several threads write, each its own part.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Shared(*mut f32);

// SAFETY: whoever writes through it keeps to parts that no other thread writes or reads meanwhile.
#[cfg(target_arch = "x86_64")]
unsafe impl Send for Shared {}
// SAFETY: as above.
#[cfg(target_arch = "x86_64")]
unsafe impl Sync for Shared {}

#[cfg(target_arch = "x86_64")]
impl Shared {
    /// The whole of it: a method, so that closures capture the wrapper.
    fn start(self) -> *mut f32 {
        self.0
    }
}

#[cfg(test)]
mod tests;
