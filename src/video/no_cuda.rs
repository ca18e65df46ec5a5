//! What stands for the card's decoder in a build without the `cuda` feature: nothing can be opened.

use ffmpeg_next::{codec, frame};

use super::CudaFindings;
use super::hardware::{Held, Trouble};
use crate::gpu::{Buffer, Gpu, GpuError, Recorder};

const LACKS: &str = "this build has no cuda feature";

/// No card.
pub(super) enum Card {}

/// No way from a card to kernels; there is never one.
pub(super) struct Bridge;

impl Card {
    pub fn open(_: &Gpu, _: codec::Id) -> Result<Self, String> {
        Err(LACKS.to_owned())
    }

    pub fn lend(&self, _: &mut codec::Context, _: usize) -> Result<(), String> {
        match *self {}
    }

    pub fn bridge(&self, _: &Gpu) -> Bridge {
        Bridge
    }
}

impl Bridge {
    pub fn carry(
        &mut self,
        _: &frame::Video,
        _: &Held,
        _: impl FnOnce(&Buffer<u32>, &mut Submit<'_>) -> Result<Buffer<u32>, GpuError>,
    ) -> Result<Buffer<u32>, Trouble> {
        Err(Trouble::Card(LACKS.to_owned()))
    }
}

/// Submits what was recorded.
pub(super) type Submit<'s> = dyn FnMut(&mut Recorder) -> Result<(), GpuError> + 's;

/// What this machine has for decoding on the card.
pub fn cuda_findings(_: Option<&Gpu>) -> CudaFindings {
    CudaFindings {
        fault: Some(LACKS.to_owned()),
        ..CudaFindings::default()
    }
}
