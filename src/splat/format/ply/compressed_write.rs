//! Writing SuperSplat's compressed PLY: 16 bytes a splat, and a byte for each coefficient above degree 0.

use rayon::prelude::*;

use super::super::super::Splats;
use super::super::super::harmonics::SH0;
use super::super::morton::interleaved;
use super::super::{counted, sigmoid, unit};
use super::compressed::{BOUNDS, CHUNK, COLOUR_BOUNDS, PACKED};
use crate::numeric::median;

/// What logarithms of sizes are kept within, as all writers do: a size of 0 would leave a chunk without a range.
const SIZES: f32 = 20.0;

/// What coefficients above degree 0 are kept within.
const HARMONICS: f32 = 4.0;
/// The step of their bytes.
const STEP: f32 = 2.0 * HARMONICS / 256.0;

/// Steps of an axis of the curve, as bits.
const CURVE: u32 = 21;

/// The file's bytes, and what had to be bent to fit them. Splats are sorted along a curve through space, so that the ranges of chunks are small;
/// those whose values are no numbers are left out.
///
/// # Errors
/// In words: a file that does not fit the memory.
pub fn encode(splats: &Splats) -> Result<(Vec<u8>, Vec<String>), String> {
    let mut order: Vec<usize> = (0..splats.len()).filter(|i| splats.is_usable(*i)).collect();
    arrange(&mut order, &splats.positions);
    let (n, k) = (order.len(), splats.coefficients());
    let header = header(n, 3 * (k - 1));
    let chunk = 4 * (BOUNDS.len() + COLOUR_BOUNDS.len());
    let splat = 4 * PACKED.len() + 3 * (k - 1);
    let size = header.len() + chunk * n.div_ceil(CHUNK) + splat * n;
    let mut out = Vec::new();
    out.try_reserve_exact(size)
        .map_err(|_| format!("{size} bytes of compressed PLY do not fit the memory"))?;
    out.extend_from_slice(header.as_bytes());

    let chunks = || order.chunks(CHUNK);
    let ranges: Vec<Range> = chunks().map(|chunk| Range::of(splats, chunk)).collect();
    for range in &ranges {
        // Position, size and colour, each the least of its axes before their most.
        for at in [0, 3, 6] {
            for bound in range.least[at..at + 3]
                .iter()
                .chain(&range.most[at..at + 3])
            {
                out.extend(bound.to_le_bytes());
            }
        }
    }
    for (chunk, range) in chunks().zip(&ranges) {
        for &i in chunk {
            let [x, y, z, a, b, c, red, green, blue] = range.parts(numbers(splats, i));
            let opacity = f64::from(sigmoid(splats.opacity_logits[i]));
            let colour = [red, green, blue, opacity].map(|v| level(v, 8) as u8);
            for word in [
                thirds([x, y, z]),
                quaternion(splats.rotations[i]),
                thirds([a, b, c]),
                u32::from_be_bytes(colour),
            ] {
                out.extend(word.to_le_bytes());
            }
        }
    }
    for &i in &order {
        let rest = &splats.sh[i * k + 1..(i + 1) * k];
        for c in 0..3 {
            out.extend(rest.iter().map(|v| eighth(v[c])));
        }
    }

    let mut bent = Vec::new();
    let mut tell = |what: &str, is: &dyn Fn(usize) -> bool| {
        let n = order.iter().filter(|i| is(**i)).count();
        if n > 0 {
            bent.push(format!("{what} of {}, clamped", counted(n)));
        }
    };
    tell("sizes outside 2.1e-9 to 4.9e8", &|i| {
        splats.log_scales[i].iter().any(|s| s.abs() > SIZES)
    });
    // Less than a step is rounding.
    tell("view-dependent colours beyond 4", &|i| {
        let rest = &splats.sh[i * k + 1..(i + 1) * k];
        let mut rest = rest.as_flattened().iter();
        rest.any(|v| v.abs() > HARMONICS + STEP)
    });
    Ok((out, bent))
}

