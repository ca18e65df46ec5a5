//! What a lens does to rays: OpenCV's polynomial models, and what follows for pictures that are undistorted.

use glam::{DMat2, DVec2};
use image::metadata::Orientation;

use crate::camera::Intrinsics;
use crate::video::UndistortParams;

/// Longest that the pinhole's focal length may be, over the lens', so that no pixel of its pictures is without a source.
const MOST_ZOOM: f64 = 2.0;

/// Points of each side of a picture at which its border is looked at, and steps to each from the axis.
const BORDER: u32 = 16;
const STEPS: u32 = 64;

/// Cells of a picture along each side where shares of it are counted.
const CELLS: u32 = 32;

/// How a lens bends rays. A ray `(x, y, 1)` of the camera, `r` long in x and y, meets the picture `fx, fy` times
/// `f (x, y) + r^2 (p2, p1) + 2 (p2 x + p1 y) (x, y)` off the principal point, where `f` is
/// `(1 + k1 r^2 + k2 r^4 + k3 r^6 + k4 r^8) / (1 + d1 r^2 + d2 r^4 + d3 r^6)`, or of a fisheye lens
/// `a (1 + k1 a^2 + k2 a^4 + k3 a^6 + k4 a^8) / r` with `a` the angle to the axis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Distortion {
    /// The polynomial is of the angle.
    pub fisheye: bool,
    /// k1 to k4.
    pub radial: [f64; 4],
    /// d1 to d3; k4 to k6 of the model FULL_OPENCV.
    pub under: [f64; 3],
    /// p2, p1.
    pub tangential: DVec2,
}

impl Distortion {
    /// Where a ray meets the picture, in focal lengths from the principal point; `None` at and past a pole.
    pub fn distort(&self, ray: DVec2) -> Option<DVec2> {
        let squared = ray.length_squared();
        let power = |terms: &[f64], s: f64| 1.0 + s * terms.iter().rfold(0.0, |sum, k| sum * s + k);
        let factor = match self.fisheye {
            true => {
                let (radius, angle) = (squared.sqrt(), squared.sqrt().atan());
                let straight = if radius > 1e-12 { angle / radius } else { 1.0 };
                straight * power(&self.radial, angle * angle)
            }
            false => {
                let under = power(&self.under, squared);
                if under <= 1e-6 {
                    return None;
                }
                power(&self.radial, squared) / under
            }
        };
        let by = self.tangential;
        let bent = factor * ray + squared * by + 2.0 * by.dot(ray) * ray;
        bent.is_finite().then_some(bent)
    }

    /// By how much areas grow at a ray; not over 0 where the lens folds back on itself.
    fn growth(&self, ray: DVec2) -> Option<f64> {
        const STEP: f64 = 1e-5;
        let along = |step: DVec2| Some(self.distort(ray + step)? - self.distort(ray - step)?);
        let (x, y) = (along(DVec2::new(STEP, 0.0))?, along(DVec2::new(0.0, STEP))?);
        Some(DMat2::from_cols(x, y).determinant() / (4.0 * STEP * STEP))
    }

    /// That of a picture that EXIF turns upright, as [`super::turn::intrinsics`] is of its intrinsics.
    pub(super) fn turned(&self, orientation: Orientation) -> Self {
        let DVec2 { x, y } = self.tangential;
        let tangential = match orientation {
            Orientation::Rotate90 => DVec2::new(-y, x),
            Orientation::Rotate180 => DVec2::new(-x, -y),
            Orientation::Rotate270 => DVec2::new(y, -x),
            _ => self.tangential,
        };
        Self {
            tangential,
            ..*self
        }
    }
}

/// A lens that folds back on itself inside its picture, so many pixels from the principal point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Folds(pub f64);

/// A lens with what is to be known before its pictures are undistorted; of no size in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bent {
    pub distortion: Distortion,
    /// The pinhole's focal length over the lens'.
    pub zoom: f64,
    /// Squared length of rays from which on the lens shows nothing.
    limit: f64,
    /// Radius of what was exposed, over the picture's width.
    circle: f64,
}

