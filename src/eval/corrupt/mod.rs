//! Corruptions of clips, each at four levels, made on the GPU: what a score must notice.
//!
//! Deterministic by kind, level and seed. Of one seed all levels draw the same numbers, so that they differ in how
//! much, never in where. Lengths scale with the short side of the picture.

mod anchors;
pub mod displace;
pub mod levels;
pub mod object;
mod order;

pub use anchors::Anchors;

use crate::gpu::{Gpu, GpuError, Kernel};
use crate::numeric::Rng;
use crate::video::Frames;

/// Kernels of the corruptions.
pub static KERNELS: &[&Kernel] = &[
    &levels::NOISE,
    &levels::FLICKER,
    &levels::BLOCKS,
    &displace::DISPLACE,
    &object::ERASE,
    &object::GRAFT,
];

/// Levels of a corruption, from 1.
pub const LEVELS: u32 = 4;

/// What is done to a clip.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Gaussian blur.
    Blur,
    /// Gaussian noise, new in each frame.
    Noise,
    /// JPEG's quantisation of 8x8 blocks.
    Blocks,
    /// Frames replaced by the one shown before.
    Freeze,
    /// A random shift of each frame.
    Shake,
    /// Neighbouring frames exchanged.
    Swap,
    /// A random gain of each frame.
    Flicker,
    /// A smooth random displacement field of each frame.
    Wobble,
    /// The content of a disc jumps twice.
    Teleport,
    /// The content of a disc is gone from about the middle of the clip on.
    Vanish,
    /// The content of a disc turns into other content.
    Morph,
}

impl Kind {
    /// All of them, in the order in which they are reported.
    pub const ALL: [Self; 11] = [
        Self::Blur,
        Self::Noise,
        Self::Blocks,
        Self::Freeze,
        Self::Shake,
        Self::Swap,
        Self::Flicker,
        Self::Wobble,
        Self::Teleport,
        Self::Vanish,
        Self::Morph,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blur => "blur",
            Self::Noise => "noise",
            Self::Blocks => "blocks",
            Self::Freeze => "freeze",
            Self::Shake => "shake",
            Self::Swap => "swap",
            Self::Flicker => "flicker",
            Self::Wobble => "wobble",
            Self::Teleport => "teleport",
            Self::Vanish => "vanish",
            Self::Morph => "morph",
        }
    }

    /// Whether another seed gives another clip.
    pub fn seeded(self) -> bool {
        !matches!(self, Self::Blur | Self::Blocks)
    }

    /// How strong each level is, in the unit of the kind: pixels at a short side of 480, and no less at one under 400
    /// (blur), grey levels (noise),
    /// JPEG quality (blocks), a share of the frames (freeze, swap), of the short side (shake, wobble, teleport, vanish), of
    /// the light (flicker) or of the other content (morph).
    pub fn strengths(self) -> [f64; LEVELS as usize] {
        match self {
            Self::Blur => [0.6, 1.2, 2.4, 4.8],
            Self::Noise => [4.0, 8.0, 16.0, 28.0],
            Self::Blocks => [50.0, 25.0, 12.0, 6.0],
            Self::Freeze => [0.12, 0.25, 0.5, 0.75],
            Self::Shake => [0.003, 0.006, 0.012, 0.025],
            Self::Swap => [0.08, 0.16, 0.32, 0.5],
            Self::Flicker => [0.015, 0.03, 0.06, 0.12],
            Self::Wobble => [0.002, 0.004, 0.008, 0.016],
            Self::Teleport => [0.05, 0.1, 0.2, 0.35],
            Self::Vanish => [0.07, 0.1, 0.15, 0.22],
            Self::Morph => [0.25, 0.5, 0.75, 1.0],
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("'{text}' is no corruption; there are {names}")
        })
    }
}

/// One corruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corruption {
    /// What is done.
    pub kind: Kind,
    /// How much, from 1 to [`LEVELS`]; other numbers count as the nearest.
    pub level: u32,
    /// Which draw.
    pub seed: u64,
}

impl Corruption {
    fn strength(&self) -> f64 {
        self.kind.strengths()[self.level.clamp(1, LEVELS) as usize - 1]
    }

    /// The same stream for all levels.
    fn rng(&self) -> Rng {
        Rng::stream(self.seed, self.kind.name())
    }
}

/// The corrupted clip: new buffers, or shared ones where whole frames only change places. Times and all else stay.
/// `anchors` are those of `frames`.
///
/// # Errors
/// [`GpuError::Validation`] where a frame has another size than the clip; the device's.
pub fn corrupt(
    gpu: &Gpu,
    frames: &Frames,
    anchors: &Anchors,
    corruption: &Corruption,
) -> Result<Frames, GpuError> {
    let pixels = frames.width as usize * frames.height as usize;
    if let Some(bad) = frames.rgba.iter().position(|rgba| rgba.len() != pixels) {
        return Err(GpuError::Validation {
            doing: "a corruption".to_owned(),
            reason: format!(
                "frame {bad} has {} pixels, not {}x{}",
                frames.rgba[bad].len(),
                frames.width,
                frames.height
            ),
        });
    }
    if frames.is_empty() || pixels == 0 {
        return Ok(frames.clone());
    }
    let rgba = match corruption.kind {
        Kind::Blur => levels::blur(gpu, frames, corruption)?,
        Kind::Noise => levels::noise(gpu, frames, corruption)?,
        Kind::Blocks => levels::blocks(gpu, frames, corruption)?,
        Kind::Flicker => levels::flicker(gpu, frames, corruption)?,
        Kind::Shake | Kind::Wobble => displace::displaced(gpu, frames, corruption)?,
        Kind::Freeze | Kind::Swap => {
            let order = order::order(frames.len(), corruption);
            order.iter().map(|&t| frames.rgba[t].clone()).collect()
        }
        Kind::Teleport => object::teleport(gpu, frames, anchors, corruption)?,
        Kind::Vanish => object::vanish(gpu, frames, anchors, corruption)?,
        Kind::Morph => object::morph(gpu, frames, anchors, corruption)?,
    };
    Ok(Frames {
        rgba,
        ..frames.clone()
    })
}

/// Short side of the picture in pixels.
fn short_side(frames: &Frames) -> f64 {
    f64::from(frames.width.min(frames.height))
}
