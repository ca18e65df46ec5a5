//! Checks, conversions and rigid moves of a cloud of splats.

use glam::{DMat3, DQuat, DVec3};

use super::records::Splat;
use super::{SplatError, Splats};

/// Whether a splat's values are numbers, see [`Splats::is_usable`].
#[inline]
pub(super) fn usable(
    position: &[f32; 3],
    log_scale: &[f32; 3],
    rotation: &[f32; 4],
    opacity_logit: f32,
    sh: &[[f32; 3]],
) -> bool {
    // The greatest magnitude, as bits: without branches, for this runs over all that is read.
    let greatest = |values: &[f32]| {
        values
            .iter()
            .fold(0, |most, v| u32::max(most, v.to_bits() & 0x7FFF_FFFF))
    };
    let most = greatest(position)
        .max(greatest(rotation))
        .max(greatest(sh.as_flattened()));
    most < f32::INFINITY.to_bits()
        && log_scale.iter().all(|s| *s < f32::INFINITY)
        && !opacity_logit.is_nan()
}

impl Splats {
    /// Coefficients a splat.
    pub fn coefficients(&self) -> usize {
        (self.sh_degree as usize + 1).pow(2)
    }

    /// That all arrays have the lengths that the number of splats and the degree ask for.
    ///
    /// # Errors
    /// [`SplatError::Input`] naming the array.
    pub fn check(&self) -> Result<(), SplatError> {
        if self.sh_degree > 1 {
            return Err(SplatError::Input(format!(
                "spherical harmonics of degree {}; degrees 0 and 1 are supported",
                self.sh_degree
            )));
        }
        let n = self.len();
        for (name, found, wanted) in [
            ("log_scales", self.log_scales.len(), n),
            ("rotations", self.rotations.len(), n),
            ("opacity_logits", self.opacity_logits.len(), n),
            ("sh", self.sh.len(), n * self.coefficients()),
        ] {
            if found != wanted {
                return Err(SplatError::Input(format!(
                    "{name} has {found} entries where {n} splats need {wanted}"
                )));
            }
        }
        Ok(())
    }

    /// Whether a splat's values are numbers: none is NaN, and infinite are only those that have a meaning so, which are
    /// its opacity either way (opaque or clear) and its scales downwards (no size).
    pub fn is_usable(&self, i: usize) -> bool {
        let k = self.coefficients();
        usable(
            &self.positions[i],
            &self.log_scales[i],
            &self.rotations[i],
            self.opacity_logits[i],
            &self.sh[i * k..(i + 1) * k],
        )
    }

    /// Drops the splats that are not [usable](Self::is_usable).
    pub fn retain_usable(&mut self) {
        let k = self.coefficients();
        let usable: Vec<bool> = (0..self.len()).map(|i| self.is_usable(i)).collect();
        let mut kept = 0;
        for from in (0..usable.len()).filter(|i| usable[*i]) {
            self.positions[kept] = self.positions[from];
            self.log_scales[kept] = self.log_scales[from];
            self.rotations[kept] = self.rotations[from];
            self.opacity_logits[kept] = self.opacity_logits[from];
            self.sh.copy_within(from * k..(from + 1) * k, kept * k);
            kept += 1;
        }
        self.positions.truncate(kept);
        self.log_scales.truncate(kept);
        self.rotations.truncate(kept);
        self.opacity_logits.truncate(kept);
        self.sh.truncate(kept * k);
    }

    /// The splats as the kernels hold them. WGSL promises nothing for infinities, so those with a meaning become numbers
    /// of the same effect.
    pub fn to_records(&self) -> Vec<Splat> {
        const OPAQUE: f32 = 100.0;
        const NO_SIZE: f32 = -60.0;
        let k = self.coefficients();
        (0..self.len())
            .map(|i| {
                let p = self.positions[i];
                // Not max(), which would pass over NaN.
                let s = self.log_scales[i].map(|s| if s < NO_SIZE { NO_SIZE } else { s });
                let opacity = self.opacity_logits[i].clamp(-OPAQUE, OPAQUE);
                let mut sh = [[0.0; 4]; 3];
                for (j, value) in self.sh[i * k..(i + 1) * k].iter().flatten().enumerate() {
                    sh[j / 4][j % 4] = *value;
                }
                Splat {
                    centre: [p[0], p[1], p[2], opacity],
                    log_scale: [s[0], s[1], s[2], 0.0],
                    rotation: self.rotations[i],
                    sh,
                }
            })
            .collect()
    }

    /// Back from the kernels' records; quaternions are normalised.
    pub fn from_records(records: &[Splat], sh_degree: u32) -> Self {
        let k = (sh_degree as usize + 1).pow(2);
        let mut out = Self {
            sh_degree,
            ..Default::default()
        };
        for r in records {
            let [x, y, z, opacity] = r.centre;
            out.positions.push([x, y, z]);
            out.opacity_logits.push(opacity);
            out.log_scales
                .push([r.log_scale[0], r.log_scale[1], r.log_scale[2]]);
            let norm = r.rotation.iter().map(|v| v * v).sum::<f32>().sqrt();
            out.rotations.push(if norm > 0.0 && norm.is_finite() {
                r.rotation.map(|v| v / norm)
            } else {
                [1.0, 0.0, 0.0, 0.0]
            });
            let flat = r.sh.as_flattened();
            for c in 0..k {
                out.sh.push([flat[3 * c], flat[3 * c + 1], flat[3 * c + 2]]);
            }
        }
        out
    }

    /// Moves the cloud: `x' = scale * (rotation * x) + translation`, with the splats' orientations, sizes and
    /// view-dependent colours carried along. `rotation` is a proper rotation, `scale` positive.
    pub fn transform(&mut self, rotation: DMat3, translation: DVec3, scale: f64) {
        let turn = DQuat::from_mat3(&rotation);
        for p in &mut self.positions {
            let moved = scale * (rotation * DVec3::from(p.map(f64::from))) + translation;
            *p = moved.to_array().map(|v| v as f32);
        }
        for q in &mut self.rotations {
            let [w, x, y, z] = q.map(f64::from);
            let r = (turn * DQuat::from_xyzw(x, y, z, w)).normalize();
            *q = [r.w as f32, r.x as f32, r.y as f32, r.z as f32];
        }
        for s in self.log_scales.as_flattened_mut() {
            *s += scale.ln() as f32;
        }
        if self.sh_degree == 1 {
            for sh in self.sh.chunks_exact_mut(4) {
                let [_, by_y, by_z, by_x] = sh else { continue };
                for ((x, y), z) in by_x.iter_mut().zip(by_y).zip(by_z) {
                    // Degree 1 is linear in the direction: -y, z, -x.
                    let v = DVec3::new(-f64::from(*x), -f64::from(*y), f64::from(*z));
                    let v = rotation * v;
                    (*x, *y, *z) = (-v.x as f32, -v.y as f32, v.z as f32);
                }
            }
        }
    }
}
