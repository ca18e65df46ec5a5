//! Frames of an animated picture, window by window.

use std::collections::VecDeque;
use std::path::Path;

use super::convert::{Converter, working_size};
use super::layout::Layout;
use super::pick::Picker;
use super::{DecodeOptions, Frames, VideoError, VideoInfo};
use crate::gpu::{Buffer, Gpu};
use crate::monitor::Monitor;
use crate::picture::animation::{Animation, Container};

/// What the animation at `path` is, when its frames are shown, in seconds, and what is odd about it.
pub(super) fn probe(
    path: &Path,
    container: Container,
) -> Result<(VideoInfo, Vec<f64>, Vec<String>), VideoError> {
    let animation = open(path, container)?;
    Ok((info(path, &animation), animation.times, animation.faults))
}

fn open(path: &Path, container: Container) -> Result<Animation, VideoError> {
    Animation::open(path, container).map_err(|reason| VideoError::input(path, reason))
}

fn info(path: &Path, animation: &Animation) -> VideoInfo {
    let [width, height] = animation.upright();
    VideoInfo {
        path: path.display().to_string(),
        container: animation.container.name().to_owned(),
        codec: animation.container.name().to_owned(),
        pixel_format: "rgba8".to_owned(),
        width,
        height,
        sample_aspect: 1.0,
        fps: animation.times.len() as f64 / animation.duration,
        duration: animation.duration,
        frames: animation.times.len() as u64,
        matrix: "rgb".to_owned(),
        full_range: true,
        transfer: "iec61966-2-1".to_owned(),
        ..VideoInfo::default()
    }
}

/// An animation that is decoded as its frames are asked for; see [`super::Windows`].
pub(super) struct Animated<'a> {
    path: &'a Path,
    options: &'a DecodeOptions,
    converter: Converter<'a>,
    animation: Animation,
    info: VideoInfo,
    size: [u32; 2],
    /// Whether a frame is wanted, by its place among all.
    wanted: Vec<bool>,
    /// Frames that were decoded, wanted or not.
    decoded: usize,
    /// Those that wait to be given, with their times in seconds.
    ready: VecDeque<(f64, Buffer<u32>)>,
    ended: bool,
    faults: Vec<String>,
}

impl<'a> Animated<'a> {
    pub fn open(
        gpu: &'a Gpu,
        path: &'a Path,
        container: Container,
        options: &'a DecodeOptions,
    ) -> Result<Self, VideoError> {
        let animation = open(path, container)?;
        let info = info(path, &animation);
        Ok(Self {
            path,
            options,
            converter: Converter::new(gpu),
            size: working_size([info.width, info.height], 1.0, options.max_side),
            info,
            wanted: wanted(&animation.times, options.max_frames),
            decoded: 0,
            ready: VecDeque::new(),
            ended: false,
            faults: animation.faults.clone(),
            animation,
        })
    }

    pub fn next(
        &mut self,
        count: usize,
        monitor: &dyn Monitor,
    ) -> Result<Option<Frames>, VideoError> {
        let left = self.wanted[self.decoded..].iter().filter(|&&w| w).count();
        let held = (left + self.ready.len()).min(count.saturating_add(1));
        self.options
            .check_memory(self.path, held as u64, self.size)?;
        // One more, to know whether this window is the last, which tells all faults.
        while self.ready.len() <= count && !self.ended {
            if monitor.stopped() {
                return Err(VideoError::Interrupted);
            }
            self.decode()?;
            monitor.progress(self.decoded as u64, self.wanted.len() as u64);
        }
        if self.ready.is_empty() {
            return Ok(None);
        }
        let given = self.ready.len().min(count);
        let (times, rgba) = self.ready.drain(..given).unzip();
        Ok(Some(Frames {
            width: self.size[0],
            height: self.size[1],
            times,
            rgba,
            info: self.info.clone(),
            faults: self.faults.clone(),
            sources: Vec::new(),
        }))
    }

    /// One frame further.
    fn decode(&mut self) -> Result<(), VideoError> {
        let at = self.decoded;
        match self.animation.advance() {
            None => self.ended = true,
            Some(Ok(())) => {
                self.decoded += 1;
                if self.wanted[at] {
                    let image = self.animation.shown();
                    let layout = Layout::rgba([image.width(), image.height()]);
                    let rgba = self
                        .converter
                        .convert(&layout, &[image.as_raw()], self.size, 0)?;
                    self.ready.push_back((self.animation.times[at], rgba));
                }
            }
            Some(Err(reason)) => {
                let fault = format!(
                    "frame {} of {} did not decode ({reason})",
                    at + 1,
                    self.wanted.len()
                );
                if at == 0 {
                    let words = format!("{fault}; see that it plays, or fetch it again");
                    return Err(VideoError::input(self.path, words));
                }
                self.faults.push(format!(
                    "{fault}: it and those after it, which build on it, are left out"
                ));
                self.decoded = self.wanted.len();
                self.ended = true;
            }
        }
        Ok(())
    }
}

/// Which of the frames at `times` are wanted: `limit` of them at most, evenly in time.
fn wanted(times: &[f64], limit: Option<usize>) -> Vec<bool> {
    let mut wanted = vec![false; times.len()];
    let end = times.last().copied().unwrap_or_default();
    let mut picker = Picker::new(limit, times.len() as u64, 0.0, end);
    for (at, &time) in times.iter().enumerate() {
        let picked = picker.see(time);
        wanted[at] |= picked.this;
        if picked.before && at > 0 {
            wanted[at - 1] = true;
        }
    }
    if picker.end()
        && let Some(last) = wanted.last_mut()
    {
        *last = true;
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::wanted;

    #[test]
    fn frames_are_wanted_evenly_in_time() {
        let at = |times: &[f64], limit| {
            let wanted = wanted(times, limit);
            (0..times.len()).filter(|&i| wanted[i]).collect::<Vec<_>>()
        };
        let even: Vec<f64> = (0..9).map(|i| f64::from(i) * 0.125).collect();
        assert_eq!(at(&even, Some(3)), [0, 4, 8]);
        assert_eq!(at(&even, None).len(), 9);
        assert_eq!(at(&[0.0, 0.1, 0.2, 0.3, 2.0], Some(2)), [0, 4]);
        assert_eq!(at(&[0.0, 0.9, 1.1, 1.2, 2.0], Some(3)), [0, 1, 4]);
    }
}