/// Of `n` splats with `rest` coefficients above degree 0. Viewers ask for the elements and properties in this very order.
fn header(n: usize, rest: usize) -> String {
    let element = |name: &str, n: usize| format!("element {name} {n}\n");
    let property = |kind: &str, name: &str| format!("property {kind} {name}\n");
    let mut out = "ply\nformat binary_little_endian 1.0\n".to_owned();
    out += &element("chunk", n.div_ceil(CHUNK));
    for name in BOUNDS.iter().chain(&COLOUR_BOUNDS) {
        out += &property("float", name);
    }
    out += &element("vertex", n);
    for name in PACKED {
        out += &property("uint", name);
    }
    if rest > 0 {
        out += &element("sh", n);
        for i in 0..rest {
            out += &property("uchar", &format!("f_rest_{i}"));
        }
    }
    out + "end_header\n"
}

/// Position, logarithms of sizes, and colour of a splat, as chunks have a range of them.
fn numbers(splats: &Splats, i: usize) -> [f32; 9] {
    let colour = splats.sh[i * splats.coefficients()];
    let [x, y, z] = splats.positions[i];
    let [a, b, c] = splats.log_scales[i].map(|s| s.clamp(-SIZES, SIZES));
    let [red, green, blue] = colour.map(|v| (f64::from(v) * SH0 + 0.5) as f32);
    [x, y, z, a, b, c, red, green, blue]
}

/// The range of a chunk's [`numbers`].
struct Range {
    least: [f32; 9],
    most: [f32; 9],
}

impl Range {
    fn of(splats: &Splats, chunk: &[usize]) -> Self {
        let mut out = Self {
            least: [f32::INFINITY; 9],
            most: [f32::NEG_INFINITY; 9],
        };
        for i in chunk {
            for (at, v) in numbers(splats, *i).into_iter().enumerate() {
                out.least[at] = out.least[at].min(v);
                out.most[at] = out.most[at].max(v);
            }
        }
        out
    }

    /// Where numbers lie within the range, 0 to 1; 0 of a range that has no width.
    fn parts(&self, numbers: [f32; 9]) -> [f64; 9] {
        std::array::from_fn(|at| {
            let [v, least, most] = [numbers[at], self.least[at], self.most[at]].map(f64::from);
            if most > least {
                (v - least) / (most - least)
            } else {
                0.0
            }
        })
    }
}

/// The nearest of the levels that so many bits have for 0 to 1.
fn level(part: f64, bits: u32) -> u32 {
    let most = f64::from((1u32 << bits) - 1);
    (part * most).round().clamp(0.0, most) as u32
}

/// Three parts in 11, 10 and 11 bits, from the highest.
fn thirds([x, y, z]: [f64; 3]) -> u32 {
    level(x, 11) << 21 | level(y, 10) << 11 | level(z, 11)
}

/// Two bits for the largest of w, x, y, z, then 10 bits for each of the others, as the quaternion with a positive largest has them.
fn quaternion(rotation: [f32; 4]) -> u32 {
    let q = unit(rotation);
    let mut largest = 0;
    for i in 1..4 {
        if q[i].abs() > q[largest].abs() {
            largest = i;
        }
    }
    let sign = 1f64.copysign(f64::from(q[largest]));
    let others = (0..4).filter(|i| *i != largest);
    others.fold(largest as u32, |word, i| {
        // Besides the largest none is beyond the root of a half.
        let part = sign * f64::from(q[i]) * std::f64::consts::FRAC_1_SQRT_2 + 0.5;
        word << 10 | level(part, 10)
    })
}

/// A coefficient's byte. Readers take the middle of its step, so that it is cut and not rounded.
fn eighth(v: f32) -> u8 {
    let part = f64::from(v / (2.0 * HARMONICS)) + 0.5;
    (256.0 * part) as u8
}

