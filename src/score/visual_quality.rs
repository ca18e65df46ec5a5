//! Visual quality of single frames at the working size: sharp, free of noise and blocks, not clipped, with
//! contrast. Blocks are seen only where the working size is the native one, as their grid is of 8 pixels.

use super::Components;
use super::picture::{Picture, mean};

/// Measures of one frame at the working size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quality {
    sharpness: f64,
    noise: f64,
    blocks: f64,
    clipped: f64,
    contrast: f64,
}

impl Quality {
    pub fn of(picture: &Picture<'_>) -> Self {
        let noise = picture.noise();
        Self {
            sharpness: picture.sharpness(noise),
            noise,
            blocks: picture.blocks(),
            clipped: picture.clipped(),
            contrast: picture.contrast(),
        }
    }

    fn score(&self) -> f64 {
        (1.0 - (-(self.sharpness / 0.28).powf(1.3)).exp())
            * (-self.noise / 6.0 - (self.blocks - 0.1).max(0.0) / 0.6 - self.clipped / 0.3).exp()
            * (1.0 - (-self.contrast / 15.0).exp())
    }
}

pub(super) fn score(frames: &[Quality], out: &mut Components) -> f64 {
    let mut put =
        |name, f: fn(&Quality) -> f64| out.put("visual_quality", name, mean(frames.iter().map(f)));
    put("sharpness", |q| q.sharpness);
    put("noise", |q| q.noise);
    put("blocks", |q| q.blocks);
    put("clipped", |q| q.clipped);
    put("contrast", |q| q.contrast);
    mean(frames.iter().map(Quality::score))
}
