//! Writes packed sRGB pixels as an H.264 mp4: 4:2:0, BT.709 limited, same bytes for the same frames.

use std::path::{Path, PathBuf};

use ffmpeg_next as ffmpeg;
use ffmpeg_next::{Dictionary, Rational, codec, color, format, frame};

use super::VideoError;
use super::library;
use super::planes::{PlanesParams, planes, stride, words};

/// Encoders in the order they are tried; all take planar 4:2:0.
const ENCODERS: [&str; 4] = ["libx264", "libopenh264", "h264_videotoolbox", "h264_nvenc"];

/// Speed presets of x264.
const PRESETS: [&str; 9] = [
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
];

/// The encoder's answer when it has nothing to give before the next frame.
const WANTS_MORE: ffmpeg::Error = ffmpeg::Error::Other {
    errno: ffmpeg::error::EAGAIN,
};

/// How to encode.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncodeOptions {
    /// Constant rate factor of x264, 0 (lossless) to 51; other encoders take the bit rate below.
    pub crf: u32,
    /// Speed preset of x264, `ultrafast` to `veryslow`.
    pub preset: String,
    /// Bits for each pixel of each frame where the encoder has no constant rate factor.
    pub bits_per_pixel: f64,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self {
            crf: 16,
            preset: "veryfast".to_owned(),
            bits_per_pixel: 0.4,
        }
    }
}

/// An mp4 being written. Dropping it without [`Encoder::finish`] leaves a file that does not play.
pub struct Encoder {
    path: PathBuf,
    width: usize,
    height: usize,
    time_base: Rational,
    codec: codec::encoder::video::Encoder,
    muxer: format::context::Output,
    pushed: i64,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder")
            .field("path", &self.path)
            .field("pushed", &self.pushed)
            .finish()
    }
}

/// Frames per second as a fraction: NTSC rates as n * 1000/1001, others to a thousandth.
fn rate(fps: f64) -> Option<Rational> {
    if !fps.is_finite() || !(0.001..=1000.0).contains(&fps) {
        return None;
    }
    let ntsc = (fps * 1.001).round();
    if fps != fps.round() && ntsc >= 1.0 && (fps - ntsc / 1.001).abs() < 1e-3 {
        return Some(Rational::new(ntsc as i32 * 1000, 1001));
    }
    Some(Rational::new((fps * 1000.0).round() as i32, 1000).reduce())
}

impl Encoder {
    /// Starts an mp4 at `path` (any extension; an existing file is overwritten). `width` and `height` in
    /// pixels must be even, `fps` is in frames per second and frame `i` gets the time `i / fps` exactly.
    ///
    /// # Errors
    /// [`VideoError::Encode`] for an odd or empty size, a rate outside 0.001 to 1000, a path that cannot be
    /// written, or an FFmpeg without an H.264 encoder.
    pub fn create(
        path: &Path,
        width: u32,
        height: u32,
        fps: f64,
        options: &EncodeOptions,
    ) -> Result<Self, VideoError> {
        let refuse = |reason: String| VideoError::encode(path, reason);
        library::start().map_err(refuse)?;
        if width == 0 || height == 0 || !width.is_multiple_of(2) || !height.is_multiple_of(2) {
            return Err(refuse(format!(
                "the size {width}x{height} does not fit 4:2:0 video; use an even width and height"
            )));
        }
        if width > 16_384 || height > 16_384 {
            return Err(refuse(format!(
                "the size {width}x{height} is over 16384; use a smaller one"
            )));
        }
        // x264 prints about an unknown preset by itself, so it is not asked.
        if options.crf > 51 || !PRESETS.contains(&options.preset.as_str()) {
            return Err(refuse(format!(
                "crf {} with preset '{}'; use a crf from 0 to 51 and one of {}",
                options.crf,
                options.preset,
                PRESETS.join(", ")
            )));
        }
        let rate = rate(fps).ok_or_else(|| {
            refuse(format!(
                "{fps} frames per second; use a rate from 0.001 to 1000"
            ))
        })?;
        let url = library::url(path).ok_or_else(|| refuse("the path holds a NUL byte".into()))?;
        let failed =
            |doing: &'static str| move |error: ffmpeg::Error| refuse(format!("{doing}: {error}"));
        let mut muxer = format::output_as(&url, "mp4").map_err(failed(
            "the file cannot be written; see that the folder exists and has room",
        ))?;
        let codec = open(path, width, height, rate, options)?;
        let time_base = rate.invert();
        let mut stream = muxer
            .add_stream_with(&codec)
            .map_err(failed("adding the video stream"))?;
        stream.set_time_base(time_base);
        stream.set_rate(rate);
        stream.set_avg_frame_rate(rate);
        let mut header = Dictionary::new();
        header.set("movflags", "+faststart");
        header.set("fflags", "+bitexact");
        muxer
            .write_header_with(header)
            .map_err(failed("writing the header"))?;
        Ok(Self {
            path: path.to_owned(),
            width: width as usize,
            height: height as usize,
            time_base,
            codec,
            muxer,
            pushed: 0,
        })
    }

