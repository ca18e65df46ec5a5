//! Where exactly a picture shows the patch of another.
//!
//! Dense flow is smooth, and off by some tenths of a pixel. About a corner the picture itself tells more: its patch is warped as
//! the flow near it says and moved until it fits best (Lucas and Kanade, "An Iterative Image Registration Technique", 1981, with
//! the template's gradients: Baker and Matthews, "Lucas-Kanade 20 Years On", IJCV 2004), with a gain and an offset of brightness.

use glam::{DMat2, DVec2};

use crate::numeric::bilinear;

/// Pixels from the middle of a patch to its edge.
const HALF: i32 = 5;
/// Pixels of a patch.
const COUNT: usize = ((2 * HALF + 1) * (2 * HALF + 1)) as usize;
/// Grey levels a pixel that a patch changes by in its weakest direction, where it tells a place.
pub(super) const CORNER: f32 = 2.0;
/// Steps, at most.
const STEPS: usize = 12;
/// A shorter step, in pixels, is the last.
const STILL: f64 = 0.005;
/// Pixels that the flow is off by, at most.
const FARTHEST: f64 = 1.5;
/// Correlation from which a place is believed, and under which the picture shows something else.
const ALIKE: f64 = 0.8;
const OTHER: f64 = 0.5;

/// One picture's grey levels.
#[derive(Clone, Copy)]
pub(super) struct Picture<'a> {
    pub width: usize,
    pub height: usize,
    pub luma: &'a [f32],
}

impl Picture<'_> {
    /// At a place whose pixel centres lie at +.5; that of the nearest pixel beyond the edge.
    fn at(&self, p: DVec2) -> f64 {
        let last = DVec2::new((self.width - 1) as f64, (self.height - 1) as f64);
        let p = (p - 0.5).clamp(DVec2::ZERO, last);
        bilinear(self.width, self.height, p.x, p.y, |i| {
            f64::from(self.luma[i])
        })
    }

    /// Half the difference of the neighbours on both sides.
    fn slope(&self, p: DVec2) -> DVec2 {
        let along = |by: DVec2| (self.at(p + by) - self.at(p - by)) / 2.0;
        DVec2::new(along(DVec2::X), along(DVec2::Y))
    }

    /// Of each pixel, the grey levels a pixel, root mean square, by which the patch about it changes along the direction in which
    /// it changes the least (Shi and Tomasi, "Good Features to Track", CVPR 1994); 0 where it leaves the picture.
    pub fn corners(&self) -> Vec<f32> {
        let (w, h) = (self.width, self.height);
        let mut corners = vec![0.0; w * h];
        let half = HALF as usize;
        // Slopes need a neighbour beyond the patch.
        let margin = half + 1;
        if w <= 2 * margin || h <= 2 * margin {
            return corners;
        }
        // Sums of products of slopes over all that lies above and to the left.
        let mut sums = vec![[0.0f64; 3]; (w + 1) * (h + 1)];
        for y in 0..h {
            let mut row = [0.0; 3];
            for x in 0..w {
                if (1..w - 1).contains(&x) && (1..h - 1).contains(&y) {
                    let value = |x: usize, y: usize| f64::from(self.luma[y * w + x]);
                    let gx = (value(x + 1, y) - value(x - 1, y)) / 2.0;
                    let gy = (value(x, y + 1) - value(x, y - 1)) / 2.0;
                    row = [row[0] + gx * gx, row[1] + gx * gy, row[2] + gy * gy];
                }
                let above = sums[y * (w + 1) + x + 1];
                sums[(y + 1) * (w + 1) + x + 1] = [0, 1, 2].map(|k| above[k] + row[k]);
            }
        }
        for y in margin..h - margin {
            for x in margin..w - margin {
                let at = |x: usize, y: usize| sums[y * (w + 1) + x];
                let (left, top) = (x - half, y - half);
                let (right, bottom) = (x + half + 1, y + half + 1);
                let tensor = [0, 1, 2].map(|k| {
                    at(right, bottom)[k] - at(left, bottom)[k] - at(right, top)[k]
                        + at(left, top)[k]
                });
                corners[y * w + x] = (weakest(tensor) / COUNT as f64).sqrt() as f32;
            }
        }
        corners
    }
}

fn offsets() -> impl Iterator<Item = DVec2> {
    let side = -HALF..=HALF;
    side.clone()
        .flat_map(move |y| side.clone().map(move |x| DVec2::new(x.into(), y.into())))
}

/// The lesser eigenvalue of [[a, b], [b, c]].
fn weakest([a, b, c]: [f64; 3]) -> f64 {
    let middle = (a + c) / 2.0;
    (middle - ((a - c) / 2.0).hypot(b)).max(0.0)
}

/// A patch that is looked for.
pub(super) struct Patch {
    /// Grey levels without their mean, over their deviation.
    values: [f64; COUNT],
    slopes: [DVec2; COUNT],
}

/// What a picture shows where the flow has a patch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shown {
    /// It, at this place.
    Here(DVec2),
    /// Something else.
    Other,
    /// It or something else: the patch does not tell.
    Unclear,
}

impl Patch {
    /// The patch about a place; `None` where all of it is of one grey.
    pub fn new(picture: Picture<'_>, middle: DVec2) -> Option<Self> {
        let mut values = [0.0; COUNT];
        let mut slopes = [DVec2::ZERO; COUNT];
        for (k, offset) in offsets().enumerate() {
            values[k] = picture.at(middle + offset);
            slopes[k] = picture.slope(middle + offset);
        }
        let deviation = normalise(&mut values)?;
        slopes.iter_mut().for_each(|s| *s /= deviation);
        Some(Self { values, slopes })
    }

