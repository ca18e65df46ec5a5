//! From a clip to its scores: decode, motion and scores in one pass, a window of frames at a time.

use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::motion::MotionOptions;
use crate::score::{Networks, ScoreError, ScoreOptions, Scorer, Scores, Viewed};
use crate::video::{Taken, Windows};

/// Frames of a window. Scores do not depend on it.
pub const WINDOW: usize = 32;

/// A clip that was scored as it came.
pub struct Watched {
    /// Its scores.
    pub scores: Scores,
    /// Frames that came.
    pub frames: usize,
    /// Faults that did not stop the decode, in words.
    pub faults: Vec<String>,
    /// Who decoded it; `None` of pictures.
    pub decoded: Option<Taken>,
}

/// What the decoder tells, but for its progress: that is of frames that were scored, and the decoder's packets are not told
/// beside it.
struct Decoding<'m>(&'m dyn Monitor);

impl Monitor for Decoding<'_> {
    fn warn(&self, message: &str) {
        self.0.warn(message);
    }
    fn stopped(&self) -> bool {
        self.0.stopped()
    }
}

/// Scores a clip of any length as it is decoded, in windows of `window` frames, with the memory of one and of the frames that
/// wait to be glanced at or, where there are networks, to be fed to them: the same scores as [`crate::score::score`] gives, and
/// theirs. Progress is counted in frames of `expected`.
///
/// # Errors
/// [`ScoreError`], and those of the decoder and the motion.
pub fn watch(
    gpu: &Gpu,
    windows: &mut Windows<'_>,
    (window, expected): (usize, u64),
    motion: &MotionOptions,
    options: &ScoreOptions,
    networks: &Networks,
    monitor: &dyn Monitor,
) -> anyhow::Result<Watched> {
    options.check()?;
    let mut under_way: Option<(Scorer, Viewed<'_>)> = None;
    let (mut count, mut faults) = (0, Vec::new());
    while let Some(frames) = windows.next(window.max(1), &Decoding(monitor))? {
        let (scorer, viewed) = match &mut under_way {
            Some(under_way) => under_way,
            slot => {
                let frame = (frames.width, frames.height);
                slot.insert((Scorer::new(gpu, frame, motion)?, networks.watch(frame)))
            }
        };
        for (rgba, &time) in frames.rgba.iter().zip(&frames.times) {
            if monitor.stopped() {
                anyhow::bail!("interrupted while scoring");
            }
            scorer.push(rgba, time)?;
            viewed.push(rgba);
            count += 1;
            let done = count as u64;
            monitor.progress(done, expected.max(done));
        }
        faults = frames.faults;
    }
    let (scorer, viewed) = under_way.ok_or(ScoreError::TooShort { frames: 0 })?;
    let mut measures = scorer.finish()?.measures();
    viewed.finish(gpu, &mut measures, monitor)?;
    Ok(Watched {
        scores: measures.combine(options),
        frames: count,
        faults,
        decoded: windows.taken().cloned(),
    })
}
