//! Opens a video file and reads what it says of its video stream.

use std::path::Path;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::packet::side_data;
use ffmpeg_next::{Rational, codec, ffi, format, media};

use super::clock::{Clock, Told};
use super::layout::Colour;
use super::{VideoError, VideoInfo, alpha, library};

/// An open file and its video stream.
pub(super) struct Source {
    pub input: format::context::Input,
    /// Index of the video stream.
    pub stream: usize,
    pub time_base: Rational,
    pub info: VideoInfo,
    /// Brightest light in cd/m2 that the container tells of.
    pub peak: Option<f32>,
    /// Orientation bits of the conversion kernel.
    pub orient: u32,
    pub clock: Clock,
    /// The container says that there is alpha beside the pictures.
    pub says_alpha: bool,
    /// Alpha is a layer of HEVC.
    pub alpha_layer: bool,
    pub faults: Vec<String>,
}

impl Source {
    /// Codec of the video stream.
    pub fn codec(&self) -> codec::Id {
        let stream = self.input.stream(self.stream);
        stream.map_or(codec::Id::None, |stream| stream.parameters().id())
    }
}

/// Reads a C enum as a plain number: what a file claims may be outside FFmpeg's list.
pub(super) fn number<T>(field: *const T) -> i32 {
    const { assert!(size_of::<T>() == size_of::<i32>()) };
    // SAFETY: callers pass a pointer to a live, aligned field of the size of a C int.
    unsafe { field.cast::<i32>().read() }
}

/// The colour of a stream's parameters.
fn stream_colour(parameters: &codec::Parameters) -> Colour {
    // SAFETY: the parameters own or keep alive the struct for as long as they are borrowed.
    let raw = unsafe { parameters.as_ptr() };
    // SAFETY: as above; only addresses of fields are taken.
    unsafe {
        Colour {
            matrix: number(&raw const (*raw).color_space),
            transfer: number(&raw const (*raw).color_trc),
            range: number(&raw const (*raw).color_range),
            chroma: number(&raw const (*raw).chroma_location),
        }
    }
}

/// The colour of a decoded frame.
pub(super) fn frame_colour(frame: &ffmpeg::frame::Video) -> Colour {
    // SAFETY: the frame owns the struct for as long as it is borrowed.
    let raw = unsafe { frame.as_ptr() };
    // SAFETY: as above; only addresses of fields are taken.
    unsafe {
        Colour {
            matrix: number(&raw const (*raw).colorspace),
            transfer: number(&raw const (*raw).color_trc),
            range: number(&raw const (*raw).color_range),
            chroma: number(&raw const (*raw).chroma_location),
        }
    }
}

/// The brightest light of a frame in cd/m2, by its content light level (CTA-861.3) or its mastering display
/// (SMPTE ST 2086); `None` where it says neither.
pub(super) fn peak(frame: &ffmpeg::frame::Video) -> Option<f32> {
    use ffmpeg::frame::side_data::Type;
    let content = frame.side_data(Type::ContentLightLevel);
    let mastering = frame.side_data(Type::MasteringDisplayMetadata);
    brightest(
        content.as_ref().map(|side| side.data()),
        mastering.as_ref().map(|side| side.data()),
    )
}

/// As [`peak`], of what the container says of a stream.
fn stream_peak(stream: &ffmpeg::Stream<'_>) -> Option<f32> {
    let find = |kind| stream.side_data().find(|side| side.kind() == kind);
    let content = find(side_data::Type::ContentLightLevel);
    let mastering = find(side_data::Type::MasteringDisplayMetadata);
    brightest(
        content.as_ref().map(|side| side.data()),
        mastering.as_ref().map(|side| side.data()),
    )
}

/// From FFmpeg's `AVContentLightMetadata`, which begins with MaxCLL, and `AVMasteringDisplayMetadata`, where the largest
/// luminance is a ratio after nine others.
fn brightest(content: Option<&[u8]>, mastering: Option<&[u8]>) -> Option<f32> {
    let word = |bytes: Option<&[u8]>, at: usize| {
        let bytes = bytes?.get(at..at + 4)?;
        Some(f64::from(i32::from_ne_bytes(bytes.try_into().ok()?)))
    };
    let plausible = |light: &f64| (100.0..=10_000.0).contains(light);
    let largest = || Some(word(mastering, 72)? / word(mastering, 76)?);
    let light = word(content, 0)
        .filter(plausible)
        .or_else(|| largest().filter(plausible))?;
    Some(light as f32)
}

