//! The distortion of a lens by what a file says of it: models by their names, coefficients by theirs.

use glam::DVec2;

use super::distortion::{Bent, Distortion, Folds};
use super::lens::Told;
use super::notes::Notes;
use super::{IGNORE, fault};
use crate::camera::{CameraError, Intrinsics};

/// Camera models whose polynomial is of the ray's length in x and y; what coefficients they have counts.
const PERSPECTIVE: [&str; 8] = [
    "PINHOLE",
    "SIMPLE_PINHOLE",
    "OPENCV",
    RATIONAL,
    "RADIAL",
    "SIMPLE_RADIAL",
    "PERSPECTIVE",
    "",
];

/// The one whose k4 to k6 stand below the line. Elsewhere k4 is of the eighth power, as nerfstudio has it.
const RATIONAL: &str = "FULL_OPENCV";

/// Camera models whose polynomial is of the angle.
const FISHEYE: [&str; 5] = [
    "OPENCV_FISHEYE",
    "SIMPLE_RADIAL_FISHEYE",
    "RADIAL_FISHEYE",
    "SIMPLE_FISHEYE",
    "FISHEYE",
];

/// Terms that say by being there, and not 0, that the lens is of a kind that is not read.
const KINDS: [&str; 3] = ["ftheta_p0", "latlong", "equirectangular"];

/// Pixels that a passed-over distortion may move a point.
const NEGLIGIBLE: f64 = 0.05;
/// Share of the undistorted picture that may have no source, where the file does not say that only a circle was exposed: no
/// lens bends so much.
const MOST_BLANK: f64 = 0.5;

const UNDISTORT: &str =
    "undistort the pictures first, such as with `colmap image_undistorter`, and give their cameras";

impl Told<'_> {
    fn refuse<T>(&self, field: &str, why: &str) -> Result<T, CameraError> {
        Err(fault(
            self.path,
            format!("{field}: {why}; {UNDISTORT}, or {IGNORE}"),
        ))
    }

    /// A term, and its name with what stands before it; a frame's own counts in place of the file's.
    fn terms(&self) -> Vec<(&'static str, f64, String)> {
        let theirs = |(name, _): &&(&str, f64)| self.own.get(name).is_none();
        let shared = self.shared.terms.iter().filter(theirs).map(|t| (t, ""));
        let own = self.own.terms.iter().map(|t| (t, self.at));
        own.chain(shared)
            .map(|((name, value), at)| (*name, *value, format!("{at}{name} is {value}")))
            .collect()
    }

    /// The model's name, and whether its polynomial is of the angle.
    ///
    /// # Errors
    /// A model that is not known, by its name.
    pub fn model(&self) -> Result<(String, bool), CameraError> {
        let (model, at) = match (&self.own.model, &self.shared.model) {
            (Some(model), _) => (model.as_str(), self.at),
            (None, model) => (model.as_deref().unwrap_or_default(), ""),
        };
        let name = model.trim().to_ascii_uppercase();
        if PERSPECTIVE.contains(&name.as_str()) || FISHEYE.contains(&name.as_str()) {
            let fisheye = FISHEYE.contains(&name.as_str());
            return Ok((name, fisheye));
        }
        self.refuse(
            &format!("{at}camera_model is {model}"),
            "a lens of this kind is not read",
        )
    }

    /// The lens, where it is no pinhole; `k` are its intrinsics in the pixels of the file.
    ///
    /// # Errors
    /// Models and coefficients that are not known, by their names; lenses that fold back on themselves.
    pub fn bent(&self, k: &Intrinsics, notes: &mut Notes) -> Result<Option<Bent>, CameraError> {
        let (model, fisheye) = self.model()?;
        let terms = self.terms();
        let value = |name: &str| terms.iter().find(|t| t.0 == name).map_or(0.0, |t| t.1);
        for (name, value, said) in &terms {
            if KINDS.contains(name) && *value != 0.0 {
                return self.refuse(said, "a lens of this kind is not read");
            }
        }
        let fisheye = fisheye || value("is_fisheye") != 0.0;
        let rational = model == RATIONAL && !fisheye;
        let mut told = Vec::new();
        for (name, value, said) in &terms {
            if !is_coefficient(name) || *value == 0.0 {
                continue;
            }
            if !value.is_finite() {
                return self.refuse(said, "it is no number");
            }
            match *name {
                "k1" | "k2" | "k3" | "k4" => {}
                "p1" | "p2" if !fisheye => {}
                "k5" | "k6" if rational => {}
                "p1" | "p2" => {
                    return self.refuse(said, "a fisheye lens has no such coefficient here");
                }
                "k5" | "k6" => {
                    return self.refuse(said, "only the model FULL_OPENCV has such a coefficient");
                }
                _ => {
                    let why = "a list does not tell which coefficient is which: write them as k1, k2, k3, k4, p1, p2";
                    return self.refuse(said, why);
                }
            }
            told.push(said.as_str());
        }
        if told.is_empty() && !fisheye {
            return Ok(None);
        }
        let told = match told.is_empty() {
            true => "a fisheye lens without coefficients".to_owned(),
            false => told.join(", "),
        };
        let [k1, k2, k3, k4, k5, k6] = ["k1", "k2", "k3", "k4", "k5", "k6"].map(value);
        let distortion = Distortion {
            fisheye,
            radial: [k1, k2, k3, if rational { 0.0 } else { k4 }],
            under: if rational { [k4, k5, k6] } else { [0.0; 3] },
            tangential: DVec2::new(value("p2"), value("p1")),
        };
        let circle = Some(value("fisheye_crop_radius")).filter(|radius| fisheye && *radius > 0.0);
        let bent = Bent::of(distortion, k, circle).or_else(|Folds(radius)| {
            let why = format!(
                "the lens folds back on itself {radius:.0} px from the principal point, inside the picture, where no real lens does: the \
                 coefficients are of another lens, another model or another picture size; calibrate it again"
            );
            self.refuse(&told, &why)
        })?;
        let becomes = bent.becomes(k);
        if becomes.moved < NEGLIGIBLE && circle.is_none() {
            let words = format!(
                "the lens' distortion ({told}) moves no point of the picture by more than {:.4} px and is passed over",
                (becomes.moved * 1e4).ceil() / 1e4
            );
            notes.add("distortion passed over", words);
            return Ok(None);
        }
        if becomes.blank > MOST_BLANK && circle.is_none() {
            let why = format!(
                "{:.0}% of the pictures without distortion would have no source: the coefficients are of another lens, another model or another \
                 picture size; calibrate it again",
                100.0 * becomes.blank
            );
            return self.refuse(&told, &why);
        }
        let mut words = format!("the lens' distortion ({told}) is undone");
        if becomes.moved.is_finite() {
            words += &format!(": it moves points by up to {:.1} px", becomes.moved);
        }
        if bent.zoom > 1.0 {
            words += &format!(
                "; the focal length of the pictures is {:.4} times the lens', so that they have no empty border",
                bent.zoom
            );
        }
        for (share, what) in [
            (becomes.lost, "of the picture lies outside them and is lost"),
            (
                becomes.blank,
                "of their pixels have no source and are clear",
            ),
        ] {
            if share >= 0.001 {
                words += &format!("; {:.1}% {what}", 100.0 * share);
            }
        }
        notes.add("distortion", words);
        Ok(Some(bent))
    }
}

/// A coefficient of distortion by its name.
fn is_coefficient(name: &str) -> bool {
    matches!(name.as_bytes(), [b'k' | b'p', b'0'..=b'9']) || name.starts_with("distortion_params")
}
