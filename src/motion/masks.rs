//! What moves by itself, pixel by pixel; [`crate::camera::moving`] fills it.

use serde::{Deserialize, Serialize};

/// Masks of a clip, at its working size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Masks {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// One a frame of [`crate::video::Frames`], same order; `None` where nothing is known of a frame.
    pub frames: Vec<Option<Mask>>,
}

/// What moves in one frame: `width * height` values each, row by row from the top left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mask {
    /// Probability, in 255ths, that the pixel is not of the static scene: 0 surely static, 255 surely moving.
    pub moving: Vec<u8>,
    /// Which thing the pixel belongs to: 0 none, else a number that the thing keeps over the whole clip.
    pub objects: Vec<u16>,
}

#[cfg(test)]
mod tests {
    use super::{Mask, Masks};

    #[test]
    fn masks_come_back_from_a_file() {
        let mask = Mask {
            moving: vec![0, 255, 128, 0],
            objects: vec![0, 1, 1, 0],
        };
        let masks = Masks {
            width: 2,
            height: 2,
            frames: vec![None, Some(mask)],
        };
        for masks in [Masks::default(), masks] {
            let json = serde_json::to_string(&masks).expect("json");
            assert_eq!(serde_json::from_str::<Masks>(&json).expect("back"), masks);
        }
    }
}