/// Sorts splats so that those of a chunk lie near one another: by how far off they are, in octaves beyond what most fill, then along a curve.
/// A few far ones in a chunk take all its steps, as they do in what other tools write; here at most one chunk an octave holds both.
fn arrange(order: &mut [usize], positions: &[[f32; 3]]) {
    let middle: [f64; 3] = std::array::from_fn(|axis| {
        let mut along: Vec<f64> = order.iter().map(|i| positions[*i][axis].into()).collect();
        median(&mut along).unwrap_or(0.0)
    });
    let far = |i: usize| {
        let off = (0..3).map(|axis| (f64::from(positions[i][axis]) - middle[axis]).abs());
        off.fold(0.0, f64::max)
    };
    let mut all: Vec<f64> = order.iter().map(|i| far(*i)).collect();
    let most = all.len() * 9 / 10;
    let near = match all.is_empty() {
        true => return,
        false => 2.0 * *all.select_nth_unstable_by(most, f64::total_cmp).1,
    };
    let octave = |i: usize| match far(i) > near && near > 0.0 {
        true => (far(i) / near).log2().ceil() as i32,
        false => 0,
    };
    order.sort_by_cached_key(|i| octave(*i));
    for ring in order.chunk_by_mut(|a, b| octave(*a) == octave(*b)) {
        sort(ring, positions);
    }
}

