//! Decodes a video, an animated picture, a folder or pattern of images or one image into frames in GPU memory, whole or in windows.

use std::path::Path;

use ffmpeg_next::codec;
use ffmpeg_next::codec::threading::Config;

use super::animation::Animated;
use super::feed::{Feed, Item};
use super::hardware::{self, Taken, Trouble};
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

    /// Who decodes a video, as it stands now; `None` of pictures.
    pub fn taken(&self) -> Option<&Taken> {
        match &self.0 {
            Kind::Video(video) => Some(&video.taken),
            Kind::Images(_) | Kind::Animation(_) => None,
        }
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

/// What decodes, in the order in which one takes over from another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// The card's own decoder.
    Card,
    /// Several threads of the host.
    Several,
    /// One thread of the host.
    Alone,
}

struct Video<'a> {
    path: &'a Path,
    scan: Scan,
    sink: Sink<'a>,
    feed: Feed,
    how: How,
    taken: Taken,
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
        let chosen = hardware::choose(&source, scan.alpha, options.decode, || Ok(gpu.clone()));
        if let Some(warning) = &chosen.warning {
            monitor.warn(&format!("{}: {warning}", path.display()));
        }
        let mut sink = Sink::new(gpu, path, &source, options, &scan);
        // One thread is enough to feed a card.
        let (how, threads) = match &chosen.card {
            Some(card) => {
                sink.bridge(card.bridge(gpu));
                (How::Card, Config::count(1))
            }
            None => (How::Several, several()),
        };
        let (taken, card) = (chosen.taken, chosen.card);
        let (feed, how, taken) = match Feed::start(path, source, threads, card.as_ref()) {
            Err(error) if how == How::Card => {
                let why = error.to_string();
                monitor.warn(&gave_up(path, &why));
                let source = source::open(path)?;
                sink.restart(&source, &scan);
                let feed = Feed::start(path, source, several(), None)?;
                (feed, How::Several, Taken::software(why))
            }
            feed => (feed?, how, taken),
        };
        Ok(Self {
            path,
            scan,
            sink,
            feed,
            how,
            taken,
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
                Some(Item::Nominal(nominal)) => self.sink.nominal(nominal),
                Some(Item::Frame(frame)) => {
                    let taken = self.sink.take(frame);
                    self.settle(taken, monitor)?;
                }
                Some(Item::Failed(error)) => self.sink.fail(error),
                None => {
                    self.ended = true;
                    let ended = self.sink.end();
                    self.settle(ended, monitor)?;
                }
            }
            match self.how {
                How::Card if self.sink.damaged() => {
                    let why = match self.sink.first_failure() {
                        Some(error) => format!(
                            "NVDEC did not decode a packet ({error}); it is damaged, or the card failed"
                        ),
                        None => "a frame came out of NVDEC with errors".to_owned(),
                    };
                    self.host(why, monitor)?;
                }
                How::Card if self.ended && self.sink.decoded() == 0 => {
                    self.host("NVDEC gave no frame".to_owned(), monitor)?;
                }
                How::Several if self.sink.damaged() => self.again(How::Alone)?,
                _ => {}
            }
        }
        self.sink.window(&self.scan, count)
    }

    /// Goes on with the host where the card could not.
    fn settle(
        &mut self,
        done: Result<(), Trouble>,
        monitor: &dyn Monitor,
    ) -> Result<(), VideoError> {
        match done {
            Ok(()) => Ok(()),
            Err(Trouble::Video(error)) => Err(error),
            Err(Trouble::Card(why)) => self.host(why, monitor),
        }
    }

    /// The host takes over from the card, and says why.
    fn host(&mut self, why: String, monitor: &dyn Monitor) -> Result<(), VideoError> {
        monitor.warn(&gave_up(self.path, &why));
        self.taken = Taken::software(why);
        self.again(How::Several)
    }

    /// From the start again on the host, past what was given. Damage wants one thread: several tell of it at whim, one
    /// tells the same each time.
    fn again(&mut self, how: How) -> Result<(), VideoError> {
        let source = source::open(self.path)?;
        self.sink.restart(&source, &self.scan);
        let threads = match how {
            How::Alone => Config::count(1),
            _ => several(),
        };
        self.feed = Feed::start(self.path, source, threads, None)?;
        (self.how, self.packets, self.ended) = (how, 0, false);
        Ok(())
    }
}

fn several() -> Config {
    Config::kind(codec::threading::Type::Frame)
}

fn gave_up(path: &Path, why: &str) -> String {
    format!(
        "{}: decoded in software, not by the card: {why}",
        path.display()
    )
}
