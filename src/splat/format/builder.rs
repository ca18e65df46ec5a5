//! Splats as a reader finds them: those that can be used, and a count of the others.

use super::super::Splats;
use super::super::cloud::usable;
use super::{SplatFile, counted, unit};

/// One splat, as [`Splats`] have it.
pub(super) struct Splat<'a> {
    pub position: [f32; 3],
    pub log_scale: [f32; 3],
    pub opacity_logit: f32,
    pub rotation: [f32; 4],
    /// At least those that the cloud's degree asks for, which count.
    pub sh: &'a [[f32; 3]],
}

/// A cloud that grows splat by splat.
pub(super) struct Builder {
    pub splats: Splats,
    not_finite: usize,
    unturned: usize,
}

impl Builder {
    /// Room for `capacity` splats of a degree that splats have, all of it taken at once.
    pub fn new(capacity: usize, sh_degree: u32) -> Self {
        let mut splats = Splats {
            sh_degree,
            ..Splats::default()
        };
        splats.positions.reserve_exact(capacity);
        splats.log_scales.reserve_exact(capacity);
        splats.rotations.reserve_exact(capacity);
        splats.opacity_logits.reserve_exact(capacity);
        splats.sh.reserve_exact(capacity * splats.coefficients());
        Self {
            splats,
            not_finite: 0,
            unturned: 0,
        }
    }

    /// Of a cloud that is all there already, and the splats that were left out of it.
    pub fn of(splats: Splats, not_finite: usize, unturned: usize) -> Self {
        Self {
            splats,
            not_finite,
            unturned,
        }
    }

    /// Adds a splat; one with values that are no numbers is counted and left out.
    pub fn push(&mut self, splat: &Splat<'_>) {
        let sh = &splat.sh[..self.splats.coefficients()];
        if usable(
            &splat.position,
            &splat.log_scale,
            &splat.rotation,
            splat.opacity_logit,
            sh,
        ) {
            self.push_usable(splat);
        } else {
            self.skip();
        }
    }

    /// Adds a splat whose values are known to be numbers.
    #[inline]
    pub fn push_usable(&mut self, splat: &Splat<'_>) {
        self.unturned += usize::from(splat.rotation == [0.0; 4]);
        self.splats.positions.push(splat.position);
        self.splats.log_scales.push(splat.log_scale);
        self.splats.rotations.push(unit(splat.rotation));
        self.splats.opacity_logits.push(splat.opacity_logit);
        let count = self.splats.coefficients();
        self.splats.sh.extend_from_slice(&splat.sh[..count]);
    }

    /// Counts a splat that cannot be used.
    #[cold]
    pub fn skip(&mut self) {
        self.not_finite += 1;
    }

    /// Adds all splats of another cloud of the same degree.
    pub fn append(&mut self, mut other: Self) {
        self.not_finite += other.not_finite;
        self.unturned += other.unturned;
        self.splats.positions.append(&mut other.splats.positions);
        self.splats.log_scales.append(&mut other.splats.log_scales);
        self.splats.rotations.append(&mut other.splats.rotations);
        self.splats
            .opacity_logits
            .append(&mut other.splats.opacity_logits);
        self.splats.sh.append(&mut other.splats.sh);
    }

    /// What was read from a file of this format and degree.
    pub fn finish(self, format: &'static str, sh_degree: u32) -> SplatFile {
        let mut notes = Vec::new();
        if self.unturned > 0 {
            notes.push(format!(
                "a rotation of length 0, taken as unturned: {}",
                counted(self.unturned)
            ));
        }
        SplatFile {
            splats: self.splats,
            format: format.to_owned(),
            sh_degree,
            not_finite: self.not_finite,
            notes,
            unused: Vec::new(),
        }
    }
}
