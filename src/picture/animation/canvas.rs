//! What an animation shows: frames over what the frames before them left.

use image::{RgbaImage, imageops};

use super::{Dispose, Part};

pub(super) struct Canvas {
    pub image: RgbaImage,
    /// What is left to do with the frame that is shown, before the next one.
    dispose: Dispose,
    rect: [u32; 4],
    /// What its rectangle held before it.
    under: Option<RgbaImage>,
}

impl Canvas {
    /// Without any colour or alpha.
    pub fn new([width, height]: [u32; 2]) -> Self {
        Self {
            image: RgbaImage::new(width, height),
            dispose: Dispose::Keep,
            rect: [0; 4],
            under: None,
        }
    }

    /// Draws a frame of the size and at the place that `part` says.
    pub fn draw(&mut self, frame: &RgbaImage, part: &Part, first: bool) -> Result<(), String> {
        let [x, y, w, h] = part.rect;
        let fits =
            |at: u32, side: u32, limit: u32| at.checked_add(side).is_some_and(|end| end <= limit);
        if !fits(x, w, self.image.width()) || !fits(y, h, self.image.height()) {
            return Err("it lies outside the canvas".to_owned());
        }
        if frame.dimensions() != (w, h) {
            return Err("it has another size than the file says".to_owned());
        }
        self.leave();
        self.dispose = match part.dispose {
            // There is nothing before the first to go back to.
            Dispose::Restore if first => Dispose::Clear,
            other => other,
        };
        self.rect = part.rect;
        if self.dispose == Dispose::Restore {
            self.under = Some(imageops::crop_imm(&self.image, x, y, w, h).to_image());
        }
        for (fx, fy, &pixel) in frame.enumerate_pixels() {
            let below = self.image.get_pixel_mut(x + fx, y + fy);
            below.0 = match part.over {
                true => over(pixel.0, below.0),
                false => pixel.0,
            };
        }
        Ok(())
    }

    /// Disposes of the frame that is shown.
    fn leave(&mut self) {
        let [x, y, w, h] = self.rect;
        match (self.dispose, self.under.take()) {
            (Dispose::Clear, _) => {
                let empty = RgbaImage::new(w, h);
                imageops::replace(&mut self.image, &empty, i64::from(x), i64::from(y));
            }
            (Dispose::Restore, Some(under)) => {
                imageops::replace(&mut self.image, &under, i64::from(x), i64::from(y));
            }
            _ => {}
        }
    }
}

/// Colours that are not multiplied by their alpha, one over the other.
fn over(above: [u8; 4], below: [u8; 4]) -> [u8; 4] {
    match (above[3], below[3]) {
        (255, _) | (_, 0) => return above,
        (0, _) => return below,
        _ => {}
    }
    let (a, b) = (u32::from(above[3]), u32::from(below[3]));
    // Alpha in 255ths of 255ths.
    let through = b * (255 - a);
    let alpha = a * 255 + through;
    let mix = |c: usize| {
        let sum = u32::from(above[c]) * a * 255 + u32::from(below[c]) * through;
        ((sum + alpha / 2) / alpha) as u8
    };
    [mix(0), mix(1), mix(2), ((alpha + 127) / 255) as u8]
}

#[cfg(test)]
mod tests {
    use super::over;

    #[test]
    fn colours_are_laid_over_each_other_by_their_alpha() {
        assert_eq!(over([1, 2, 3, 255], [9, 9, 9, 255]), [1, 2, 3, 255]);
        assert_eq!(over([1, 2, 3, 0], [9, 8, 7, 60]), [9, 8, 7, 60]);
        assert_eq!(over([1, 2, 3, 40], [9, 9, 9, 0]), [1, 2, 3, 40]);
        // Half over opaque: the mean. Half over half: three quarters, two parts to one.
        assert_eq!(over([200, 0, 0, 128], [0, 100, 0, 255]), [100, 50, 0, 255]);
        assert_eq!(over([255, 0, 0, 128], [0, 255, 0, 128]), [170, 85, 0, 192]);
    }
}
