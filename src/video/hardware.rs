//! Who decodes: FFmpeg on the host, or the card's own decoder, whose frames stay on the card. All that chooses between
//! them is here; what comes of either is the same, bit for bit.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ffmpeg_next::{codec, format};
use serde::{Deserialize, Serialize};

use super::cuda::Card;
use super::layout::{Colour, Layout};
use super::source::{self, Source};
use super::{SplitParams, VideoError, VideoInfo, input};
use crate::gpu::{Gpu, GpuError};

/// Who is to decode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Decode {
    /// The card where it can and the clip is long enough, else the host.
    #[default]
    Auto,
    /// The host.
    Software,
    /// The card; the host where it cannot, saying so each time.
    Cuda,
}

impl Decode {
    /// The names, as flags and keys have them.
    pub const NAMES: [&'static str; 3] = ["auto", "software", "cuda"];

    /// Why this build cannot do it, with the mend; `None` where it can.
    pub fn refusal(self) -> Option<&'static str> {
        (self == Self::Cuda && !cfg!(feature = "cuda")).then_some(
            "decode = \"cuda\" needs a build with the cuda feature, which this one lacks: build it with `cargo build --release --features cuda`, or say auto or software",
        )
    }
}

impl std::fmt::Display for Decode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(Self::NAMES[*self as usize])
    }
}

/// Who decoded, or would decode, a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decoder {
    /// FFmpeg on the host.
    Software,
    /// The card's own decoder (NVDEC) through CUDA.
    Cuda,
}

/// Who decoded a clip, and why not the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Who.
    pub decoder: Decoder,
    /// Why the card did not, in words; empty where it did.
    pub why: String,
}

impl Taken {
    pub(super) fn software(why: impl Into<String>) -> Self {
        Self {
            decoder: Decoder::Software,
            why: why.into(),
        }
    }

    fn cuda() -> Self {
        Self {
            decoder: Decoder::Cuda,
            why: String::new(),
        }
    }

    /// In few words, such as `decoded in software`.
    pub fn short(&self) -> &'static str {
        match self.decoder {
            Decoder::Software => "decoded in software",
            Decoder::Cuda => "decoded by cuda",
        }
    }
}

impl std::fmt::Display for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.decoder {
            Decoder::Software => write!(f, "software ({})", self.why),
            Decoder::Cuda => f.write_str("cuda (NVDEC, frames stay on the card)"),
        }
    }
}

/// What went wrong on the way of a frame.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The decode ends.
    Video(VideoError),
    /// The card cannot, for a reason in words: the host goes on.
    Card(String),
}

impl From<VideoError> for Trouble {
    fn from(error: VideoError) -> Self {
        Self::Video(error)
    }
}

impl From<GpuError> for Trouble {
    fn from(error: GpuError) -> Self {
        Self::Video(error.into())
    }
}

/// Codecs that are left to the card: their decode is specified to the bit, and FFmpeg parses them with the decoder that
/// it also has in software, so that everything but the pixels comes from the same code.
pub(super) const CODECS: [codec::Id; 3] = [codec::Id::H264, codec::Id::HEVC, codec::Id::VP9];

/// Pixels of a clip, all frames together, from which on the card is worth it. Opening its decoder took .28 s a clip on an
/// H200 (`benches/results/2026-11-28-nvidia-h200`), in which two cores decode 190 megapixels (`docs/bundle.md`: 234 frames of
/// 720p in .32 s); the card's own time, taken as a third of theirs, counts beside it.
const WORTH: f64 = 3e8;

/// The pixels of all frames, by what the container says; `None` where it does not say enough.
fn pixels(info: &VideoInfo) -> Option<f64> {
    let frames = match info.frames {
        0 => info.duration * info.fps,
        frames => frames as f64,
    };
    let all = f64::from(info.width) * f64::from(info.height) * frames;
    (all > 0.0 && all.is_finite()).then_some(all)
}

/// What is chosen for a clip.
pub(super) struct Choice {
    /// Where the card decodes.
    pub card: Option<Card>,
    pub taken: Taken,
    /// What a person should know: the card was to decode, and cannot.
    pub warning: Option<String>,
}

/// Chooses who decodes. `alpha` is whether packets carry alpha beside the pictures; the device is asked for only where
/// it matters.
pub(super) fn choose(
    source: &Source,
    alpha: bool,
    wanted: Decode,
    gpu: impl FnOnce() -> Result<Gpu, GpuError>,
) -> Choice {
    let software = |why: String, warn: bool| {
        let warning = warn.then(|| format!("decoded in software, not by the card: {why}"));
        Choice {
            card: None,
            taken: Taken::software(why),
            warning,
        }
    };
    let named = wanted == Decode::Cuda;
    if wanted == Decode::Software {
        return software("as asked for".to_owned(), false);
    }
    if !cfg!(feature = "cuda") {
        return software("this build has no cuda feature".to_owned(), false);
    }
    let codec = source.codec();
    if !CODECS.contains(&codec) {
        let names = CODECS.map(|id| id.name()).join(", ");
        let why = format!("the card is given {names}, and this is {}", codec.name());
        return software(why, named);
    }
    if alpha || source.says_alpha {
        return software("its alpha is decoded beside it".to_owned(), named);
    }
    if wanted == Decode::Auto && pixels(&source.info).is_some_and(|n| n < WORTH) {
        let why = "a short clip: opening the card's decoder takes longer";
        return software(why.to_owned(), false);
    }
    let card = gpu()
        .map_err(|error| error.to_string())
        .and_then(|gpu| Card::open(&gpu, codec));
    match card {
        Ok(card) => Choice {
            card: Some(card),
            taken: Taken::cuda(),
            warning: None,
        },
        // Of the machine, so it is as true of the next clip.
        Err(why) => {
            let warn = named || is_new(&why);
            software(why, warn)
        }
    }
}

