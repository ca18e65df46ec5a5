//! Faces of any number of corners to triangles.

use earcut::Earcut;

use super::parted::{cross, dot, sub};

/// A triangle as files have it.
pub(super) type Wide = [[f64; 3]; 3];

/// By so much of a face's area its triangles may differ from it.
const SLACK: f64 = 1e-6;

/// Cuts faces into triangles, ear by ear, in their own plane.
#[derive(Default)]
pub(super) struct Cutter {
    earcut: Earcut<f64>,
    flat: Vec<[f64; 2]>,
    ears: Vec<u32>,
    /// Faces that cross themselves: they became fans around their first corner.
    pub tangled: usize,
}

/// Twice the area along the normal, which corners that are not quite in a plane have too (Newell).
fn newell(corners: &[[f64; 3]]) -> [f64; 3] {
    let mut sum = [0.0; 3];
    for pair in corners.windows(2) {
        let n = cross(sub(pair[0], corners[0]), sub(pair[1], corners[0]));
        sum = std::array::from_fn(|a| sum[a] + n[a]);
    }
    sum
}

impl Cutter {
    /// Triangles of a face of three or more corners, wound as it is.
    pub fn cut(&mut self, corners: &[[f64; 3]], out: &mut Vec<Wide>) {
        let fan = || (2..corners.len()).map(|k| [corners[0], corners[k - 1], corners[k]]);
        if corners.len() == 3 {
            return out.extend(fan());
        }
        let normal = newell(corners);
        let along = |t: &Wide| dot(cross(sub(t[1], t[0]), sub(t[2], t[0])), normal);
        let whole = dot(normal, normal);
        // Where no part of the fan is turned over, it is the face.
        if fan().all(|t| along(&t) >= -SLACK * whole) && whole > 0.0 {
            return out.extend(fan());
        }
        let (first, second) = (0..3)
            .max_by(|&a, &b| normal[a].abs().total_cmp(&normal[b].abs()))
            .map_or((0, 1), |up| ((up + 1) % 3, (up + 2) % 3));
        self.flat.clear();
        self.flat.extend(corners.iter().map(|p| {
            let q = sub(*p, corners[0]);
            [q[first], q[second]]
        }));
        self.ears.clear();
        self.earcut.earcut_slice(&self.flat, &[], &mut self.ears);
        let ears = self.ears.as_chunks::<3>().0;
        let ear = |e: &[u32; 3]| e.map(|i| corners[i as usize]);
        let cut: f64 = ears.iter().map(|e| along(&ear(e)).abs()).sum();
        if whole > 0.0 && (cut - whole).abs() <= SLACK * whole {
            out.extend(ears.iter().map(|e| {
                let t = ear(e);
                if along(&t) < 0.0 {
                    [t[0], t[2], t[1]]
                } else {
                    t
                }
            }));
        } else {
            self.tangled += 1;
            out.extend(fan());
        }
    }
}