/// Sorts splats along a Morton curve through the cube that holds them; where a chunk's worth ends up in one cell, within that cell anew.
fn sort(order: &mut [usize], positions: &[[f32; 3]]) {
    let (mut least, mut most) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for i in order.iter() {
        for (axis, v) in positions[*i].iter().enumerate() {
            least[axis] = least[axis].min(f64::from(*v));
            most[axis] = most[axis].max(f64::from(*v));
        }
    }
    let side = (0..3).map(|axis| most[axis] - least[axis]);
    let side = side.fold(0.0, f64::max);
    if !(side > 0.0) {
        return;
    }
    let cells = f64::from(1u32 << CURVE);
    let mut coded: Vec<(u64, usize)> = order
        .par_iter()
        .map(|&i| {
            let cell = std::array::from_fn(|axis| {
                let part = (f64::from(positions[i][axis]) - least[axis]) / side;
                (cells * part).min(cells - 1.0) as u32
            });
            (interleaved(cell), i)
        })
        .collect();
    coded.par_sort_unstable();
    let mut start = 0;
    for cell in coded.chunk_by(|a, b| a.0 == b.0) {
        let sorted = &mut order[start..start + cell.len()];
        start += cell.len();
        for (to, (_, i)) in sorted.iter_mut().zip(cell) {
            *to = *i;
        }
        // A few far away leave the others one cell. It is that much smaller, so this ends.
        if cell.len() > CHUNK {
            sort(sorted, positions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    /// Numbers from -1 to 1 that look random.
    struct Draw(u64);

    impl Draw {
        fn one(&mut self) -> f32 {
            self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
        }

        fn some<const N: usize>(&mut self, by: f32) -> [f32; N] {
            std::array::from_fn(|_| by * self.one())
        }
    }

    fn cloud(n: usize, sh_degree: u32) -> Splats {
        let mut draw = Draw(7);
        let mut out = Splats {
            sh_degree,
            ..Splats::default()
        };
        for i in 0..n {
            // Every tenth is far away.
            let by = if i % 10 == 9 { 300.0 } else { 3.0 };
            out.positions.push(draw.some(by));
            out.log_scales
                .push(draw.some::<3>(4.0).map(|s: f32| s - 4.0));
            out.rotations.push(unit(draw.some(1.0)));
            out.opacity_logits.push(6.0 * draw.one());
            let first = draw.some(2.0);
            out.sh.push(first);
            for _ in 1..out.coefficients() {
                out.sh.push(draw.some(HARMONICS));
            }
        }
        out
    }

    fn sorted(splats: &Splats) -> Vec<usize> {
        let mut order: Vec<usize> = (0..splats.len()).collect();
        arrange(&mut order, &splats.positions);
        order
    }

    fn read(bytes: &[u8]) -> Splats {
        let file = parse(bytes).expect("compressed PLY");
        assert!(file.format.contains("compressed"), "{}", file.format);
        assert!(
            file.notes.is_empty() && file.unused.is_empty(),
            "{:?} {:?}",
            file.notes,
            file.unused
        );
        assert_eq!(file.not_finite, 0);
        file.splats
    }

    #[test]
    fn half_a_step_is_lost_at_most() {
        for degree in 0..=3 {
            for n in [1, 2, 255, 256, 257, 700] {
                let splats = cloud(n, degree);
                let (bytes, bent) = encode(&splats).expect("bytes");
                assert!(bent.is_empty(), "{bent:?}");
                let (back, order) = (read(&bytes), sorted(&splats));
                assert_eq!((back.len(), back.sh_degree), (n, degree));
                let k = splats.coefficients();
                for (chunk, at) in order.chunks(CHUNK).zip((0..).step_by(CHUNK)) {
                    let range = Range::of(&splats, chunk);
                    for (&i, j) in chunk.iter().zip(at..) {
                        let (own, found) = (numbers(&splats, i), numbers(&back, j));
                        for c in 0..9 {
                            let steps = [2047.0, 1023.0, 2047.0][c % 3];
                            let steps = if c < 6 { steps } else { 255.0 };
                            let half = 0.5 * (range.most[c] - range.least[c]) / steps;
                            let most = half + 1e-6 * (1.0 + own[c].abs());
                            assert!((own[c] - found[c]).abs() <= most, "{n} {degree} {c}");
                        }
                        let a = sigmoid(splats.opacity_logits[i]);
                        let b = sigmoid(back.opacity_logits[j]);
                        assert!((a - b).abs() <= 0.5 / 255.0 + 1e-5, "{a} {b}");
                        turned(splats.rotations[i], back.rotations[j]);
                        let rest = splats.sh[i * k + 1..(i + 1) * k].as_flattened();
                        let found = back.sh[j * k + 1..(j + 1) * k].as_flattened();
                        for (a, b) in rest.iter().zip(found) {
                            // The first and the last step are read as their outer ends.
                            let most = if a.abs() < HARMONICS - STEP { 0.5 } else { 1.0 };
                            assert!((a - b).abs() <= most * STEP + 1e-6, "{a} {b}");
                        }
                    }
                }
            }
        }
    }

    /// That a rotation came back: of either sign, half a step off besides its largest.
    fn turned(own: [f32; 4], found: [f32; 4]) {
        let dot: f32 = (0..4).map(|c| own[c] * found[c]).sum();
        let largest = (0..4).fold(0, |a, b| if own[b].abs() > own[a].abs() { b } else { a });
        for c in 0..4 {
            let step = std::f32::consts::SQRT_2 / 1023.0;
            // The largest makes up for the others, each at most as large.
            let most = if c == largest { 1.5 } else { 0.5 } * step + 1e-6;
            let apart = (own[c] * dot.signum() - found[c]).abs();
            assert!(apart <= most, "{own:?} {found:?}");
        }
    }

    #[test]
    fn every_largest_part_and_sign_comes_back() {
        let mut splats = cloud(64, 0);
        for i in 0..64 {
            let mut q = [0.4, 0.3, 0.2, 0.1];
            q.rotate_right(i / 16);
            q[i / 16] = 0.7f32.sqrt();
            splats.rotations[i] = unit(std::array::from_fn(|c| {
                if i >> c & 1 == 1 { -q[c] } else { q[c] }
            }));
        }
        let (bytes, _) = encode(&splats).expect("bytes");
        let back = read(&bytes);
        for (j, i) in sorted(&splats).into_iter().enumerate() {
            turned(splats.rotations[i], back.rotations[j]);
        }
        let middle = 512 << 20 | 512 << 10 | 512;
        for c in 0..4 {
            for side in [1.0, -1.0] {
                let mut q = [0.0; 4];
                q[c] = side;
                assert_eq!(quaternion(q), (c as u32) << 30 | middle);
            }
        }
        // Of equal ones the first is left out; -0.5 * sqrt(1/2) + 0.5 is level 150.
        assert_eq!(quaternion([0.5; 4]), 873 << 20 | 873 << 10 | 873);
        assert_eq!(
            quaternion([-0.5, 0.5, 0.5, -0.5]),
            150 << 20 | 150 << 10 | 873
        );
        assert_eq!(quaternion([0.0; 4]), middle);
    }

    #[test]
    fn the_bytes_of_one_splat() {
        let splats = Splats {
            positions: vec![[1.0, -2.0, 3.0]],
            log_scales: vec![[-1.0, -2.0, -3.0]],
            rotations: vec![[0.0, 0.0, 1.0, 0.0]],
            opacity_logits: vec![0.0],
            sh_degree: 1,
            sh: vec![
                [0.0; 3],
                [-4.0, 0.0, 4.0],
                [0.03, 0.04, -0.01],
                [1.0, 2.0, -1.0],
            ],
        };
        let (bytes, bent) = encode(&splats).expect("bytes");
        assert!(bent.is_empty());
        let mut head = String::from("ply\nformat binary_little_endian 1.0\nelement chunk 1\n");
        for name in [
            "min_x",
            "min_y",
            "min_z",
            "max_x",
            "max_y",
            "max_z",
            "min_scale_x",
            "min_scale_y",
            "min_scale_z",
            "max_scale_x",
            "max_scale_y",
            "max_scale_z",
            "min_r",
            "min_g",
            "min_b",
            "max_r",
            "max_g",
            "max_b",
        ] {
            head += &format!("property float {name}\n");
        }
        head += "element vertex 1\nproperty uint packed_position\nproperty uint packed_rotation\n";
        head += "property uint packed_scale\nproperty uint packed_color\nelement sh 1\n";
        for i in 0..9 {
            head += &format!("property uchar f_rest_{i}\n");
        }
        head += "end_header\n";
        let mut wanted = head.into_bytes();
        let (p, s, c) = ([1.0, -2.0, 3.0], [-1.0, -2.0, -3.0], [0.5; 3]);
        for v in [p, p, s, s, c, c].as_flattened() {
            wanted.extend(f32::to_le_bytes(*v));
        }
        for word in [0u32, 2 << 30 | 512 << 20 | 512 << 10 | 512, 0, 128] {
            wanted.extend(word.to_le_bytes());
        }
        wanted.extend([0, 128, 160, 128, 129, 192, 255, 127, 96]);
        assert_eq!(bytes, wanted);
    }

    #[test]
    fn equal_splats_have_no_range() {
        let one = cloud(1, 2);
        let mut splats = Splats {
            sh_degree: 2,
            ..Splats::default()
        };
        for _ in 0..600 {
            splats.positions.extend(&one.positions);
            splats.log_scales.extend(&one.log_scales);
            splats.rotations.extend(&one.rotations);
            splats.opacity_logits.extend(&one.opacity_logits);
            splats.sh.extend(&one.sh);
        }
        assert_eq!(sorted(&splats), (0..600).collect::<Vec<_>>());
        let back = read(&encode(&splats).expect("bytes").0);
        assert_eq!(back.positions, splats.positions);
        assert_eq!(back.log_scales, splats.log_scales);
        for j in 0..600 {
            turned(splats.rotations[j], back.rotations[j]);
        }
    }

    #[test]
    fn what_is_out_of_range_is_clamped_and_told() {
        let mut splats = cloud(300, 1);
        splats.log_scales[3] = [f32::NEG_INFINITY, -60.0, -20.0];
        splats.log_scales[4] = [88.0, 20.0, f32::MAX];
        splats.opacity_logits[5] = f32::INFINITY;
        splats.opacity_logits[6] = f32::NEG_INFINITY;
        splats.sh[7 * 4 + 1] = [4.03, -4.03, 0.0];
        splats.sh[8 * 4 + 3] = [0.0, 5.0, f32::MAX];
        splats.sh[9 * 4] = [f32::MAX, f32::MIN, 1e6];
        let (bytes, bent) = encode(&splats).expect("bytes");
        assert_eq!(
            bent,
            [
                "sizes outside 2.1e-9 to 4.9e8 of 2 splats, clamped",
                "view-dependent colours beyond 4 of 1 splat, clamped"
            ]
        );
        let (back, order) = (read(&bytes), sorted(&splats));
        let at = |i: usize| order.iter().position(|o| *o == i).expect("each is there");
        assert_eq!(back.log_scales[at(3)], [-20.0; 3]);
        assert_eq!(back.log_scales[at(4)], [20.0; 3]);
        assert_eq!(back.opacity_logits[at(5)], f32::INFINITY);
        assert_eq!(back.opacity_logits[at(6)], f32::NEG_INFINITY);
        assert_eq!(back.sh[at(8) * 4 + 3][1..], [4.0, 4.0]);
        for (j, i) in order.into_iter().enumerate() {
            for c in 0..3 {
                let own = splats.log_scales[i][c].clamp(-SIZES, SIZES);
                assert!((own - back.log_scales[j][c]).abs() <= 20.0 / 1023.0 + 1e-5);
            }
        }
    }

    #[test]
    fn the_order_is_a_permutation_that_keeps_chunks_small() {
        let mut splats = cloud(5000, 0);
        // All others share one cell of the curve through these.
        splats.positions[17] = [1e30, -1e30, 0.0];
        splats.positions[18] = [f32::MAX, f32::MIN, f32::MAX];
        for i in 100..500 {
            splats.positions[i] = [1.0, 2.0, 3.0];
        }
        let order = sorted(&splats);
        let mut all = order.clone();
        all.sort_unstable();
        assert_eq!(all, (0..5000).collect::<Vec<_>>());
        let width = |chunk: &[usize]| {
            let range = Range::of(&splats, chunk);
            range.most[0] - range.least[0]
        };
        let mut widths: Vec<f32> = order.chunks(CHUNK).map(width).collect();
        widths.sort_by(f32::total_cmp);
        // Of 600 in all, 6 where most are.
        assert!(widths[widths.len() / 2] < 6.0, "{widths:?}");
        let back = read(&encode(&splats).expect("bytes").0);
        assert_eq!(back.len(), 5000);
        // Only the chunk that the two are in is coarse.
        let far = |i: &usize| splats.positions[*i][0].abs() > 1e3;
        for (chunk, at) in order.chunks(CHUNK).zip((0..).step_by(CHUNK)) {
            assert_eq!(chunk.iter().any(far), at + chunk.len() == 5000);
            for (i, j) in chunk.iter().zip(at..) {
                let (own, found) = (splats.positions[*i], back.positions[j]);
                let off = (0..3).map(|k| (own[k] - found[k]).abs());
                let off = off.fold(0.0, f32::max);
                assert!(chunk.iter().any(far) || off < 0.5, "{own:?} {found:?}");
            }
        }
    }

    #[test]
    fn values_that_are_no_numbers_and_no_splats_at_all() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut splats = cloud(9, 1);
            splats.positions[1][2] = value;
            splats.rotations[2][0] = value;
            splats.sh[3 * 4][1] = value;
            splats.sh[4 * 4 + 2][1] = value;
            splats.opacity_logits[5] = f32::NAN;
            splats.log_scales[6][0] = f32::INFINITY;
            let (bytes, bent) = encode(&splats).expect("bytes");
            assert!(bent.is_empty(), "{bent:?}");
            assert_eq!(read(&bytes).len(), 3);
        }
        for degree in 0..=3 {
            let (bytes, bent) = encode(&cloud(0, degree)).expect("bytes");
            assert!(bent.is_empty());
            let back = read(&bytes);
            assert_eq!((back.len(), back.sh_degree), (0, degree));
        }
    }
}