/// What becomes of a picture that is undistorted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Becomes {
    /// Most that a point of it is moved, in pixels; infinite where one leaves the picture.
    pub moved: f64,
    /// Share of the pinhole's picture that has no source.
    pub blank: f64,
    /// Share of the picture that the pinhole does not see.
    pub lost: f64,
}

impl Bent {
    /// A lens of a picture with intrinsics `k`, of which what lies within `circle` pixels of the centre was exposed.
    pub fn of(distortion: Distortion, k: &Intrinsics, circle: Option<f64>) -> Result<Self, Folds> {
        let width = f64::from(k.width);
        let mut bent = Self {
            distortion,
            zoom: 1.0,
            limit: f64::INFINITY,
            circle: circle.map_or(f64::INFINITY, |radius| radius / width),
        };
        let border = border(k);
        for end in &border {
            let ray = ray(k, *end);
            for step in 1..=STEPS {
                let at = ray * (f64::from(step) / f64::from(STEPS));
                if distortion.growth(at).is_some_and(|growth| growth > 0.0) {
                    continue;
                }
                // Where a ray comes back on its way the lens shows nothing new: pixels there are seen twice.
                let seen = distortion.distort(at).map(|bent| pixel(k, bent));
                if let Some(seen) = seen.filter(|seen| inside(k, *seen)) {
                    return Err(Folds(seen.distance(DVec2::new(k.cx, k.cy))));
                }
                bent.limit = bent.limit.min(at.length_squared());
                break;
            }
        }
        // The least zoom at which the border is seen: rays come nearer to the axis with it.
        for end in border {
            let seen = |zoom: f64| bent.source(k, ray(k, end) / zoom).is_some();
            if seen(bent.zoom) {
                continue;
            }
            let (mut low, mut high) = (bent.zoom, MOST_ZOOM);
            for _ in 0..24 {
                let middle = 0.5 * (low + high);
                if seen(middle) {
                    high = middle;
                } else {
                    low = middle;
                }
            }
            bent.zoom = high;
        }
        Ok(bent)
    }

    /// Where a ray meets the picture, in pixels; `None` where that shows nothing of it.
    fn source(&self, k: &Intrinsics, ray: DVec2) -> Option<DVec2> {
        let seen = pixel(k, self.distortion.distort(ray)?);
        let size = DVec2::new(f64::from(k.width), f64::from(k.height));
        let exposed = seen.distance(0.5 * size) <= self.circle * size.x;
        (ray.length_squared() < self.limit && exposed && inside(k, seen)).then_some(seen)
    }

    /// What becomes of pictures with intrinsics `k`.
    pub fn becomes(&self, k: &Intrinsics) -> Becomes {
        let cells = f64::from(CELLS);
        let size = DVec2::new(f64::from(k.width), f64::from(k.height));
        let mut moved: f64 = 0.0;
        for i in 0..=CELLS {
            for j in 0..=CELLS {
                let at = size * DVec2::new(f64::from(i), f64::from(j)) / cells;
                let seen = self.distortion.distort(ray(k, at)).map(|b| pixel(k, b));
                moved = moved.max(seen.map_or(f64::INFINITY, |seen| seen.distance(at)));
            }
        }
        let (mut blank, mut kept) = (0.0, 0.0);
        for i in 0..CELLS {
            for j in 0..CELLS {
                let at = size * (DVec2::new(f64::from(i), f64::from(j)) + 0.5) / cells;
                let ray = ray(k, at) / self.zoom;
                match self.source(k, ray).and(self.distortion.growth(ray)) {
                    Some(growth) => kept += growth / (self.zoom * self.zoom),
                    None => blank += 1.0,
                }
            }
        }
        Becomes {
            moved,
            blank: blank / (cells * cells),
            lost: (1.0 - kept / (cells * cells)).max(0.0),
        }
    }

    /// That of a picture that EXIF turns upright; `k` are the intrinsics of its stored pixels.
    pub fn turned(&self, k: &Intrinsics, orientation: Orientation) -> Self {
        let side = match crate::picture::swaps(orientation) {
            true => f64::from(k.width) / f64::from(k.height),
            false => 1.0,
        };
        Self {
            distortion: self.distortion.turned(orientation),
            circle: self.circle * side,
            ..*self
        }
    }
}

