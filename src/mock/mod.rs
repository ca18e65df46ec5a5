//! The mock provider: a procedural scene, ray traced along a camera path and encoded, with its truth beside it.
//!
//! A take's folder holds `take.mp4`, `understood.json` (what the words meant) and `truth/` (cameras, depth,
//! objects, scene, subjects, planted defects), which the pipeline never reads.

pub mod blur;
mod body;
pub mod defects;
pub mod expose;
mod faults;
pub mod flow;
mod furnish;
pub mod glb;
mod lexicon;
mod light;
pub mod mesh;
mod parse;
mod path;
pub mod piece;
mod plant;
pub mod prompt;
pub mod render;
pub mod scene;
pub mod seeds;
mod shell;
mod site;
pub mod spoil;
pub mod terrain;
pub mod trace;
pub mod truth;
pub mod twins;
mod words;

use std::path::Path;
use std::sync::{Arc, Mutex};

pub use defects::{DEFECTS, DefectRule};
pub use prompt::{Understood, understand};
use rayon::prelude::*;
use render::{Renderer, Want};
pub use scene::{Clip, Scene};

use crate::generate::local::LocalProvider;
use crate::generate::{Delivered, DependsOn, GenerateError, TakeRequest};
use crate::gpu::{AdapterChoice, Gpu, GpuError, Kernel};
use crate::monitor::Monitor;
use crate::video::{EncodeOptions, Encoder};

/// Its name on the command line and in the `provider` column.
pub const NAME: &str = "mock";

/// What the words of a prompt meant, beside its take.
const UNDERSTOOD: &str = "understood.json";

/// Version of this stage; a part of the resume key.
pub const VERSION: u32 = 2;

/// Whether a video is a take of this provider: what its words meant lies beside it.
pub fn made(video: &Path) -> bool {
    video.with_file_name(UNDERSTOOD).is_file()
}

/// Kernels of this stage.
pub static KERNELS: &[&Kernel] = &[
    &trace::TRACE,
    &flow::FLOW,
    &expose::EXPOSE,
    &blur::BLUR,
    &spoil::SPOIL,
    &crate::video::PLANES,
];

/// Most pixels of a frame: what the least of adapters has a buffer for; half of them with motion blur.
pub const MOST_PIXELS: u32 = 8_294_400;

/// Longest prompt in characters, as hosted services have it.
pub const MOST_CHARACTERS: usize = 32_000;

/// Makes takes of a procedural world. Deterministic: the same request gives the same frames.
#[derive(Clone, Debug)]
pub struct MockProvider {
    adapter: AdapterChoice,
    gpu: Arc<Mutex<Option<Gpu>>>,
    encode: EncodeOptions,
}

impl MockProvider {
    /// A provider that traces on `gpu`.
    pub fn new(gpu: Gpu) -> Self {
        let provider = Self::on(AdapterChoice::Auto);
        *provider.slot() = Some(gpu);
        provider
    }

