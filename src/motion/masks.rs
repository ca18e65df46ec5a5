//! What moves by itself, pixel by pixel; [`crate::camera::moving`] fills it.

use std::path::Path;

use super::MotionError;
use crate::npy;

/// Masks of a clip, at its working size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Masks {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// One a frame of [`crate::video::Frames`], same order; `None` where nothing is known of a frame.
    pub frames: Vec<Option<Mask>>,
}

/// What moves in one frame: `width * height` values each, row by row from the top left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    /// Probability, in 255ths, that the pixel is not of the static scene: 0 surely static, 255 surely moving.
    pub moving: Vec<u8>,
    /// Which thing the pixel belongs to: 0 none, else a number that the thing keeps over the whole clip. Empty in masks that
    /// were read from a file.
    pub objects: Vec<u16>,
}

/// From this probability on, in 255ths, a pixel counts as moving.
pub const MOVING: u8 = 128;
const DESCR: &str = "|u1";

impl Masks {
    /// Whether each pixel of a picture of the frame shows what moves, or borders on what does; empty where nothing is known
    /// of the frame.
    pub fn moving(&self, frame: usize, [width, height]: [u32; 2]) -> Vec<bool> {
        let Some(Some(mask)) = self.frames.get(frame) else {
            return Vec::new();
        };
        let [w, h] = [self.width as usize, self.height as usize];
        // All that a pixel covers, and one more to each side: outlines are soft.
        let span = |k: u32, of: u32, n: usize| {
            let first = k as usize * n / of as usize;
            let end = ((k as usize + 1) * n).div_ceil(of as usize);
            first.saturating_sub(1)..(end + 1).min(n)
        };
        let any = |x: u32, y: u32| {
            let mut rows = span(y, height, h);
            rows.any(|v| span(x, width, w).any(|u| mask.moving[v * w + u] >= MOVING))
        };
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        pixels.map(|(x, y)| any(x, y)).collect()
    }

    /// Writes the probabilities as a `.npy` file, `[frames, height, width]`, `|u1`; 0 in frames that nothing is known of.
    /// The things' numbers are not kept.
    ///
    /// # Errors
    /// [`MotionError::File`].
    pub fn save_npy(&self, path: &Path) -> Result<(), MotionError> {
        let [w, h] = [self.width as usize, self.height as usize];
        let mut body = Vec::with_capacity(self.frames.len() * w * h);
        for mask in &self.frames {
            match mask {
                Some(mask) => body.extend(&mask.moving),
                None => body.extend(std::iter::repeat_n(0, w * h)),
            }
        }
        npy::write(path, DESCR, &[self.frames.len(), h, w], &body)
            .map_err(|reason| MotionError::file(path, reason))
    }

    /// Reads what [`Masks::save_npy`] wrote for a clip of so many frames; a frame of zeros has no mask, and things have no
    /// numbers.
    ///
    /// # Errors
    /// [`MotionError::File`] when it is missing, truncated, of another type or of another clip.
    pub fn load_npy(path: &Path, count: usize) -> Result<Self, MotionError> {
        let ([frames, h, w], body) =
            npy::read(path, DESCR, 1).map_err(|reason| MotionError::file(path, reason))?;
        if frames != count {
            let reason = format!(
                "masks of {frames} frames, and the clip has {count}; delete it, and start the run again to have it made"
            );
            return Err(MotionError::file(path, reason));
        }
        let frames = (0..frames).map(|i| {
            let moving = body[i * h * w..(i + 1) * h * w].to_vec();
            let some = moving.iter().any(|&p| p > 0);
            some.then(|| Mask {
                objects: Vec::new(),
                moving,
            })
        });
        Ok(Self {
            width: w as u32,
            height: h as u32,
            frames: frames.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Mask, Masks};

    #[test]
    fn a_picture_of_another_size_has_the_same_things_in_it() {
        let mut moving = vec![0; 8 * 4];
        moving[8 + 6] = 200;
        moving[3 * 8] = 127;
        let masks = Masks {
            width: 8,
            height: 4,
            frames: vec![
                None,
                Some(Mask {
                    objects: vec![0; 32],
                    moving,
                }),
            ],
        };
        assert!(masks.moving(0, [4, 2]).is_empty() && masks.moving(7, [4, 2]).is_empty());
        // The pixel (6, 1), and what borders on it.
        let half = [false, false, true, true, false, false, true, true];
        assert_eq!(masks.moving(1, [4, 2]), half);
        let same = masks.moving(1, [8, 4]);
        let set: Vec<usize> = (0..32).filter(|&i| same[i]).collect();
        assert_eq!(set, [5, 6, 7, 13, 14, 15, 21, 22, 23]);
        let large = masks.moving(1, [16, 8]);
        let at = |x: usize, y: usize| large[y * 16 + x];
        assert!(at(12, 2) && at(13, 3) && at(10, 0) && !at(9, 2) && !at(12, 6));
        // Of five columns over eight the fourth ends at 6.4.
        let fifth = masks.moving(1, [5, 4]);
        assert_eq!(fifth[5..10], [false, false, false, true, true]);
        let folder = tempfile::tempdir().expect("tempdir");
        let path = folder.path().join("masks.npy");
        masks.save_npy(&path).expect("save");
        let mut read = masks.clone();
        if let Some(Some(mask)) = read.frames.last_mut() {
            mask.objects.clear();
        }
        let error = Masks::load_npy(&path, 3).expect_err("another clip");
        assert!(error.to_string().contains("masks of 2 frames"), "{error}");
        assert_eq!(Masks::load_npy(&path, 2).expect("load"), read);
        let bytes = std::fs::read(&path).expect("read");
        let at = bytes.windows(5).position(|w| w == b"False").expect("order");
        let turned = [&bytes[..at], b"True ", &bytes[at + 5..]].concat();
        std::fs::write(&path, turned).expect("columns first");
        let error = Masks::load_npy(&path, 2).expect_err("order").to_string();
        assert!(error.contains("C order"), "{error}");
        std::fs::write(&path, &bytes[..bytes.len() - 1]).expect("cut");
        let error = Masks::load_npy(&path, 2).expect_err("cut").to_string();
        assert!(error.contains("masks.npy: truncated"), "{error}");
    }
}
