//! Kernels against loops in double precision. Where the processor has no AVX2 there is nothing to check but that they say so.

use super::*;

struct Numbers(u32);

impl Numbers {
    /// From -1 to 1.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        let word = ((self.0 >> ((self.0 >> 28) + 4)) ^ self.0).wrapping_mul(277_803_737);
        ((word >> 22) ^ word) as f32 / u32::MAX as f32 * 2.0 - 1.0
    }

    fn list(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.next()).collect()
    }
}

fn close(got: f32, want: f64, of: f64) -> bool {
    (f64::from(got) - want).abs() <= 1e-5 * of.max(1.0)
}

fn at(m: &Matrix<'_>, i: usize, j: usize) -> f64 {
    f64::from(m.data[i * m.strides[0] + j * m.strides[1]])
}

fn gelu(x: f64) -> f64 {
    f64::from(crate::onnx::ops::unary::gelu_exact(x as f32))
}

#[test]
fn products_are_those_of_a_loop() {
    let mut rng = Numbers(1);
    for ([m, k, n], turned) in [
        ([1, 1, 1], [false, false]),
        ([7, 5, 17], [false, true]),
        ([13, 400, 33], [true, false]),
        ([265, 9, 97], [true, true]),
        ([12, 770, 16], [false, false]),
        ([3, 0, 4], [false, false]),
        ([0, 3, 4], [false, false]),
    ] {
        let strides = |turned: bool, rows: usize, columns: usize| match turned {
            false => [columns + 3, 1],
            true => [1, rows + 2],
        };
        let (sa, sb) = (strides(turned[0], m, k), strides(turned[1], k, n));
        let room = |[a, b]: [usize; 2], r: usize, c: usize| a * r + b * c + 1;
        let data: Vec<[Vec<f32>; 2]> = (0..2)
            .map(|_| [rng.list(room(sa, m, k)), rng.list(room(sb, k, n))])
            .collect();
        let matrix = |data, size, strides| Matrix {
            data,
            size,
            strides,
        };
        let batch: Vec<_> = data
            .iter()
            .map(|[a, b]| (matrix(a, [m, k], sa), matrix(b, [k, n], sb)))
            .collect();
        let [bias, scale] = [rng.list(n), rng.list(n)];
        let residual = rng.list(2 * m * n);
        for (then, whole) in [
            (Then::Keep, false),
            (Then::Relu, true),
            (Then::Gelu, true),
            (Then::Gelu, false),
        ] {
            let line = Line {
                bias: whole.then_some(&bias),
                then,
                scale: whole.then_some(&scale),
                residual: whole.then_some(&residual),
            };
            let Some(y) = products(&batch, &line) else {
                assert!(!have());
                return;
            };
            assert_eq!(y.len(), 2 * m * n);
            for (i, &y) in y.iter().enumerate() {
                let (one, row, column) = (i / (m * n), i / n % m, i % n);
                let (a, b) = batch[one];
                let mut x: f64 = (0..k).map(|j| at(&a, row, j) * at(&b, j, column)).sum();
                if whole {
                    x += f64::from(bias[column]);
                }
                x = match then {
                    Then::Keep => x,
                    Then::Relu => x.max(0.0),
                    Then::Gelu => gelu(x),
                };
                if whole {
                    x = x * f64::from(scale[column]) + f64::from(residual[i]);
                }
                assert!(
                    close(y, x, k as f64 / 8.0),
                    "{m}x{k}x{n} {then:?} {i}: {y}, not {x}"
                );
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_left_to_others() {
    let data = [1.0; 6];
    let matrix = |size, strides| Matrix {
        data: &data[..],
        size,
        strides,
    };
    let none = Line::default();
    let (a, b) = (matrix([2, 3], [3, 1]), matrix([3, 2], [2, 1]));
    assert_eq!(products(&[], &none), None);
    assert_eq!(products(&[(a, a)], &none), None, "sides that do not meet");
    assert_eq!(
        products(&[(matrix([3, 3], [3, 1]), b)], &none),
        None,
        "more than there is"
    );
    assert_eq!(
        products(&[(a, b), (a, matrix([3, 1], [2, 1]))], &none),
        None,
        "unlike others"
    );
    let short = Line {
        bias: Some(&data[..1]),
        ..none
    };
    assert_eq!(products(&[(a, b)], &short), None, "a short bias");
    let head = |v| Head { q: a, k: b, v };
    assert_eq!(attend(&[head(matrix([3, 2], [2, 1]))], 1.0, false), None);
    let empty = Head {
        q: a,
        k: matrix([3, 0], [2, 1]),
        v: matrix([0, 2], [2, 1]),
    };
    assert_eq!(attend(&[empty], 1.0, false), None, "no keys");
    // A view of nothing whose lines lie apart, and more queries than a block has.
    let narrow = Head {
        q: Matrix {
            data: &[],
            size: [100, 0],
            strides: [5, 1],
        },
        k: matrix([0, 2], [2, 1]),
        v: matrix([2, 3], [3, 1]),
    };
    assert_eq!(attend(&[narrow], 1.0, false), None, "no width");
}

#[test]
fn convolutions_are_those_of_a_loop() {
    let mut rng = Numbers(2);
    for (channels, [c, h, w], kernel, dilations, before, after) in [
        (1, [2, 1, 1], [1, 1], [1, 1], [0, 0], [0, 0]),
        (8, [3, 5, 7], [1, 1], [1, 1], [0, 0], [0, 0]),
        (2, [2, 41, 25], [1, 1], [1, 1], [0, 0], [0, 0]),
        (2, [2, 24, 86], [1, 1], [1, 1], [0, 0], [0, 0]),
        (7, [3, 4, 5], [1, 1], [1, 1], [0, 0], [0, 0]),
        (13, [4, 9, 40], [3, 3], [1, 1], [1, 1], [1, 1]),
        (6, [2, 6, 5], [3, 3], [2, 2], [2, 2], [2, 2]),
        (5, [2, 7, 19], [2, 3], [1, 2], [0, 3], [2, 0]),
        (100, [40, 3, 18], [3, 3], [1, 1], [1, 1], [1, 1]),
        (3, [200, 4, 300], [3, 3], [1, 1], [1, 1], [1, 1]),
        // By transforms: lines of 32 that end inside a block and with one, an odd row, one row, pads that differ, none.
        (13, [12, 9, 62], [3, 3], [1, 1], [1, 1], [1, 1]),
        (40, [17, 5, 130], [3, 3], [1, 1], [0, 0], [0, 0]),
        (12, [30, 4, 61], [3, 3], [1, 1], [2, 3], [1, 0]),
        (16, [12, 1, 30], [3, 3], [1, 1], [1, 1], [1, 1]),
        (14, [65, 2, 25], [3, 3], [1, 1], [3, 40], [4, 1]),
        (4, [2, 3, 3], [1, 1], [1, 1], [1, 2], [0, 1]),
    ] {
        let x = rng.list(c * h * w);
        let weights = rng.list(channels * c * kernel[0] * kernel[1]);
        let bias = rng.list(channels);
        let side = |i: usize, n: usize| n + before[i] + after[i] - dilations[i] * (kernel[i] - 1);
        let out = [side(0, h), side(1, w)];
        for (with_bias, then) in [(true, Then::Relu), (false, Then::Keep), (true, Then::Gelu)] {
            let conv = Conv {
                x: &x,
                size: [c, h, w],
                weights: &weights,
                kernel,
                dilations,
                before,
                out,
                bias: with_bias.then_some(&bias),
                then,
            };
            let mut y = vec![f32::NAN; channels * out[0] * out[1]];
            if !convolve(&conv, &mut y) {
                assert!(!have());
                return;
            }
            for (i, &y) in y.iter().enumerate() {
                let (o, oy, ox) = (i / (out[0] * out[1]), i / out[1] % out[0], i % out[1]);
                let mut sum = if with_bias { f64::from(bias[o]) } else { 0.0 };
                for tap in 0..c * kernel[0] * kernel[1] {
                    let (kx, ky) = (tap % kernel[1], tap / kernel[1] % kernel[0]);
                    let channel = tap / kernel[1] / kernel[0];
                    let py = (oy + ky * dilations[0])
                        .checked_sub(before[0])
                        .filter(|&p| p < h);
                    let px = (ox + kx * dilations[1])
                        .checked_sub(before[1])
                        .filter(|&p| p < w);
                    if let (Some(py), Some(px)) = (py, px) {
                        let weight = weights[o * c * kernel[0] * kernel[1] + tap];
                        sum += f64::from(weight) * f64::from(x[(channel * h + py) * w + px]);
                    }
                }
                let want = match then {
                    Then::Keep => sum,
                    Then::Relu => sum.max(0.0),
                    Then::Gelu => gelu(sum),
                };
                let of = (c * kernel[0] * kernel[1]) as f64 / 8.0;
                assert!(
                    close(y, want, of),
                    "{channels} of {c}x{h}x{w} at {i}: {y}, not {want}"
                );
            }
        }
    }
}

/// Transforms lose a few units in the last place of sums of 576 products.
#[test]
fn transforms_lose_little() {
    let mut rng = Numbers(8);
    let (x, weights) = (rng.list(64 * 8 * 64), rng.list(12 * 64 * 9));
    let conv = Conv {
        x: &x,
        size: [64, 8, 64],
        weights: &weights,
        kernel: [3, 3],
        dilations: [1, 1],
        before: [0, 0],
        out: [6, 62],
        bias: None,
        then: Then::Keep,
    };
    let mut y = vec![0.0; 12 * 6 * 62];
    if !convolve(&conv, &mut y) {
        return;
    }
    for (i, &y) in y.iter().enumerate() {
        let (o, line, column) = (i / (6 * 62), i / 62 % 6, i % 62);
        let want: f64 = (0..64 * 9)
            .map(|tap| {
                let (c, ky, kx) = (tap / 9, tap / 3 % 3, tap % 3);
                let x = x[(c * 8 + line + ky) * 64 + column + kx];
                f64::from(weights[o * 64 * 9 + tap]) * f64::from(x)
            })
            .sum();
        let off = (f64::from(y) - want).abs();
        assert!(off < 1e-5, "{off:e} at {i}");
    }
}

/// What transforms are taken for, and which pixels an input that is not finite reaches.
#[cfg(target_arch = "x86_64")]
#[test]
fn convolutions_of_3_by_3_are_by_transforms() {
    let list = Numbers(6).list(12 * 12 * 9);
    let conv = |channels: usize, out: usize| Conv {
        x: &list,
        size: [channels, 12, out],
        weights: &list,
        kernel: [3, 3],
        dilations: [1, 1],
        before: [1, 1],
        out: [12, out],
        bias: None,
        then: Then::Keep,
    };
    let suits = super::winograd::suits;
    assert!(suits(&conv(12, 23), 12) && suits(&conv(64, 518), 32));
    assert!(!suits(&conv(12, 22), 12), "blocks reach too far past it");
    assert!(!suits(&conv(11, 64), 12) && !suits(&conv(12, 64), 11));
    assert!(!suits(&conv(4000, 64), 100), "a thread's room is bounded");
    let with = |change: fn(&mut Conv<'_>)| {
        let mut conv = conv(64, 64);
        change(&mut conv);
        suits(&conv, 64)
    };
    assert!(!with(|conv| conv.dilations = [1, 2]) && !with(|conv| conv.kernel = [1, 3]));
    // One input that is not finite reaches the nine pixels that read it.
    let mut rng = Numbers(7);
    let weights = rng.list(12 * 12 * 9);
    for bad in [f32::NAN, f32::INFINITY] {
        let mut x = rng.list(12 * 10 * 64);
        x[5 * 64 + 33] = bad;
        let conv = Conv {
            x: &x,
            size: [12, 10, 64],
            weights: &weights,
            out: [10, 64],
            ..conv(12, 64)
        };
        let mut y = vec![0.0; 12 * 10 * 64];
        if !convolve(&conv, &mut y) {
            return;
        }
        for (i, y) in y.iter().enumerate() {
            let (line, column) = (i / 64 % 10, i % 64);
            let reads = line.abs_diff(5) < 2 && column.abs_diff(33) < 2;
            assert_eq!(!y.is_finite(), reads, "{bad} at {line}, {column}");
        }
    }
}

/// To the last bit, whatever the number of threads.
#[test]
fn answers_do_not_hang_on_the_number_of_threads() {
    let mut rng = Numbers(4);
    let (a, b) = (rng.list(300 * 500), rng.list(500 * 300));
    let matrix = |data| Matrix {
        data,
        size: [300, 300],
        strides: [500, 1],
    };
    let weights = rng.list(13 * 12 * 9);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            let (a, b) = (matrix(&a[..]), matrix(&b[..]));
            // Bands of rows, and tiles.
            let convolved = [7, 13].map(|channels| {
                let mut y = vec![0.0; channels * 63 * 98];
                let conv = Conv {
                    x: &a.data[..12 * 63 * 98],
                    size: [12, 63, 98],
                    weights: &weights[..channels * 12 * 9],
                    kernel: [3, 3],
                    dilations: [1, 1],
                    before: [1, 1],
                    out: [63, 98],
                    bias: None,
                    then: Then::Keep,
                };
                (convolve(&conv, &mut y), y)
            });
            let head = Head { q: a, k: b, v: b };
            let line = Line::default();
            (
                products(&[(a, b)], &line),
                attend(&[head], 0.1, false),
                convolved,
            )
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn attention_is_that_of_a_loop() {
    let mut rng = Numbers(3);
    for ([n, d, m, e], scale) in [
        ([1, 1, 1, 1], 1.0),
        ([50, 8, 33, 10], 0.5),
        ([7, 20, 600, 16], 1.0),
    ] {
        let [q, k, v] = [
            rng.list(2 * n * d),
            rng.list(2 * m * d),
            rng.list(2 * m * e),
        ];
        // Keys as they come out of a transpose: element (i, j) of the turned matrix at j * d + i.
        let heads: Vec<Head<'_>> = (0..2)
            .map(|h| Head {
                q: Matrix {
                    data: &q[h * n * d..],
                    size: [n, d],
                    strides: [d, 1],
                },
                k: Matrix {
                    data: &k[h * m * d..],
                    size: [d, m],
                    strides: [1, d],
                },
                v: Matrix {
                    data: &v[h * m * e..],
                    size: [m, e],
                    strides: [e, 1],
                },
            })
            .collect();
        let Some(y) = attend(&heads, scale, false) else {
            assert!(!have());
            return;
        };
        for (i, &y) in y.iter().enumerate() {
            let (head, row, column) = (&heads[i / (n * e)], i / e % n, i % e);
            let dot = |j: usize| -> f64 {
                let each = (0..d).map(|c| at(&head.q, row, c) * at(&head.k, c, j));
                (each.sum::<f64>() * f64::from(scale)).exp()
            };
            let sum: f64 = (0..m).map(dot).sum();
            let want: f64 = (0..m).map(|j| dot(j) * at(&head.v, j, column)).sum::<f64>() / sum;
            assert!(
                close(y, want, 1.0),
                "{n}x{d}x{m}x{e} at {i}: {y}, not {want}"
            );
        }
    }
    // A query that is nowhere: nothing, or zeros where that is asked for.
    let one = |data| Matrix {
        data,
        size: [1, 1],
        strides: [1, 1],
    };
    let (lost, number) = ([f32::NAN], [2.0]);
    let heads = [Head {
        q: one(&lost[..]),
        k: one(&number[..]),
        v: one(&number[..]),
    }];
    assert!(attend(&heads, 1.0, false).is_none_or(|y| y[0].is_nan()));
    assert!(attend(&heads, 1.0, true).is_none_or(|y| y == [0.0]));
}

#[test]
fn exponentials_are_right_to_the_last_places() {
    let odd = [
        0.0,
        -0.0,
        -87.3,
        -88.0,
        -104.0,
        88.7,
        89.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
    ];
    let even = (0..=20_000).map(|i| i as f32 * 0.01 - 100.0);
    let x: Vec<f32> = odd.into_iter().chain(even).collect();
    let mut y = vec![0.0; x.len()];
    exponentials(&x, 0.0, &mut y);
    for (&x, &y) in x.iter().zip(&y) {
        let want = f64::from(x).exp();
        let near = (f64::from(y) - want).abs() <= 2.5e-7 * want;
        let small = want < 1.2e-38 && (0.0..=1.2e-38).contains(&y);
        let large = want > 3.4e38 && y == f32::INFINITY;
        assert!(near || small || large, "exp({x}) = {y}, not {want}");
    }
    exponentials(&[1.0, f32::NAN, 3.0], 0.0, &mut y[..3]);
    assert!(y[1].is_nan() && !y[0].is_nan() && !y[2].is_nan());
    let sum = exponentials(&[1.0; 11], 1.0, &mut y[..11]);
    assert_eq!((sum, &y[..11]), (11.0, &[1.0; 11][..]));
}

#[test]
fn functions_and_moments_are_those_of_a_loop() {
    let x: Vec<f32> = (0..803).map(|i| i as f32 * 0.03 - 12.0).collect();
    for then in [Then::Keep, Then::Relu, Then::Gelu] {
        let mut y = x.clone();
        finish(&mut y, then);
        for (&x, &y) in x.iter().zip(&y) {
            let want = match then {
                Then::Keep => f64::from(x),
                Then::Relu => f64::from(x).max(0.0),
                Then::Gelu => gelu(f64::from(x)),
            };
            assert!(
                (f64::from(y) - want).abs() <= 3e-6,
                "{then:?} of {x}: {y}, not {want}"
            );
        }
    }
    let mut odd = [f32::NAN, -1.0];
    finish(&mut odd, Then::Relu);
    assert!(odd[0].is_nan() && odd[1] == 0.0);
    let shifted: Vec<f32> = x.iter().map(|x| x + 5000.0).collect();
    let [mean, variance] = moments(&shifted);
    assert!((f64::from(mean) - 5000.03).abs() < 1e-2, "{mean}");
    let want = 0.03f64.powi(2) * (803.0 * 803.0 - 1.0) / 12.0;
    assert!(
        (f64::from(variance) / want - 1.0).abs() < 1e-3,
        "{variance}, not {want}"
    );
}