/// Whether these words were not told yet by this process.
fn is_new(words: &str) -> bool {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    told.insert(words.to_owned())
}

/// Who would decode `path`, as far as can be said without decoding; `None` for pictures. `gpu` is asked for only where
/// it matters.
///
/// # Errors
/// As [`super::probe`].
pub fn decoder(
    path: &Path,
    wanted: Decode,
    gpu: impl FnOnce() -> Result<Gpu, GpuError>,
) -> Result<Option<Taken>, VideoError> {
    Ok(match input::kind(path)? {
        input::Kind::Video => Some(choose(&source::open(path)?, false, wanted, gpu).taken),
        _ => None,
    })
}

/// What this machine has for decoding on the card.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CudaFindings {
    /// This build has the feature.
    pub built: bool,
    /// CUDA's version that the driver speaks, such as `12.4`; `None` where there is no libcuda that will do.
    pub driver: Option<String>,
    /// Codecs that FFmpeg hands to NVDEC.
    pub nvdec: Vec<&'static str>,
    /// The adapter's card.
    pub card: Option<String>,
    /// Bytes that went from the card's memory to a kernel and came out as they were, when that was tried.
    pub carried: Option<usize>,
    /// Why the card does not decode, in words; `None` where it does.
    pub fault: Option<String>,
}

impl std::fmt::Display for CudaFindings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.built {
            return f.write_str("not in this build (cargo build --features cuda)");
        }
        let mut parts = Vec::new();
        parts.extend(self.driver.iter().map(|v| format!("libcuda {v}")));
        if self.driver.is_some() {
            parts.push(match self.nvdec.as_slice() {
                [] => "FFmpeg without NVDEC".to_owned(),
                codecs => format!("NVDEC in FFmpeg for {}", codecs.join(", ")),
            });
        }
        parts.extend(
            self.card
                .iter()
                .map(|name| format!("{name} is the adapter")),
        );
        if let Some(bytes) = self.carried {
            parts.push(format!(
                "{} KiB went over to kernels on the card",
                bytes >> 10
            ));
        }
        if parts.is_empty() {
            parts.push("no libcuda that will do".to_owned());
        }
        f.write_str(&parts.join("; "))
    }
}

/// How rows of a plane go from where the card's decoder left them to where kernels read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    /// First byte where kernels read.
    pub at: usize,
    /// Bytes from a row to the next there.
    pub stride: usize,
    /// Bytes of a row.
    pub row: usize,
    pub rows: usize,
}

/// A frame as the card's decoder holds it, and what makes of it what the host's decoder gives.
#[derive(Debug)]
pub(super) struct Held {
    /// What the kernels read, after [`Held::split`].
    pub layout: Layout,
    /// Plane by plane.
    #[cfg_attr(
        not(any(test, feature = "cuda")),
        expect(dead_code, reason = "only a card copies")
    )]
    pub planes: Vec<Rows>,
    /// Splits chroma that lies in pairs, where the kernels of the host's frames want planes.
    pub split: Option<SplitParams>,
    /// Bytes of it all.
    #[cfg_attr(
        not(any(test, feature = "cuda")),
        expect(dead_code, reason = "only a card copies")
    )]
    pub bytes: usize,
}

impl Held {
    /// A frame that is `nominal` to the host's decoder and that the card holds as `held`.
    ///
    /// # Errors
    /// In words, where the two do not belong together.
    pub fn new(
        nominal: format::Pixel,
        held: format::Pixel,
        stored: [u32; 2],
        colour: Colour,
        peak: Option<f32>,
    ) -> Result<Self, String> {
        let name = |pixel: format::Pixel| pixel.descriptor().map_or("unknown", |d| d.name());
        let odd = || format!("its {} comes as {}", name(nominal), name(held));
        // Rows of whole words of sixteen bytes, in chroma too.
        let stride = stored[0].next_multiple_of(32) as i32;
        let planar = [stride, stride / 2, stride / 2, 0];
        let layout = Layout::new(nominal, stored, planar, colour, peak)?;
        if held == format::Pixel::NV12 && layout.is_plain_420() {
            let (starts, end) = layout.starts();
            let stride = stride as usize;
            let [width, height] = stored.map(|side| side as usize);
            let rows = height.div_ceil(2);
            let plane = |at, row, rows| Rows {
                at,
                stride,
                row,
                rows,
            };
            return Ok(Self {
                planes: vec![
                    plane(starts[0], width, height),
                    plane(end, 2 * width.div_ceil(2), rows),
                ],
                split: Some(SplitParams {
                    pairs: end as u32 / 4,
                    stride: stride as u32 / 4,
                    blue: starts[1] as u32 / 4,
                    red: starts[2] as u32 / 4,
                    row: stride as u32 / 8,
                    rows: rows as u32,
                    ..SplitParams::default()
                }),
                bytes: end + rows * stride,
                layout,
            });
        }
        // Two bytes a sample; chroma in pairs has half as many of them.
        let layout = Layout::new(nominal, stored, [2 * stride; 4], colour, peak)?;
        let layout = layout.held_as(held).ok_or_else(odd)?;
        let (starts, bytes) = layout.starts();
        let planes = layout.planes().into_iter().zip(starts).enumerate();
        Ok(Self {
            planes: planes
                .map(|(plane, ((rows, row), at))| Rows {
                    at,
                    stride: layout.stride(plane) as usize,
                    row,
                    rows,
                })
                .collect(),
            split: None,
            bytes,
            layout,
        })
    }
}

#[cfg(test)]
mod tests;