    /// A provider that opens the adapter when it is first asked for a take, and again after a loss.
    pub fn on(adapter: AdapterChoice) -> Self {
        Self {
            adapter,
            gpu: Arc::default(),
            encode: EncodeOptions::default(),
        }
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Gpu>> {
        self.gpu
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn gpu(&self) -> Result<Gpu, GpuError> {
        let mut slot = self.slot();
        match &*slot {
            Some(gpu) if gpu.alive().is_ok() => Ok(gpu.clone()),
            _ => {
                let gpu = Gpu::open(&self.adapter)?;
                *slot = Some(gpu.clone());
                Ok(gpu)
            }
        }
    }
}

/// The clip of a request, checked.
///
/// # Errors
/// [`GenerateError::Input`] in words for a prompt that is empty or over [`MOST_CHARACTERS`], no seconds or over 60, a
/// rate outside 1 to 120, a size that is odd, outside 16 to 4096 or over
/// [`MOST_PIXELS`], or less than one frame.
pub fn clip(request: &TakeRequest) -> Result<Clip, GenerateError> {
    let refuse = |reason: String| Err(GenerateError::Input(reason));
    let [width, height] = request.size;
    if request.prompt.trim().is_empty() {
        return refuse("the prompt is empty; say what should be seen".into());
    }
    let characters = request.prompt.chars().count();
    if characters > MOST_CHARACTERS {
        return refuse(format!(
            "the prompt has {characters} characters: mock takes up to {MOST_CHARACTERS}, as hosted services do; shorten it"
        ));
    }
    if !(request.seconds > 0.0 && request.seconds <= 60.0) {
        return refuse(format!(
            "a take of {} seconds: mock makes takes of more than 0 and up to 60 seconds",
            request.seconds
        ));
    }
    if !(1.0..=120.0).contains(&request.fps) {
        return refuse(format!(
            "{} frames per second: mock makes 1 to 120",
            request.fps
        ));
    }
    if !width.is_multiple_of(2) || !height.is_multiple_of(2) {
        return refuse(format!(
            "the size {width}x{height} is odd: H.264 video needs an even width and height"
        ));
    }
    if !(16..=4096).contains(&width) || !(16..=4096).contains(&height) {
        return refuse(format!(
            "the size {width}x{height}: mock makes sides of 16 to 4096 pixels"
        ));
    }
    let blurred = understand(&request.prompt, request.seed).shutter > 0.0;
    let most = if blurred {
        MOST_PIXELS / 2
    } else {
        MOST_PIXELS
    };
    if width * height > most {
        return refuse(format!(
            "the size {width}x{height}: mock makes frames of up to {most} pixels{}, such as {}",
            if blurred { " with motion blur" } else { "" },
            if blurred { "1920x1080" } else { "3840x2160" }
        ));
    }
    let frames = (request.seconds * request.fps).round() as usize;
    if frames == 0 {
        return refuse(format!(
            "{} seconds at {} frames per second hold no frame",
            request.seconds, request.fps
        ));
    }
    Ok(Clip {
        frames,
        fps: request.fps,
        size: request.size,
    })
}

impl LocalProvider for MockProvider {
    fn name(&self) -> &str {
        NAME
    }

    fn generates(&self) -> bool {
        true
    }

    fn depends_on(&self, _request: &TakeRequest) -> DependsOn {
        DependsOn {
            version: VERSION,
            kernels: KERNELS,
            ..DependsOn::default()
        }
    }

    fn check(&self, request: &TakeRequest) -> Result<(), GenerateError> {
        clip(request).map(|_| ())
    }

    /// Writes `take.mp4`, `understood.json` and `truth/`.
    fn generate(
        &self,
        request: &TakeRequest,
        folder: &Path,
        monitor: &dyn Monitor,
    ) -> Result<Delivered, GenerateError> {
        let clip = clip(request)?;
        let scene = Scene::build(understand(&request.prompt, request.seed), clip);
        truth::json(&folder.join(UNDERSTOOD), &scene.understood)?;
        let mut truth = truth::Writer::create(folder, &scene)?;
        let video = folder.join("take.mp4");
        let failed = |reason: crate::video::VideoError| GenerateError::Encode {
            path: video.clone(),
            reason: reason.to_string(),
        };
        let [width, height] = clip.size;
        let gpu = self.gpu()?;
        let mut renderer = Renderer::new(&gpu, &scene, Want::TAKE)?;
        let mut encoder =
            Encoder::create(&video, width, height, clip.fps, &self.encode).map_err(failed)?;
        let mut done = 0;
        loop {
            if monitor.stopped() {
                return Err(GenerateError::Interrupted);
            }
            let shots = renderer.shoot()?;
            if shots.is_empty() {
                break;
            }
            for (k, shot) in shots.iter().enumerate() {
                truth.track(&scene, done + k, shot);
            }
            // The pictures of the truth are packed while the encoder works.
            let (encoded, written) = rayon::join(
                || {
                    shots
                        .iter()
                        .try_for_each(|shot| encoder.push_planes(&shot.planes))
                },
                || {
                    let frames = shots.par_iter().enumerate();
                    frames.try_for_each(|(k, shot)| truth.pictures(done + k, shot))
                },
            );
            encoded.map_err(failed)?;
            written?;
            done += shots.len();
            monitor.progress(done as u64, clip.frames as u64);
        }
        encoder.finish().map_err(failed)?;
        truth.finish()?;
        let mut notes = scene.understood.notes.clone();
        notes.extend(scene.notes.iter().cloned());
        for (there, what) in [
            (request.reference_image.is_some(), "reference_image"),
            (request.model.is_some(), "model"),
        ] {
            if there {
                notes.push(format!("mock has no use for {what}: it is not read"));
            }
        }
        if request.video.is_some() {
            notes.push("mock makes its own video: the given one is not read".to_owned());
        }
        if !scene.understood.from_seed.is_empty() {
            notes.push(format!(
                "settled by the seed: {}",
                scene.understood.from_seed.join(", ")
            ));
        }
        if !scene.understood.unheard.is_empty() {
            notes.push(format!(
                "words that meant nothing here: {}",
                scene.understood.unheard.join(", ")
            ));
        }
        Ok(Delivered { video, notes })
    }
}
