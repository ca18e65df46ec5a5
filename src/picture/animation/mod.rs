//! Pictures that move: animated WebP and APNG, walked over by their containers, decoded frame by frame onto a canvas.
//!
//! Each frame's coded data is put into a file of its own for the decoder of still pictures, so that colour, palettes and
//! samples of 16 bits come out as they do in stills. What the frame before leaves behind is this module's own work.

mod canvas;
pub(super) mod png;
pub(super) mod webp;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageReader, RgbaImage};

use self::canvas::Canvas;
use super::MOST_PIXELS;

/// How long a frame without a duration is shown, in milliseconds: what browsers do.
const UNTIMED: f64 = 100.0;

/// Which file the frames lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// PNG with the chunks of an animation.
    Apng,
    /// WebP with the chunks of an animation.
    WebP,
}

impl Container {
    /// In lower case, as codecs are named.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apng => "apng",
            Self::WebP => "webp",
        }
    }
}

impl std::fmt::Display for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Apng => "PNG (APNG)",
            Self::WebP => "WebP",
        })
    }
}

/// What becomes of a frame's rectangle before the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Dispose {
    #[default]
    Keep,
    /// Emptied.
    Clear,
    /// As it was before the frame.
    Restore,
}

/// One frame where it lies in the file.
#[derive(Clone, Debug, Default)]
struct Part {
    /// Left, top, width and height on the canvas in pixels.
    rect: [u32; 4],
    /// Milliseconds; 0 where the file has none.
    delay: f64,
    dispose: Dispose,
    /// Laid over what is there by its alpha, rather than in its place.
    over: bool,
    /// Offsets and lengths in bytes of its coded data.
    data: Vec<(u64, u64)>,
}

/// What a container says.
#[derive(Clone, Debug, Default)]
struct Parts {
    size: [u32; 2],
    /// Raw EXIF, where there is some.
    exif: Vec<u8>,
    /// What every frame's file begins with.
    head: Vec<u8>,
    /// Frames that are there in full.
    frames: Vec<Part>,
    /// Frames that the file claims; 0 when it does not say.
    claimed: usize,
    /// The file ends before its last chunk does.
    cut: bool,
}

/// An animation, opened: its times are known, its frames come one by one.
pub struct Animation {
    /// The container.
    pub container: Container,
    /// How the canvas becomes upright, by EXIF.
    pub orientation: Orientation,
    /// When each frame begins, in seconds from the first.
    pub times: Vec<f64>,
    /// Seconds that all frames take.
    pub duration: f64,
    /// What is odd about the file, in words.
    pub faults: Vec<String>,
    file: BufReader<File>,
    parts: Parts,
    canvas: Canvas,
    next: usize,
}

impl Animation {
    /// Opens `path`, which [`super::content`] has called moving, and walks over its chunks without decoding.
    ///
    /// # Errors
    /// In words why it cannot be read.
    pub fn open(path: &Path, container: Container) -> Result<Self, String> {
        let unreadable = |error: std::io::Error| format!("it cannot be read: {error}");
        let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
        let parts = match container {
            Container::Apng => png::walk(&mut file),
            Container::WebP => webp::walk(&mut file),
        }
        .map_err(|error| {
            format!("the animated {container} cannot be read: {error}; see that it opens, or fetch it again")
        })?;
        let [w, h] = parts.size;
        if w == 0 || h == 0 || u64::from(w) * u64::from(h) > MOST_PIXELS {
            return Err(format!(
                "its frames are of {w}x{h} pixels; give smaller ones"
            ));
        }
        let mut faults = Vec::new();
        let frames = parts.frames.len();
        if parts.claimed > frames {
            faults.push(format!(
                "the file ends early: {frames} of the {} frames that it claims are there",
                parts.claimed
            ));
        } else if parts.cut {
            faults.push("the file ends early: its last frame is cut short and left out".to_owned());
        }
        if frames == 0 {
            return Err(format!(
                "the animated {container} has no whole frame: it was cut short; fetch it again"
            ));
        }
        let untimed = parts.frames.iter().filter(|f| f.delay <= 0.0).count();
        if untimed > 0 {
            faults.push(format!(
                "{untimed} of {frames} frames say no duration (0 ms); they are shown for {UNTIMED:.0} ms each, as browsers do"
            ));
        }
        let mut times = Vec::with_capacity(frames);
        let mut duration = 0.0;
        for frame in &parts.frames {
            times.push(duration / 1e3);
            duration += if frame.delay > 0.0 {
                frame.delay
            } else {
                UNTIMED
            };
        }
        // Some writers leave the marker of EXIF in JPEG before it.
        let exif = parts.exif.strip_prefix(b"Exif\0\0").unwrap_or(&parts.exif);
        Ok(Self {
            container,
            orientation: Orientation::from_exif_chunk(exif).unwrap_or(Orientation::NoTransforms),
            times,
            duration: duration / 1e3,
            faults,
            file,
            canvas: Canvas::new(parts.size),
            parts,
            next: 0,
        })
    }

    /// Width and height of the canvas as it is stored, in pixels.
    pub fn stored(&self) -> [u32; 2] {
        self.parts.size
    }

    /// Width and height of the upright frames, in pixels.
    pub fn upright(&self) -> [u32; 2] {
        let [w, h] = self.parts.size;
        if super::swaps(self.orientation) {
            [h, w]
        } else {
            [w, h]
        }
    }

    /// Decodes the next frame onto the canvas, which then shows it; `None` after the last.
    ///
    /// # Errors
    /// In words what is damaged. The frames after it build on it, so they are not to be had either.
    pub fn advance(&mut self) -> Option<Result<(), String>> {
        let part = self.parts.frames.get(self.next)?.clone();
        let first = self.next == 0;
        self.next += 1;
        let drawn = self
            .still(&part)
            .and_then(|image| self.canvas.draw(&image, &part, first));
        Some(drawn)
    }

    /// What the canvas shows, turned upright.
    pub fn shown(&self) -> RgbaImage {
        let mut image = DynamicImage::ImageRgba8(self.canvas.image.clone());
        image.apply_orientation(self.orientation);
        image.into_rgba8()
    }

    fn still(&mut self, part: &Part) -> Result<RgbaImage, String> {
        let mut chunks = Vec::with_capacity(part.data.len());
        for &(at, length) in &part.data {
            let mut chunk = Vec::new();
            self.file
                .seek(SeekFrom::Start(at))
                .and_then(|_| (&mut self.file).take(length).read_to_end(&mut chunk))
                .map_err(|e| e.to_string())?;
            chunks.push(chunk);
        }
        let bytes = match self.container {
            Container::Apng => png::still(&self.parts, part, &chunks)?,
            Container::WebP => webp::still(part, &chunks),
        };
        let format = match self.container {
            Container::Apng => image::ImageFormat::Png,
            Container::WebP => image::ImageFormat::WebP,
        };
        ImageReader::with_format(std::io::Cursor::new(bytes), format)
            .decode()
            .map(DynamicImage::into_rgba8)
            .map_err(|e| e.to_string())
    }
}