pub(super) fn ratio(value: Rational) -> f64 {
    if value.denominator() == 0 {
        0.0
    } else {
        f64::from(value.numerator()) / f64::from(value.denominator())
    }
}

/// Checks that `path` is a file with bytes in it, and says in words what else it is.
pub(super) fn check_file(path: &Path) -> Result<(), VideoError> {
    let found = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            VideoError::input(path, "there is no such file or folder; see the path")
        }
        _ => VideoError::input(path, format!("it cannot be read: {error}")),
    })?;
    // Opening a pipe would wait for its writer.
    if !found.is_file() && !found.is_dir() {
        return Err(VideoError::input(
            path,
            "it is a pipe or a device; write the video to a file and give that",
        ));
    }
    if found.is_file() && found.len() == 0 {
        return Err(VideoError::input(
            path,
            "the file is empty (0 bytes); fetch or generate it again",
        ));
    }
    std::fs::File::open(path)
        .map(|_| ())
        .map_err(|error| VideoError::input(path, format!("it cannot be read: {error}")))
}

/// Opens `path`, which [`check_file`] has let pass.
pub(super) fn open(path: &Path) -> Result<Source, VideoError> {
    let refuse = |reason: String| VideoError::input(path, reason);
    library::start().map_err(refuse)?;
    let url = library::url(path).ok_or_else(|| refuse("the path holds a NUL byte".into()))?;
    let input = format::input(&url).map_err(|error| {
        refuse(match error {
            ffmpeg::Error::InvalidData => {
                "this is not a video that FFmpeg can read (text, another kind of file, or damaged from the start); see that it plays, or fetch it again".to_owned()
            }
            error => format!("FFmpeg cannot open it: {error}"),
        })
    })?;
    let is_picture = |stream: &ffmpeg::Stream<'_>| {
        stream
            .disposition()
            .contains(format::stream::Disposition::ATTACHED_PIC)
    };
    let audio = input.streams().best(media::Type::Audio).is_some();
    let video = input.streams().best(media::Type::Video);
    let Some(stream) = video.filter(|stream| !is_picture(stream)) else {
        return Err(refuse(if audio {
            "it has sound but no video stream; give a file with video".to_owned()
        } else {
            "it has no video stream: it was cut short, or is no video; see that it plays, or fetch it again".to_owned()
        }));
    };
    let index = stream.index();
    let parameters = stream.parameters();
    let mut faults = Vec::new();
    let (orient, rotation, mirrored) = orientation(&stream, &mut faults);
    // SAFETY: the parameters keep their struct alive; plain fields are read, enums as numbers.
    let (width, height, pixel) = unsafe {
        let raw = parameters.as_ptr();
        (
            (*raw).width.max(0) as u32,
            (*raw).height.max(0) as u32,
            (*raw).format,
        )
    };
    // SAFETY: as above; the header has as many bytes as it says, or is null.
    let alpha_layer = unsafe {
        let (bytes, length) = (
            (*parameters.as_ptr()).extradata,
            (*parameters.as_ptr()).extradata_size,
        );
        let length = if bytes.is_null() {
            0
        } else {
            length.max(0) as usize
        };
        let header = match length {
            0 => &[] as &[u8],
            length => std::slice::from_raw_parts(bytes, length),
        };
        alpha::is_layer(parameters.id(), header)
    };
    // Matroska's word for alpha that lies beside the pictures.
    let says_alpha =
        alpha::is_beside(parameters.id()) && stream.metadata().get("alpha_mode") == Some("1");
    let pixel = pixel_format(pixel).map(|plain| match says_alpha {
        true => alpha::with_alpha(plain).unwrap_or(plain),
        false => plain,
    });
    let described = pixel.and_then(|pixel| pixel.descriptor());
    let pixel_format = described.map_or("unknown", |d| d.name()).to_owned();
    let colour = stream_colour(&parameters);
    let rgb = pixel_format.contains("rgb")
        || pixel_format.contains("bgr")
        || pixel_format.starts_with("gbr");
    // SAFETY: both pointers belong to the open input; the frame may be null by FFmpeg's documentation.
    let aspect = unsafe {
        ffi::av_guess_sample_aspect_ratio(
            input.as_ptr().cast_mut(),
            stream.as_ptr().cast_mut(),
            std::ptr::null_mut(),
        )
    };
    let aspect = ratio(Rational::from(aspect));
    let time_base = stream.time_base();
    let seconds = match stream.duration() {
        ticks if ticks > 0 => ticks as f64 * ratio(time_base),
        _ => (input.duration().max(0) as f64) / f64::from(ffi::AV_TIME_BASE),
    };
    let clock = Clock::of(&input, &stream);
    let info = VideoInfo {
        path: path.display().to_string(),
        container: input.format().name().to_owned(),
        codec: parameters.id().name().to_owned(),
        pixel_format,
        width,
        height,
        rotation,
        mirrored,
        sample_aspect: if (0.01..=100.0).contains(&aspect) {
            aspect
        } else {
            1.0
        },
        fps: match clock.told {
            Told::Nothing => clock.rate,
            _ => ratio(stream.avg_frame_rate()).max(0.0),
        },
        duration: seconds,
        frames: stream.frames().max(0) as u64,
        matrix: colour.matrix_name(rgb).to_owned(),
        full_range: colour.range == 2 || (colour.range != 1 && rgb),
        transfer: colour.transfer_name().to_owned(),
        chroma_location: colour.chroma_name().to_owned(),
        audio,
    };
    faults.extend(colour.faults(rgb));
    Ok(Source {
        clock,
        says_alpha,
        alpha_layer,
        peak: stream_peak(&stream),
        stream: index,
        time_base,
        info,
        orient,
        faults,
        input,
    })
}

