//! `transforms*.json`: a list of pictures with cameras, as nerfstudio, instant-ngp and Blender's NeRF scenes have it.
//!
//! Numbers are kept as they are in the file, also such as are none: who needs one says what is wrong with it. What is
//! kept takes at most four times the bytes of the file.

use std::path::{Path, PathBuf};

use serde::de::DeserializeSeed as _;

use self::visit::Root;
use super::{Foreign, json};

mod visit;

/// What is said of a lens: by the file for all frames, or by a frame for itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lens {
    /// Numbers by the file's names, each once: lengths in pixels of the picture, angles as in the file.
    pub terms: Vec<(&'static str, f64)>,
    /// Such as `OPENCV`.
    pub model: Option<String>,
}

impl Lens {
    /// The number of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        let term = self.terms.iter().find(|(term, _)| *term == name);
        term.map(|(_, value)| *value)
    }

    /// The last of several of one name counts, as in Python.
    pub(super) fn set(&mut self, name: &'static str, value: f64) {
        match self.terms.iter_mut().find(|(term, _)| *term == name) {
            Some((_, held)) => *held = value,
            None => {
                self.terms.reserve_exact(1);
                self.terms.push((name, value));
            }
        }
    }
}

/// A picture of the list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// As in the file: relative to it, at times without its extension.
    pub file_path: String,
    /// Camera to world by rows, OpenGL axes; the last row is 0 0 0 1 where the file has three.
    pub matrix: Option<Box<[[f64; 4]; 4]>>,
    /// What is said of its own lens.
    pub lens: Option<Box<Lens>>,
}

impl Frame {
    /// The picture, where there is one: `folder` is the list's. Paths that Windows wrote have other separators; a path
    /// without extension gets one of `extensions`.
    pub fn find(&self, folder: &Path, extensions: &[&str]) -> Option<PathBuf> {
        let as_is = folder.join(&self.file_path);
        let turned = self.file_path.replace('\\', "/");
        let turned = (turned != self.file_path).then(|| folder.join(turned));
        std::iter::once(as_is).chain(turned).find_map(|stem| {
            let with = |extension: &&str| {
                let mut file = stem.clone().into_os_string();
                file.push(".");
                file.push(extension);
                PathBuf::from(file)
            };
            std::iter::once(stem.clone())
                .chain(extensions.iter().map(with))
                .find(|file| file.is_file())
        })
    }
}

/// A file of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transforms {
    /// What holds for frames that do not say otherwise.
    pub lens: Lens,
    /// In the order of the file.
    pub frames: Vec<Frame>,
    /// Frames that name a mask.
    pub masks: usize,
    /// Frames that name a depth map.
    pub depths: usize,
}

/// How much of a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// The pictures' paths; what else the file says may be wrong.
    Paths,
    /// Cameras too.
    Cameras,
}

impl Transforms {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// In words without the path: it cannot be read, is another tool's file, which is named, or is none of this kind, with
    /// the field that is wrong.
    pub fn read(path: &Path, want: Want) -> Result<Self, String> {
        let raw = std::fs::read(path).map_err(|error| format!("it cannot be read: {error}"))?;
        Self::parse(&raw, want)
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// As [`Transforms::read`].
    pub fn parse(raw: &[u8], want: Want) -> Result<Self, String> {
        let text = json::standard(raw)?;
        let mut json = serde_json::Deserializer::from_slice(&text);
        let mut track = serde_path_to_error::Track::new();
        let root = Root {
            want,
            most: text.windows(11).filter(|w| w == br#""file_path""#).count(),
        };
        let read = root
            .deserialize(serde_path_to_error::Deserializer::new(
                &mut json, &mut track,
            ))
            .and_then(|found| json.end().map(|()| found));
        read.map_err(|error| {
            if let Some(kind) = Foreign::of_json(&text) {
                return kind.refusal();
            }
            let at = match track.path().to_string() {
                at if at == "." => String::new(),
                at => format!("{at}: "),
            };
            format!(
                "it is not a list of frames with a file_path each, as Blender or nerfstudio write it: {at}{error}"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Transforms, Want};

    fn parse(text: &str) -> Result<Transforms, String> {
        Transforms::parse(text.as_bytes(), Want::Cameras)
    }

    const ROWS: &str = "[[1,0,0,1],[0,1,0,2],[0,0,1,3]]";

    #[test]
    fn a_list_is_read_as_it_is() {
        let text = format!(
            r#"{{"w": "64", "h": 48.0, "k1": null, "camera_model": "OPENCV", "is_fisheye": true, "aabb": [[NaN]],
            "distortion_params": [0.5, 0, -Infinity], "frames": [
            {{"file_path": "a", "transform_matrix": {ROWS}, "fl_x": NaN, "mask_path": "m"}},
            {{"file_path": "b", "transform_matrix": {ROWS}, "mask_path": null, "fl_y": 1, "fl_y": 2,
              "distortion": {{"k2": 1e-3}}}}], "h": 50}}"#
        );
        let found = parse(&text).expect("transforms");
        let lens = &found.lens;
        assert_eq!(
            (lens.get("w"), lens.get("h"), lens.get("k1")),
            (Some(64.0), Some(50.0), None)
        );
        assert_eq!(
            (lens.get("is_fisheye"), lens.model.as_deref()),
            (Some(1.0), Some("OPENCV"))
        );
        assert_eq!(lens.get("distortion_params[2]"), Some(f64::NEG_INFINITY));
        let [a, b] = &found.frames[..] else {
            panic!("{found:?}")
        };
        assert_eq!(a.matrix.as_ref().expect("matrix")[3], [0.0, 0.0, 0.0, 1.0]);
        assert!(
            a.lens
                .as_ref()
                .expect("lens")
                .get("fl_x")
                .expect("fl_x")
                .is_nan()
        );
        let own = b.lens.as_ref().expect("lens");
        assert_eq!((own.get("fl_y"), own.get("k2")), (Some(2.0), Some(1e-3)));
        assert_eq!((found.masks, found.depths), (1, 0));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        for (text, words) in [
            ("", "EOF"),
            ("[]", "an object with a list 'frames'"),
            ("{}", "missing field `frames`"),
            (
                r#"{"frames": 3}"#,
                "frames: invalid type: integer `3`, expected a list of frames",
            ),
            (
                r#"{"frames": [{}]}"#,
                "frames[0]: missing field `file_path`",
            ),
            (r#"{"frames": [{"file_path": "a"}]}"#, "transform_matrix"),
            (
                r#"{"frames": [{"file_path": "a", "w": "wide"}]}"#,
                "frames[0].w: invalid value: string \"wide\"",
            ),
            (
                r#"{"frames": [{"file_path": "a", "transform_matrix": [[1,0,0,0]]}]}"#,
                "frames[0].transform_matrix",
            ),
            (
                r#"{"frames": [{"file_path": "a", "transform_matrix": [[1,0,0]]}]}"#,
                "transform_matrix[0]",
            ),
            (r#"{"fl_x": [1], "frames": []}"#, "fl_x"),
            ("{\"frames\": []} {", "trailing characters"),
        ] {
            let error = parse(text).expect_err(words);
            assert!(error.contains(words), "{text}: {error}");
        }
        // For the paths alone, the rest does not matter.
        let text = r#"{"fl_x": [1], "frames": [{"file_path": "a", "transform_matrix": "none"}]}"#;
        let found = Transforms::parse(text.as_bytes(), Want::Paths).expect("paths");
        assert_eq!(found.frames[0].file_path, "a");
    }
}
