//! Clips that are none, which a score must neither praise nor fail on.

use std::collections::BTreeMap;

use super::measure::{metrics, values};
use crate::gpu::{Gpu, GpuError};
use crate::score::{ScoreError, Scores};
use crate::video::Frames;

/// Their names: the first frame all along, black, the first half twice with a jump between, one frame, two frames.
pub const TRAPS: [&str; 5] = ["static", "black", "looped", "one frame", "two frames"];

/// What the scores make of one of them.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Trap {
    /// One of [`TRAPS`].
    pub trap: &'static str,
    /// The clip that it is made from.
    pub clip: String,
    /// The scores, by name, and `overall`; empty where it was refused.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<&'static str, f64>,
    /// Why it has none, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

impl Trap {
    pub(super) fn of(trap: &'static str, clip: &str, measured: Result<Scores, ScoreError>) -> Self {
        let (scores, refusal) = match measured {
            Ok(scores) => (metrics().into_iter().zip(values(&scores)).collect(), None),
            Err(error) => (BTreeMap::new(), Some(error.to_string())),
        };
        Self {
            trap,
            clip: clip.to_owned(),
            scores,
            refusal,
        }
    }
}

/// One of [`TRAPS`], made from a clip of at least one frame; its times stay those of the clip.
pub(super) fn make(gpu: &Gpu, frames: &Frames, trap: &str) -> Result<Frames, GpuError> {
    let count = frames.len();
    let half = count.div_ceil(2).max(1);
    let shown = |of: &dyn Fn(usize) -> usize| Frames {
        rgba: (0..count).map(|t| frames.rgba[of(t)].clone()).collect(),
        ..frames.clone()
    };
    Ok(match trap {
        "static" => shown(&|_| 0),
        "looped" => shown(&|t| t % half),
        "black" => {
            let pixels = frames.width as usize * frames.height as usize;
            let black = gpu.upload(&vec![0xff00_0000u32; pixels])?;
            Frames {
                rgba: vec![black; count],
                ..frames.clone()
            }
        }
        "one frame" => frames.select(&[0]),
        _ => frames.select(&(0..count.min(2)).collect::<Vec<_>>()),
    })
}