    /// Adds one frame: `width * height` pixels, row-major from the top left, packed sRGB
    /// `r | g << 8 | b << 16 | a << 24`; alpha is not kept.
    ///
    /// # Errors
    /// [`VideoError::Encode`] for a wrong number of pixels, or when the encoder or the disk fails.
    pub fn push(&mut self, rgba: &[u32]) -> Result<(), VideoError> {
        if rgba.len() != self.width * self.height {
            return Err(self.refuse(format!(
                "a frame of {} pixels for a video of {}x{}",
                rgba.len(),
                self.width,
                self.height
            )));
        }
        let params = PlanesParams {
            size: [self.width as u32, self.height as u32],
            ..Default::default()
        };
        self.push_planes(&planes(&params, rgba))
    }

    /// Adds one frame that is 4:2:0 already, as [`super::PLANES`] lays it out: [`super::planes::words`] words. The
    /// same pixels give the same file as by [`Encoder::push`].
    ///
    /// # Errors
    /// [`VideoError::Encode`] for a wrong number of words, or when the encoder or the disk fails.
    pub fn push_planes(&mut self, planes: &[u32]) -> Result<(), VideoError> {
        let size = [self.width as u32, self.height as u32];
        if planes.len() != words(size[0], size[1]) {
            return Err(self.refuse(format!(
                "planes of {} words for a video of {}x{}, which takes {}",
                planes.len(),
                self.width,
                self.height,
                words(size[0], size[1])
            )));
        }
        let mut frame = frame::Video::new(format::Pixel::YUV420P, size[0], size[1]);
        frame.set_color_space(color::Space::BT709);
        frame.set_color_range(color::Range::MPEG);
        let stride = stride(size[0]);
        let (grey, chroma) = bytemuck::cast_slice::<u32, u8>(planes).split_at(stride * self.height);
        let (blue, red) = chroma.split_at(chroma.len() / 2);
        for (index, plane, stride, width) in [
            (0, grey, stride, self.width),
            (1, blue, stride / 2, self.width / 2),
            (2, red, stride / 2, self.width / 2),
        ] {
            let there = frame.stride(index);
            let lines = frame.data_mut(index).chunks_mut(there);
            for (row, line) in plane.chunks_exact(stride).zip(lines) {
                line[..width].copy_from_slice(&row[..width]);
            }
        }
        frame.set_pts(Some(self.pushed));
        self.pushed += 1;
        let sent = self.codec.send_frame(&frame);
        sent.map_err(|error| self.refuse(format!("the encoder refused a frame: {error}")))?;
        self.drain()
    }

