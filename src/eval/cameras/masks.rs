//! Masks of what moves beside the truth: pixels of subjects that are under way.
//!
//! Counted as wrong is also what a mover does to the picture elsewhere, its shadow and its mirror image: the truth has none of them.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::eval::agent::take::Take;
use crate::motion::{Mask, Masks, Pairs};

/// Metres a second under which a subject stands.
const STANDS: f64 = 0.05;

/// The mask of one view beside the truth, at the mask's size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// The view.
    pub view: usize,
    /// Speed of the fastest subject that is seen, in metres a second; 0 where none is.
    pub speed: f64,
    /// Pixels of the picture.
    pub pixels: u32,
    /// Pixels that move and are masked.
    pub hit: u32,
    /// Pixels that are masked and do not move.
    pub extra: u32,
    /// Pixels that move and are not masked.
    pub missed: u32,
}

impl View {
    /// Share of the picture that moves.
    pub fn mover(&self) -> f64 {
        f64::from(self.hit + self.missed) / f64::from(self.pixels.max(1))
    }
}

/// Whether each pixel of the mask's grid moves in a view, and how fast what moves is.
fn truth(take: &Take, view: usize, [w, h]: [usize; 2]) -> (Vec<bool>, f64) {
    let frame = take.frames[view];
    let beside = [
        frame.saturating_sub(1),
        (frame + 1).min(take.case.frames - 1),
    ];
    let [before, after] = beside.map(|f| take.scene.subjects_at(f));
    let seconds = (beside[1] - beside[0]) as f64 / take.scene.clip.fps;
    let mut moves = [false; 256];
    let mut speeds = [0.0f64; 256];
    for ((id, from), (_, to)) in before.iter().zip(&after) {
        let speed = from.place.distance(to.place) / seconds.max(1e-9);
        if let Ok(id) = usize::try_from(*id)
            && id < 256
        {
            (moves[id], speeds[id]) = (speed > STANDS, speed);
        }
    }
    let [sw, sh] = take.case.size.map(|s| s as usize);
    let objects = &take.seen[view].objects;
    let mut fastest = 0.0f64;
    let moving = (0..w * h)
        .map(|p| {
            // The pixel in whose middle this one's lies.
            let x = (2 * (p % w) + 1) * sw / (2 * w);
            let y = (2 * (p / w) + 1) * sh / (2 * h);
            let id = usize::from(objects[y * sw + x]);
            if moves[id] {
                fastest = fastest.max(speeds[id]);
            }
            moves[id]
        })
        .collect();
    (moving, fastest)
}

/// Every mask beside the truth.
pub fn compare(masks: &Masks, take: &Take) -> Vec<View> {
    let size = [masks.width as usize, masks.height as usize];
    let frames = masks.frames.iter().enumerate();
    let known = frames.filter_map(|(view, mask)| Some((view, mask.as_ref()?)));
    known
        .map(|(view, mask)| {
            let (moving, speed) = truth(take, view, size);
            let mut found = View {
                view,
                speed,
                pixels: moving.len() as u32,
                hit: 0,
                extra: 0,
                missed: 0,
            };
            for (&is, &told) in moving.iter().zip(&mask.moving) {
                match (is, told >= 128) {
                    (true, true) => found.hit += 1,
                    (false, true) => found.extra += 1,
                    (true, false) => found.missed += 1,
                    (false, false) => {}
                }
            }
            found
        })
        .collect()
}

/// The view that is the most wrong: masked and moving yellow, masked only red, moving only green.
pub fn picture(masks: &Masks, pairs: &Pairs, take: &Take, views: &[View]) -> Option<RgbImage> {
    let worst = views.iter().max_by_key(|v| v.extra + v.missed)?.view;
    let mask: &Mask = masks.frames[worst].as_ref()?;
    let (w, h) = (masks.width, masks.height);
    let (moving, _) = truth(take, worst, [w as usize, h as usize]);
    Some(RgbImage::from_fn(w, h, |x, y| {
        let p = (y * w + x) as usize;
        let grey = pairs.luma[worst][p];
        let tint = |on: bool| {
            let value = if on { 0.4 * grey + 150.0 } else { 0.8 * grey };
            value.clamp(0.0, 255.0) as u8
        };
        image::Rgb([tint(mask.moving[p] >= 128), tint(moving[p]), tint(false)])
    }))
}
