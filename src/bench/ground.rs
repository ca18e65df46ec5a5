//! What stages share: the device, and the clips that are made once for all of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};

use crate::camera::{Camera, Cameras, LengthUnit};
use crate::depth::{DepthKind, DepthMap, DepthMaps};
use crate::gpu::{AdapterChoice, Gpu, GpuError};
use crate::mock::defects::exactly;
use crate::mock::render::{Renderer, Shot, Want};
use crate::mock::{Clip, Scene, understand};
use crate::run::signals::Temporary;
use crate::video::{Decode, EncodeOptions, Encoder, Frames, VideoInfo};

/// What every clip shows.
const PROMPT: &str = "a robot walks through a room with wooden crates, orbit, steady lighting";
const SEED: u64 = 20_261_128;
const FPS: f64 = 12.0;

/// A filmed scene, on the host, with what is known of it.
pub struct Film {
    /// Width and height.
    pub size: [u32; 2],
    cameras: Vec<Camera>,
    shots: Vec<Shot>,
}

impl Film {
    /// The frames on a device, as the stages after the decoder take them.
    ///
    /// # Errors
    /// The device's.
    pub fn frames(&self, gpu: &Gpu) -> Result<Frames, GpuError> {
        let rgba: Result<Vec<_>, _> = self.shots.iter().map(|s| gpu.upload(&s.rgba)).collect();
        Ok(Frames {
            width: self.size[0],
            height: self.size[1],
            times: (0..self.shots.len()).map(|t| t as f64 / FPS).collect(),
            rgba: rgba?,
            info: VideoInfo::default(),
            faults: Vec::new(),
            sources: Vec::new(),
        })
    }

    /// The cameras, which are known.
    pub fn cameras(&self) -> Cameras {
        Cameras::known(self.cameras.clone(), LengthUnit::Metres)
    }

    /// Depth along the cameras' z, one map a frame; 0 where nothing is.
    pub fn depth(&self) -> impl Iterator<Item = &Vec<f32>> {
        self.shots.iter().map(|shot| &shot.depth)
    }

    /// Depth as a network that errs nowhere would give it.
    pub fn depth_maps(&self) -> DepthMaps {
        let [width, height] = self.size;
        let map = |values: &Vec<f32>| DepthMap {
            width,
            height,
            values: values.clone(),
        };
        DepthMaps {
            kind: DepthKind::Metric,
            model: "known".to_owned(),
            maps: self.depth().map(|values| Some(map(values))).collect(),
        }
    }
}

/// Sizes and frames of a clip.
type Shape = ([u32; 2], usize);

/// The device, opened again after a loss, and clips made so far.
pub struct Ground {
    adapter: AdapterChoice,
    decode: Decode,
    gpu: RefCell<Option<Gpu>>,
    folder: Temporary,
    clips: RefCell<BTreeMap<Shape, PathBuf>>,
    films: RefCell<BTreeMap<Shape, Rc<Film>>>,
    stop: Arc<AtomicBool>,
}

impl Ground {
    /// On `gpu`, which was opened by `adapter`. Clips go into a temporary folder that is gone at the end, also where a
    /// signal ends the program.
    ///
    /// # Errors
    /// No temporary folder can be made.
    pub fn new(
        adapter: &AdapterChoice,
        decode: Decode,
        gpu: Gpu,
        stop: Arc<AtomicBool>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            adapter: adapter.clone(),
            decode,
            gpu: RefCell::new(Some(gpu)),
            folder: temporary()?,
            clips: RefCell::default(),
            films: RefCell::default(),
            stop,
        })
    }

    /// The device; a fresh one where the last was lost.
    ///
    /// # Errors
    /// As [`Gpu::open`].
    pub fn gpu(&self) -> Result<Gpu, GpuError> {
        let mut slot = self.gpu.borrow_mut();
        if let Some(gpu) = slot.as_ref().filter(|gpu| gpu.alive().is_ok()) {
            return Ok(gpu.clone());
        }
        // The old one goes first: it may hold the memory that the new one needs.
        *slot = None;
        let gpu = Gpu::open(&self.adapter)?;
        *slot = Some(gpu.clone());
        Ok(gpu)
    }

    /// The adapter as it was chosen.
    pub fn adapter(&self) -> &AdapterChoice {
        &self.adapter
    }

    /// Who is to decode clips.
    pub fn decode(&self) -> Decode {
        self.decode
    }

    /// True once the work should end.
    pub fn stop(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    /// Where files may be written; it is removed at the end.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// An H.264 video of so many frames.
    ///
    /// # Errors
    /// The device's and the encoder's.
    pub fn clip(&self, size: [u32; 2], frames: usize) -> anyhow::Result<PathBuf> {
        if let Some(path) = self.clips.borrow().get(&(size, frames)) {
            return Ok(path.clone());
        }
        let [width, height] = size;
        let path = self.folder().join(format!("{width}x{height}x{frames}.mp4"));
        let mut encoder = Encoder::create(&path, width, height, FPS, &EncodeOptions::default())?;
        let want = Want {
            planes: true,
            ..Want::default()
        };
        self.shoot(&scene(size, frames), want, |shot| {
            Ok(encoder.push_planes(&shot.planes)?)
        })?;
        encoder.finish()?;
        self.clips.borrow_mut().insert((size, frames), path.clone());
        Ok(path)
    }

    /// The same scene with its cameras and depth, not encoded.
    ///
    /// # Errors
    /// The device's.
    pub fn film(&self, size: [u32; 2], frames: usize) -> anyhow::Result<Rc<Film>> {
        if let Some(film) = self.films.borrow().get(&(size, frames)) {
            return Ok(film.clone());
        }
        let scene = scene(size, frames);
        let want = Want {
            pixels: true,
            seen: true,
            ..Want::default()
        };
        let mut shots = Vec::with_capacity(frames);
        self.shoot(&scene, want, |shot| {
            shots.push(shot);
            Ok(())
        })?;
        let film = Rc::new(Film {
            size,
            cameras: (0..frames).map(|frame| scene.camera_at(frame)).collect(),
            shots,
        });
        self.films.borrow_mut().insert((size, frames), film.clone());
        Ok(film)
    }

    fn shoot(
        &self,
        scene: &Scene,
        want: Want,
        mut take: impl FnMut(Shot) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut renderer = Renderer::new(&self.gpu()?, scene, want)?;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                bail!("interrupted");
            }
            let shots = renderer.shoot()?;
            if shots.is_empty() {
                return Ok(());
            }
            shots.into_iter().try_for_each(&mut take)?;
        }
    }
}

fn temporary() -> anyhow::Result<Temporary> {
    Temporary::new().with_context(|| {
        format!(
            "no temporary folder for clips can be made in {}; let TMPDIR name a folder that can be written",
            std::env::temp_dir().display()
        )
    })
}

fn scene(size: [u32; 2], frames: usize) -> Scene {
    let clip = Clip {
        frames,
        fps: FPS,
        size,
    };
    Scene::planting(understand(PROMPT, SEED), clip, exactly(&[]))
}
