//! Checks, conversions and rigid moves of a cloud of splats.

use glam::{DMat3, DQuat, DVec3};
use rayon::prelude::*;

use super::harmonics::{self, MOST_DEGREE, Turn};
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
        harmonics::coefficients(self.sh_degree)
    }

    /// That all arrays have the lengths that the number of splats and the degree ask for.
    ///
    /// # Errors
    /// [`SplatError::Input`] naming the array.
    pub fn check(&self) -> Result<(), SplatError> {
        if self.sh_degree > MOST_DEGREE {
            return Err(SplatError::Input(format!(
                "spherical harmonics of degree {}; degrees 0 to {MOST_DEGREE} are supported",
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

    /// The same splats with harmonics up to a lower degree.
    pub fn of_degree(&self, sh_degree: u32) -> Self {
        let (own, kept) = (self.coefficients(), harmonics::coefficients(sh_degree));
        let sh = self
            .sh
            .chunks_exact(own)
            .flat_map(|sh| &sh[..kept.min(own)]);
        Self {
            sh: sh.copied().collect(),
            sh_degree: sh_degree.min(self.sh_degree),
            ..self.clone()
        }
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

    /// The splats as the kernels hold them, without their colours. WGSL promises nothing for infinities, so those with a meaning become numbers
    /// of the same effect.
    pub fn to_records(&self) -> Vec<Splat> {
        const OPAQUE: f32 = 100.0;
        const NO_SIZE: f32 = -60.0;
        (0..self.len())
            .map(|i| {
                let p = self.positions[i];
                // Not max(), which would pass over NaN.
                let s = self.log_scales[i].map(|s| if s < NO_SIZE { NO_SIZE } else { s });
                let opacity = self.opacity_logits[i].clamp(-OPAQUE, OPAQUE);
                Splat {
                    centre: [p[0], p[1], p[2], opacity],
                    log_scale: [s[0], s[1], s[2], 0.0],
                    rotation: self.rotations[i],
                }
            })
            .collect()
    }

    /// The colours as the kernels hold them: plane p of splat i at `p * len + i`, see `kernels/shared/harmonics`.
    pub fn to_planes(&self) -> Vec<[f32; 4]> {
        let (n, k) = (self.len(), self.coefficients());
        let mut planes = vec![[0.0; 4]; n * harmonics::planes(self.sh_degree)];
        for (i, sh) in self.sh.chunks_exact(k).enumerate() {
            for (at, value) in sh.as_flattened().iter().enumerate() {
                planes[at / 4 * n + i][at % 4] = *value;
            }
        }
        planes
    }

    /// Back from the kernels' records and planes; quaternions are normalised.
    pub fn from_records(records: &[Splat], planes: &[[f32; 4]], sh_degree: u32) -> Self {
        let (n, k) = (records.len(), harmonics::coefficients(sh_degree));
        let mut out = Self {
            sh_degree,
            ..Default::default()
        };
        for (i, r) in records.iter().enumerate() {
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
            let float = |at: usize| planes[at / 4 * n + i][at % 4];
            for c in 0..k {
                out.sh.push([0, 1, 2].map(|channel| float(3 * c + channel)));
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
        if self.sh_degree > 0 {
            let (turn, k) = (Turn::new(rotation, self.sh_degree), self.coefficients());
            let each = self.sh.par_chunks_exact_mut(k);
            each.for_each(|sh| turn.apply(sh));
        }
    }
}
