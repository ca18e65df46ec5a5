//! Intrinsics and distortion from what a `transforms*.json`, or a camera of COLMAP's, says of a lens.

use std::f64::consts::PI;
use std::path::Path;

use super::distortion::Bent;
use super::notes::Notes;
use super::{IGNORE, fault};
use crate::camera::{CameraError, Intrinsics};
use crate::capture::Lens;
use crate::picture::Header;

/// Focal lengths over the picture's side that lenses have: from 174 degrees to those of the longest telescopes.
const LENSES: std::ops::RangeInclusive<f64> = 0.025..=2000.0;

/// What a frame's lens is told by: its own words, then the file's.
pub(super) struct Told<'a> {
    pub own: &'a Lens,
    pub shared: &'a Lens,
    /// Such as `frames[3].`, before its own fields.
    pub at: &'a str,
    /// The file.
    pub path: &'a Path,
}

/// Intrinsics, and whether they are of the pixels as they are stored, so that they turn with the picture.
pub(super) struct Found {
    pub intrinsics: Intrinsics,
    pub stored: bool,
    /// Where the lens is no pinhole.
    pub bent: Option<Bent>,
}

impl Told<'_> {
    /// A number and the name of its field.
    fn get(&self, name: &str) -> Result<Option<(f64, String)>, CameraError> {
        let found = match self.own.get(name) {
            Some(value) => Some((value, format!("{}{name}", self.at))),
            None => self.shared.get(name).map(|v| (v, name.to_owned())),
        };
        match found {
            Some((value, field)) if !value.is_finite() => Err(fault(
                self.path,
                format!("{field} is {value}, which is no number; mend it, or {IGNORE}"),
            )),
            found => Ok(found),
        }
    }

    /// A side in pixels; `None` where the file has none, or 0 as some tools write in its place.
    fn side(&self, name: &str, notes: &mut Notes) -> Result<Option<f64>, CameraError> {
        match self.get(name)? {
            Some((side, field)) if side < 0.0 => Err(fault(
                self.path,
                format!("{field} is {side}; give the picture's side in pixels, or {IGNORE}"),
            )),
            Some((0.0, _)) => {
                notes.add(
                    "no side",
                    format!(
                        "w or h is 0 in {}: the pictures' own size was taken",
                        self.file()
                    ),
                );
                Ok(None)
            }
            side => Ok(side.map(|s| s.0)),
        }
    }

    fn file(&self) -> std::borrow::Cow<'_, str> {
        self.path.file_name().unwrap_or_default().to_string_lossy()
    }

    /// A focal length in pixels of a picture `side` pixels wide or high: given as such, or as an angle of view. A
    /// frame's own angle counts before the file's length.
    fn focal(
        &self,
        names: [&'static str; 3],
        side: f64,
        notes: &mut Notes,
    ) -> Result<Option<f64>, CameraError> {
        let own = Told {
            shared: &Lens::default(),
            ..*self
        };
        for told in [&own, self] {
            if let Some((length, field)) = told.get(names[0])? {
                if LENSES.contains(&(length / side)) {
                    return Ok(Some(length));
                }
                let wanted = match length > 0.0 {
                    true => format!(
                        "{field} is {length} in a picture {side} pixels long, which no lens has; give it in pixels of that picture"
                    ),
                    false => {
                        format!("{field} is {length}; give a focal length over 0 in pixels")
                    }
                };
                return Err(fault(self.path, format!("{wanted}, or {IGNORE}")));
            }
            let angle = match told.get(names[1])? {
                Some((angle, field)) if angle > PI && angle < 180.0 => {
                    notes.add(
                        names[1],
                        format!(
                            "{field} is {angle}, more than a half turn in radians, so it was taken for degrees: a guess"
                        ),
                    );
                    Some((angle.to_radians(), field))
                }
                Some(angle) => Some(angle),
                None => told
                    .get(names[2])?
                    .map(|(degrees, f)| (degrees.to_radians(), f)),
            };
            if let Some((angle, field)) = angle {
                return match angle > 0.0 && angle < PI {
                    true => Ok(Some(side / 2.0 / (angle / 2.0).tan())),
                    false => Err(fault(
                        self.path,
                        format!(
                            "{field} is {angle}, which is no angle of view; give radians between 0 and pi, or {IGNORE}"
                        ),
                    )),
                };
            }
        }
        Ok(None)
    }

    /// Intrinsics of the picture with this `header`, scaled to its own size.
    pub fn intrinsics(&self, header: &Header, notes: &mut Notes) -> Result<Found, CameraError> {
        // Before what a lens of another kind may lack.
        self.model()?;
        let (w, h) = (self.side("w", notes)?, self.side("h", notes)?);
        let (cx, cy) = (self.get("cx")?.map(|c| c.0), self.get("cy")?.map(|c| c.0));
        let stored = self.is_stored([w, h], [cx, cy], header, notes);
        let [width, height] = match stored {
            true => header.stored,
            false => header.upright(),
        };
        let (w, h) = (
            w.unwrap_or(f64::from(width)),
            h.unwrap_or(f64::from(height)),
        );
        let (sx, sy) = (f64::from(width) / w, f64::from(height) / h);
        // Sides that were rounded when the pictures were made smaller differ by a pixel at most.
        if (w * sy - f64::from(width)).abs() > 1.0 + 0.005 * f64::from(width) {
            let words = format!(
                "w and h of {} are {w} x {h}, which is another shape than the pictures' {width} x {height}: lengths were scaled by each side; \
                 see that the pictures were neither cropped nor turned since",
                self.file()
            );
            notes.add("shape", words);
        }
        let fx = self.focal(["fl_x", "camera_angle_x", "x_fov"], w, notes)?;
        let fy = self.focal(["fl_y", "camera_angle_y", "y_fov"], h, notes)?;
        let Some((fx, fy)) = fx.or(fy).zip(fy.or(fx)) else {
            return Err(fault(
                self.path,
                format!("holds neither fl_x nor camera_angle_x: add one, or {IGNORE}"),
            ));
        };
        let (cx, cy) = (cx.unwrap_or(w / 2.0), cy.unwrap_or(h / 2.0));
        let inside = |c: f64, side: f64| (0.02 * side..=0.98 * side).contains(&c);
        if !inside(cx, w) || !inside(cy, h) {
            let words = format!(
                "cx and cy of {} are {cx} and {cy} in a picture of {w} x {h}: the axis meets it at its edge or beyond; see that they are in pixels",
                self.file()
            );
            notes.add("axis", words);
        }
        let said = Intrinsics {
            width: w.ceil() as u32,
            height: h.ceil() as u32,
            fx,
            fy,
            cx,
            cy,
        };
        let bent = self.bent(&said, notes)?;
        let intrinsics = Intrinsics {
            width,
            height,
            fx: fx * sx,
            fy: fy * sy,
            cx: cx * sx,
            cy: cy * sy,
        };
        Ok(Found {
            intrinsics,
            stored,
            bent,
        })
    }

    /// Whether the file speaks of the pixels as they are stored, as COLMAP does, or of the upright picture. Its sides
    /// tell, or twice its centre; where they do not, the first is assumed and told.
    fn is_stored(
        &self,
        sides: [Option<f64>; 2],
        centre: [Option<f64>; 2],
        header: &Header,
        notes: &mut Notes,
    ) -> bool {
        let upright = header.upright();
        if header.orientation == image::metadata::Orientation::NoTransforms {
            return true;
        }
        let sides = match (sides, centre) {
            ([Some(w), Some(h)], _) => Some(w / h),
            (_, [Some(cx), Some(cy)]) => Some(cx / cy),
            _ => None,
        };
        let off = |[w, h]: [u32; 2]| {
            sides.map_or(f64::INFINITY, |s| {
                (s * f64::from(h) / f64::from(w)).ln().abs()
            })
        };
        let (as_stored, as_upright) = (off(header.stored), off(upright));
        let exif = header.orientation.to_exif();
        // Near enough to one of them, and not to both.
        if as_stored.min(as_upright) < 0.1 && (as_stored - as_upright).abs() > 0.1 {
            let stored = as_stored < as_upright;
            let words = match stored {
                true => format!(
                    "the pictures are turned upright by their EXIF orientation ({exif}), and their cameras with them"
                ),
                false => format!(
                    "the pictures are turned upright by their EXIF orientation ({exif}), as {} has them",
                    self.file()
                ),
            };
            notes.add("turned", words);
            return stored;
        }
        let words = format!(
            "the pictures are turned upright by their EXIF orientation ({exif}), and their cameras with them: {} does not tell \
             by w and h whether it means the pixels as stored, which was assumed, as COLMAP does",
            self.file()
        );
        notes.add("turned", words);
        true
    }
}
