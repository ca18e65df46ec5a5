//! Decodes a video, an animated picture, a folder or pattern of images or one image into frames in GPU memory, whole or in windows.

use std::path::Path;

use ffmpeg_next::codec;
use ffmpeg_next::codec::threading::Config;

use super::animation::Animated;
use super::feed::{Feed, Item};
use super::images::Pictures;
use super::scan::{Scan, scan};
use super::sink::Sink;
use super::source;
use super::{DecodeOptions, Frames, VideoError, input};
use crate::gpu::Gpu;
use crate::monitor::Monitor;

/// Decodes `path` to packed sRGB at the working size. A video and an animated picture (WebP, APNG) keep their own
/// timestamps; a folder or pattern of images (see [`super::list_images`]) gets `i / images_fps`; one image is one frame
/// at 0. What decodes of a damaged file is kept, and the damage is told in [`Frames::faults`].
///
/// # Errors
/// [`VideoError::Input`] when nothing can be decoded or it takes more memory than [`DecodeOptions::max_bytes`],
/// [`VideoError::Gpu`], [`VideoError::Interrupted`].
pub fn decode(
    gpu: &Gpu,
    path: &Path,
    options: &DecodeOptions,
    monitor: &dyn Monitor,
) -> Result<Frames, VideoError> {
    let mut windows = Windows::open(gpu, path, options, monitor)?;
    windows.next(usize::MAX, monitor)?.ok_or_else(|| {
        VideoError::input(
            path,
            "no frame could be decoded; fetch or generate it again",
        )
    })
}

/// A clip of any length, decoded window by window, with as much memory as one window takes.
pub struct Windows<'a>(Kind<'a>);

enum Kind<'a> {
    Video(Box<Video<'a>>),
    Images(Box<Pictures<'a>>),
    Animation(Box<Animated<'a>>),
}

impl<'a> Windows<'a> {
    /// Opens `path` as [`decode`] does.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn open(
        gpu: &'a Gpu,
        path: &'a Path,
        options: &'a DecodeOptions,
        monitor: &dyn Monitor,
    ) -> Result<Self, VideoError> {
        options.check(path)?;
        Ok(Self(match input::kind(path)? {
            input::Kind::Images => Kind::Images(Box::new(Pictures::open(gpu, path, options)?)),
            input::Kind::Animation(container) => {
                Kind::Animation(Box::new(Animated::open(gpu, path, container, options)?))
            }
            input::Kind::Video => Kind::Video(Box::new(Video::open(gpu, path, options, monitor)?)),
        }))
    }

    /// The next window of `count` frames, the last one of fewer; `None` once all were given. Windows do not overlap: who
    /// needs frames of the one before keeps them ([`Frames::select`]). Faults are those known so far, so all of them in
    /// the last window.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn next(
        &mut self,
        count: usize,
        monitor: &dyn Monitor,
    ) -> Result<Option<Frames>, VideoError> {
        match &mut self.0 {
            Kind::Video(video) => video.next(count.max(1), monitor),
            Kind::Images(images) => images.next(count.max(1), monitor),
            Kind::Animation(frames) => frames.next(count.max(1), monitor),
        }
    }
}

struct Video<'a> {
    path: &'a Path,
    scan: Scan,
    sink: Sink<'a>,
    feed: Feed,
    /// Decoded by several threads.
    several: bool,
    packets: u64,
    ended: bool,
}

impl<'a> Video<'a> {
    fn open(
        gpu: &'a Gpu,
        path: &'a Path,
        options: &'a DecodeOptions,
        monitor: &dyn Monitor,
    ) -> Result<Self, VideoError> {
        let scan = scan(path, monitor)?;
        let source = source::open(path)?;
        let sink = Sink::new(gpu, path, &source, options, &scan);
        let threads = Config::kind(codec::threading::Type::Frame);
        Ok(Self {
            path,
            scan,
            sink,
            feed: Feed::start(path, source, threads)?,
            several: true,
            packets: 0,
            ended: false,
        })
    }

    fn next(&mut self, count: usize, monitor: &dyn Monitor) -> Result<Option<Frames>, VideoError> {
        if self.ended && self.sink.ready() == 0 {
            return Ok(None);
        }
        self.sink.expect(count);
        // One more, to know whether this window is the last, which tells all faults.
        while self.sink.ready() <= count {
            if monitor.stopped() {
                return Err(VideoError::Interrupted);
            }
            if self.ended {
                break;
            }
            match self.feed.next() {
                Some(Item::Packet) => {
                    self.packets += 1;
                    monitor.progress(self.packets, self.scan.packets);
                }
                Some(Item::Frame(frame)) => self.sink.take(frame)?,
                Some(Item::Failed(error)) => self.sink.fail(error),
                None => {
                    self.sink.end()?;
                    self.ended = true;
                }
            }
            if self.several && self.sink.damaged() {
                self.alone()?;
            }
        }
        self.sink.window(&self.scan, count)
    }

    /// From the start again with one thread, past what was given: frame threads tell of damage at whim, one thread tells
    /// the same each time.
    fn alone(&mut self) -> Result<(), VideoError> {
        let source = source::open(self.path)?;
        self.sink.restart(&source, &self.scan);
        self.feed = Feed::start(self.path, source, Config::count(1))?;
        (self.several, self.packets, self.ended) = (false, 0, false);
        Ok(())
    }
}
