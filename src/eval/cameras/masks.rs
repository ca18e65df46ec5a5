//! Masks of what moves beside the truth: pixels of subjects that are under way, and what these cast upon others, their
//! shadows and mirror images, which is found by rendering the frame once more without anybody in it.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::eval::agent::take::{Seen, Take};
use crate::gpu::{Gpu, GpuError};
use crate::mock::render::traced;
use crate::motion::{MOVING, Mask, Masks, Pairs};

/// Metres a second under which a subject stands.
const STANDS: f64 = 0.05;
/// Luma, of 255, by which a pixel must be another than without the mover for a shadow or a mirror image to be seen there.
/// What is fainter counts as still.
const CAST: f32 = 6.0;

/// The mask of one view beside the truth, at the mask's size. No field has a default: without shadows apart, `extra` was
/// something else, and lines that were kept of then are made again.
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
    /// Pixels that are masked, do not move, and are nobody's shadow or mirror image.
    pub extra: u32,
    /// Pixels that move and are not masked.
    pub missed: u32,
    /// Pixels of a mover's shadow or mirror image that are masked.
    pub cast: u32,
    /// Such pixels that are not.
    pub cast_missed: u32,
}

impl View {
    /// Share of the picture that moves.
    pub fn mover(&self) -> f64 {
        f64::from(self.hit + self.missed) / f64::from(self.pixels.max(1))
    }
}

/// What is true of a pixel of the mask's grid.
#[derive(Clone, Copy, PartialEq)]
enum Pixel {
    Still,
    Moves,
    /// A shadow or a mirror image of what moves.
    Cast,
}

/// By view, whether each pixel of the take is another than without anybody in the scene, and nobody's own nor beside
/// somebody's, whose rim has a share in it; empty where nobody is.
pub struct Casts(Vec<Vec<bool>>);

impl Casts {
    /// Renders the views with and without who is in them.
    ///
    /// # Errors
    /// The device's.
    pub fn of(gpu: &Gpu, take: &Take) -> Result<Self, GpuError> {
        let subjects: Vec<u8> = take
            .scene
            .subjects_at(0)
            .iter()
            .filter_map(|(id, _)| u8::try_from(*id).ok())
            .collect();
        if subjects.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let luma = |rgba: u32| {
            let [r, g, b] = [0, 8, 16].map(|shift| (rgba >> shift & 255) as f32);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let [w, h] = take.case.size.map(|s| s as usize);
        let with = traced(gpu, &take.scene, &take.frames)?;
        let without = traced(gpu, &take.scene.deserted(), &take.frames)?;
        let view = |(seen, (with, without)): (&Seen, (&Vec<u32>, &Vec<u32>))| -> Vec<bool> {
            let near = |p: usize| {
                let (x, y) = (p % w, p / w);
                let rows = y.saturating_sub(1)..=(y + 1).min(h - 1);
                let mut all = rows.flat_map(|row| {
                    let row = &seen.objects[row * w..][..w];
                    &row[x.saturating_sub(1)..=(x + 1).min(w - 1)]
                });
                all.any(|id| subjects.contains(id))
            };
            let other = |p: usize| (luma(with[p]) - luma(without[p])).abs() >= CAST;
            (0..w * h).map(|p| other(p) && !near(p)).collect()
        };
        let views = take.seen.iter().zip(with.iter().zip(&without)).map(view);
        Ok(Self(views.collect()))
    }
}

/// What is true of each pixel of the mask's grid in a view, and how fast what moves is.
fn truth(take: &Take, casts: &Casts, view: usize, [w, h]: [usize; 2]) -> (Vec<Pixel>, f64) {
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
    let casts = casts.0.get(view).filter(|_| moves.contains(&true));
    let pixels = (0..w * h)
        .map(|p| {
            // The pixel in whose middle this one's lies.
            let x = (2 * (p % w) + 1) * sw / (2 * w);
            let y = (2 * (p / w) + 1) * sh / (2 * h);
            let id = usize::from(objects[y * sw + x]);
            if moves[id] {
                fastest = fastest.max(speeds[id]);
                Pixel::Moves
            } else if casts.is_some_and(|c| c[y * sw + x]) {
                Pixel::Cast
            } else {
                Pixel::Still
            }
        })
        .collect();
    (pixels, fastest)
}

/// Every mask beside the truth.
pub fn compare(masks: &Masks, take: &Take, casts: &Casts) -> Vec<View> {
    let size = [masks.width as usize, masks.height as usize];
    let frames = masks.frames.iter().enumerate();
    let known = frames.filter_map(|(view, mask)| Some((view, mask.as_ref()?)));
    known
        .map(|(view, mask)| {
            let (pixels, speed) = truth(take, casts, view, size);
            let mut found = View {
                view,
                speed,
                pixels: pixels.len() as u32,
                hit: 0,
                extra: 0,
                missed: 0,
                cast: 0,
                cast_missed: 0,
            };
            for (&is, &told) in pixels.iter().zip(&mask.moving) {
                match (is, told >= MOVING) {
                    (Pixel::Moves, true) => found.hit += 1,
                    (Pixel::Still, true) => found.extra += 1,
                    (Pixel::Cast, true) => found.cast += 1,
                    (Pixel::Moves, false) => found.missed += 1,
                    (Pixel::Cast, false) => found.cast_missed += 1,
                    (Pixel::Still, false) => {}
                }
            }
            found
        })
        .collect()
}

/// The view that is the most wrong: masked and moving yellow, masked only red, moving only green; of shadows and mirror
/// images what is masked violet, what is not blue.
pub fn picture(
    masks: &Masks,
    pairs: &Pairs,
    take: &Take,
    casts: &Casts,
    views: &[View],
) -> Option<RgbImage> {
    let worst = views.iter().max_by_key(|v| v.extra + v.missed)?.view;
    let mask: &Mask = masks.frames[worst].as_ref()?;
    let (w, h) = (masks.width, masks.height);
    let (pixels, _) = truth(take, casts, worst, [w as usize, h as usize]);
    Some(RgbImage::from_fn(w, h, |x, y| {
        let p = (y * w + x) as usize;
        let grey = pairs.luma[worst][p];
        let tint = |on: bool| {
            let value = if on { 0.4 * grey + 150.0 } else { 0.8 * grey };
            value.clamp(0.0, 255.0) as u8
        };
        let is = |pixel| pixels[p] == pixel;
        image::Rgb([
            tint(mask.moving[p] >= MOVING),
            tint(is(Pixel::Moves)),
            tint(is(Pixel::Cast)),
        ])
    }))
}
