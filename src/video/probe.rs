//! Says what a video file or a folder of images holds, without decoding it.

use std::path::{Path, PathBuf};

use super::scan::scan;
use super::{DecodeOptions, VideoError, VideoInfo, animation, images, input, source};
use crate::event::Monitor;

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

/// When the frames of the video stream are shown, by their packets.
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
    /// Frames with the same time as another.
    pub repeated: u64,
    /// Frames with a time before 0.
    pub negative: u64,
    /// Frames without a time.
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
    let timing = timing(scan.packets, scan.shown, scan.times, tick);
    let mut faults = source.faults;
    faults.extend(scan.faults);
    let mut odd = |count: u64, what: &str| {
        if count > 0 {
            faults.push(format!("{count} of {} frames {what}", scan.shown));
        }
    };
    // Frames that VP8, VP9 and AV1 never show are packets too.
    let hides = matches!(info.codec.as_str(), "vp8" | "vp9" | "av1");
    odd(
        if hides { 0 } else { timing.repeated },
        "have the time of another; they are spaced evenly",
    );
    odd(timing.negative, "have a time before 0");
    odd(timing.untimed, "have no time; they are spaced evenly");
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
            let times = (0..info.frames).map(|i| i as f64 * step).collect();
            ((info, times, list.faults), list.images)
        }
    };
    let found = Probe {
        timing: timing(info.frames, info.frames, times, 0.0),
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

/// `tick` is the time base in seconds: steps are whole numbers of it, so a steady rate may alternate between two.
fn timing(packets: u64, shown: u64, mut times: Vec<f64>, tick: f64) -> Timing {
    times.sort_by(f64::total_cmp);
    let (Some(&first), Some(&last)) = (times.first(), times.last()) else {
        return Timing {
            packets,
            shown,
            untimed: shown,
            ..Timing::default()
        };
    };
    let mut timing = Timing {
        packets,
        shown,
        first,
        last,
        shortest: f64::INFINITY,
        negative: times.iter().filter(|&&time| time < 0.0).count() as u64,
        untimed: shown.saturating_sub(times.len() as u64),
        ..Timing::default()
    };
    for pair in times.windows(2) {
        let step = pair[1] - pair[0];
        if step > 0.0 {
            timing.shortest = timing.shortest.min(step);
            timing.longest = timing.longest.max(step);
        } else {
            timing.repeated += 1;
        }
    }
    if !timing.shortest.is_finite() {
        timing.shortest = 0.0;
    }
    let apart = timing.longest - timing.shortest;
    timing.variable = apart > 0.1 * timing.shortest && apart > 1.5 * tick;
    timing
}

#[cfg(test)]
mod tests {
    use super::timing;

    #[test]
    fn times_are_summed_up() {
        let even = timing(4, 4, vec![0.2, 0.0, 0.1, 0.3], 0.001);
        assert!(!even.variable && even.repeated == 0, "{even:?}");
        assert_eq!((even.first, even.last), (0.0, 0.3));
        let quick = timing(4, 4, vec![0.0, 0.008, 0.017, 0.025], 0.001);
        assert!(!quick.variable, "120 a second in milliseconds: {quick:?}");
        let odd = timing(7, 6, vec![-0.1, 0.0, 0.1, 0.1, 0.4], 0.001);
        assert!(odd.variable, "{odd:?}");
        assert_eq!((odd.repeated, odd.negative, odd.untimed), (1, 1, 1));
        assert!((odd.longest - 0.3).abs() < 1e-9);
        assert_eq!(timing(3, 3, Vec::new(), 0.001).untimed, 3);
        let one = timing(1, 1, vec![0.0], 0.001);
        assert!((one.shortest, one.longest, one.variable) == (0.0, 0.0, false));
    }
}