    /// Writes what the encoder still holds and closes the file.
    ///
    /// # Errors
    /// [`VideoError::Encode`] when no frame was pushed, or when the encoder or the disk fails.
    pub fn finish(mut self) -> Result<(), VideoError> {
        if self.pushed == 0 {
            return Err(self.refuse("no frames; a video needs at least one".into()));
        }
        let flushed = self.codec.send_eof();
        flushed.map_err(|error| self.refuse(format!("flushing the encoder: {error}")))?;
        self.drain()?;
        let closed = self.muxer.write_trailer();
        closed.map_err(|error| {
            self.refuse(format!(
                "closing the file: {error}; see that the disk has room"
            ))
        })
    }

    fn refuse(&self, reason: String) -> VideoError {
        VideoError::encode(&self.path, reason)
    }

    fn drain(&mut self) -> Result<(), VideoError> {
        let base = self
            .muxer
            .stream(0)
            .map_or(self.time_base, |stream| stream.time_base());
        let mut packet = ffmpeg::Packet::empty();
        loop {
            match self.codec.receive_packet(&mut packet) {
                Ok(()) => {}
                Err(ffmpeg::Error::Eof | WANTS_MORE) => return Ok(()),
                Err(error) => return Err(self.refuse(format!("the encoder failed: {error}"))),
            }
            packet.set_stream(0);
            if packet.duration() == 0 {
                packet.set_duration(1);
            }
            packet.rescale_ts(self.time_base, base);
            let written = packet.write_interleaved(&mut self.muxer);
            written.map_err(|error| {
                self.refuse(format!(
                    "writing a packet: {error}; see that the disk has room"
                ))
            })?;
        }
    }
}

/// Opens the first encoder of [`ENCODERS`] that is there and works.
fn open(
    path: &Path,
    width: u32,
    height: u32,
    rate: Rational,
    options: &EncodeOptions,
) -> Result<codec::encoder::video::Encoder, VideoError> {
    let mut tried = Vec::new();
    for name in ENCODERS {
        let Some(found) = ffmpeg::encoder::find_by_name(name) else {
            continue;
        };
        let mut context = codec::Context::new_with_codec(found);
        // One thread: the bytes must not depend on the machine's cores.
        context.set_threading(codec::threading::Config::count(1));
        context.set_flags(codec::Flags::GLOBAL_HEADER);
        let mut video = context
            .encoder()
            .video()
            .map_err(|error| VideoError::encode(path, format!("{name}: {error}")))?;
        video.set_width(width);
        video.set_height(height);
        video.set_format(format::Pixel::YUV420P);
        video.set_time_base(rate.invert());
        video.set_frame_rate(Some(rate));
        video.set_colorspace(color::Space::BT709);
        video.set_color_range(color::Range::MPEG);
        video.set_color_primaries(color::Primaries::BT709);
        video.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
        let mut settings = Dictionary::new();
        if name == "libx264" {
            settings.set("preset", &options.preset);
            settings.set("crf", &options.crf.to_string());
            // x264 164 with AVX-512 reads memory it never wrote in its macroblock tree: bytes then differ from
            // run to run.
            settings.set("mbtree", "0");
        } else {
            let pixels = f64::from(width) * f64::from(height) * f64::from(rate);
            video.set_bit_rate((pixels * options.bits_per_pixel) as usize);
        }
        match video.open_with(settings) {
            Ok(encoder) => return Ok(encoder),
            Err(error) => tried.push(format!("{name}: {error}")),
        }
    }
    Err(VideoError::encode(
        path,
        if tried.is_empty() {
            "this FFmpeg has no H.264 encoder; install one built with libx264".to_owned()
        } else {
            format!(
                "no H.264 encoder opened ({}); install an FFmpeg with libx264",
                tried.join(", ")
            )
        },
    ))
}

/// The H.264 encoders of this FFmpeg that can be used; takes are encoded with the first.
pub fn h264_encoders() -> Vec<&'static str> {
    if library::start().is_err() {
        return Vec::new();
    }
    let there = |name: &&str| ffmpeg::encoder::find_by_name(name).is_some();
    ENCODERS.into_iter().filter(there).collect()
}
