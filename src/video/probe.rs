//! Says what a video file or a folder of images holds, without decoding it.

use std::path::{Path, PathBuf};

use super::scan::scan;
use super::{DecodeOptions, VideoError, VideoInfo, animation, images, input, source};
use crate::monitor::Monitor;

/// One stream of a file.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Stream {
    /// Its place in the file.
    pub index: usize,
    /// `video`, `audio`, `subtitle`, `data`, `attachment` or `unknown`.
    pub kind: String,
    /// Codec in FFmpeg's words.
    pub codec: String,
    /// Stored width in pixels; 0 where it has none.
    pub width: u32,
    /// Stored height in pixels; 0 where it has none.
    pub height: u32,
    /// Frames or packets that the container claims; 0 when it does not say.
    pub frames: u64,
    /// Seconds; 0 when unknown.
    pub duration: f64,
}

/// When the frames of the video stream are shown, by their packets and in their order.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Timing {
    /// Packets in the file.
    pub packets: u64,
    /// Those that are shown: an edit list may hide some.
    pub shown: u64,
    /// Seconds of the first frame.
    pub first: f64,
    /// Seconds of the last frame.
    pub last: f64,
    /// Seconds between neighbours: the shortest.
    pub shortest: f64,
    /// Seconds between neighbours: the longest.
    pub longest: f64,
    /// The steps differ by more than a tenth, and by more than the time base's rounding.
    pub variable: bool,
    /// Frames with the time of another, or one out of order; they are placed between their neighbours.
    pub repeated: u64,
    /// Frames with a time before 0.
    pub negative: u64,
    /// Frames without a time of their own; it follows from their neighbours', or from the rate.
    pub untimed: u64,
}

/// All that is told of an input.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Probe {
    /// The video stream, or the images.
    #[serde(flatten)]
    pub info: VideoInfo,
    /// All streams; none for images.
    pub streams: Vec<Stream>,
    /// Its timestamps.
    pub timing: Timing,
    /// What is wrong or odd, in words.
    pub faults: Vec<String>,
}

/// What `path` (a video, an image, an animated picture, a folder or a pattern of images) says of itself. A video is
/// opened and its first packets are looked at; of images only the headers are read, and their rate is the default one.
///
/// # Errors
/// [`VideoError::Input`] for what is missing, empty, damaged from the start, or without pictures.
pub fn probe(path: &Path) -> Result<VideoInfo, VideoError> {
    if let Some((found, _)) = pictures_at(path)? {
        return Ok(found.info);
    }
    sized(path, source::open(path)?.info)
}

/// As [`probe`], with all streams, and with the timestamps and faults that a walk over all packets finds.
///
/// # Errors
/// As [`probe`]; [`VideoError::Input`] too where the video is encrypted, [`VideoError::Interrupted`].
pub fn examine(path: &Path, monitor: &dyn Monitor) -> Result<Probe, VideoError> {
    if let Some((mut found, images)) = pictures_at(path)? {
        found.faults.extend(images::cut(&images));
        return Ok(found);
    }
    let source = source::open(path)?;
    let info = sized(path, source.info)?;
    let scan = scan(path, monitor)?;
    let tick = f64::from(source.time_base);
    let times = &scan.times;
    let timing = Timing {
        repeated: times.moved,
        untimed: times.untimed,
        ..timing(scan.packets, &times.shown, tick)
    };
    let mut faults = source.faults;
    faults.extend(scan.faults);
    if timing.negative > 0 {
        faults.push(format!(
            "{} of {} frames have a time before 0",
            timing.negative, timing.shown
        ));
    }
    if scan.packets == 0 {
        faults.push("the video stream has no packets".to_owned());
    }
    Ok(Probe {
        streams: source::streams(&source.input),
        info,
        timing,
        faults,
    })
}

/// All that is told of the pictures of `path`, and the still ones; `None` where it is a video.
fn pictures_at(path: &Path) -> Result<Option<(Probe, Vec<PathBuf>)>, VideoError> {
    let ((info, times, faults), images) = match input::kind(path)? {
        input::Kind::Video => return Ok(None),
        input::Kind::Animation(container) => (animation::probe(path, container)?, Vec::new()),
        input::Kind::Images => {
            let fps = DecodeOptions::default().images_fps;
            let (info, list) = images::probe(path, fps)?;
            let step = if info.fps > 0.0 { 1.0 / info.fps } else { 0.0 };
            let times: Vec<f64> = (0..info.frames).map(|i| i as f64 * step).collect();
            ((info, times, list.faults), list.images)
        }
    };
    let found = Probe {
        timing: timing(info.frames, &times, 0.0),
        info,
        faults,
        ..Probe::default()
    };
    Ok(Some((found, images)))
}

fn sized(path: &Path, info: VideoInfo) -> Result<VideoInfo, VideoError> {
    if info.width == 0 || info.height == 0 {
        return Err(VideoError::input(
            path,
            "its video stream has no size; the file is damaged, fetch or generate it again",
        ));
    }
    Ok(info)
}

/// Of frames at `times`, each later than the one before. `tick` is the time base in seconds: steps are whole numbers of
/// it, so a steady rate may alternate between two.
fn timing(packets: u64, times: &[f64], tick: f64) -> Timing {
    let mut timing = Timing {
        packets,
        shown: times.len() as u64,
        first: times.first().copied().unwrap_or(0.0),
        last: times.last().copied().unwrap_or(0.0),
        negative: times.iter().filter(|&&time| time < 0.0).count() as u64,
        ..Timing::default()
    };
    let steps = || times.windows(2).map(|pair| pair[1] - pair[0]);
    timing.shortest = steps().reduce(f64::min).unwrap_or(0.0);
    timing.longest = steps().reduce(f64::max).unwrap_or(0.0);
    let apart = timing.longest - timing.shortest;
    timing.variable = apart > 0.1 * timing.shortest && apart > 1.5 * tick;
    timing
}

#[cfg(test)]
mod tests {
    use super::timing;

    #[test]
    fn times_are_summed_up() {
        let even = timing(4, &[0.0, 0.1, 0.2, 0.3], 0.001);
        assert!(!even.variable, "{even:?}");
        assert_eq!((even.shown, even.first, even.last), (4, 0.0, 0.3));
        let quick = timing(4, &[0.0, 0.008, 0.017, 0.025], 0.001);
        assert!(!quick.variable, "120 a second in milliseconds: {quick:?}");
        let odd = timing(7, &[-0.1, 0.0, 0.1, 0.4], 0.001);
        assert!(odd.variable, "{odd:?}");
        assert_eq!((odd.packets, odd.negative), (7, 1));
        assert!((odd.longest - 0.3).abs() < 1e-9);
        let one = timing(1, &[0.0], 0.001);
        assert!((one.shortest, one.longest, one.variable) == (0.0, 0.0, false));
        assert_eq!(timing(0, &[], 0.001).shown, 0);
    }
}
