//! Ground truth beside a take, in `truth/`. Only `director eval` and tests read it; the pipeline never does.

use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use serde::{Deserialize, Serialize};

use super::defects::{Draw, Planted};
use super::piece::Piece;
use super::scene::{Clip, Object, Scene};
use super::trace::Traced;
use crate::camera::{Cameras, FocalSource, LengthUnit};
use crate::generate::GenerateError;

/// `scene.json`: the world as built, before anything moves or goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SceneTruth {
    /// The clip.
    pub clip: Clip,
    /// Half width, height and half length of the place in metres; the floor's middle is the origin.
    pub extent: [f32; 3],
    /// All objects.
    pub objects: Vec<Object>,
    /// Shapes that stand still.
    pub fixed: Vec<Shaped>,
    /// Shapes of the subjects at the first frame.
    pub moving: Vec<Shaped>,
}

/// One shape in its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shaped {
    /// Object that it belongs to.
    pub object: u32,
    /// Shape with its lengths in metres.
    #[serde(flatten)]
    pub shape: super::piece::Shape,
    /// Its middle in the world, metres.
    pub centre: [f32; 3],
    /// Its axes to the world's: quaternion x, y, z, w.
    pub rotation: [f32; 4],
}

impl From<&Piece> for Shaped {
    fn from(p: &Piece) -> Self {
        Self {
            object: p.object,
            shape: p.shape,
            centre: p.centre.to_array(),
            rotation: p.rotation.to_array(),
        }
    }
}

/// A subject in one frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tracked {
    /// Frame.
    pub frame: usize,
    /// Seconds.
    pub time: f64,
    /// Where it stands on the floor, metres.
    pub position: [f64; 3],
    /// Level unit vector that it faces.
    pub facing: [f64; 3],
    /// Pixels of it whose centre it covers.
    pub pixels: usize,
}

/// `subject.json`: one entry a subject.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SubjectTruth {
    /// Object number.
    pub object: u32,
    /// Name.
    pub name: String,
    /// Height in metres.
    pub height: f32,
    /// Frame by frame.
    pub track: Vec<Tracked>,
}

/// `defects.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DefectTruth {
    /// Every draw.
    pub draws: Vec<Draw>,
    /// What is in the take.
    pub planted: Vec<Planted>,
    /// What was drawn and did not fit.
    pub notes: Vec<String>,
}

fn io(path: &Path, reason: impl std::fmt::Display) -> GenerateError {
    GenerateError::Io {
        path: path.to_owned(),
        reason: format!("{reason}; see that the folder exists, is writable and has room"),
    }
}

/// Writes `value` as indented JSON.
pub(super) fn json<T: Serialize>(path: &Path, value: &T) -> Result<(), GenerateError> {
    let mut text = serde_json::to_string_pretty(value).map_err(|e| io(path, e))?;
    text.push('\n');
    std::fs::write(path, text).map_err(|e| io(path, e))
}

/// Writes the truth of a take while its frames come.
pub(super) struct Writer {
    folder: PathBuf,
    size: [u32; 2],
    subjects: Vec<SubjectTruth>,
}

impl Writer {
    /// Makes `truth/` under `folder` and writes what is known before the frames.
    pub fn create(folder: &Path, scene: &Scene) -> Result<Self, GenerateError> {
        let folder = folder.join("truth");
        for sub in ["depth", "objects"] {
            let sub = folder.join(sub);
            std::fs::create_dir_all(&sub).map_err(|e| io(&sub, e))?;
        }
        let cameras = Cameras {
            cameras: (0..scene.clip.frames).map(|f| scene.camera_at(f)).collect(),
            frames: scene.clip.frames,
            unit: LengthUnit::Metres,
            focal_source: FocalSource::Known,
            residual_median: None,
            residual_under_2px: None,
            flow_consistent: None,
            notes: Vec::new(),
        };
        json(&folder.join("cameras.json"), &cameras)?;
        let fixed: Vec<Shaped> = scene.statics.iter().map(Shaped::from).collect();
        let all = scene.pieces_at(0);
        let moves = |p: &&Piece| scene.walkers.iter().any(|w| w.object == p.object);
        let truth = SceneTruth {
            clip: scene.clip,
            extent: scene.extent.to_array(),
            objects: scene.objects.clone(),
            fixed,
            moving: all.iter().filter(moves).map(Shaped::from).collect(),
        };
        json(&folder.join("scene.json"), &truth)?;
        let defects = DefectTruth {
            draws: scene.draws.clone(),
            planted: scene.planted.clone(),
            notes: scene.notes.clone(),
        };
        json(&folder.join("defects.json"), &defects)?;
        let subjects = scene
            .walkers
            .iter()
            .map(|w| SubjectTruth {
                object: w.object,
                name: scene.objects[w.object as usize - 1].name.clone(),
                height: w.look.height(),
                track: Vec::new(),
            })
            .collect();
        Ok(Self {
            folder,
            size: scene.clip.size,
            subjects,
        })
    }

    /// Writes depth (16-bit PNG, millimetres, 0 unknown) and objects (8-bit PNG) of one frame.
    pub fn frame(
        &mut self,
        scene: &Scene,
        frame: usize,
        traced: &Traced,
    ) -> Result<(), GenerateError> {
        let name = format!("{frame:05}.png");
        // Native byte order is what the encoder takes for 16 bits.
        let depth: Vec<u8> = traced
            .depth
            .iter()
            .flat_map(|z| ((z * 1000.0).round().min(65_535.0) as u16).to_ne_bytes())
            .collect();
        self.png(
            &self.folder.join("depth").join(&name),
            &depth,
            ExtendedColorType::L16,
        )?;
        let objects: Vec<u8> = traced.objects.iter().map(|&o| o as u8).collect();
        self.png(
            &self.folder.join("objects").join(&name),
            &objects,
            ExtendedColorType::L8,
        )?;
        for (subject, (object, s)) in self.subjects.iter_mut().zip(scene.subjects_at(frame)) {
            subject.track.push(Tracked {
                frame,
                time: frame as f64 / scene.clip.fps,
                position: s.place.to_array(),
                facing: s.ahead.to_array(),
                pixels: traced.objects.iter().filter(|&&o| o == object).count(),
            });
        }
        Ok(())
    }

    /// Writes what is known after the last frame.
    pub fn finish(self) -> Result<(), GenerateError> {
        json(&self.folder.join("subject.json"), &self.subjects)
    }

    fn png(&self, path: &Path, bytes: &[u8], kind: ExtendedColorType) -> Result<(), GenerateError> {
        let file = std::fs::File::create(path).map_err(|e| io(path, e))?;
        let [width, height] = self.size;
        PngEncoder::new_with_quality(
            std::io::BufWriter::new(file),
            CompressionType::Fast,
            FilterType::Up,
        )
        .write_image(bytes, width, height, kind)
        .map_err(|e| io(path, e))
    }
}
