//! From a clip to its scores: decode, motion and scores in one pass, a window of frames at a time.

use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::motion::{Motion, MotionOptions, Stream};
use crate::score::{PACE, ScoreError, ScoreOptions, Scorer, Scores};
use crate::video::{Taken, Windows};

/// Frames of a window. Scores do not depend on it, as long as it tells the pace.
pub const WINDOW: usize = PACE;

/// Bytes of motion that are kept of a clip for later stages: some 400 steps at the default size.
pub const KEEP_BYTES: usize = 512 << 20;

/// A clip that was scored as it came.
pub struct Watched {
    /// Its scores.
    pub scores: Scores,
    /// Its motion, unless it takes more bytes than were to be kept.
    pub motion: Option<Motion>,
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

/// Scores a clip of any length as it is decoded, in windows of `window` frames (at least [`PACE`]), with the memory of one and of `keep` bytes of motion: the same scores as [`crate::score::score`] gives. Progress is counted
/// in frames of `expected`.
///
/// # Errors
/// [`ScoreError`], and those of the decoder and the motion.
pub fn watch(
    gpu: &Gpu,
    windows: &mut Windows<'_>,
    (window, keep, expected): (usize, usize, u64),
    motion: &MotionOptions,
    options: &ScoreOptions,
    monitor: &dyn Monitor,
) -> anyhow::Result<Watched> {
    options.check()?;
    let mut under_way: Option<(Stream, Scorer)> = None;
    let (mut times, mut faults) = (Vec::new(), Vec::new());
    let (mut lumas, mut steps) = (Vec::new(), Vec::new());
    while let Some(frames) = windows.next(window.max(PACE), &Decoding(monitor))? {
        let (stream, scorer) = match &mut under_way {
            Some(both) => both,
            slot => {
                let frame = (frames.width, frames.height);
                let stream = Stream::new(gpu, frame, motion)?;
                let scorer =
                    Scorer::new(gpu, frame, (stream.size(), stream.half()), &frames.times)?;
                slot.insert((stream, scorer))
            }
        };
        for (index, rgba) in frames.rgba.iter().enumerate() {
            if monitor.stopped() {
                anyhow::bail!("interrupted while scoring");
            }
            let mut recorder = gpu.recorder();
            let (luma, step) = stream.push(&mut recorder, &frames, index)?;
            let time = frames.times[index];
            scorer.push(&mut recorder, rgba, time, &luma, step.as_ref())?;
            recorder.submit()?;
            times.push(time);
            if times.len() * stream.bytes() <= keep {
                lumas.push(luma);
                steps.extend(step);
            } else {
                lumas.clear();
                steps.clear();
            }
            // The queue runs at most some frames ahead of what is done.
            if times.len().is_multiple_of(8) {
                gpu.wait()?;
            }
            let done = times.len() as u64;
            monitor.progress(done, expected.max(done));
        }
        faults = frames.faults;
    }
    let Some((stream, scorer)) = under_way else {
        return Err(ScoreError::TooShort { frames: 0 }.into());
    };
    let (width, height) = stream.size();
    let frames = times.len();
    Ok(Watched {
        scores: scorer.finish()?.scores(options),
        motion: (frames * stream.bytes() <= keep).then_some(Motion {
            width,
            height,
            times,
            luma: lumas,
            half: stream.half(),
            steps,
        }),
        frames,
        faults,
        decoded: windows.taken().cloned(),
    })
}