/// How one frame's picture becomes that of a pinhole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Undistortion {
    /// Index in [`crate::video::Frames`].
    pub frame: usize,
    /// The lens', in pixels of its picture.
    pub lens: Intrinsics,
    /// Those of the pinhole, whose picture has the same size: its principal point is the lens', and so is its focal length, but
    /// for a zoom up to 2 where some pixels would have no source.
    pub pinhole: Intrinsics,
    bent: Bent,
}

impl Undistortion {
    pub(super) fn new(frame: usize, lens: Intrinsics, bent: Bent) -> Self {
        let pinhole = Intrinsics {
            fx: bent.zoom * lens.fx,
            fy: bent.zoom * lens.fy,
            ..lens
        };
        Self {
            frame,
            lens,
            pinhole,
            bent,
        }
    }

    /// What the lens does.
    pub fn distortion(&self) -> &Distortion {
        &self.bent.distortion
    }

    /// Where in its picture the lens shows what the pinhole shows at `at`, in pixels; `None` where it shows nothing of it.
    pub fn source(&self, at: DVec2) -> Option<DVec2> {
        self.bent.source(&self.lens, ray(&self.pinhole, at))
    }

    /// For the kernel, for pictures of `width` x `height`: packed pixels, 0 where there is no source.
    pub fn pixels(&self, width: u32, height: u32) -> UndistortParams {
        let four = |k: &Intrinsics| {
            let k = k.resized(width, height);
            [k.fx, k.fy, k.cx, k.cy].map(|v| v as f32)
        };
        let Bent {
            distortion: d,
            limit,
            circle,
            ..
        } = self.bent;
        let [a, b, c] = d.under.map(|k| k as f32);
        // Over all that can be, and a number in f32.
        let bounded = |squared: f64| squared.min(1e12) as f32;
        UndistortParams {
            size: [width, height],
            fisheye: u32::from(d.fisheye),
            nearest: 0,
            pinhole: four(&self.pinhole),
            lens: four(&self.lens),
            radial: d.radial.map(|k| k as f32),
            under: [a, b, c, bounded(limit)],
            tangential: d.tangential.as_vec2().to_array(),
            circle: bounded((circle * f64::from(width)).powi(2)),
            empty: 0,
        }
    }

    /// As [`Undistortion::pixels`], for depth as bits of `f32`: the nearest pixel's, NaN where there is no source.
    pub fn depth(&self, width: u32, height: u32) -> UndistortParams {
        UndistortParams {
            nearest: 1,
            empty: f32::NAN.to_bits(),
            ..self.pixels(width, height)
        }
    }
}

fn ray(k: &Intrinsics, at: DVec2) -> DVec2 {
    (at - DVec2::new(k.cx, k.cy)) / DVec2::new(k.fx, k.fy)
}

fn pixel(k: &Intrinsics, bent: DVec2) -> DVec2 {
    DVec2::new(k.fx, k.fy) * bent + DVec2::new(k.cx, k.cy)
}

fn inside(k: &Intrinsics, at: DVec2) -> bool {
    let size = DVec2::new(f64::from(k.width), f64::from(k.height));
    at.cmpge(DVec2::ZERO).all() && at.cmple(size).all()
}

/// Centres of pixels along the picture's border, its corners too.
fn border(k: &Intrinsics) -> Vec<DVec2> {
    let size = DVec2::new(f64::from(k.width), f64::from(k.height));
    let inner = size - 1.0;
    let along = (0..BORDER).map(|i| f64::from(i) / f64::from(BORDER));
    along
        .flat_map(|t| {
            [
                DVec2::new(t * inner.x, 0.0),
                DVec2::new(inner.x, t * inner.y),
                DVec2::new((1.0 - t) * inner.x, inner.y),
                DVec2::new(0.0, (1.0 - t) * inner.y),
            ]
        })
        .map(|at| at + 0.5)
        .collect()
}
