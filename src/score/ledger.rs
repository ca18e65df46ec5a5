//! Records that kernels write one after the other, read back together.

use super::ScoreError;
use crate::gpu::{Buffer, Gpu, GpuError, Recorder};

/// Vectors held on the device before they are read: two hundred frames at a go.
const ROOM: usize = 4096;

/// What a record is of. Frames count from 0; step `t` leads from frame `t` to `t + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A step.
    Step(usize),
    /// The paths of the generation that started on this frame, over so many steps.
    Paths { start: usize, steps: usize },
    /// The looks of the generation that started on this frame, so many steps later.
    Looks { start: usize, age: usize },
    /// A frame's quality.
    Detail(usize),
}

/// The records of one clip.
pub(super) struct Ledger {
    gpu: Gpu,
    /// Where kernels write.
    pub buffer: Buffer<[f32; 4]>,
    used: usize,
    pending: Vec<(Entry, usize, usize)>,
    done: Vec<(Entry, Vec<f32>)>,
}

impl Ledger {
    pub fn new(gpu: &Gpu) -> Result<Self, GpuError> {
        Ok(Self {
            gpu: gpu.clone(),
            buffer: gpu.alloc(ROOM)?,
            used: 0,
            pending: Vec::new(),
            done: Vec::new(),
        })
    }

    /// Place for a record of `vectors`. What was recorded so far is read back first where there is no room.
    pub fn place(
        &mut self,
        recorder: &mut Recorder,
        entry: Entry,
        vectors: usize,
    ) -> Result<u32, GpuError> {
        if self.used + vectors > ROOM {
            recorder.submit()?;
            self.read()?;
        }
        let at = self.used;
        self.used += vectors;
        self.pending.push((entry, at, vectors));
        Ok(at as u32)
    }

    fn read(&mut self) -> Result<(), GpuError> {
        let words = self.gpu.read_range(&self.buffer, 0, self.used)?;
        for (entry, at, vectors) in self.pending.drain(..) {
            self.done
                .push((entry, words[at..at + vectors].as_flattened().to_vec()));
        }
        self.used = 0;
        Ok(())
    }

    /// All records, after what was recorded has run.
    pub fn finish(mut self, recorder: &mut Recorder) -> Result<Vec<(Entry, Vec<f32>)>, ScoreError> {
        recorder.submit()?;
        self.read()?;
        Ok(self.done)
    }
}