    /// Looks for it about `start`, where the flow has its middle; `warp` turns an offset from the middle into one there.
    pub fn find(&self, picture: Picture<'_>, start: DVec2, warp: DMat2) -> Shown {
        // By the chain rule a slope there is one of the patch times the inverse of the warp.
        let back = warp.inverse().transpose();
        let slopes = self.slopes.map(|s| back * s);
        let (mut a, mut b, mut c) = (0.0, 0.0, 0.0);
        for s in &slopes {
            (a, b, c) = (a + s.x * s.x, b + s.x * s.y, c + s.y * s.y);
        }
        let determinant = a * c - b * b;
        if !(determinant.is_finite() && determinant > 1e-12) {
            return Shown::Unclear;
        }
        let mut at = start;
        let mut alike = 0.0;
        for _ in 0..STEPS {
            let mut values = [0.0; COUNT];
            for (value, offset) in values.iter_mut().zip(offsets()) {
                *value = picture.at(at + warp * offset);
            }
            if normalise(&mut values).is_none() {
                return Shown::Other;
            }
            let mut g = DVec2::ZERO;
            let mut sum = 0.0;
            for ((v, own), s) in values.iter().zip(&self.values).zip(&slopes) {
                g += *s * (v - own);
                sum += v * own;
            }
            alike = sum / COUNT as f64;
            let step = DVec2::new(b * g.y - c * g.x, b * g.x - a * g.y) / determinant;
            at += step.clamp_length_max(1.0);
            if at.distance(start) > FARTHEST {
                return Shown::Unclear;
            }
            if step.length() < STILL {
                break;
            }
        }
        match alike {
            a if a >= ALIKE => Shown::Here(at),
            a if a < OTHER => Shown::Other,
            _ => Shown::Unclear,
        }
    }
}

/// To mean 0 and deviation 1; returns the deviation, `None` where there is hardly any.
fn normalise(values: &mut [f64; COUNT]) -> Option<f64> {
    let mean = values.iter().sum::<f64>() / COUNT as f64;
    values.iter_mut().for_each(|v| *v -= mean);
    let deviation = (values.iter().map(|v| v * v).sum::<f64>() / COUNT as f64).sqrt();
    if !(deviation.is_finite() && deviation > 1.0) {
        return None;
    }
    values.iter_mut().for_each(|v| *v /= deviation);
    Some(deviation)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [usize; 2] = [64, 48];

    /// A pattern without edges that is nowhere flat, in grey levels.
    fn pattern(p: DVec2) -> f64 {
        128.0 + 40.0 * (p.x / 2.9).sin() * (p.y / 3.7).cos() + 30.0 * (p.x / 6.1 + p.y / 4.3).sin()
    }

    fn picture(of: impl Fn(DVec2) -> f64) -> Vec<f32> {
        let [w, h] = SIZE;
        let pixel = |i: usize| DVec2::new((i % w) as f64, (i / w) as f64) + 0.5;
        (0..w * h).map(|i| of(pixel(i)) as f32).collect()
    }

    fn shown(luma: &[f32]) -> Picture<'_> {
        Picture {
            width: SIZE[0],
            height: SIZE[1],
            luma,
        }
    }

    #[test]
    fn a_patch_is_found_to_hundredths_though_turned_larger_and_darker() {
        let middle = DVec2::new(30.5, 24.5);
        let own = picture(pattern);
        let patch = Patch::new(shown(&own), middle).expect("a corner");
        for (angle, by) in [(0.0, 1.0), (0.15, 1.1), (-0.2, 0.9)] {
            let warp = DMat2::from_angle(angle) * by;
            let to = DVec2::new(33.17, 21.61);
            let other = picture(|p| 0.7 * pattern(middle + warp.inverse() * (p - to)) + 9.0);
            let start = to + DVec2::new(0.6, -0.5);
            let Shown::Here(at) = patch.find(shown(&other), start, warp) else {
                panic!("{angle} {by}: not found");
            };
            assert!(at.distance(to) < 0.04, "{angle} {by}: {at} for {to}");
        }
    }

    #[test]
    fn what_tells_no_place_or_is_hidden_is_not_found() {
        let middle = DVec2::new(30.5, 24.5);
        let edge = picture(|p| if p.x < 30.0 { 40.0 } else { 200.0 });
        let at = 24 * SIZE[0] + 30;
        assert!(shown(&edge).corners()[at] < CORNER);
        let own = picture(pattern);
        assert!(shown(&own).corners()[at] > CORNER);
        let patch = Patch::new(shown(&own), middle).expect("a corner");
        let grey = vec![90.0; SIZE[0] * SIZE[1]];
        let found = patch.find(shown(&grey), middle, DMat2::IDENTITY);
        assert_eq!(found, Shown::Other);
        let other = picture(|p| 255.0 - pattern(p));
        let found = patch.find(shown(&other), middle, DMat2::IDENTITY);
        assert!(!matches!(found, Shown::Here(_)), "{found:?}");
        // Farther from the flow than it is off by.
        let far = picture(|p| pattern(p - DVec2::new(2.4, 0.0)));
        let found = patch.find(shown(&far), middle, DMat2::IDENTITY);
        assert!(!matches!(found, Shown::Here(at) if at.distance(middle) > FARTHEST));
    }
}
