//! Axes that a file names, other than those of the format.

use glam::{DMat3, DVec3};

use super::super::super::Splats;

/// What Adobe calls the extension that names the axes.
const AXES: u32 = 0xADBE_0003;
/// Those of a file that names none: right, up, back.
pub(super) const RIGHT_UP_BACK: u32 = 4;

/// Signs of the three axes, and whether a quarter turn about x follows.
pub(super) struct Axes {
    signs: [f32; 3],
    turned: bool,
}

/// What the extensions tell of the axes, how many there are besides, and whether all could be told apart.
pub(super) fn extensions(mut records: &[u8]) -> (Option<u32>, usize, bool) {
    let (mut axes, mut others) = (None, 0);
    while let Some((head, rest)) = records.split_first_chunk::<8>() {
        let [kind, length] =
            [&head[..4], &head[4..]].map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let Some((payload, rest)) = rest.split_at_checked(length as usize) else {
            return (axes, others, false);
        };
        match (kind, payload) {
            (AXES, &[a, b, c, d, ..]) => axes = Some(u32::from_le_bytes([a, b, c, d])),
            _ => others += 1,
        }
        records = rest;
    }
    (axes, others, records.is_empty())
}

impl Axes {
    /// From those of a file to right, up, back. The numbers count up through left or right, down or up, back or front;
    /// behind the first eight come those whose y and z change places.
    pub fn of(number: u32) -> Option<Self> {
        let at = number.checked_sub(1).filter(|at| *at < 16)?;
        let wanted = RIGHT_UP_BACK - 1;
        let sign = |bit: u32| match (at ^ wanted) >> bit & 1 {
            0 => 1.0,
            _ => -1.0,
        };
        Some(Self {
            signs: [0, 1, 2].map(sign),
            turned: at >= 8,
        })
    }

    /// Mirrors and turns the splats.
    pub fn apply(&self, splats: &mut Splats) {
        let [x, y, z] = self.signs;
        if self.signs != [1.0; 3] {
            for p in &mut splats.positions {
                *p = [x * p[0], y * p[1], z * p[2]];
            }
            // A turn's axis is mirrored the other way round.
            for q in &mut splats.rotations {
                *q = [q[0], y * z * q[1], x * z * q[2], x * y * q[3]];
            }
            let k = splats.coefficients();
            let signs: Vec<f32> = (0..=splats.sh_degree as i32)
                .flat_map(|l| (-l..=l).map(move |m| (l, m)))
                .map(|(l, m)| mirrored(l, m, self.signs))
                .collect();
            for sh in splats.sh.chunks_exact_mut(k) {
                for (coefficient, sign) in sh.iter_mut().zip(&signs) {
                    *coefficient = coefficient.map(|v| sign * v);
                }
            }
        }
        if self.turned {
            // Up comes from z, back from -y.
            let turn = DMat3::from_cols(DVec3::X, -DVec3::Z, DVec3::Y);
            splats.transform(turn, DVec3::ZERO, 1.0);
        }
    }
}

/// What mirrored axes do to the spherical harmonic of degree l and order m.
fn mirrored(l: i32, m: i32, [x, y, z]: [f32; 3]) -> f32 {
    let odd = |n: i32| n.rem_euclid(2) == 1;
    let mut sign = 1.0;
    // Those of negative order go with the sine of the longitude.
    if odd(m) != (m < 0) {
        sign *= x;
    }
    if m < 0 {
        sign *= y;
    }
    if odd(l + m) {
        sign *= z;
    }
    sign
}
