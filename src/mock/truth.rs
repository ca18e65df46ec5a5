//! Ground truth beside a take, in `truth/`. Only `director eval` and tests read it; the pipeline never does.
//!
//! Everything opens without this program: JSON, PNG and GLB; `docs/mock.md` has the formats.

use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use serde::{Deserialize, Serialize};

use super::defects::{Draw, Planted};
use super::glb::{self, Node};
use super::mesh::{self, Mesh};
use super::piece::Piece;
use super::render::Shot;
use super::scene::{Clip, Object, Scene};
use super::seeds::{SeedRange, range_of};
use crate::camera::{Cameras, LengthUnit};
use crate::generate::GenerateError;

/// `scene.json`: the world as built, before anything moves or goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SceneTruth {
    /// The seed.
    pub seed: u64,
    /// The range that the seed lies in: what is fitted to `tuning` is judged on `held_out`.
    pub seed_range: SeedRange,
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
    /// The point under it, metres; on the ground, unless it floats or sinks.
    pub position: [f64; 3],
    /// Level unit vector that it faces.
    pub facing: [f64; 3],
    /// Pixels whose centre it covers.
    pub pixels: usize,
    /// Least and one past the greatest x, y of these pixels; `None` where there are none.
    pub bounds: Option<[[u32; 2]; 2]>,
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
    pub misfits: Vec<String>,
}

/// What went wrong with a file, and what to do.
pub(super) fn io(path: &Path, reason: impl std::fmt::Display) -> GenerateError {
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
        for sub in ["depth", "objects", "sky", "flow", "hidden"] {
            let sub = folder.join(sub);
            std::fs::create_dir_all(&sub).map_err(|e| io(&sub, e))?;
        }
        let cameras = Cameras::known(
            (0..scene.clip.frames).map(|f| scene.camera_at(f)).collect(),
            LengthUnit::Metres,
        );
        json(&folder.join("cameras.json"), &cameras)?;
        let all = scene.pieces_at(0);
        let moves = |p: &&Piece| scene.walkers.iter().any(|w| w.object == p.object);
        let seed = scene.understood.seed;
        let truth = SceneTruth {
            seed,
            seed_range: range_of(seed),
            clip: scene.clip,
            extent: scene.extent().to_array(),
            objects: scene.objects.clone(),
            fixed: scene.statics.iter().map(Shaped::from).collect(),
            moving: all.iter().filter(moves).map(Shaped::from).collect(),
        };
        json(&folder.join("scene.json"), &truth)?;
        glb::write(&folder.join("geometry.glb"), &nodes(scene, &all))?;
        let defects = DefectTruth {
            draws: scene.draws.clone(),
            planted: scene.planted.clone(),
            misfits: scene.misfits.clone(),
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

    /// Writes the pictures of one frame; frames may come from several threads.
    pub fn pictures(&self, frame: usize, shot: &Shot) -> Result<(), GenerateError> {
        // Native byte order is what the encoder takes for 16 bits.
        let bytes = |values: &mut dyn Iterator<Item = u16>| -> Vec<u8> {
            values.flat_map(u16::to_ne_bytes).collect()
        };
        let depth = &mut shot
            .depth
            .iter()
            .map(|z| (z * 1000.0).round().min(65_535.0) as u16);
        self.png("depth", frame, &bytes(depth), ExtendedColorType::L16)?;
        let objects: Vec<u8> = shot.objects().map(|o| o as u8).collect();
        self.png("objects", frame, &objects, ExtendedColorType::L8)?;
        let mask = |on: bool| if on { 255u8 } else { 0 };
        let sky: Vec<u8> = shot.objects().map(|o| mask(o == 0)).collect();
        self.png("sky", frame, &sky, ExtendedColorType::L8)?;
        if shot.flow.is_empty() {
            return Ok(());
        }
        let coded = |v: f32| (v * 64.0 + 32_768.0).round().clamp(0.0, 65_535.0) as u16;
        let flow = &mut shot.flow.iter().flat_map(|&[u, v, _, z]| {
            // What leaves the range of the format is not known to its reader.
            let known = z >= 0.0 && u.abs() < 511.9 && v.abs() < 511.9;
            if known {
                [coded(u), coded(v), 1]
            } else {
                [0; 3]
            }
        });
        self.png("flow", frame, &bytes(flow), ExtendedColorType::Rgb16)?;
        let hidden: Vec<u8> = shot.flow.iter().map(|f| mask(f[2] < 0.5)).collect();
        self.png("hidden", frame, &hidden, ExtendedColorType::L8)
    }

    /// Notes where the subjects are in one frame; frames come in order.
    pub fn track(&mut self, scene: &Scene, frame: usize, shot: &Shot) {
        let width = self.size[0] as usize;
        for (subject, (object, s)) in self.subjects.iter_mut().zip(scene.subjects_at(frame)) {
            let mut pixels = 0;
            let mut bounds: Option<[[u32; 2]; 2]> = None;
            for (i, _) in shot.objects().enumerate().filter(|(_, o)| *o == object) {
                let at = [(i % width) as u32, (i / width) as u32];
                let [low, high] = bounds.get_or_insert([at, at]);
                for k in 0..2 {
                    low[k] = low[k].min(at[k]);
                    high[k] = high[k].max(at[k] + 1);
                }
                pixels += 1;
            }
            subject.track.push(Tracked {
                frame,
                time: frame as f64 / scene.clip.fps,
                position: s.place.to_array(),
                facing: s.ahead.to_array(),
                pixels,
                bounds,
            });
        }
    }

    /// Writes what is known after the last frame.
    pub fn finish(self) -> Result<(), GenerateError> {
        json(&self.folder.join("subject.json"), &self.subjects)
    }

    fn png(
        &self,
        what: &str,
        frame: usize,
        bytes: &[u8],
        kind: ExtendedColorType,
    ) -> Result<(), GenerateError> {
        let path = self.folder.join(what).join(format!("{frame:05}.png"));
        let file = std::fs::File::create(&path).map_err(|e| io(&path, e))?;
        let [width, height] = self.size;
        PngEncoder::new_with_quality(
            std::io::BufWriter::new(file),
            CompressionType::Fast,
            FilterType::Up,
        )
        .write_image(bytes, width, height, kind)
        .map_err(|e| io(&path, e))
    }
}

/// One node an object: what stands still, and the subjects where they are at the first frame.
fn nodes(scene: &Scene, pieces: &[Piece]) -> Vec<Node> {
    scene
        .objects
        .iter()
        .map(|object| {
            let mut mesh = Mesh::default();
            let mut colour = [0.5; 3];
            for piece in pieces.iter().filter(|p| p.object == object.id && p.there) {
                mesh.append(&mesh::placed(piece));
                colour = ((piece.skin.paint + piece.skin.second) / 2.0).to_array();
            }
            Node {
                name: object.name.clone(),
                colour,
                mesh,
                extras: serde_json::json!({ "object": object.id, "role": object.role }),
            }
        })
        .collect()
}