/// All streams of an open file, in its order.
pub(super) fn streams(input: &format::context::Input) -> Vec<super::Stream> {
    let of = |stream: ffmpeg::Stream<'_>| {
        let parameters = stream.parameters();
        let kind = match parameters.medium() {
            media::Type::Video => "video",
            media::Type::Audio => "audio",
            media::Type::Subtitle => "subtitle",
            media::Type::Data => "data",
            media::Type::Attachment => "attachment",
            _ => "unknown",
        };
        // SAFETY: the parameters keep their struct alive; plain fields are read.
        let (width, height) = unsafe {
            let raw = parameters.as_ptr();
            ((*raw).width.max(0) as u32, (*raw).height.max(0) as u32)
        };
        super::Stream {
            index: stream.index(),
            kind: kind.to_owned(),
            codec: parameters.id().name().to_owned(),
            width,
            height,
            frames: stream.frames().max(0) as u64,
            duration: (stream.duration().max(0) as f64) * ratio(stream.time_base()),
        }
    };
    input.streams().map(of).collect()
}

/// FFmpeg's pixel format of a number, if it has it.
pub(super) fn pixel_format(number: i32) -> Option<format::Pixel> {
    let known = (0..ffi::AVPixelFormat::AV_PIX_FMT_NB as i32).contains(&number);
    known.then(|| {
        // SAFETY: the number is one of this FFmpeg's pixel formats, of which the enum has every value.
        let format = unsafe { std::mem::transmute::<i32, ffi::AVPixelFormat>(number) };
        format::Pixel::from(format)
    })
}

/// The display matrix as kernel bits, clockwise degrees and mirroring (ISO/IEC 14496-12 8.2.2.3: row vectors).
fn orientation(stream: &ffmpeg::Stream<'_>, faults: &mut Vec<String>) -> (u32, u32, bool) {
    let Some(side) = stream
        .side_data()
        .find(|side| side.kind() == side_data::Type::DisplayMatrix)
    else {
        return (0, 0, false);
    };
    let values: Vec<i32> = side
        .data()
        .chunks_exact(4)
        .map(bytemuck::pod_read_unaligned)
        .collect();
    // Shown x = a x + c y, shown y = b x + d y, in 16.16 fixed point.
    let [a, b, _, c, d, ..] = values[..] else {
        return (0, 0, false);
    };
    let sign = |v: i32| i64::from(v).abs() > 1 << 14;
    match (sign(a), sign(b), sign(c), sign(d)) {
        (true, false, false, true) => {
            let mirrored = (a < 0) != (d < 0);
            let rotation = if a < 0 { 180 } else { 0 };
            (
                u32::from(a < 0) * 2 + u32::from(d < 0) * 4,
                rotation,
                mirrored,
            )
        }
        (false, true, true, false) => {
            let mirrored = (b < 0) == (c < 0);
            let rotation = if b > 0 { 90 } else { 270 };
            (
                1 + u32::from(b < 0) * 2 + u32::from(c < 0) * 4,
                rotation,
                mirrored,
            )
        }
        _ => {
            faults.push(
                "the display matrix is not a turn by right angles; shown as stored".to_owned(),
            );
            (0, 0, false)
        }
    }
}
